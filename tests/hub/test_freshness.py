"""What the hub's own key vouches for: renewed by whoever serves, before it runs out, once among several."""

import threading
from pathlib import Path

import pytest
import requests
from sqlalchemy.exc import OperationalError

from hub.errors import FoundingError
from hub.members.ceremony import Holders, Rotation, rotate
from hub.members.enrolment import Registrar
from hub.members.online import Online, fresh_timestamp, warnings_of_expiry
from hub.members.store import stored_roots
from protocol.directory import Directory
from protocol.metadata import Fresh, read_timestamp
from tests.support.federation import DAY, NOW, signing
from tests.support.hub import FoundedHub, open_hub, served

HALF = DAY // 2


def online(hub: FoundedHub) -> Online:
    return Online(hub.keys.online, hub.federation)


def stamp(hub: FoundedHub, now: int) -> Fresh:
    raw = fresh_timestamp(hub.database, online(hub), now)
    with hub.database.reading() as session:
        return read_timestamp(raw, stored_roots(session, hub.federation).newest)


def test_within_half_a_day_nothing_is_signed(founded: FoundedHub) -> None:
    before = founded.dump()
    assert stamp(founded, NOW + HALF - 1).expires == NOW + DAY
    assert founded.dump() == before


def test_after_half_a_day_the_timestamp_is_renewed_and_after_half_a_week_the_snapshot(founded: FoundedHub) -> None:
    first = stamp(founded, NOW)
    second = stamp(founded, NOW + HALF + 1)
    assert (second.version, second.expires, second.names) == (first.version + 1, NOW + HALF + 1 + DAY, first.names)
    assert stamp(founded, NOW + HALF + 2) == second
    assert stamp(founded, NOW + 4 * DAY).names == first.names + 1


def test_a_hub_that_stood_still_for_a_month_vouches_again_at_once(founded: FoundedHub) -> None:
    assert stamp(founded, NOW + 40 * DAY).expires == NOW + 41 * DAY


def test_several_who_serve_renew_once(founded: FoundedHub) -> None:
    others = [open_hub(founded.settings) for _ in range(4)]
    versions: list[int] = []
    ready = threading.Barrier(len(others))

    def ask(hub: FoundedHub) -> None:
        ready.wait(10)
        versions.append(stamp(hub, NOW + HALF + 1).version)

    threads = [threading.Thread(target=ask, args=(hub,)) for hub in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(versions) == 4
    assert len(set(versions)) == 1
    for hub in others:
        hub.database.close()


def test_while_the_database_is_locked_the_old_one_is_served(
    founded: FoundedHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    old = stamp(founded, NOW)

    def locked(_self: Online, _session: object, _now: int) -> bool:
        raise OperationalError("BEGIN", None, Exception("database is locked"))

    monkeypatch.setattr(Online, "renew", locked)
    assert stamp(founded, NOW + HALF + 1) == old
    assert "not renewed now" in caplog.text


def test_a_key_that_the_root_no_longer_names_signs_nothing(
    founded: FoundedHub, caplog: pytest.LogCaptureFixture
) -> None:
    """The process that serves still holds the old key: it says so, and does not publish what nobody would believe."""
    turn(founded, Rotation([founded.registrar.key], online=signing("online dua").public), "online dua")
    with founded.database.transaction() as session, pytest.raises(FoundingError, match="start this hub anew"):
        online(founded).renew(session, NOW + HALF + 1)
    assert stamp(founded, NOW + HALF + 1).expires == NOW + DAY
    assert "ALARM" in caplog.text


def turn(hub: FoundedHub, rotation: Rotation, online_name: str | None = None) -> Directory:
    made = hub.registrar
    own = made.online if online_name is None else signing(online_name)
    with hub.database.transaction() as session:
        return rotate(session, Registrar(made.key, own, made.log, made.federation), rotation, NOW)


def test_a_rotation_puts_the_next_version_under_the_new_root(founded: FoundedHub) -> None:
    with served(founded) as url:
        after = turn(founded, Rotation([founded.registrar.key], Holders((signing("ani"), signing("budi")), 2)))
        assert after.root == 2
        raw = requests.get(f"{url}/directory/metadata/2.root.json", timeout=30).content
    roots = founded.federation.roots().added(raw)
    assert roots.newest.keys("root").threshold == 2


def test_a_rotation_that_fails_leaves_nothing(founded: FoundedHub) -> None:
    before = founded.dump()
    with pytest.raises(FoundingError, match="not those whom"):
        turn(founded, Rotation([signing("maling")]))
    with pytest.raises(FoundingError, match="cannot be asked for"):
        turn(founded, Rotation([founded.registrar.key], Holders((signing("ani"),), 2)))
    assert founded.dump() == before


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, []),
        (19, []),
        (21, ["expires in 9 days"]),
        (31, ["has expired"]),
        (360, ["has expired", "expires in 5 days"]),
    ],
)
def test_the_operator_is_warned_in_time(days: int, expected: list[str], founded: FoundedHub) -> None:
    with founded.database.reading() as session:
        told = warnings_of_expiry(session, founded.federation, NOW + days * DAY)
    assert len(told) == len(expected)
    assert all(word in line for word, line in zip(expected, told, strict=True))


def test_a_hub_of_an_older_version_is_told_to_be_founded_anew(tmp_path: Path) -> None:
    from alembic import command  # noqa: PLC0415  beside their one use
    from sqlalchemy import text  # noqa: PLC0415

    from hub.founding import MIGRATIONS  # noqa: PLC0415
    from service.database import Database  # noqa: PLC0415

    database = Database(f"sqlite:///{tmp_path / 'hub.db'}", MIGRATIONS)
    with database.engine.begin() as connection:
        command.upgrade(database.migration_config(connection), "0001")
        connection.execute(text("INSERT INTO log_leaf VALUES (0, x'00', NULL)"))
        connection.execute(text("INSERT INTO directory_version VALUES (1, 0, 'x')"))
    with pytest.raises(FoundingError, match=r"Simpul 0\.1"):
        database.migrate()
