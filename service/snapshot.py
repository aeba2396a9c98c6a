"""Copies of a SQLite database that is in use, by SQLite's online backup, and their check."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from service import private
from service.database import Database
from service.errors import BackupError

_PAGES: Final = 2_048
#: (done, total) in whatever unit.
Progress = Callable[[int, int], None]


def copy(database: Database, target: Path, progress: Progress) -> None:
    """Copy a database to a new file (0600), as it is at one moment; whoever writes meanwhile is not held up.

    Raises BackupError where the disk refuses.
    """
    with private.disk_errors(f"cannot write into {target.parent}"):
        private.write(target, b"")
    with database.engine.connect() as connection:
        source = connection.connection.driver_connection
        if not isinstance(source, sqlite3.Connection):
            raise BackupError("this database is no SQLite file")
        with _told(target), closing(sqlite3.connect(target, isolation_level=None)) as made:
            # Without a journal: a copy that was not finished is thrown away.
            made.execute("PRAGMA journal_mode=OFF")
            _in_one_state(source, made, progress)
            # A file by itself, without a write-ahead log beside it.
            made.execute("PRAGMA journal_mode=DELETE")


def _in_one_state(source: sqlite3.Connection, made: sqlite3.Connection, progress: Progress) -> None:
    # Inside of a transaction that has read: SQLite then keeps this state, and does not begin anew at every write.
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM sqlite_master").fetchone()
    try:
        source.backup(made, pages=_PAGES, progress=lambda _, left, total: progress(total - left, total))
    finally:
        source.execute("ROLLBACK")


def check(path: Path) -> None:
    """Raise BackupError unless a copy is whole: every page and index, and every foreign key."""
    with _told(path), _opened(path) as copied:
        found = [row[0] for row in copied.execute("PRAGMA integrity_check")]
        broken = copied.execute("PRAGMA foreign_key_check").fetchall()
    if found != ["ok"]:
        raise BackupError(f"the copy of the database is damaged ({found[0]}): check the disk, and the database itself")
    if broken:
        raise BackupError(f"the database contradicts itself ({len(broken)} rows, first in {broken[0][0]})")


def values(path: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return one value of each table (table → column), where the table has a row."""
    found = {}
    with _told(path), _opened(path) as copied:
        for table, column in wanted.items():
            row = copied.execute(f'SELECT "{column}" FROM "{table}" LIMIT 1').fetchone()  # noqa: S608  our own names
            if row is not None:
                found[table] = str(row[0])
    return found


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        yield connection


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise BackupError(f"the database cannot be copied to or read from {path.parent}: {error}") from error
