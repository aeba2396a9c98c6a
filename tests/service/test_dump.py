"""Dumps of PostgreSQL: no password where others see it, and every row read back."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from service import dump
from service.database import Database
from service.errors import BackupError
from tests.support.databases import Served
from tests.support.postgres import Cluster


def test_the_password_goes_into_the_environment_and_never_onto_the_command_line() -> None:
    url = "postgresql+psycopg://simpul:kata%40sandi@db.example:5433/simpul?sslmode=verify-full"
    arguments = dump._where(url)
    assert arguments == ["--dbname=postgresql://simpul@db.example:5433/simpul?sslmode=verify-full", "--no-password"]
    assert dump._environment(url) == {"PGPASSWORD": "kata@sandi"}
    assert dump._environment("postgresql://simpul@db.example/simpul") == {}


def test_only_a_copy_of_a_table_of_ours_is_taken_for_one() -> None:
    assert dump._copied(b"COPY public.link (peer, next_seq) FROM stdin;\n") == ("link", ["peer", "next_seq"])
    assert dump._copied(b'COPY public."case" (case_id, "end") FROM stdin;\n') == ("case", ["case_id", "end"])
    for line in (b"", b"COPY other.link (peer) FROM stdin;\n", b"CREATE TABLE public.link (\n", b"COPY public.link\n"):
        assert dump._copied(line) == ("", [])


@pytest.fixture
def served(postgres: Callable[[], Cluster], tmp_path: Path) -> Database:
    url = Served(postgres).make(tmp_path / "unused")
    database = Database(url, "")
    with database.transaction() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num text)"))
        session.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
        session.execute(text('CREATE TABLE "case" (id serial PRIMARY KEY, words text, sealed bytea)'))
        session.execute(text("INSERT INTO \"case\" (words, sealed) VALUES (E'a\\tb\\nc', '\\x00ff')"))
        session.execute(text("CREATE TABLE nothing (id integer)"))
    return database


def dumped(database: Database, path: Path) -> Path:
    url = database.engine.url.render_as_string(hide_password=False)
    path.write_bytes(b"".join(dump.dump(url)))
    return path


def test_a_dump_is_read_back_and_goes_into_an_empty_database_without_its_version(
    served: Database, postgres: Callable[[], Cluster], tmp_path: Path
) -> None:
    path = dumped(served, tmp_path / "dump")
    wanted = {"alembic_version": "version_num", "case": "id", "nothing": "id", "unknown": "id"}
    assert dump.values(path, wanted) == {"alembic_version": "0001", "case": "1"}
    with pytest.raises(BackupError, match="not empty"):
        dump.check_empty(served)
    new = Database(Served(postgres).make(tmp_path / "unused"), "")
    dump.check_empty(new)
    dump.load(path, new.engine.url.render_as_string(hide_password=False))
    with new.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 0
        assert session.execute(text('SELECT words, sealed FROM "case"')).one() == ("a\tb\nc", b"\x00\xff")
        # The numbers go on where they were.
        assert session.scalar(text("INSERT INTO \"case\" (words) VALUES ('x') RETURNING id")) == 2
        dump.put_version(session, "0001")
    dump.make_empty(new)
    dump.check_empty(new)
    dump.make_empty(new)
    for each in (served, new):
        each.close()


def test_a_damaged_dump_is_told(served: Database, tmp_path: Path) -> None:
    path = dumped(served, tmp_path / "dump")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(BackupError, match="pg_restore failed"):
        dump.values(path, {})
    path.write_bytes(b"no dump")
    with pytest.raises(BackupError, match="pg_restore failed"):
        dump.values(path, {})
    served.close()


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(BackupError, match="pg_dump failed: connection to server"):
        list(dump.dump("postgresql://simpul@127.0.0.1:1/none"))
