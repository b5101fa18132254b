"""Pure rules: no Flask, no database, no clock. What happens at a moment takes that moment as ``now``."""
