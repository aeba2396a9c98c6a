"""Custody as honest offices hand it on: every stance in between, and what each may do there."""

import pytest

from keys.errors import KeyDestroyedError
from node.cases.atrest import open_content
from node.cases.lifecycle import State
from node.cases.views import ForbiddenError, Identity, NoSuchCaseError
from node.models.cases import Case, CaseNote, Tracked
from node.models.sync import OutboxEntry, OutboxPart
from node.sync.outbox import Draft, queue
from protocol.custody import Stance, answer_slot
from protocol.directory import Status
from protocol.entry import read_entry
from tests.support.nodes import REPORTER_NAME, Country, GoesDark, Office, case_file


def stance(office: Office, number: str) -> str:
    return office.case(number).stance


def pointer(origin: Office, number: str) -> tuple[str, int]:
    """Whom the origin takes for the custodian, and over how many proven hops."""
    tracked = origin.rows(Tracked, Tracked.number == number)[0]
    return tracked.custodian, len(tracked.hops)


def sent(office: Office, kind: str) -> list[OutboxEntry]:
    return office.rows(OutboxEntry, OutboxEntry.kind == kind)


def test_a_case_goes_over_step_by_step(land: Country) -> None:
    jabar, kemnaker = land.jabar, land.kemnaker
    number = jabar.file().number
    origin_id = jabar.case(number).case_id
    assert (stance(jabar, number), jabar.case(number).epoch) == (Stance.HELD, 0)

    jabar.hand_over(number, "kemnaker")
    assert stance(jabar, number) == Stance.OFFERED
    assert jabar.queued() == ["offer"]
    jabar.sync_well()
    assert (stance(jabar, number), jabar.page(number).row.custody) == (Stance.OFFERED, "offered")
    assert jabar.page(number).actions == frozenset()

    # One exchange: the offer is stored and the accept queued, and custody is not yet theirs.
    assert kemnaker.sync(GoesDark(land.line)).trouble == "unreachable:ConnectionError"
    assert stance(kemnaker, number) == Stance.INVITED
    assert sorted(kemnaker.queued()) == ["accept", "receipt"]
    assert kemnaker.cases() == []
    with pytest.raises(NoSuchCaseError):
        kemnaker.reply(number)

    kemnaker.sync_well()
    assert (stance(kemnaker, number), kemnaker.case(number).epoch) == (Stance.HELD, 1)
    page = kemnaker.page(number)
    assert page.grant_pending
    assert not page.identity_sealed
    assert "open_identity" not in page.actions
    with pytest.raises(ForbiddenError):
        kemnaker.open_identity(number)

    # The sender reads that the accept has won, and its grant is on the way: it no longer acts, and still has all keys.
    assert jabar.sync(GoesDark(land.line)).trouble is not None
    assert (stance(jabar, number), jabar.queued()) == (Stance.PASSED, ["grant", "receipt"])
    assert jabar.keys_of(origin_id) == {"content", "identity"}
    assert pointer(jabar, number) == ("kemnaker", 1)
    with pytest.raises(ForbiddenError):
        jabar.reply(number)
    jabar.sync_well()
    assert stance(jabar, number) == Stance.PASSED
    assert jabar.keys_of(origin_id) == {"content", "identity"}

    # The recipient stores the identity, and its receipt lets the sender destroy its own.
    kemnaker.sync_well()
    assert kemnaker.page(number).identity_sealed
    jabar.sync_well()
    assert stance(jabar, number) == Stance.ERASED
    assert jabar.keys_of(origin_id) == set()
    stub = jabar.case(number)
    assert (stub.content, stub.identity) == (None, None)
    assert jabar.rows(CaseNote) == []
    assert jabar.page(number).complaint is None
    assert kemnaker.open_identity(number) == REPORTER_NAME
    land.settle()
    assert [office.alarms() for office in land.offices] == [[]] * 5


def test_the_copy_that_was_erased_opens_for_nobody(land: Country) -> None:
    filed = land.jabar.file()
    before = land.jabar.case(filed.number)
    land.jabar.hand_over(filed.number, "kemnaker")
    land.settle()
    assert before.content is not None
    with pytest.raises(KeyDestroyedError):
        open_content(land.jabar.node, before.case_id, before.content, "content")


def test_an_offered_case_is_locked(land: Country) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    for deed in (land.jabar.reply, land.jabar.close, land.jabar.ask, land.jabar.obey, land.jabar.open_identity):
        with pytest.raises(ForbiddenError):
            deed(number)
    with pytest.raises(ForbiddenError):
        land.jabar.hand_over(number, "jateng")
    assert land.jabar.queued() == ["offer"]


def test_a_grant_always_goes_and_always_looks_the_same(land: Country) -> None:
    """Also when no identity was given: else the hub would learn who files anonymously."""
    named, unnamed = (land.handed_to(land.kemnaker, identity) for identity in (REPORTER_NAME, Identity()))
    grants = sent(land.jabar, "grant")
    assert [list(read_entry(grant.raw).entry.parts) for grant in grants] == [["identity"], ["identity"]]
    assert len({read_entry(grant.raw).entry.parts["identity"].len for grant in grants}) == 1
    assert len({len(grant.raw) for grant in grants}) == 1
    assert land.kemnaker.open_identity(named.number) == REPORTER_NAME
    assert land.kemnaker.open_identity(unnamed.number) == Identity()


def test_the_outbox_keeps_no_part_of_what_was_logged(land: Country) -> None:
    land.handed_to(land.kemnaker)
    assert [office.rows(OutboxPart) for office in land.offices] == [[]] * 5


def test_handed_on_twice_the_tracking_and_the_pointer_follow(land: Country) -> None:
    filed = land.handed_to(land.jateng)
    land.clock.advance()
    land.jateng.hand_over(filed.number, "kemnaker", "Ini urusan kementerian.")
    land.settle()
    assert pointer(land.jabar, filed.number) == ("kemnaker", 2)
    tracking = land.jabar.track(filed.receipt)
    assert [(hop.sender, hop.recipient) for hop in tracking.hops] == [("Jabar", "Jateng"), ("Jateng", "Kemnaker")]
    assert all(hop.log_index is not None for hop in tracking.hops)
    assert tracking.custodian == "Kemnaker"
    assert stance(land.jateng, filed.number) == Stance.ERASED
    assert land.jateng.keys_of(land.jateng.case(filed.number).case_id) == set()
    assert land.kemnaker.open_identity(filed.number) == REPORTER_NAME
    assert [(message.author, message.text) for message in land.kemnaker.page(filed.number).messages] == [
        ("Jateng", "Ini urusan kementerian.")
    ]


def test_handed_on_before_the_own_grant_has_arrived(land: Country) -> None:
    """The grant follows the case: who passed it on forwards it as soon as it comes, and keeps the copy until then."""
    number = land.jabar.file().number
    land.jabar.hand_over(number, "jateng")
    land.jabar.sync_well()
    land.jateng.sync_well()
    land.jateng.hand_over(number, "kemnaker")
    land.settle(land.jateng, land.kemnaker)
    assert stance(land.jateng, number) == Stance.PASSED
    assert sent(land.jateng, "grant") == []
    assert land.kemnaker.page(number).grant_pending
    land.settle()
    assert stance(land.jateng, number) == Stance.ERASED
    assert land.jateng.keys_of(land.jateng.case(number).case_id) == set()
    assert land.kemnaker.open_identity(number) == REPORTER_NAME


def test_handed_back_to_the_origin_the_pointer_comes_home(land: Country) -> None:
    filed = land.handed_to(land.jateng)
    land.clock.advance()
    land.jateng.hand_over(filed.number, "jabar", "Ini wilayah Anda.")
    land.settle()
    assert pointer(land.jabar, filed.number) == ("jabar", 2)
    assert stance(land.jabar, filed.number) == Stance.HELD
    assert len(land.jabar.rows(Case)) == 2
    assert land.jabar.open_identity(filed.number) == REPORTER_NAME
    land.jabar.reply(filed.number, "Jalan diperbaiki.")
    tracking = land.jabar.track(filed.receipt)
    assert (tracking.custodian, tracking.state) == ("Jabar", State.ANSWERED)
    assert [message.text for message in tracking.messages] == ["Jalan diperbaiki."]
    assert land.jabar.page(filed.number).row.here


def test_handed_back_and_on_again_the_chain_goes_on(land: Country) -> None:
    filed = land.handed_to(land.jateng)
    land.jateng.hand_over(filed.number, "jabar")
    land.settle()
    land.jabar.hand_over(filed.number, "kemnaker")
    land.settle()
    assert pointer(land.jabar, filed.number) == ("kemnaker", 3)
    assert [row.stance for row in land.jabar.rows(Case)] == [Stance.ERASED, Stance.ERASED]
    assert land.kemnaker.open_identity(filed.number) == REPORTER_NAME
    slots = [read_entry(offer.raw).entry.slot for offer in sent(land.jabar, "offer")]
    assert len(set(slots)) == 2


def test_a_rejected_case_comes_back_with_its_reason_and_a_fresh_slot(land: Country) -> None:
    """A reject raises the epoch, so that the next offer wins another slot."""
    number = land.jabar.file().number
    refuser = land.crook()
    land.jabar.hand_over(number, "gelap")
    land.jabar.sync_well()
    offer = land.jabar.case(number)
    refuser.push(refuser.answer("reject", refuser.heard("offer")))
    land.jabar.sync_well()
    case = land.jabar.case(number)
    assert (case.stance, case.state, case.epoch) == (Stance.HELD, State.RETURNED, 1)
    assert (case.offer_id, case.offered_to) == (None, None)
    assert offer.offer_id is not None
    assert "rahasia" in [message.text for message in land.jabar.page(number).messages]
    land.jabar.hand_over(number, "kemnaker")
    land.settle()
    slots = [read_entry(row.raw).entry.slot for row in sent(land.jabar, "offer")]
    assert len(set(slots)) == 2
    assert land.kemnaker.open_identity(number) == REPORTER_NAME


def test_a_recall_that_wins_over_our_accept_leaves_us_nothing(land: Country) -> None:
    """The case was never ours: the keys go, and the accept is told as lost."""
    sender = land.crook()
    offer = sender.tell("offer", "kemnaker", {"case": case_file("gelap").encode()})
    sender.push(offer)
    land.kemnaker.sync(GoesDark(land.line))
    assert stance(land.kemnaker, "7K3M9-QX2TB") == Stance.INVITED
    assert land.kemnaker.keys_of(offer.entry.id) == {"content"}
    sender.push(sender.answer("recall", offer))
    land.kemnaker.sync_well()
    (case,) = land.kemnaker.rows(Case)
    assert (case.stance, case.content, case.identity) == (Stance.DECLINED, None, None)
    assert land.kemnaker.keys_of(offer.entry.id) == set()
    assert land.kemnaker.cases() == []
    (accept,) = sent(land.kemnaker, "accept")
    assert (accept.state, accept.rule) == ("refused", "slot-taken")
    # What stood behind the lost accept has moved up, and the link goes on.
    land.settle()
    assert land.kemnaker.queued() == []
    assert sender.heard("receipt")


def test_a_recall_that_comes_with_its_offer_leaves_nothing_either(land: Country) -> None:
    sender = land.crook()
    offer = sender.tell("offer", "kemnaker", {"case": case_file("gelap").encode()})
    sender.push(offer, sender.answer("recall", offer))
    land.kemnaker.sync_well()
    assert [case.stance for case in land.kemnaker.rows(Case)] == [Stance.DECLINED]
    assert land.kemnaker.keys_of(offer.entry.id) == set()


def test_a_recall_of_ours_brings_the_case_back(land: Country) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    land.jabar.sync_well()
    recall(land.jabar, number)
    land.settle()
    case = land.jabar.case(number)
    assert (case.stance, case.state, case.epoch) == (Stance.HELD, State.RETURNED, 1)
    assert [row.stance for row in land.kemnaker.rows(Case)] == [Stance.DECLINED]


def test_a_suspended_office_still_hands_on_and_takes_nothing(land: Country) -> None:
    filed = land.handed_to(land.jateng)
    land.founded.set_status("jateng", Status.SUSPENDED)
    for office in land.offices:
        office.sync_well()
    land.jateng.hand_over(filed.number, "kemnaker")
    land.settle()
    assert land.kemnaker.open_identity(filed.number) == REPORTER_NAME
    other = land.jabar.file()
    with pytest.raises(ForbiddenError):
        land.jabar.hand_over(other.number, "jateng")


def recall(office: Office, number: str) -> None:
    """A recall before its day (node.cases.desk.recall waits for it); in the log it counts all the same."""
    case = office.case(number)
    (offer,) = office.rows(OutboxEntry, OutboxEntry.entry_id == case.offer_id)
    draft = Draft(
        "recall", offer.recipient, ref=case.offer_id, re=case.offer_id, epoch=case.epoch, slot=answer_slot(offer.raw)
    )
    with office.node.database.transaction() as session:
        queue(session, office.node, draft, office.clock.now())
