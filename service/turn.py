"""A turn that one process at a time has, such as that of scheduling; it ends with the process, however that ends."""

import fcntl
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from service.errors import is_temporary
from service.postgres import TURN_KEY


class Turn(Protocol):
    """Whoever wants it asks before each piece of work: it may have been lost, or have become free."""

    def take(self) -> bool:
        """Return whether this process has the turn now, taking it if nobody has it. Never waits."""

    def close(self) -> None:
        """Let another have it; no error if this process does not."""


class FileTurn:
    """A turn among processes of one machine: an flock on a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def take(self) -> bool:
        """Return whether this process has the turn."""
        if self._file is not None:
            return True
        file = self._path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def close(self) -> None:
        """Close the file, and with it the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None


class DatabaseTurn:
    """A turn among all that share a PostgreSQL database: an advisory lock, had for as long as its connection lives."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._held: Connection | None = None

    def take(self) -> bool:
        """Return whether this process has the turn; not if the database cannot be asked."""
        try:
            return self._still_held() or self._taken()
        except DBAPIError as error:
            if not is_temporary(error):
                raise
            return False

    def close(self) -> None:
        """Give the lock back, and end the connection itself: in the pool it would keep whatever it has."""
        if self._held is not None:
            # Where the server cannot be told, it is gone, or will notice that we are.
            with suppress(DBAPIError):
                self._held.execute(text(f"SELECT pg_advisory_unlock({TURN_KEY})"))
            self._drop()

    def _still_held(self) -> bool:
        if self._held is None:
            return False
        try:
            self._held.execute(text("SELECT 1"))
        except DBAPIError:
            # The server let the lock go with the connection; somebody else may have it by now.
            self._drop()
            return False
        return True

    def _drop(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.invalidate()
            held.close()

    def _taken(self) -> bool:
        connection = self._engine.connect()
        try:
            if connection.scalar(text(f"SELECT pg_try_advisory_lock({TURN_KEY})")):
                self._held = connection
                return True
        finally:
            if self._held is not connection:
                connection.close()
        return False
