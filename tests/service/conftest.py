"""One small table of notes, on every kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from service.database import Database
from tests.support.databases import Databases

NOTE = Table("note", MetaData(), Column("seq", Integer, primary_key=True, autoincrement=False), Column("text", String))


@pytest.fixture(scope="session")
def notes_template(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> str:
    url = databases.make(tmp_path_factory.mktemp("notes") / "notes.db")
    made = Database(url, "none:needed")
    NOTE.metadata.create_all(made.engine)
    made.close()
    return url


@pytest.fixture
def url(notes_template: str, databases: Databases, tmp_path: Path) -> Iterator[str]:
    with databases.copied(notes_template, tmp_path / "notes.db") as found:
        yield found


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    made = Database(url, "none:needed")
    yield made
    made.close()
