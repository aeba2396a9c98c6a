"""Alembic's scripts for the node's database."""
