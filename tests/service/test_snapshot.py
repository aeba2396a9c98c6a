"""Copies of a SQLite database in use: of one moment, private, and checked."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from service import snapshot
from service.database import Database
from service.errors import BackupError


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{tmp_path / 'live.db'}", "")
    with found.transaction() as session:
        session.execute(text("CREATE TABLE a (id INTEGER PRIMARY KEY, filler BLOB)"))
        session.execute(text("CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id))"))
        for n in range(1, 401):
            session.execute(text("INSERT INTO a VALUES (:n, randomblob(40000))"), {"n": n})
            session.execute(text("INSERT INTO b VALUES (:n, :n)"), {"n": n})
    yield found
    found.close()


def test_a_copy_is_of_one_moment_although_somebody_writes_at_every_step(database: Database, tmp_path: Path) -> None:
    """Another writer commits between the steps; it does not wait, and the copy neither shows it nor begins anew."""
    target, steps = tmp_path / "copy.db", []

    def write(done: int, total: int) -> None:
        steps.append((done, total))
        with database.transaction() as session:
            session.execute(text("DELETE FROM b WHERE id = :n"), {"n": len(steps)})
            session.execute(text("DELETE FROM a WHERE id = :n"), {"n": len(steps)})
            session.execute(text("INSERT INTO a (filler) VALUES (randomblob(40000))"))

    snapshot.copy(database, target, write)
    assert len(steps) > 1
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})
    snapshot.check(target)
    with closing(sqlite3.connect(target)) as copied:
        assert copied.execute("SELECT count(*), max(id) FROM a").fetchone() == (400, 400)
        assert copied.execute("SELECT count(*), min(id) FROM b").fetchone() == (400, 1)
    assert target.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.glob("copy*")} == {"copy.db"}
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM b")) == 400 - len(steps)


def test_values_are_those_of_the_copy(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    snapshot.copy(database, target, lambda _done, _total: None)
    with database.transaction() as session:
        session.execute(text("DELETE FROM b"))
    assert snapshot.values(target, {"b": "a"}) == {"b": "1"}
    snapshot.copy(database, tmp_path / "later.db", lambda _done, _total: None)
    assert snapshot.values(tmp_path / "later.db", {"b": "a"}) == {}
    with pytest.raises(BackupError, match="no such table"):
        snapshot.values(target, {"c": "a"})


def test_a_copy_that_contradicts_itself_is_refused(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    snapshot.copy(database, target, lambda _done, _total: None)
    with closing(sqlite3.connect(target, isolation_level=None)) as copied:
        copied.execute("DELETE FROM a WHERE id = 7")
    with pytest.raises(BackupError, match="contradicts itself"):
        snapshot.check(target)


def test_a_copy_never_takes_the_place_of_a_file(database: Database, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_bytes(b"mine")
    with pytest.raises(BackupError, match="File exists"):
        snapshot.copy(database, tmp_path / "copy.db", lambda _done, _total: None)
    assert (tmp_path / "copy.db").read_bytes() == b"mine"


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(BackupError, match="cannot be copied to or read from"):
        snapshot.check(tmp_path / "copy.db")
