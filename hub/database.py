"""The database: engines, transactions, and all that is particular to SQLite.

A writing transaction takes the write lock at its start, because one that reads first and then writes loses appends or
fails half-way (SQLite cannot upgrade a snapshot that another writer has passed). What returns commits, durably; what
raises rolls back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

_WRITES: Final = "simpul_writes"
#: Temporary tables and sorts stay in memory: nothing of the hub is written anywhere but in its own files.
_PRAGMAS: Final = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "temp_store = MEMORY")


class Database:
    """One database, opened when it is first used."""

    def __init__(self, url: str, *, busy_timeout_ms: int, pool_size: int = 8) -> None:
        """`busy_timeout_ms` is how long a writer waits for another before OperationalError."""
        # Parameters are entries and parts: they must not stand in an error message or a log.
        self.engine: Final = create_engine(url, hide_parameters=True, pool_size=pool_size, max_overflow=pool_size)
        if make_url(url).get_backend_name() == "sqlite":
            _prepare_sqlite(self.engine, busy_timeout_ms)
        self._writing = sessionmaker(self.engine.execution_options(**{_WRITES: True}), expire_on_commit=False)
        self._reading = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session that writes: committed and durable when the block ends, rolled back when it raises."""
        with self._writing.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that reads one snapshot."""
        with self._reading() as session:
            yield session

    def migrate(self) -> None:
        """Bring the schema to the newest version, in one transaction."""
        with self.engine.execution_options(**{_WRITES: True}).begin() as connection:
            command.upgrade(migration_config(connection), "head")

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def migration_config(connection: Connection) -> Config:
    """Return Alembic's configuration for this package's migrations over an open connection."""
    config = Config()
    config.set_main_option("script_location", "hub:migrations")
    config.attributes["connection"] = connection
    return config


def _prepare_sqlite(engine: Engine, busy_timeout_ms: int) -> None:
    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401  # the driver's own type
        # The driver would begin transactions by itself, and only before the first write; `begin` below does it.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {busy_timeout_ms:d}")
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
