"""PostgreSQL when things go wrong: what was confirmed is there, what was not is gone, and the sender is told."""

# ruff: noqa: PT012  # what raises here is a whole transaction

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import LiteralString

import pytest
from psycopg import sql
from sqlalchemy import select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hub.settings import Settings
from node.cases.views import NotStoredError
from node.models.cases import Case
from service.database import Database, UnusableDatabaseError, is_temporary
from tests.conftest import missing
from tests.service.conftest import NOTE
from tests.service.test_writers import append, sequence
from tests.support.databases import Databases
from tests.support.hub import found_hub, node_of, open_hub, served
from tests.support.nodes import country, make_template
from tests.support.postgres import USER, Cluster

pytestmark = pytest.mark.database("postgresql")

StartedCluster = Callable[[], Cluster]


@pytest.fixture
def server(postgres: StartedCluster, url: str) -> Cluster:
    del url
    return postgres()


def name_of(url: str) -> str:
    return make_url(url).database or ""


def test_every_connection_is_told_what_it_promises(server: Cluster, url: str) -> None:
    """Whatever the server, the database or the role say: a commit is on the disk before it is confirmed."""
    careless: LiteralString = "ALTER DATABASE {} SET synchronous_commit = off"
    server.ask(sql.SQL(careless).format(sql.Identifier(name_of(url))))
    database = Database(url, "none:needed", busy_timeout_ms=1_234)
    shown: dict[str, str] = {}
    for way in (database.transaction, database.reading):
        with way() as session:
            for name in (
                "synchronous_commit",
                "lock_timeout",
                "statement_timeout",
                "idle_in_transaction_session_timeout",
            ):
                shown[name] = session.scalar(text(f"SHOW {name}")) or ""
            shown[way.__name__] = session.scalar(text("SHOW transaction_isolation")) or ""
            shown[f"{way.__name__} read only"] = session.scalar(text("SHOW transaction_read_only")) or ""
    database.close()
    assert shown == {
        "synchronous_commit": "on",
        "lock_timeout": "1234ms",
        "statement_timeout": "61234ms",
        "idle_in_transaction_session_timeout": "2min",
        "transaction": "read committed",
        "transaction read only": "off",
        "reading": "repeatable read",
        "reading read only": "on",
    }


def test_a_server_that_does_not_sync_is_refused(server: Cluster, url: str) -> None:
    server.stop()
    server.start("fsync=off")
    try:
        with pytest.raises(UnusableDatabaseError, match="fsync"):
            Database(url, "none:needed").migrate()
    finally:
        server.stop()
        server.start()


def test_a_database_of_another_encoding_is_refused(server: Cluster) -> None:
    server.ask("CREATE DATABASE latin ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0 OWNER simpul")
    with pytest.raises(UnusableDatabaseError, match="UTF8"):
        Database(server.url("latin"), "none:needed").migrate()


@pytest.mark.parametrize(
    ("state", "temporary"),
    [
        *((state, True) for state in ("08006", "25006", "40001", "40P01", "53100", "53200", "53300", "55P03")),
        *((state, True) for state in ("57014", "57P01", "57P03", "58030")),
        *((state, False) for state in ("22001", "22021", "23505", "25P02", "42P01", "42501", "XX000", "XX001")),
    ],
)
def test_what_passes_is_told_from_what_does_not(database: Database, state: str, temporary: bool) -> None:
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'so it is' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(DBAPIError) as caught, database.transaction() as session:
        session.execute(text(raising))
    assert is_temporary(caught.value) is temporary


def test_a_text_with_the_character_that_postgresql_cannot_hold_is_no_failure(database: Database) -> None:
    """Whoever asks for a name with a NUL in it finds nothing, instead of an error."""
    with database.transaction() as session:
        append(session, "ab")
        assert session.scalar(select(NOTE.c.seq).where(NOTE.c.text == "a\0b")) is None
        append(session, "a\0b")
    with database.reading() as session:
        assert session.scalars(select(NOTE.c.text).order_by(NOTE.c.seq)).all() == ["ab", "a\ufffdb"]


def test_no_free_connection_in_time_is_of_the_place() -> None:
    assert is_temporary(PoolTimeoutError())
    assert not is_temporary(ValueError())


def test_a_role_without_connections_left_is_told_as_temporary(server: Cluster, url: str) -> None:
    server.ask("ALTER ROLE simpul CONNECTION LIMIT 0")
    try:
        with pytest.raises(OperationalError) as caught, Database(url, "none:needed").transaction() as session:
            append(session)
    finally:
        server.ask("ALTER ROLE simpul CONNECTION LIMIT -1")
    assert is_temporary(caught.value)


def test_a_backend_killed_within_a_transaction_leaves_nothing_of_it(url: str) -> None:
    """SIGKILL of one backend: PostgreSQL throws all of them out and recovers; the very same pool goes on after it."""
    database = Database(url, "none:needed")
    with database.transaction() as session:
        append(session)
    with pytest.raises(OperationalError) as caught, database.transaction() as session:
        append(session)
        os.kill(session.scalars(text("SELECT pg_backend_pid()")).one(), signal.SIGKILL)
        append(session)
    assert is_temporary(caught.value)
    seen: list[int] = []
    while not seen:  # the server says no until it has recovered
        with suppress(OperationalError):
            seen = sequence(database)
    assert seen == [1]
    with database.transaction() as session:
        assert append(session) == 2
    database.close()


def test_who_is_thrown_out_releases_the_write_lock(server: Cluster, url: str) -> None:
    database, other = (Database(url, "none:needed") for _ in range(2))
    with pytest.raises(OperationalError) as caught, database.transaction() as session:
        append(session)
        server.disconnect(name_of(url))
        with other.transaction() as next_one:
            assert append(next_one) == 1
        append(session)
    assert is_temporary(caught.value)
    assert sequence(database) == [1]
    database.close()
    other.close()


def test_who_hangs_within_a_transaction_loses_the_write_lock(url: str) -> None:
    """A process that was stopped, or whose machine went away, must not keep everybody else from writing."""
    hanging, other = (Database(url, "none:needed") for _ in range(2))
    with pytest.raises(DBAPIError) as caught, hanging.transaction() as session:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 50"))
        append(session)
        with other.transaction() as next_one:  # it waits until the server has thrown the first one out
            assert append(next_one) == 1
        append(session)
    assert is_temporary(caught.value)
    assert sequence(other) == [1]
    hanging.close()
    other.close()


def test_what_was_confirmed_survives_a_power_cut(server: Cluster, url: str) -> None:
    """Every process of the server ends at once, without a checkpoint; only the write-ahead log is left."""
    database = Database(url, "none:needed")
    for _ in range(20):
        with database.transaction() as session:
            append(session)
    server.stop(hard=True)
    with pytest.raises(OperationalError) as caught, database.transaction() as session:
        append(session)
    assert is_temporary(caught.value)
    server.start()
    assert sequence(database) == list(range(1, 21))
    database.close()


# A full disk.


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 12 MiB that belongs to the server; only root may make one."""
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        missing("only root mounts a small file system")
    folder.mkdir()
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], check=False)
    if done.returncode:
        missing("this machine does not let root mount a file system")
    shutil.chown(folder, USER, USER)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def moved_to_a_small_disk(server: Cluster, url: str) -> Iterator[Path]:
    """A database whose tables stand on a disk that can be filled; gives the file that fills it."""
    names = {"database": sql.Identifier(name_of(url)), "disk": sql.Identifier(f"small_{name_of(url)}")}
    with small_disk(server.folder / f"small_{name_of(url)}") as disk:
        server.ask(sql.SQL("CREATE TABLESPACE {disk} LOCATION {place}").format(place=sql.Literal(str(disk)), **names))
        server.disconnect(name_of(url))
        server.ask(sql.SQL("ALTER DATABASE {database} SET TABLESPACE {disk}").format(**names))
        try:
            yield disk / "filler"
        finally:
            (disk / "filler").unlink(missing_ok=True)
            server.disconnect(name_of(url))
            server.ask(sql.SQL("ALTER DATABASE {database} SET TABLESPACE pg_default").format(**names))
            server.ask(sql.SQL("DROP TABLESPACE {disk}").format(**names))


def fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))


def test_a_full_disk_at_the_hub_is_told_and_nothing_is_lost(
    postgres: StartedCluster, databases: Databases, tmp_path: Path
) -> None:
    server, url = postgres(), databases.make(tmp_path / "hub.db")
    found_hub(tmp_path / "hub", database_url=url).database.close()
    values = {"SIMPUL_HUB_DATA": str(tmp_path / "hub"), "SIMPUL_HUB_DATABASE_URL": url}
    with moved_to_a_small_disk(server, url) as filler:
        hub = open_hub(replace(Settings.from_mapping(values), retry_after_seconds=17))
        with served(hub) as address:
            jabar = node_of(hub, "jabar", address)
            fill(filler)
            told = 0
            while True:
                before = hub.dump()
                raw = jabar.bundle(jabar.offer("kemnaker"))
                response = jabar.post(raw)
                if response.status_code != 200:
                    break
                told += 1
            assert (response.status_code, response.headers["Retry-After"]) == (503, "17")
            assert hub.dump() == before
            assert len(before["entry"]) == told
            filler.unlink()
            assert jabar.post(raw).status_code == 200
            assert len(hub.dump()["entry"]) == told + 1


def test_a_full_disk_at_an_office_is_told_as_not_stored(
    postgres: StartedCluster, databases: Databases, tmp_path: Path
) -> None:
    (tmp_path / "template").mkdir()
    template = make_template(tmp_path / "template", databases)
    with country(template, tmp_path / "country", databases) as land:
        jabar, stored = land.jabar, 0
        with moved_to_a_small_disk(postgres(), jabar.node.settings.database_url) as filler:
            fill(filler)
            with pytest.raises(NotStoredError) as caught:
                while True:
                    jabar.file()
                    stored += 1
            assert "53100" in str(getattr(getattr(caught.value.__cause__, "orig", None), "sqlstate", ""))
            assert len(jabar.rows(Case)) == stored
            filler.unlink()
            jabar.file()
            assert len(jabar.rows(Case)) == stored + 1
            jabar.node.database.close()
