"""Group commit: many in one transaction, each answered for its own work, none before it is durable."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from node.cases.together import MAX_TOGETHER, Together
from node.cases.views import NotStoredError, StaleFormError
from node.models.people import Person
from service.database import Database
from tests.support.databases import Databases


@pytest.fixture
def database(tmp_path: Path, databases: Databases) -> Iterator[Database]:
    made = Database(databases.make(tmp_path / "node.db"), "node:migrations")
    made.migrate()
    yield made
    made.close()


def stored(database: Database) -> set[str]:
    with database.reading() as session:
        return set(session.scalars(select(Person.username)))


def person(name: str) -> Person:
    return Person(username=name, display_name=name, roles="admin", password_hash="x", created_at=1)


def storing(name: str, fails: bool = False) -> Callable[[Session], str]:
    def work(session: Session) -> str:
        session.add(person(name))
        session.flush()
        if fails:
            raise StaleFormError(name)
        return name

    return work


def test_each_of_many_gets_its_own_answer_and_all_are_stored(database: Database) -> None:
    together = Together(database)
    names = [f"p{at}" for at in range(3 * MAX_TOGETHER)]
    with ThreadPoolExecutor(24) as pool:
        assert list(pool.map(lambda name: together.run(storing(name)), names)) == names
    assert stored(database) == set(names)


def test_what_came_while_one_was_writing_is_stored_in_one_transaction(database: Database) -> None:
    together, began, go_on = Together(database), threading.Event(), threading.Event()
    commits: list[set[str]] = []

    def slow(session: Session) -> None:
        session.add(person("first"))
        began.set()
        assert go_on.wait(30)

    def seen(name: str) -> None:
        together.run(storing(name))
        commits.append(stored(database))

    with ThreadPoolExecutor(4) as pool:
        pool.submit(together.run, slow)
        assert began.wait(30)
        others = [pool.submit(seen, name) for name in ("a", "b", "c")]
        while len(together._waiting) < 3:
            threading.Event().wait(0.001)
        go_on.set()
        for each in others:
            each.result(30)
    # Whoever was answered first saw all of them: they were one commit.
    assert commits == [{"first", "a", "b", "c"}] * 3


def test_one_that_fails_is_undone_alone(database: Database) -> None:
    together = Together(database)
    with pytest.raises(StaleFormError, match="bad"):
        together.run(storing("bad", fails=True))
    assert together.run(storing("good")) == "good"
    assert stored(database) == {"good"}


def test_a_commit_that_fails_is_told_to_everybody_as_not_stored(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("DROP TABLE login_session"))
        connection.execute(text("DROP TABLE person"))

    def work(session: Session) -> None:
        session.add(person("x"))  # flushed by the commit

    with pytest.raises(NotStoredError):
        Together(database).run(work)


def test_a_database_that_is_gone_is_told_as_not_stored(tmp_path: Path) -> None:
    gone = Database(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}", "node:migrations")
    with pytest.raises(NotStoredError):
        Together(gone).run(storing("x"))
