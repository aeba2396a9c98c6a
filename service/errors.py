"""What goes wrong with a database: settings that would break its promises, and failures that pass."""

from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

#: SQLSTATEs of the place, as whole codes or as classes (PostgreSQL's documentation, appendix A).
_PLACE: Final = (
    "08",  # the connection broke
    "25006",  # read only: a standby, or an operator's stop
    "25P03",  # idle for too long within a transaction
    "28",  # our role or its password was changed
    "3D000",  # the database is not there
    "40",  # deadlock, lost race: nothing was done
    "53",  # disk full, out of memory, too many connections
    "55P03",  # a lock did not come in time
    "57",  # shut down, starting up, cancelled, statement timeout
    "58",  # the operating system failed
)


class UnusableAddressError(Exception):
    """An address that a server cannot listen on; the message says what to change."""


class UnusableDatabaseError(Exception):
    """A database that could not keep what it is trusted with; the message says what to change."""


class BackupError(Exception):
    """A backup or a restore that cannot be made; nothing was changed by it, and the message says the way out."""


def is_temporary(error: BaseException) -> bool:
    """Whether a database error is of the place (disk full, locked, read-only, unreachable), not of the statement."""
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    # PostgreSQL's driver names a state where the server spoke; where it could not speak there is none.
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state.startswith(_PLACE)
    if isinstance(error, InterfaceError):
        return error.connection_invalidated
    return isinstance(error, OperationalError | InternalError)


def first_line(error: DBAPIError) -> str:
    """Return what the database said, without the lines behind it: those of PostgreSQL quote rows and statements."""
    return (str(error.orig).splitlines() or [type(error.orig).__name__])[0]
