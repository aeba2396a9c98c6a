"""The edge of the database: where transactions begin, commit and roll back; SQLite made durable and strict."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

_BEGIN: Final = "simpul_begin"
_AFTERWARDS: Final = "simpul_afterwards"


class Database:
    """One database and its two ways in: `transaction()` to write, `reading()` to read."""

    def __init__(self, url: str, migrations: str, *, busy_timeout_ms: int = 5_000, pool_size: int = 8) -> None:
        """`migrations` names a package of Alembic scripts; `busy_timeout_ms` is how long a writer waits for another."""
        # Parameters never show in errors: they are what people wrote.
        self.engine: Final[Engine] = create_engine(
            url, hide_parameters=True, pool_size=pool_size, max_overflow=pool_size
        )
        self._migrations = migrations
        if make_url(url).get_backend_name() == "sqlite":
            _make_sqlite_strict(self.engine, busy_timeout_ms)
        self._writer = self.engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        self._reader = self.engine.execution_options(**{_BEGIN: "BEGIN"})

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session; commit when the block returns, roll back when it raises. Then run what `afterwards` noted."""
        with Session(self._writer, expire_on_commit=False) as session:
            with session.begin():
                yield session
            for action in session.info.pop(_AFTERWARDS, ()):
                action()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one state of the database; nothing it does is kept."""
        with Session(self._reader, expire_on_commit=False) as session:
            yield session
            session.rollback()

    def migrate(self) -> None:
        """Bring the schema to the newest version, in one transaction."""
        with self._writer.begin() as connection:
            command.upgrade(self.migration_config(connection), "head")

    def migration_config(self, connection: Connection) -> Config:
        """Return Alembic's configuration for this database's scripts over an open connection."""
        config = Config()
        config.set_main_option("script_location", self._migrations)
        config.attributes["connection"] = connection
        return config

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def afterwards(session: Session, action: Callable[[], None]) -> None:
    """Have `action` run once the session's transaction is durable; never if it rolls back."""
    session.info.setdefault(_AFTERWARDS, []).append(action)


@contextmanager
def attempt(session: Session) -> Iterator[None]:
    """Undo what the block did to the session, and what it noted for `afterwards`, when it raises; and raise on."""
    noted = len(session.info.get(_AFTERWARDS, ()))
    try:
        with session.begin_nested():
            yield
    except BaseException:
        del session.info.get(_AFTERWARDS, [])[noted:]
        raise


def is_temporary(error: BaseException) -> bool:
    """Whether a database error is of the place (disk full, locked, read-only, unreachable), not of the statement."""
    return isinstance(error, DBAPIError) and type(error).__name__ in {"OperationalError", "InternalError"}


def _make_sqlite_strict(engine: Engine, busy_timeout_ms: int) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401  the driver's own type
        # The driver must not begin transactions of its own: BEGIN IMMEDIATE below is ours (lost appends otherwise).
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

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
