"""Alembic's environment: migrations run on the connection that service.database opened, in its transaction."""

from alembic import context

from hub.models import Base

connection = context.config.attributes["connection"]
# SQLite cannot alter most of a table: batch mode makes a new one and copies.
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
