"""What a dishonest member may say, signed with its own enrolled keys, and what an honest office makes of it.

The hub sees no content, so it takes all of these; each must leave the office as it was, but for an alarm.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from node.models.cases import Case, Tracked, TrackedEvent, TrackedMail
from node.models.sync import InboxEntry, OutboxEntry
from node.sync.outbox import Draft, queue
from protocol.content import IdentityFile, Note, Progress, read_receipt_body, ruling_body
from protocol.custody import Hop, Stance
from protocol.party import REPORTER
from tests.support.federation import made_id, sealing
from tests.support.hub import Said, TestNode
from tests.support.nodes import CROOK, REPORTER_NAME, Country, Crook, Office, case_file

NUMBER = "7K3M9-QX2TB"


def rules(office: Office) -> list[str | None]:
    """What became of each inbox entry: the rule that it broke, or None."""
    return [row.rule for row in sorted(office.rows(InboxEntry), key=lambda row: row.pos)]


def kinds_sent(office: Office, kind: str) -> list[OutboxEntry]:
    return office.rows(OutboxEntry, OutboxEntry.kind == kind)


def hop_of(place: Country, crook: Crook) -> tuple[Hop, Said]:
    """A real hand-over from jabar to the crook: the hop, and the offer's own side of it."""
    number = place.jabar.file().number
    place.jabar.hand_over(number, CROOK)
    place.jabar.sync_well()
    offer = crook.heard("offer")
    accept = crook.answer("accept", offer)
    crook.push(accept)
    place.settle()
    return Hop(offer.signed.raw, accept.signed.raw), offer


def return_ref(place: Country) -> str:
    return place.jabar.rows(Tracked)[0].return_ref


def unlogged(crook: Crook) -> Hop:
    """A hop from jateng to the crook that both sides signed, had the crook jateng's key, and that no log holds."""
    asked = TestNode("jateng", crook.federation, crook.url, crook.hub_key).offer(CROOK)
    answered = TestNode(CROOK, crook.federation, crook.url, crook.hub_key).answer("accept", asked)
    return Hop(asked.signed.raw, answered.signed.raw)


# Offers that must not be taken.


@dataclass(frozen=True, slots=True)
class BadOffer:
    """An offer that no honest office makes, and the rule that it breaks."""

    name: str
    rule: str
    make: Callable[[Country, Crook], Said]


def offered(content: bytes, **changes: object) -> Callable[[Country, Crook], Said]:
    return lambda _, crook: crook.tell("offer", "kemnaker", {"case": content}, **changes)  # type: ignore[arg-type]


def of_another_origin(_: Country, crook: Crook) -> Said:
    """jabar never handed this on."""
    return crook.tell("offer", "kemnaker", {"case": case_file("jabar").encode()})


def with_a_stolen_chain(place: Country, crook: Crook) -> Said:
    """The chain of a hand-over between two others, which ends elsewhere."""
    place.handed_to(place.jateng)
    (offer,), (accept,) = kinds_sent(place.jabar, "offer"), kinds_sent(place.jateng, "accept")
    return crook.tell("offer", "kemnaker", {"case": case_file("jabar", hops=[Hop(offer.raw, accept.raw)]).encode()})


def with_a_forged_hop(_: Country, crook: Crook) -> Said:
    """An offer and an accept that stand in no log."""
    return crook.tell("offer", "kemnaker", {"case": case_file("jateng", hops=[unlogged(crook)]).encode()})


def with_an_unanswered_hop(place: Country, crook: Crook) -> Said:
    """The offer is real and logged, its accept is not."""
    number = place.jabar.file().number
    place.jabar.hand_over(number, CROOK)
    place.jabar.sync_well()
    offer = crook.heard("offer")
    accept = crook.answer("accept", offer)
    crook.links.clear()
    hop = Hop(offer.signed.raw, accept.signed.raw)
    return crook.tell("offer", "kemnaker", {"case": case_file("jabar", hops=[hop]).encode()})


def with_a_hop_twice(place: Country, crook: Crook) -> Said:
    hop, _ = hop_of(place, crook)
    return crook.tell("offer", "kemnaker", {"case": case_file("jabar", hops=[hop, hop]).encode()})


def at_an_epoch_before_its_hop(place: Country, crook: Crook) -> Said:
    """Its chain is whole; but at epoch 0 it could offer the same case again and again, each time with a fresh slot."""
    hop, _ = hop_of(place, crook)
    return crook.tell("offer", "kemnaker", {"case": case_file("jabar", hops=[hop]).encode()}, epoch=0)


def with_garbage_for_a_hop(_: Country, crook: Crook) -> Said:
    return crook.tell("offer", "kemnaker", {"case": case_file(CROOK, hops=[Hop("a.b.c", "")]).encode()})


GOOD = case_file(CROOK).encode()
BAD_OFFERS = (
    BadOffer("no canonical JSON", "canonical", offered(b"{ }")),
    BadOffer("members missing", "members", offered(b'{"v":1}')),
    BadOffer("a mailbox that is no key", "members", offered(case_file(CROOK, mailbox=b"\xff" * 1216).encode())),
    BadOffer("sealed for another context", "seal", offered(GOOD, bound={"id": made_id("another")})),
    BadOffer("sealed as another purpose", "seal", offered(GOOD, bound={"purpose": "identity"})),
    BadOffer("sealed for another epoch", "seal", offered(GOOD, bound={"epoch": 7})),
    BadOffer("sealed as from another office", "seal", offered(GOOD, bound={"sender": "jabar"})),
    BadOffer("another origin than its sender", "chain", of_another_origin),
    BadOffer("the chain of others", "chain", with_a_stolen_chain),
    BadOffer("a hop of its own making", "chain", with_a_forged_hop),
    BadOffer("an offer that nobody accepted", "chain", with_an_unanswered_hop),
    BadOffer("a hop twice", "chain", with_a_hop_twice),
    BadOffer("an epoch that is not above its last hop's", "chain", at_an_epoch_before_its_hop),
    BadOffer("a hop that is no entry", "base64url", with_garbage_for_a_hop),
)


@pytest.mark.parametrize("bad", BAD_OFFERS, ids=lambda bad: bad.name)
def test_a_broken_offer_is_rejected_and_nothing_of_it_is_kept(land: Country, bad: BadOffer) -> None:
    crook = land.crook()
    offer = bad.make(land, crook)
    crook.push(offer)
    land.settle()
    assert rules(land.kemnaker) == [bad.rule]
    assert land.kemnaker.alarms() == [bad.rule]
    assert land.kemnaker.rows(Case) == []
    assert list(land.kemnaker.node.case_keys.listing()) == []
    (reject,) = kinds_sent(land.kemnaker, "reject")
    assert (reject.recipient, reject.state) == (CROOK, "logged")
    assert kinds_sent(land.kemnaker, "accept") == []
    told = crook.heard("reject")
    assert told.entry.re == offer.entry.id


def test_an_offer_sealed_to_a_key_that_we_do_not_have_is_rejected(land: Country) -> None:
    """The directory lists the key for us, so the hub takes the seal; this keyring lost it."""
    kemnaker = land.kemnaker
    kemnaker.node = replace(kemnaker.node, keyring=replace(kemnaker.node.keyring, sealing=()))
    crook = land.crook()
    crook.push(crook.tell("offer", "kemnaker", {"case": GOOD}))
    land.settle()
    assert rules(kemnaker) == ["part-key"]
    assert kemnaker.rows(Case) == []
    assert crook.heard("reject")


def test_a_hop_of_another_case_does_not_bring_a_case_home(land: Country) -> None:
    """Handed back to its origin, a case must begin with the very hand-over that began it."""
    crook = land.crook()
    hop, _ = hop_of(land, crook)
    other = land.handed_to(land.jateng)
    known = {row.number: row.return_ref for row in land.jabar.rows(Tracked)}
    case = case_file("jabar", hops=[hop], return_ref=known[other.number], number=other.number)
    crook.push(crook.tell("offer", "jabar", {"case": case.encode()}, epoch=1))
    land.settle()
    assert rules(land.jabar)[-1] == "chain"
    assert land.jabar.track(other.receipt).custodian == "Jateng"
    assert kinds_sent(land.jabar, "reject")


def test_a_bad_entry_stops_none_of_those_beside_it(land: Country) -> None:
    crook = land.crook()
    bad = crook.tell("offer", "kemnaker", {"case": b"{ }"})
    astray = crook.tell("reply", "kemnaker", {"reply": b"?"}, ref=made_id("nothing"))
    good = crook.tell("offer", "kemnaker", {"case": GOOD})
    crook.push(bad, astray, good, crook.tell("progress", "kemnaker", {"message": b"?"}, ref=made_id("nothing")))
    land.settle()
    assert rules(land.kemnaker) == ["canonical", "thread", None, "canonical"]
    assert [case.case_id for case in land.kemnaker.rows(Case)] == [good.entry.id]


def test_a_kind_of_a_later_version_is_kept_and_not_acted_on(land: Country) -> None:
    crook = land.crook()
    crook.push(crook.tell("consult", "kemnaker", {"case": GOOD}))
    land.settle()
    assert rules(land.kemnaker) == [None]
    assert land.kemnaker.alarms() == ["kind"]
    assert read_receipt_body(crook.heard("receipt").entry.body) == 1


# Grants.


def granted_file() -> bytes:
    return IdentityFile({"name": "Palsu", "phone": "", "email": "", "nik": ""}).encode()


def test_a_grant_of_a_stranger_is_refused(land: Country) -> None:
    """The crook can only name an accept of its own, which is no accept of this case."""
    crook = land.crook()
    own = crook.tell("offer", "kemnaker", {"case": GOOD})
    crook.push(own)
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    land.jabar.sync_well()
    land.kemnaker.sync_well()
    accept = crook.heard("accept")
    case = land.kemnaker.case(number)
    grant = crook.tell("grant", "kemnaker", {"identity": granted_file()}, ref=case.case_id, re=accept.entry.id, epoch=1)
    reply = crook.sync(grant)
    # The hub sees through it already; a hub that did not would find the office of the same mind.
    assert reply.verdict(grant).reason == "thread"
    land.settle()
    assert land.kemnaker.open_identity(number) == REPORTER_NAME


def test_a_second_grant_changes_nothing(land: Country) -> None:
    crook = land.crook()
    offer = crook.tell("offer", "kemnaker", {"case": GOOD})
    crook.push(offer)
    land.settle()
    accept = crook.heard("accept")
    for name in ("Pertama", "Kedua"):
        content = IdentityFile({"name": name, "phone": "", "email": "", "nik": ""}).encode()
        members = {"ref": offer.entry.id, "re": accept.entry.id, "epoch": 1}
        crook.push(crook.tell("grant", "kemnaker", {"identity": content}, **members))  # type: ignore[arg-type]
    land.settle()
    assert land.kemnaker.open_identity(NUMBER).name == "Pertama"


def test_a_grant_that_does_not_open_leaves_the_case_waiting(land: Country) -> None:
    crook = land.crook()
    offer = crook.tell("offer", "kemnaker", {"case": GOOD})
    crook.push(offer)
    land.settle()
    accept = crook.heard("accept")
    bad = crook.tell("grant", "kemnaker", {"identity": granted_file()}, ref=offer.entry.id, re=accept.entry.id,
                     epoch=1, bound={"epoch": 0})  # fmt: skip
    crook.push(bad)
    land.settle()
    assert rules(land.kemnaker) == [None, "seal"]
    assert land.kemnaker.page(NUMBER).grant_pending
    assert land.kemnaker.keys_of(offer.entry.id) == {"content"}


# Replies and progress.


def test_a_reply_of_a_stranger_reaches_no_mailbox(land: Country) -> None:
    filed = land.jabar.file()
    crook = land.crook()
    mailbox = sealing(REPORTER).public
    crook.push(
        crook.tell("reply", "jabar", {"reply": Note("Hubungi saya").encode()}, ref=return_ref(land), sealed_to=mailbox)
    )
    land.settle()
    assert rules(land.jabar) == ["party"]
    assert land.jabar.rows(TrackedMail) == []
    assert land.jabar.track(filed.receipt).messages == ()


def test_a_former_handler_may_still_write(land: Country) -> None:
    crook = land.crook()
    hop, offer = hop_of(land, crook)
    del hop
    crook.push(crook.tell("reply", "jabar", {"reply": Note("Sudah").encode()}, ref=return_ref(land)))
    land.settle()
    assert rules(land.jabar)[-1] is None
    assert offer.entry.sender == "jabar"
    assert len(land.jabar.rows(TrackedMail)) == 1


def test_a_letter_that_the_receipt_does_not_open_is_shown_as_damaged(land: Country) -> None:
    filed = land.jabar.file()
    crook = land.crook()
    land.jabar.hand_over(filed.number, CROOK)
    land.jabar.sync_well()
    crook.push(crook.answer("accept", crook.heard("offer")))
    land.settle()
    crook.push(crook.tell("reply", "jabar", {"reply": Note("Sudah").encode()}, ref=return_ref(land)))
    land.settle()
    (message,) = land.jabar.track(filed.receipt).messages
    assert "rusak" in message.text


def progress_of(crook: Crook, ref: str, hops: list[Hop], **changes: object) -> Said:
    content = Progress(1_790_000_100, str(changes.pop("state", "answered")), None, hops, 1, "7K3M9-QX2TB")
    return crook.tell("progress", "jabar", {"message": content.encode()}, ref=ref, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["no hops", "garbage", "unlogged"])
def test_a_progress_of_a_stranger_moves_no_pointer(land: Country, how: str) -> None:
    filed = land.jabar.file()
    crook = land.crook()
    hops = {"no hops": [], "garbage": [Hop("a.b.c", "a.b.c")], "unlogged": [unlogged(crook)]}[how]
    crook.push(progress_of(crook, return_ref(land), hops))
    land.settle()
    assert rules(land.jabar)[0] in {"chain", "base64url"}
    tracking = land.jabar.track(filed.receipt)
    assert (tracking.custodian, tracking.state) == ("Jabar", "received")
    assert len(land.jabar.rows(TrackedEvent)) == 1


def test_hops_of_another_case_move_no_pointer(land: Country) -> None:
    """The hand-over is real; it is of a case that has nothing to do with this one."""
    crook = land.crook()
    hop, _ = hop_of(land, crook)
    other = land.jabar.file()
    ref = next(row.return_ref for row in land.jabar.rows(Tracked) if row.number == other.number)
    crook.push(progress_of(crook, ref, [hop]))
    land.settle()
    assert rules(land.jabar)[-1] == "chain"
    assert land.jabar.track(other.receipt).custodian == "Jabar"


def test_an_unknown_state_is_refused(land: Country) -> None:
    crook = land.crook()
    hop, _ = hop_of(land, crook)
    crook.push(progress_of(crook, return_ref(land), [hop], state="dijual"))
    land.settle()
    assert rules(land.jabar)[-1] == "members"


def test_a_late_word_of_a_former_custodian_moves_nothing_back(land: Country) -> None:
    crook = land.crook()
    filed = land.jabar.file()
    land.jabar.hand_over(filed.number, CROOK)
    land.jabar.sync_well()
    offer = crook.heard("offer")
    accept = crook.answer("accept", offer)
    crook.push(accept)
    land.settle()
    first = Hop(offer.signed.raw, accept.signed.raw)
    ref = return_ref(land)
    mailbox = land.jabar.rows(Tracked)[0].mailbox
    onward = case_file("jabar", hops=[first], return_ref=ref, mailbox=mailbox, number=filed.number)
    crook.push(crook.tell("offer", "jateng", {"case": onward.encode()}, epoch=1))
    land.settle()
    assert land.jabar.track(filed.receipt).custodian == "Jateng"
    state = land.jabar.track(filed.receipt).state
    crook.push(progress_of(crook, ref, [first], state="resolved"))
    land.settle()
    assert rules(land.jabar)[-1] is None
    tracking = land.jabar.track(filed.receipt)
    assert (tracking.custodian, tracking.state, len(tracking.hops)) == ("Jateng", state, 2)


# Receipts and rulings.


def test_a_receipt_for_what_was_never_sent_is_refused(land: Country) -> None:
    """Else a recipient could have the sender erase an identity that it never got."""
    crook = land.crook()
    number = land.jabar.file().number
    land.jabar.hand_over(number, CROOK)
    land.jabar.sync_well()
    crook.push(crook.answer("accept", crook.heard("offer")), crook.receipt("jabar", 2**40))
    land.settle()
    assert rules(land.jabar) == [None, "seq"]
    assert land.jabar.case(number).stance == Stance.PASSED
    assert land.jabar.keys_of(land.jabar.case(number).case_id) == {"content", "identity"}


def test_a_receipt_before_the_grant_erases_nothing(land: Country) -> None:
    """It confirms the offer; the grant has a later position."""
    crook = land.crook()
    number = land.jabar.file().number
    land.jabar.hand_over(number, CROOK)
    land.jabar.sync_well()
    crook.push(crook.answer("accept", crook.heard("offer")), crook.receipt("jabar", 1))
    land.settle()
    assert land.jabar.case(number).stance == Stance.PASSED
    crook.push(crook.receipt("jabar", 3))
    land.settle()
    assert land.jabar.case(number).stance == Stance.ERASED


@pytest.mark.parametrize("when", ["obeyed", "before"])
def test_triage_rules_once_on_an_ask(land: Country, when: str) -> None:
    """A second ruling would take a case back from an office that has it, or that the first one bound."""
    number = land.jabar.file().number
    land.jabar.ask(number)
    land.settle()
    (ask_id,) = land.triase.asks()
    land.triase.rule(ask_id, "kemnaker")
    land.settle()
    if when == "obeyed":
        land.jabar.obey(number)
        land.settle()
    before = land.jabar.dump()["case"]
    rule_by_hand(land.triase, ask_id, "jateng")
    land.settle()
    assert rules(land.jabar)[-1] == "thread"
    assert land.jabar.dump()["case"] == before


def test_a_ruling_on_an_ask_of_others_is_refused(land: Country) -> None:
    number = land.jateng.file().number
    land.jateng.ask(number)
    land.settle()
    (ask_id,) = land.triase.asks()
    rule_by_hand(land.triase, ask_id, "kemnaker", to="jabar")
    land.triase.sync()
    land.settle(land.jabar)
    assert rules(land.jabar) == []
    assert [row.rule for row in kinds_sent(land.triase, "ruling")] == ["thread"]


def rule_by_hand(triage: Office, ask_id: str, named: str, to: str = "jabar") -> None:
    """A ruling that the triage desk itself would not send."""
    sealed = {"message": (Note("Berubah.").encode(), sealing(to).public)}
    with triage.node.database.transaction() as session:
        draft = Draft("ruling", to, ref=ask_id, body=ruling_body(named), sealed=sealed)
        queue(session, triage.node, draft, triage.clock.now())


def test_a_reason_that_cannot_be_kept_stops_neither_the_return_nor_the_others(land: Country) -> None:
    """The wrapping of the content is lost: the words of the reject cannot be stored, and the case comes back."""
    crook = land.crook()
    number = land.jabar.file().number
    land.jabar.hand_over(number, CROOK)
    land.jabar.sync_well()
    land.jabar.node.case_keys.destroy(land.jabar.case(number).case_id, "content")
    crook.push(crook.answer("reject", crook.heard("offer")))
    land.settle()
    assert rules(land.jabar) == ["key"]
    assert land.jabar.alarms() == ["key"]
    assert land.jabar.case(number).state == "returned"
    page = land.jabar.page(number)
    assert page.complaint is None
    assert ["tidak dapat dibuka" in message.text for message in page.messages] == [True]


def test_a_case_whose_key_is_lost_stops_none_of_the_others(land: Country) -> None:
    """A disk that lost one wrapping: the case waits for people, and everything else goes on."""
    lost, fair = land.jabar.file().number, land.jabar.file().number
    for number in (lost, fair):
        land.jabar.hand_over(number, "kemnaker")
    land.jabar.node.case_keys.destroy(land.jabar.case(lost).case_id, "identity")
    land.settle()
    assert "key" in land.jabar.alarms()
    assert land.jabar.case(lost).stance == Stance.PASSED
    assert land.jabar.case(fair).stance == Stance.ERASED
    assert land.kemnaker.open_identity(fair) == REPORTER_NAME
    assert land.kemnaker.page(lost).grant_pending


def test_a_number_of_another_complaint_is_not_taken(land: Country) -> None:
    """Officers act by number: a crook that reuses one would have them act on the wrong case."""
    number = land.jabar.file().number
    crook = land.crook()
    crook.push(crook.tell("offer", "jabar", {"case": case_file("gelap", number=number).encode()}))
    land.settle()
    assert rules(land.jabar)[-1:] == ["id-reused"]
    assert land.jabar.case(number).sender is None
