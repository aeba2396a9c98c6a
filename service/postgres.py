"""PostgreSQL made to promise what SQLite does: durable commits, one writer at a time, readers of one state.

The write lock is an advisory lock of the database, taken first in every writing transaction (docs/adr/0011). Writers
are READ COMMITTED on purpose: their statements look at the database after the lock was had. A transaction with one
snapshot would take it with its first statement, which is the very one that waits, and read what was there before.
"""

from functools import cache
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from service.errors import UnusableDatabaseError

#: Keys of advisory locks, which count within one database: the ASCII of the names.
WRITE_KEY: Final = int.from_bytes(b"simpul/w", "big")
TURN_KEY: Final = int.from_bytes(b"simpul/t", "big")

#: The server may be started again: a connection is tried before it is used.
ENGINE: Final[dict[str, Any]] = {"pool_pre_ping": True}
WRITER: Final[dict[str, Any]] = {"isolation_level": "READ COMMITTED"}
READER: Final[dict[str, Any]] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
BEGIN_WRITING: Final = f"SELECT pg_advisory_xact_lock({WRITE_KEY})"
BEGIN_READING: Final = None
#: Building an index may take as long as it takes.
BEFORE_MIGRATION: Final = ("SET LOCAL statement_timeout = 0",)

_CONNECT_TIMEOUT_SECONDS: Final = 5
_STATEMENT_TIMEOUT_MS: Final = 60_000
#: A process that hangs, or a machine that went away, must not keep the write lock.
_IDLE_TIMEOUT_MS: Final = 120_000
_SET: Final = """
    SELECT set_config(
               'synchronous_commit',
               CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END,
               false
           ),
           set_config('lock_timeout', %s, false),
           set_config('statement_timeout', %s, false),
           set_config('idle_in_transaction_session_timeout', %s, false),
           set_config('client_encoding', 'UTF8', false)
"""
_CHECK: Final = "SELECT current_setting('fsync'), current_setting('server_encoding')"


def make_strict(engine: Engine, busy_timeout_ms: int) -> None:
    """Set up every connection that the engine opens; there UnusableDatabaseError is raised for a careless server."""
    # To PostgreSQL, no time is for ever; to us it is not at all.
    lock_ms = max(busy_timeout_ms, 1)
    timeouts = [str(ms) for ms in (lock_ms, lock_ms + _STATEMENT_TIMEOUT_MS, _IDLE_TIMEOUT_MS)]

    @event.listens_for(engine, "do_connect")
    def on_dial(_dialect: object, _record: object, _args: object, values: dict[str, Any]) -> None:
        # What the URL says comes first.
        values.setdefault("connect_timeout", _CONNECT_TIMEOUT_SECONDS)
        values.setdefault("application_name", "simpul")

    # Before SQLAlchemy asks its own questions, which some servers would answer strangely.
    @event.listens_for(engine, "connect", insert=True)
    def on_connect(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401  the driver's own type
        # Outside of a transaction, so that no rollback takes the settings back.
        connection.autocommit = True
        connection.execute(_SET, timeouts)
        fsync, encoding = connection.execute(_CHECK).fetchone()
        connection.autocommit = False
        connection.adapters.register_dumper(str, _text_dumper())
        if fsync != "on":
            raise UnusableDatabaseError("the PostgreSQL server runs with fsync=off, and would lose what it confirmed")
        if encoding != "UTF8":
            raise UnusableDatabaseError(f"the database is encoded in {encoding}: create it with ENCODING 'UTF8'")


@cache
def _text_dumper() -> type:
    # Here alone, for the driver is an extra: whoever runs on SQLite need not have it.
    from psycopg.types.string import StrDumperUnknown  # noqa: PLC0415

    class TextDumper(StrDumperUnknown):
        """Writes U+FFFD for the one character that PostgreSQL cannot hold.

        Whoever asks for a case or a person with a NUL in the name finds nothing, as on SQLite, and is told so. No text
        that is signed or sealed is text to the database.
        """

        def dump(self, obj: str) -> bytes | None:
            """Return the text as the driver sends it."""
            return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))  # type: ignore[return-value]

    return TextDumper
