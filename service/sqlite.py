"""SQLite made durable and strict: a write-ahead log that is synced at each commit, one writer, nothing left behind."""

import sqlite3
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import ConnectionPoolEntry

ENGINE: Final[dict[str, Any]] = {}
WRITER: Final[dict[str, Any]] = {}
READER: Final[dict[str, Any]] = {}
#: The write lock is taken before anything is read: a transaction that read first could not become a writer safely.
BEGIN_WRITING: Final = "BEGIN IMMEDIATE"
BEGIN_READING: Final = "BEGIN"
BEFORE_MIGRATION: Final[tuple[str, ...]] = ()

#: Errors after which a connection is not used again, and the codes' part that names the kind.
_WORN: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
_PRIMARY: Final = 0xFF


def make_strict(engine: Engine, busy_timeout_ms: int) -> None:
    """Set up every connection that the engine opens."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401  the driver's own type
        # The driver must not begin transactions of its own: BEGIN IMMEDIATE above is ours (lost appends otherwise).
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={busy_timeout_ms:d}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",  # nothing spills into a temporary file
            "secure_delete=ON",  # what is deleted is overwritten in the pages
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> None:
        # Who opens a file that may only be read gets a connection that can only read, for as long as it is kept.
        code = getattr(context.original_exception, "sqlite_errorcode", 0) & _PRIMARY
        context.is_disconnect = context.is_disconnect or code in _WORN
