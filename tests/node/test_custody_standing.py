"""What custody lets an office do: take back what nobody answered, ask after the third return, stand still in doubt."""

import pytest

from keys import b64u
from node.cases.desk import recall
from node.cases.views import CaseAction, ForbiddenError, StateError
from node.custody.standing import RECALL_AFTER_SECONDS
from node.models.sync import LogSlot, OutboxEntry
from node.sync.start import begin
from protocol.custody import Phase, Stance
from protocol.entry import read_entry
from protocol.member import Status
from tests.support.federation import seed
from tests.support.nodes import OFFICER, Country, GoesDark, Office


def take_back(office: Office, number: str, reason: str = "Tidak ada jawaban.") -> None:
    office.do(recall, CaseAction(number, reason, OFFICER))


def offer_of(office: Office, number: str) -> OutboxEntry:
    (row,) = office.rows(OutboxEntry, OutboxEntry.entry_id == office.case(number).offer_id)
    return row


# Recall.


def test_an_offer_that_nobody_answers_is_taken_back_after_a_day(land: Country) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    land.jabar.sync_well()
    land.clock.advance(RECALL_AFTER_SECONDS - 1)
    with pytest.raises(StateError, match="belum sehari"):
        take_back(land.jabar, number)
    land.clock.advance(1)
    assert land.jabar.page(number).actions == {"recall"}
    take_back(land.jabar, number)
    assert land.jabar.page(number).actions == frozenset()
    with pytest.raises(StateError):
        take_back(land.jabar, number)
    land.jabar.sync_well()
    assert land.jabar.case(number).stance == Stance.HELD
    land.settle()
    assert land.kemnaker.case(number).stance == Stance.DECLINED
    land.jabar.hand_over(number, "jateng")
    land.settle()
    assert land.jateng.case(number).stance == Stance.HELD


def test_an_accept_that_stands_first_in_the_log_beats_the_recall(land: Country) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    land.jabar.sync_well()
    land.clock.advance(RECALL_AFTER_SECONDS)
    take_back(land.jabar, number)
    land.kemnaker.sync_well()
    land.settle()
    assert land.jabar.case(number).stance == Stance.ERASED
    assert land.kemnaker.case(number).stance == Stance.HELD


# The third return.


def test_a_case_that_came_back_three_times_goes_where_triage_says(land: Country) -> None:
    crook = land.crook()
    number = land.jabar.file().number
    for _ in range(3):
        land.jabar.hand_over(number, crook.id)
        land.jabar.sync_well()
        crook.push(crook.answer("reject", crook.heard("offer")))
        land.settle(land.jabar)
    assert land.jabar.case(number).returns == 3
    assert "hand_over" not in land.jabar.page(number).actions
    with pytest.raises(StateError, match="tiga kali"):
        land.jabar.hand_over(number, "jateng")
    land.jabar.ask(number)
    land.settle()
    land.triase.rule(land.triase.asks()[0], "kemnaker")
    land.settle()
    land.jabar.obey(number)
    land.settle()
    assert land.kemnaker.case(number).stance == Stance.HELD


def test_offices_that_hand_on_what_they_accepted_count_as_returns(land: Country) -> None:
    number = land.handed_to(land.jateng).number
    land.jateng.hand_over(number, "kemensos")
    land.settle()
    land.kemensos.hand_over(number, "kemnaker")
    land.settle()
    assert "hand_over" not in land.kemnaker.page(number).actions
    with pytest.raises(StateError, match="tiga kali"):
        land.kemnaker.hand_over(number, "jabar")


# Doubt: a start, an own slot that is taken.


def test_nothing_moves_custody_between_a_start_and_its_fence(land: Country) -> None:
    number = land.jabar.file().number
    begin(land.jabar.node, land.clock.now())
    with pytest.raises(StateError, match="baru dinyalakan"):
        land.jabar.hand_over(number, "kemnaker")
    land.jabar.reply(number)  # the reporter need not wait
    assert land.jabar.open_identity(number).name
    land.jabar.sync_well()
    land.jabar.close(number)


def test_what_came_while_this_office_only_read_is_answered_afterwards(land: Country) -> None:
    filed = land.jateng.file()
    land.jateng.hand_over(filed.number, "jabar")
    land.jateng.sync_well()
    begin(land.jabar.node, land.clock.now())
    land.jabar.sync(GoesDark(land.line, after=1))
    assert (land.jabar.state().phase, land.jabar.queued()) == (Phase.FENCING, ["accept", "fence"])
    land.settle()
    assert land.jabar.case(filed.number).stance == Stance.HELD
    assert [row.kind for row in land.jabar.rows(OutboxEntry)][:2] == ["accept", "fence"]


def test_a_holder_whose_own_slot_is_taken_by_what_it_does_not_hold_stands_still(land: Country) -> None:
    """The hub withholds an offer that this disk has forgotten: an alarm, never a licence."""
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    slot = read_entry(offer_of(land.jabar, number).raw).entry.slot
    with land.jabar.node.database.transaction() as session:
        case = land.jabar.case(number)
        row = session.get(type(case), case.case_id)
        assert row is not None
        row.stance, row.state, row.offer_id = Stance.HELD.value, "received", None
        session.add(LogSlot(slot=slot, log_index=0, h=b64u.encode(seed("withheld"))))
    with pytest.raises(ForbiddenError):
        land.jabar.hand_over(number, "jateng")


def test_an_offer_whose_slot_another_took_raises_the_epoch_and_goes_again(land: Country) -> None:
    """A courier who saw the queued offer squats its slot; the hub shows whose entry holds it."""
    crook, number = land.crook(), land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    slot = read_entry(offer_of(land.jabar, number).raw).entry.slot
    crook.push(crook.tell("offer", "jateng", {"case": b"{}"}, slot=slot))
    land.jabar.sync_well()
    case = land.jabar.case(number)
    assert (case.stance, case.epoch) == (Stance.HELD, 1)
    assert "slot" in land.jabar.alarms()
    land.jabar.hand_over(number, "kemnaker")
    land.settle()
    assert land.kemnaker.case(number).stance == Stance.HELD


def test_a_slot_taken_behind_our_fence_is_passed_over(land: Country) -> None:
    """A courier kept a copy of an offer that was refused, and squats its slot: it cannot be an own forgotten offer."""
    crook, number = land.crook(), land.jabar.file().number
    land.jabar.hand_over(number, "jateng")
    slot = read_entry(offer_of(land.jabar, number).raw).entry.slot
    land.founded.set_status("jateng", Status.SUSPENDED)
    land.jabar.sync_well()
    assert (land.jabar.case(number).stance, land.jabar.state().inc) == (Stance.HELD, 2)
    crook.push(crook.tell("offer", "kemensos", {"case": b"{}"}, slot=slot))
    land.jabar.sync_well()
    land.jabar.hand_over(number, "kemnaker")
    assert "slot" in land.jabar.alarms()
    land.settle()
    assert land.kemnaker.case(number).stance == Stance.HELD
