"""The verbs: what the product does. The only floor that builds queries."""
