"""SQLite made durable and strict: a write-ahead log that is synced at each commit, one writer, nothing left behind."""

from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

ENGINE: Final[dict[str, Any]] = {}
WRITER: Final[dict[str, Any]] = {}
READER: Final[dict[str, Any]] = {}
#: The write lock is taken before anything is read: a transaction that read first could not become a writer safely.
BEGIN_WRITING: Final = "BEGIN IMMEDIATE"
BEGIN_READING: Final = "BEGIN"
BEFORE_MIGRATION: Final[tuple[str, ...]] = ()


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
