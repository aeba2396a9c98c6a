"""The edge of the database, SQLite or PostgreSQL: where transactions begin, commit and roll back.

Both promise the same: what was committed survives a power cut, one transaction writes at a time, and whoever reads sees
one state. How each keeps it stands in service.sqlite and service.postgres.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from service import postgres, sqlite
from service.errors import UnusableDatabaseError, first_line, is_temporary
from service.turn import DatabaseTurn, FileTurn, Turn

__all__ = ["Database", "UnusableDatabaseError", "afterwards", "attempt", "first_line", "is_temporary"]

_BEGIN: Final = "simpul_begin"
_AFTERWARDS: Final = "simpul_afterwards"
_BACKENDS: Final = {
    "sqlite": sqlite,
    "sqlite+pysqlite": sqlite,
    "postgresql": postgres,
    "postgresql+psycopg": postgres,
}


class Database:
    """One database and its two ways in: `transaction()` to write, `reading()` to read."""

    def __init__(self, url: str, migrations: str, *, busy_timeout_ms: int = 5_000, pool_size: int = 8) -> None:
        """Open nothing yet.

        `url` is `sqlite:///PATH` or `postgresql://…`; `migrations` names a package of Alembic scripts;
        `busy_timeout_ms` is how long a writer waits for another. Raises UnusableDatabaseError for another URL.
        """
        made = _url(url)
        self._backend = _BACKENDS[made.drivername]
        # Parameters never show in errors: they are what people wrote.
        self.engine: Final[Engine] = _engine(
            made, hide_parameters=True, pool_size=pool_size, max_overflow=pool_size, **self._backend.ENGINE
        )
        self._migrations = migrations
        self._backend.make_strict(self.engine, busy_timeout_ms)

        @event.listens_for(self.engine, "begin")
        def on_begin(connection: Connection) -> None:
            statement = connection.get_execution_options().get(_BEGIN, self._backend.BEGIN_READING)
            if statement is not None:
                connection.exec_driver_sql(statement)

        self._writer = self.engine.execution_options(**self._backend.WRITER, **{_BEGIN: self._backend.BEGIN_WRITING})
        self._reader = self.engine.execution_options(**self._backend.READER, **{_BEGIN: self._backend.BEGIN_READING})

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session; commit when the block returns, roll back when it raises. Then run what `afterwards` noted.

        No other transaction of this database is open meanwhile, in this process or in another.
        """
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

    def migrate(
        self, *, before: Callable[[Session], None] | None = None, after: Callable[[Session], None] | None = None
    ) -> None:
        """Bring the schema to the newest version, in one transaction with what is to be done before and after it."""
        with self._writer.begin() as connection:
            for statement in self._backend.BEFORE_MIGRATION:
                connection.exec_driver_sql(statement)
            _within(connection, before)
            command.upgrade(self.migration_config(connection), "head")
            _within(connection, after)

    def migration_config(self, connection: Connection) -> Config:
        """Return Alembic's configuration for this database's scripts over an open connection."""
        config = Config()
        config.set_main_option("script_location", self._migrations)
        config.attributes["connection"] = connection
        return config

    def turn(self, file: Path) -> Turn:
        """Return the turn that one process at a time has, among all that share this database.

        Processes that share a SQLite database share a machine: there it is a lock on `file`, which need not exist.
        """
        return FileTurn(file) if self._backend is sqlite else DatabaseTurn(self.engine)

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


def _within(connection: Connection, action: Callable[[Session], None] | None) -> None:
    if action is not None:
        # Of the session's close, the transaction around it takes no notice.
        with Session(connection, expire_on_commit=False, join_transaction_mode="rollback_only") as session:
            action(session)
            session.flush()


def _url(text: str) -> URL:
    # Its text is not repeated in the errors: it may hold a password.
    try:
        url = make_url(text)
    except ArgumentError:
        raise UnusableDatabaseError("the database URL cannot be read") from None
    if url.drivername not in _BACKENDS:
        raise UnusableDatabaseError("the database URL begins with sqlite:/// or postgresql://")
    return url


def _engine(url: URL, **options: object) -> Engine:
    try:
        return create_engine(url, **options)
    except ModuleNotFoundError as error:
        raise UnusableDatabaseError(f"{error.name} is not installed: pip install 'simpul[postgres]'") from error
