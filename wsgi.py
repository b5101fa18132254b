"""The way in for web servers: ``wsgi:app``."""

from portal import create_app

app = create_app()
