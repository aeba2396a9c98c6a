"""Databases for tests, SQLite or PostgreSQL behind the same few verbs: what runs on one runs on the other."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import text
from sqlalchemy.engine import make_url

from service.database import Database
from tests.support.postgres import Cluster

KINDS: Final = ("sqlite", "postgresql")


class Databases(Protocol):
    """Makes databases and copies of them; a database is its URL."""

    kind: str

    def make(self, file: Path) -> str:
        """Return the URL of an empty database; where databases are files it is `file`."""

    def copied(self, template: str, file: Path) -> AbstractContextManager[str]:
        """Give the URL of a copy of `template`, which nobody has open."""

    def unreachable(self, url: str) -> AbstractContextManager[None]:
        """Take a database that nobody has open away for a while."""

    def save(self, url: str) -> None:
        """Make a backup."""

    def restore(self, url: str) -> None:
        """Set a database back to its backup. Whoever is connected must connect again."""


class Files:
    """SQLite."""

    kind = "sqlite"

    def make(self, file: Path) -> str:
        return f"sqlite:///{file}"

    @contextmanager
    def copied(self, template: str, file: Path) -> Iterator[str]:
        file.parent.mkdir(parents=True, exist_ok=True)
        # The template of a hub was copied with its whole folder already.
        if not file.exists():
            shutil.copy(_file(template), file)
        yield self.make(file)

    @contextmanager
    def unreachable(self, url: str) -> Iterator[None]:
        path, away = _file(url), _file(url).with_name("away.db")
        path.rename(away)
        path.mkdir()
        try:
            yield
        finally:
            path.rmdir()
            away.rename(path)

    def save(self, url: str) -> None:
        source = _file(url)
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(f"{source}.saved")) as kept:
            live.backup(kept)

    def restore(self, url: str) -> None:
        for leftover in ("-wal", "-shm"):
            Path(f"{_file(url)}{leftover}").unlink(missing_ok=True)
        shutil.copy(f"{_file(url)}.saved", _file(url))


class Served:
    """PostgreSQL."""

    kind = "postgresql"

    def __init__(self, cluster: Callable[[], Cluster]) -> None:
        """`cluster` starts the server when a database is first asked for."""
        self._cluster: Final = cluster

    def make(self, file: Path) -> str:
        del file
        return self._cluster().url(self._cluster().make())

    @contextmanager
    def copied(self, template: str, file: Path) -> Iterator[str]:
        del file
        with self._cluster().lent(_name(template)) as name:
            yield self._cluster().url(name)

    @contextmanager
    def unreachable(self, url: str) -> Iterator[None]:
        with self._cluster().closed(_name(url)):
            yield

    def save(self, url: str) -> None:
        self._cluster().save(_name(url), "saved")

    def restore(self, url: str) -> None:
        self._cluster().restore(_name(url), "saved")


SQLITE: Final = Files()


@contextmanager
def write_locked(url: str) -> Iterator[None]:
    """Hold the write lock of a database, as a long job of another process would."""
    other = Database(url, "none:needed")
    try:
        with other.transaction() as session:
            session.execute(text("SELECT 1"))
            yield
    finally:
        other.close()


def _file(url: str) -> Path:
    return Path(make_url(url).database or "")


def _name(url: str) -> str:
    return make_url(url).database or ""
