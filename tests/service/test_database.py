"""The database edge: what commits, what rolls back, what runs afterwards, and how SQLite is held to it.

What a block did before it raised is what several of these test, so it stands within (PT012).
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError, StatementError

from node.models.sync import Alarm
from service.database import Database, afterwards, attempt, is_temporary
from tests.support.databases import Databases


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> str:
    url = databases.make(tmp_path_factory.mktemp("migrated") / "node.db")
    made = Database(url, "node:migrations")
    made.migrate()
    made.close()
    return url


@pytest.fixture
def database(migrated: str, databases: Databases, tmp_path: Path) -> Iterator[Database]:
    with databases.copied(migrated, tmp_path / "test.db") as url:
        made = Database(url, "node:migrations", busy_timeout_ms=20)
        yield made
        made.close()


def note(name: str) -> Alarm:
    return Alarm(at=1, rule=name, detail="")


def notes(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Alarm.rule).order_by(Alarm.id)))


def test_a_return_commits_and_a_raise_rolls_back(database: Database) -> None:
    with database.transaction() as session:
        session.add(note("kept"))
    with pytest.raises(ZeroDivisionError), database.transaction() as session:  # noqa: PT012
        session.add(note("lost"))
        session.flush()
        raise ZeroDivisionError
    assert notes(database) == ["kept"]


def test_what_is_to_be_done_afterwards_is_done_after_the_commit_and_never_without_it(database: Database) -> None:
    seen: list[list[str]] = []
    with database.transaction() as session:
        session.add(note("kept"))
        afterwards(session, lambda: seen.append(notes(database)))
        assert seen == []
    assert seen == [["kept"]]
    with pytest.raises(ZeroDivisionError), database.transaction() as session:  # noqa: PT012
        afterwards(session, lambda: seen.append(["never"]))
        raise ZeroDivisionError
    with database.transaction():
        pass
    assert seen == [["kept"]]


def test_an_attempt_that_fails_undoes_itself_and_what_it_noted_and_nothing_else(database: Database) -> None:
    done: list[str] = []
    with database.transaction() as session:
        session.add(note("before"))
        afterwards(session, lambda: done.append("before"))
        with pytest.raises(ZeroDivisionError), attempt(session):  # noqa: PT012
            session.add(note("within"))
            session.flush()
            afterwards(session, lambda: done.append("within"))
            raise ZeroDivisionError
        with attempt(session):
            session.add(note("after"))
            afterwards(session, lambda: done.append("after"))
    assert notes(database) == ["before", "after"]
    assert done == ["before", "after"]


def test_an_attempt_that_fails_takes_back_changed_values(database: Database) -> None:
    with database.transaction() as session:
        row = note("before")
        session.add(row)
        with pytest.raises(ZeroDivisionError), attempt(session):  # noqa: PT012
            row.rule = "within"
            session.flush()
            raise ZeroDivisionError
        assert row.rule == "before"
    assert notes(database) == ["before"]


def test_reading_keeps_nothing(database: Database) -> None:
    """PostgreSQL does not even let a reader write."""
    with suppress(InternalError), database.reading() as session:
        session.add(note("lost"))
        session.flush()
    assert notes(database) == []


def test_a_reader_sees_one_state(database: Database) -> None:
    with database.reading() as session:
        assert session.scalars(select(Alarm)).all() == []
        with database.transaction() as other:
            other.add(note("new"))
        assert session.scalars(select(Alarm)).all() == []
    assert notes(database) == ["new"]


def test_two_writers_wait_for_each_other_and_then_give_up(database: Database) -> None:
    """The lock is taken at the first statement, a read included: no two may read the same counter."""
    with database.transaction() as first:
        first.scalar(select(Alarm.id))
        with pytest.raises(OperationalError) as caught, database.transaction() as second:
            second.scalar(select(Alarm.id))
    assert is_temporary(caught.value)


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(
    ("pragma", "wanted"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("temp_store", 2), ("secure_delete", 1)],
)
def test_sqlite_is_durable_and_strict(database: Database, pragma: str, wanted: object) -> None:
    with database.reading() as session:
        assert session.execute(text(f"PRAGMA {pragma}")).scalar() == wanted


def test_a_row_that_names_nothing_is_refused_and_that_is_not_of_the_place(database: Database) -> None:
    with pytest.raises(IntegrityError) as caught, database.transaction() as session:
        session.execute(text("INSERT INTO login_session VALUES (:it, 'nobody', 1, 1)"), {"it": b"0"})
    assert not is_temporary(caught.value)
    assert not is_temporary(ValueError())


def test_an_error_hides_what_was_to_be_stored(database: Database) -> None:
    with pytest.raises(StatementError) as caught, database.transaction() as session:
        session.execute(text("INSERT INTO nothing VALUES (:secret)"), {"secret": "Rahmawati"})
    assert "Rahmawati" not in str(caught.value)


def test_to_migrate_twice_changes_nothing(database: Database) -> None:
    with database.transaction() as session:
        session.add(note("kept"))
    database.migrate()
    assert notes(database) == ["kept"]


def test_nothing_is_opened_before_it_is_used() -> None:
    Database("postgresql+psycopg://nobody@127.0.0.1:1/none", "node:migrations").close()
