"""What is missing on which link since when: what a node tells of its own peers, and when it raises an alarm."""

import pytest
from click.testing import CliRunner

from node import cli
from node.models.sync import Link
from node.sync.links import UNCONFIRMED_SECONDS, LinkReport, link_report, read_health, recent_alarms, watch_links
from node.sync.start import begin
from protocol.custody import Phase
from tests.support.federation import NOW
from tests.support.nodes import Country, Office, lay_out

DAY = 86_400


def links(office: Office) -> dict[str, LinkReport]:
    with office.node.database.reading() as session:
        return {row.peer: row for row in link_report(session, office.clock.now())}


def missing(office: Office, peer: str) -> tuple[int, int | None, int, int | None]:
    row = links(office)[peer]
    return row.unconfirmed, row.unconfirmed_since, row.waiting, row.waiting_since


def watch(office: Office) -> list[str]:
    watch_links(office.node, office.clock.now())
    return office.alarms()


def test_a_link_tells_what_waits_here_then_what_the_peer_has_not_confirmed(land: Country) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    assert missing(land.jabar, "kemnaker") == (0, None, 1, NOW)
    land.clock.advance(60)
    land.jabar.sync_well()
    assert missing(land.jabar, "kemnaker") == (1, NOW, 0, None)
    assert links(land.jabar)["kemnaker"].heard_at is None
    land.settle()
    assert missing(land.jabar, "kemnaker") == (0, None, 0, None)
    assert links(land.jabar)["kemnaker"].heard_at == NOW + 60


def test_the_hub_is_no_peer_and_the_longest_missing_stands_first(land: Country) -> None:
    begin(land.jabar.node, land.clock.now())
    land.jabar.sync_well()
    for to in ("kemnaker", "jateng"):
        land.clock.advance(60)
        land.jabar.hand_over(land.jabar.file().number, to)
    assert list(links(land.jabar)) == ["kemnaker", "jateng"]


def test_what_a_speaking_peer_leaves_unconfirmed_for_days_is_an_alarm(land: Country) -> None:
    """It answers, and yet the receipt for what it was sent never comes: somebody may be withholding it."""
    crook = land.crook()
    number = land.jabar.file().number
    land.jabar.hand_over(number, crook.id)
    land.jabar.sync_well()
    crook.push(crook.answer("accept", crook.heard("offer")))
    land.jabar.sync_well()
    assert missing(land.jabar, crook.id)[0] > 0
    land.clock.advance(UNCONFIRMED_SECONDS)
    assert watch(land.jabar) == []
    land.clock.advance(1)
    assert watch(land.jabar) == ["withheld"]
    assert links(land.jabar)[crook.id].withheld
    land.clock.advance(DAY)
    assert watch(land.jabar) == ["withheld"]  # the same one, newer
    with land.jabar.node.database.reading() as session:
        assert [row.at for row in recent_alarms(session, land.clock.now())] == [land.clock.now()]
        assert recent_alarms(session, land.clock.now() + 8 * DAY) == []


def test_the_sync_itself_watches(land: Country) -> None:
    crook = land.crook()
    land.jabar.hand_over(land.jabar.file().number, crook.id)
    land.jabar.sync_well()
    crook.push(crook.answer("accept", crook.heard("offer")))
    land.jabar.sync_well()
    land.clock.advance(UNCONFIRMED_SECONDS + 1)
    land.jabar.sync_well()
    assert land.jabar.alarms() == ["withheld"]


def test_a_peer_that_is_away_is_no_alarm_nor_one_that_just_came_back(land: Country) -> None:
    """It speaks before it has read its inbox: its receipt comes with the next exchange."""
    crook = land.crook()
    land.jabar.hand_over(land.jabar.file().number, crook.id)
    land.jabar.sync_well()
    land.clock.advance(5 * DAY)
    assert watch(land.jabar) == []
    crook.push(crook.answer("accept", crook.heard("offer")))
    land.jabar.sync_well()
    assert land.jabar.alarms() == []
    land.clock.advance(3_600)
    land.jabar.sync_well()
    assert land.jabar.alarms() == []
    land.clock.advance(1)
    land.jabar.sync_well()
    assert land.jabar.alarms() == ["withheld"]


def test_health_tells_contact_phase_incarnation_and_what_waits(land: Country) -> None:
    with land.jabar.node.database.reading() as session:
        before = read_health(session)
    assert (before.phase, before.incarnation, before.waiting, before.lost) == (Phase.ACTING, 1, 0, 0)
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    begin(land.jabar.node, land.clock.advance())
    with land.jabar.node.database.reading() as session:
        started = read_health(session)
    assert (started.phase, started.phase_at, started.waiting, started.waiting_since) == (
        Phase.READING,
        NOW + 60,
        1,
        NOW,
    )
    land.jabar.sync_well()
    with land.jabar.node.database.reading() as session:
        after = read_health(session)
    assert (after.phase, after.contact_at, after.incarnation) == (Phase.ACTING, NOW + 60, 2)
    assert after.log_size == land.log_size()


def test_the_status_command_prints_what_is_missing_since_when(land: Country) -> None:
    land.jabar.hand_over(land.jabar.file().number, "jateng")
    land.jabar.sync_well()
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    result = CliRunner().invoke(cli.main, ["status", "--data", str(lay_out(land, "jabar"))])
    assert result.exit_code == 0, result.output
    assert "link kemnaker: 1 not logged since 2026-09-21 14:13 UTC; heard never" in result.output
    assert "link jateng: 1 logged and not confirmed since 2026-09-21 14:13 UTC; heard never" in result.output


@pytest.mark.parametrize("upto", [0, 1])
def test_a_receipt_is_nothing_that_anybody_owes_a_receipt_for(land: Country, upto: int) -> None:
    land.handed_to(land.kemnaker)
    with land.jabar.node.database.transaction() as session:
        session.get_one(Link, "kemnaker").confirmed = upto
    kinds = {"offer", "grant"} if upto == 0 else {"grant"}
    assert missing(land.jabar, "kemnaker")[0] == len(kinds)
