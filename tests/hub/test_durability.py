"""What was acknowledged is there, whatever happens to the machine; what was not is not, and the node is told so."""

import sqlite3
from dataclasses import replace

import pytest
from sqlalchemy import event

from hub.founding import open_database
from hub.settings import Settings
from protocol.bundle import Pull
from tests.hub.conftest import Town
from tests.support.databases import write_locked
from tests.support.hub import FoundedHub, HubProcess, node_of, open_hub, served


def test_what_was_acknowledged_survives_a_kill(founded: FoundedHub) -> None:
    process = HubProcess(founded.settings.data_dir).start()
    jabar = node_of(founded, "jabar", process.url)
    said = [jabar.offer("kemnaker") for _ in range(5)]
    reply = jabar.sync(*said)
    process.kill()
    process.start()
    kemnaker = node_of(founded, "kemnaker", process.url)
    pulled = kemnaker.sync()
    assert pulled.bundle.entries == tuple(one.signed.raw for one in said)
    assert len(pulled.bundle.parts) == 5
    assert [each.index for each in pulled.answer.pull] == [each.index for each in reply.answer.push]
    # The log goes on from the checkpoint that was seen before (TestNode.read verifies the proof).
    again = jabar.sync(*said, pull=Pull(0, 0, 0))
    assert {push.state for push in again.answer.push} == {"dup"}
    process.stop()


@pytest.mark.database("sqlite")
def test_a_full_disk_is_told_and_nothing_is_lost(settings: Settings) -> None:
    """SQLite's own page limit stands for the disk: the same error, from the same place.

    That of PostgreSQL is filled in tests/service/test_postgres_failures.py.
    """
    hub = open_hub(replace(settings, retry_after_seconds=17))
    with sqlite3.connect(settings.data_dir / "hub.db") as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]

    hub.database.close()

    @event.listens_for(hub.database.engine, "connect")
    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages + 12}")

    with served(hub) as url:
        jabar = node_of(hub, "jabar", url)
        told, before = [], hub.dump()
        for _ in range(40):
            offer = jabar.offer("kemnaker")
            raw = jabar.bundle(offer)
            response = jabar.post(raw)
            if response.status_code != 200:
                break
            told.append(offer.signed.raw)
            before = hub.dump()
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "17"
        assert response.headers["Content-Type"] == "application/problem+json"
        assert told
        assert hub.dump() == before
        assert [row[15] for row in sorted(before["entry"])] == told
    # There is room again: the very same bytes are taken.
    roomy = replace(hub, database=open_database(settings))
    with served(roomy) as url:
        jabar.url = url
        assert jabar.post(raw).status_code == 200
        assert len(roomy.dump()["entry"]) == len(told) + 1


def test_a_locked_database_is_told_and_the_same_bytes_are_taken_later(settings: Settings) -> None:
    hub = open_hub(replace(settings, busy_timeout_ms=50))
    with served(hub) as url:
        jabar = node_of(hub, "jabar", url)
        raw = jabar.bundle(jabar.receipt("kemnaker"))
        with write_locked(settings.database_url):
            response = jabar.post(raw)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert jabar.post(raw).status_code == 200


@pytest.mark.database("sqlite")
def test_the_write_ahead_log_is_synced_at_each_commit(town: Town) -> None:
    """`synchronous=FULL` (2) in WAL mode is what makes an acknowledgement survive the power cut."""
    with town.hub.database.reading() as session:
        found = {
            name: session.connection().exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "temp_store")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "temp_store": 2}


@pytest.mark.parametrize("hard", [True, False], ids=["killed", "stopped"])
def test_it_starts_again_on_the_same_files(founded: FoundedHub, hard: bool) -> None:
    process = HubProcess(founded.settings.data_dir).start()
    process.kill() if hard else process.stop()
    with process:
        assert node_of(founded, "jabar", process.url).sync().answer.push == ()
