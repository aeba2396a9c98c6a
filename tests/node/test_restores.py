"""A node that was set back: it takes up again what it had said, and nobody has a case twice or loses one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from keys.receipt import ReceiptCode
from node.cases.lifecycle import State
from node.cases.messages import add_message
from node.cases.views import NoSuchCaseError, Words
from node.models.sync import LogFence, OutboxEntry
from node.sync.start import begin
from protocol.custody import ACTING, Phase, Stance
from service.database import Database
from tests.support.databases import Databases
from tests.support.nodes import MIGRATIONS, REPORTER_NAME, Country, Office

Saved = Callable[[Office], None]


@pytest.fixture
def save(databases: Databases) -> Saved:
    """Make a backup of an office's database."""

    def make(office: Office) -> None:
        databases.save(office.node.settings.database_url)

    return make


@pytest.fixture
def restore(databases: Databases) -> Saved:
    """Set an office's database back to its backup, and start the office; its wrapped keys are those of now."""

    def back(office: Office) -> None:
        from dataclasses import replace  # noqa: PLC0415  beside its one use

        url = office.node.settings.database_url
        office.node.database.close()
        databases.restore(url)
        office.node = replace(office.node, database=Database(url, MIGRATIONS))
        begin(office.node, office.clock.now())

    return back


@contextmanager
def nothing_doubled(land: Country) -> Iterator[None]:
    """No two offices may act on one case; every one is at rest at the end."""
    yield
    land.settle()
    for office in land.offices:
        assert office.queued() == []
        assert office.state().phase == Phase.ACTING


def holders(land: Country, number: str) -> list[str]:
    """Who may act on the case."""
    found = []
    for office in land.offices:
        rows = [row for row in office.cases() if row.number == number and row.here]
        if rows and Stance(office.case(number).stance) in ACTING:
            found.append(office.node.member_id)
    return found


def test_a_start_fences_and_then_everything_goes_on(land: Country) -> None:
    number = land.jabar.file().number
    begin(land.jabar.node, land.clock.now())
    land.jabar.sync_well()
    state = land.jabar.state()
    assert (state.phase, state.inc, state.fence_id) == (Phase.ACTING, 2, None)
    assert [(row.node, row.inc) for row in land.jabar.rows(LogFence)] == [("jabar", 2)]
    land.jabar.hand_over(number, "kemnaker")
    land.settle()
    assert holders(land, number) == ["kemnaker"]
    assert land.jabar.alarms() == []


def test_what_was_queued_before_a_start_is_said_under_the_new_incarnation(land: Country) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    begin(land.jabar.node, land.clock.now())
    with nothing_doubled(land):
        land.settle()
    offers = [row for row in land.jabar.rows(OutboxEntry) if row.kind == "offer"]
    assert [(row.state, '"inc"' in row.raw) for row in offers] == [("logged", False)]
    assert holders(land, number) == ["kemnaker"]
    assert land.kemnaker.open_identity(number) == REPORTER_NAME


def test_a_sender_set_back_before_its_offer_takes_the_hand_over_up_again(
    land: Country, save: Saved, restore: Saved
) -> None:
    filed = land.jabar.file()
    save(land.jabar)
    land.jabar.hand_over(filed.number, "kemnaker")
    land.settle()
    land.kemnaker.reply(filed.number)
    land.settle()
    restore(land.jabar)
    assert land.jabar.case(filed.number).stance == Stance.HELD
    with nothing_doubled(land):
        land.settle()
    assert holders(land, filed.number) == ["kemnaker"]
    assert land.jabar.case(filed.number).stance == Stance.ERASED
    tracked = land.jabar.track(filed.receipt)
    assert tracked.custodian_id == "kemnaker"
    assert [message.text for message in tracked.messages] == ["Kami periksa besok."]
    assert land.kemnaker.open_identity(filed.number) == REPORTER_NAME


def test_a_recipient_set_back_before_the_offer_has_the_case_again(land: Country, save: Saved, restore: Saved) -> None:
    save(land.kemnaker)
    filed = land.handed_to(land.kemnaker)
    land.kemnaker.reply(filed.number)
    land.settle()
    restore(land.kemnaker)
    with nothing_doubled(land):
        land.settle()
    assert holders(land, filed.number) == ["kemnaker"]
    assert land.kemnaker.open_identity(filed.number) == REPORTER_NAME
    assert [row.kind for row in land.kemnaker.rows(OutboxEntry) if row.kind == "accept"] == ["accept"]
    land.kemnaker.close(filed.number)
    land.settle()
    assert [m.text for m in land.jabar.track(filed.receipt).messages] == ["Kami periksa besok.", "Selesai dibayar."]


def test_a_node_in_the_middle_set_back_knows_that_it_handed_on(land: Country, save: Saved, restore: Saved) -> None:
    filed = land.handed_to(land.kemnaker)
    save(land.kemnaker)
    land.kemnaker.hand_over(filed.number, "jateng")
    land.settle()
    restore(land.kemnaker)
    assert holders(land, filed.number) == ["jateng", "kemnaker"] or land.kemnaker.state().phase != Phase.ACTING
    with nothing_doubled(land):
        land.settle()
    assert holders(land, filed.number) == ["jateng"]
    assert land.jateng.open_identity(filed.number) == REPORTER_NAME
    assert land.jabar.track(filed.receipt).custodian_id == "jateng"


def test_an_offer_from_before_the_restore_that_nobody_got_is_made_again(
    land: Country, save: Saved, restore: Saved
) -> None:
    filed = land.jabar.file()
    land.jabar.hand_over(filed.number, "kemnaker")
    save(land.jabar)
    restore(land.jabar)
    with nothing_doubled(land):
        land.settle()
    assert holders(land, filed.number) == ["kemnaker"]


@pytest.mark.parametrize("times", [2, 3])
def test_restored_again_and_again(land: Country, save: Saved, restore: Saved, times: int) -> None:
    filed = land.jabar.file()
    save(land.jabar)
    for _ in range(times):
        land.jabar.sync_well()
        if holders(land, filed.number) == ["jabar"]:
            land.jabar.hand_over(filed.number, "kemnaker")
        land.settle()
        restore(land.jabar)
    with nothing_doubled(land):
        land.settle()
    assert holders(land, filed.number) == ["kemnaker"]
    assert land.jabar.state().inc == times + 1


def test_a_complaint_filed_and_handed_on_after_the_backup_is_tracked_again(
    land: Country, save: Saved, restore: Saved
) -> None:
    """Its record is gone, the hub's log has the offer, its custodian reports, and the receipt code claims it."""
    land.jabar.sync_well()
    save(land.jabar)
    filed = land.handed_to(land.kemnaker)
    land.kemnaker.reply(filed.number)
    land.settle()
    restore(land.jabar)
    land.settle()
    tracked = land.jabar.track(filed.receipt)
    assert (tracked.number, tracked.custodian_id) == (filed.number, "kemnaker")
    assert [message.text for message in tracked.messages] == ["Kami periksa besok."]
    land.jabar.do(add_message, Words(filed.receipt, "Masih belum."))
    land.kemnaker.close(filed.number)
    land.settle()
    assert land.jabar.track(filed.receipt).state is State.RESOLVED
    assert "Masih belum." in [message.text for message in land.kemnaker.page(filed.number).messages]


def test_nobody_elses_receipt_claims_a_record_that_was_made_again(land: Country, save: Saved, restore: Saved) -> None:
    land.jabar.sync_well()
    save(land.jabar)
    land.handed_to(land.kemnaker)
    restore(land.jabar)
    land.settle()
    with pytest.raises(NoSuchCaseError):
        land.jabar.track(ReceiptCode.generate().text)
