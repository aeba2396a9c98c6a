"""A catalogue of entries that break a rule. Each gets its state and the rule's name, changes nothing, and stops nothing
beside it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from keys import b64u
from protocol import jws
from protocol.content import receipt_body, ruling_body
from protocol.custody import answer_slot
from protocol.directory import Use
from protocol.entry import TreeHead, new_id
from protocol.seal import PartName, part_id
from tests.hub.conftest import Town
from tests.support.federation import forged, made_id, sealing, seed, signing
from tests.support.hub import Said, TestNode


@dataclass(frozen=True, slots=True)
class Threat:
    """An entry of `node` that the hub must not log; `make` may log other entries before."""

    name: str
    state: str
    rule: str
    make: Callable[[Town], Said | str]
    node: str = "jabar"
    #: Whether the verdict names the leaf that won.
    winner: bool = False


# How the bad entries are made.


def wrong_signature(town: Town) -> str:
    raw = town.jabar.receipt("kemnaker").signed.raw
    head, _, signature = raw.rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def other_payload(town: Town, **members: object) -> str:
    """A well-signed payload that no reader of ours would have let us make."""
    payload = {**town.jabar.receipt("kemnaker").entry.payload(), **members}
    return forged({name: value for name, value in payload.items() if value is not ...}, signing("jabar"))  # type: ignore[misc]


def of_another(town: Town) -> Said:
    return town.jateng.receipt("kemnaker")


def named_another(town: Town) -> str:
    return forged({**town.jabar.receipt("kemnaker").entry.payload(), "from": "jateng"}, signing("jabar"))


def second_seq(town: Town) -> Said:
    town.jabar.receipt("kemnaker")
    return town.jabar.receipt("kemnaker")


def used_seq(town: Town) -> Said:
    town.jabar.sync(town.jabar.receipt("kemnaker"))
    return town.jabar.say("receipt", "kemnaker", body=receipt_body(2), seq=1)


def reused_id(town: Town) -> Said:
    first = town.jabar.receipt("kemnaker")
    town.jabar.sync(first)
    return town.jabar.say("receipt", "kemnaker", body=receipt_body(2), id=first.entry.id)


def anothers_id(town: Town) -> Said:
    first = town.jateng.receipt("jabar")
    town.jateng.sync(first)
    return town.jabar.say("receipt", "kemnaker", body=receipt_body(2), id=first.entry.id)


def sealed_to(town: Town, kid: str) -> Said:
    said = town.jabar.offer("kemnaker")
    part = said.parts[0]
    name = replace(part.name, kid=kid)
    entry = replace(said.entry, parts={"case": name})
    return Said(entry.sign(signing("jabar")), (replace(part, name=name),))


def without_part(town: Town) -> Said:
    return Said(town.jabar.offer("kemnaker").signed)


def part_of_another_entry(town: Town) -> Said:
    """Naming what is stored under an entry of others does not bring it."""
    logged = town.logged_offer()
    return Said(replace(town.jabar.offer("kemnaker").entry, parts=logged.entry.parts).sign(signing("jabar")))


def wrong_length(town: Town) -> Said:
    said = town.jabar.offer("kemnaker")
    part = said.parts[0]
    name = PartName(part.name.id, 5_232, part.name.kid)
    return Said(replace(said.entry, parts={"case": name}).sign(signing("jabar")), said.parts)


def no_sealed_length(town: Town) -> str:
    said = town.jabar.offer("kemnaker")
    payload = said.entry.payload()
    payload["parts"] = {"case": {**said.parts[0].name.wire(), "len": 4_711}}
    return forged(payload, signing("jabar"))


def squatted_offer(town: Town) -> Said:
    logged = town.logged_offer()
    return town.jabar.offer("jateng", slot=logged.entry.slot)


def squatted_answer(town: Town) -> Said:
    """A third member lets an offer of its own take the slot that the answers to another's offer share."""
    return town.jateng.offer("kemnaker", slot=answer_slot(town.logged_offer().signed.raw))


def answer_slot_taken_before(town: Town) -> Said:
    """An offer whose answers its own sender made impossible beforehand."""
    offer = town.jabar.offer("kemnaker")
    town.jabar.links.clear()
    squatter = town.jabar.offer("jateng", slot=answer_slot(offer.signed.raw))
    assert town.jabar.sync(squatter).verdict(squatter).state == "ok"
    return offer


def second_answer(town: Town) -> Said:
    offer = town.logged_offer()
    town.kemnaker.sync(town.kemnaker.answer("accept", offer))
    return town.kemnaker.answer("reject", offer)


def late_recall(town: Town) -> Said:
    offer = town.logged_offer()
    town.kemnaker.sync(town.kemnaker.answer("accept", offer))
    return town.jabar.answer("recall", offer)


def answer_by(node: str, kind: str, **changes: object) -> Callable[[Town], Said]:
    def make(town: Town) -> Said:
        offer = town.logged_offer()
        who: TestNode = getattr(town, node)
        return who.answer(kind, offer, **{name: change(offer) for name, change in changes.items()})  # type: ignore[operator]

    return make


def backwards(kind: str, node: str, to: str) -> Callable[[Town], Said]:
    """An answer that goes the other way."""

    def make(town: Town) -> Said:
        offer = town.logged_offer()
        who: TestNode = getattr(town, node)
        slot = answer_slot(offer.signed.raw)
        return who.say(kind, to, ref=offer.entry.id, re=offer.entry.id, slot=slot)

    return make


def answer_to_nothing(town: Town) -> Said:
    return town.kemnaker.answer("accept", town.jabar.offer("kemnaker"))


def answer_to_no_offer(town: Town) -> Said:
    ask = town.jabar.say("ask", "triase")
    town.jabar.sync(ask)
    return town.jabar.say("accept", "triase", ref=ask.entry.id, re=ask.entry.id, slot=new_id())


def rejected_ruling(town: Town) -> Said:
    ruling = town.logged_ruling()
    return town.kemnaker.answer("reject", town.logged_offer(re=ruling.entry.id))


def bound_to_another(town: Town) -> Said:
    return town.jabar.offer("kemensos", re=town.logged_ruling("kemnaker").entry.id)


def anothers_ruling(town: Town) -> Said:
    return town.jateng.offer("kemnaker", re=town.logged_ruling().entry.id)


def ruling_used_twice(town: Town) -> Said:
    ruling = town.logged_ruling()
    town.logged_offer(re=ruling.entry.id)
    return town.jabar.offer("kemnaker", re=ruling.entry.id)


def ruling_used_up(town: Town) -> Said:
    ruling = town.logged_ruling()
    offer = town.logged_offer(re=ruling.entry.id)
    town.kemnaker.sync(town.kemnaker.answer("accept", offer))
    return town.jabar.offer("kemnaker", re=ruling.entry.id)


def no_ruling(town: Town) -> Said:
    return town.jabar.offer("kemnaker", re=town.logged_offer().entry.id)


def ruling_of_no_ask(town: Town) -> Said:
    return town.triase.say("ruling", "jabar", ref=new_id(), body=ruling_body("kemnaker"))


def ruling_for_another(town: Town) -> Said:
    ask = town.jabar.say("ask", "triase")
    town.jabar.sync(ask)
    return town.triase.say("ruling", "jateng", ref=ask.entry.id, body=ruling_body("kemnaker"))


def ruling_for_nobody(town: Town) -> Said:
    ask = town.jabar.say("ask", "triase")
    town.jabar.sync(ask)
    return town.triase.rule(ask, "nobody")


def early_grant(town: Town) -> Said:
    offer = town.logged_offer()
    return town.jabar.grant(offer, town.kemnaker.answer("accept", offer))


def grant_after_reject(town: Town) -> Said:
    offer = town.logged_offer()
    reject = town.kemnaker.answer("reject", offer)
    town.kemnaker.sync(reject)
    return town.jabar.grant(offer, reject)


def grant_to_another(town: Town) -> Said:
    offer = town.logged_offer()
    accept = town.kemnaker.answer("accept", offer)
    town.kemnaker.sync(accept)
    return town.jabar.say("grant", "kemensos", ref=offer.entry.id, re=accept.entry.id, epoch=1)


def grant_of_another_offer(town: Town) -> Said:
    offer, other = town.logged_offer(), town.logged_offer()
    accept = town.kemnaker.answer("accept", offer)
    town.kemnaker.sync(accept)
    return town.jabar.grant(other, accept)


def receipt_over(town: Town, seen: TreeHead) -> Said:
    return town.jabar.say("receipt", "kemnaker", body=receipt_body(1, seen))


CATALOGUE = (
    # Form.
    Threat("no JWS", "bad", "jws-form", lambda _: "once upon a time"),
    Threat("a request as an entry", "bad", "jws-type", lambda t: t.jabar.request()),
    Threat("no such kind", "bad", "kind", lambda t: other_payload(t, kind="rumour")),
    Threat("a member too many", "bad", "members", lambda t: other_payload(t, x=1)),
    Threat("a member missing", "bad", "members", lambda t: other_payload(t, seq=...)),
    Threat("position 0", "bad", "members", lambda t: other_payload(t, seq=0)),
    Threat("to itself", "bad", "kind", lambda t: other_payload(t, to="jabar")),
    Threat("a thread where there is none", "bad", "thread", lambda t: other_payload(t, ref=made_id("x"))),
    Threat("a receipt without a position", "bad", "members", lambda t: other_payload(t, body={})),
    # Who speaks.
    Threat("a wrong signature", "bad", "signature", wrong_signature),
    Threat(
        "a key that nobody enrolled",
        "bad",
        "unknown-key",
        lambda t: t.jabar.say("receipt", "kemnaker", signer="x", body=receipt_body(1)),
    ),
    Threat(
        "another member's key",
        "bad",
        "party",
        lambda t: t.jabar.say("receipt", "kemnaker", signer="jateng", body=receipt_body(1)),
    ),
    Threat("an entry from another node", "bad", "party", of_another),
    Threat("another node's name", "bad", "party", named_another),
    Threat(
        "another incarnation",
        "bad",
        "incarnation",
        lambda t: t.jabar.say("receipt", "kemnaker", inc=2, body=receipt_body(1)),
    ),
    # To whom.
    Threat("to nobody", "bad", "member", lambda t: t.jabar.say("receipt", "nobody", body=receipt_body(1))),
    Threat("to a reporter", "bad", "member", lambda t: t.jabar.say("receipt", "reporter", body=receipt_body(1))),
    Threat("a receipt to the hub", "bad", "kind", lambda t: t.jabar.say("receipt", "pusat", body=receipt_body(1))),
    Threat("a fence to a member", "bad", "kind", lambda t: t.jabar.say("fence", "kemnaker")),
    Threat("a plan to a neighbour", "bad", "kind", lambda t: t.jabar.say("plan", "jateng")),
    Threat("a notice that is not the hub's", "bad", "kind", lambda t: t.jabar.say("notice", "kemnaker")),
    Threat("an ask to no triage", "bad", "kind", lambda t: t.jabar.say("ask", "kemnaker")),
    Threat(
        "a ruling by no triage",
        "bad",
        "kind",
        lambda t: t.jabar.say("ruling", "kemnaker", ref=made_id("x"), body=ruling_body("jateng")),
    ),
    Threat("an offer to a suspended member", "closed", "closed", lambda t: t.jabar.say("offer", "tutup")),
    Threat("an offer to triage", "closed", "closed", lambda t: t.jabar.say("offer", "triase")),
    # Where on the link.
    Threat("a position too far", "gap", "seq", second_seq),
    Threat("a position that is used", "gap", "seq", used_seq),
    Threat("an id that is used", "bad", "id-reused", reused_id),
    Threat("an id that another used", "bad", "id-reused", anothers_id),
    # What is sealed.
    Threat("a part that did not come", "part", "part-missing", without_part),
    Threat("a part that only another entry brought", "part", "part-missing", part_of_another_entry),
    Threat("a part of another length", "bad", "part-id", wrong_length),
    Threat("a length that no seal has", "bad", "part-form", no_sealed_length),
    Threat("sealed to an unknown key", "rekey", "part-key", lambda t: sealed_to(t, b64u.encode(seed("x")))),
    Threat(
        "sealed to the identity key",
        "rekey",
        "part-key",
        lambda t: sealed_to(t, sealing("kemnaker", Use.IDENTITY).public.kid),
    ),
    Threat("sealed to another's key", "rekey", "part-key", lambda t: sealed_to(t, sealing("jateng").public.kid)),
    # Slots.
    Threat("an offer's slot again", "lost", "slot-taken", squatted_offer, winner=True),
    Threat("an offer in another's answer slot", "bad", "slot", squatted_answer, node="jateng"),
    Threat("an offer that cannot be answered", "bad", "slot", answer_slot_taken_before),
    Threat("a second answer", "lost", "slot-taken", second_answer, node="kemnaker", winner=True),
    Threat("a recall after the accept", "lost", "slot-taken", late_recall, winner=True),
    # Answers.
    Threat("an answer to nothing", "bad", "answer", answer_to_nothing, node="kemnaker"),
    Threat("an answer to what is no offer", "bad", "answer", answer_to_no_offer),
    Threat("an accept by a third party", "bad", "answer", answer_by("jateng", "accept"), node="jateng"),
    Threat("an accept of one's own offer", "bad", "answer", backwards("accept", "jabar", "kemnaker")),
    Threat("a reject to somebody else", "bad", "answer", backwards("reject", "kemnaker", "jateng"), node="kemnaker"),
    Threat("a recall by the recipient", "bad", "answer", backwards("recall", "kemnaker", "jabar"), node="kemnaker"),
    Threat(
        "an answer of another epoch",
        "bad",
        "answer",
        answer_by("kemnaker", "accept", epoch=lambda _: 9),
        node="kemnaker",
    ),
    Threat(
        "an answer in a slot of its own",
        "bad",
        "slot",
        answer_by("kemnaker", "accept", slot=lambda _: made_id("x")),
        node="kemnaker",
    ),
    # The log that the maker had read.
    Threat("made over another log", "bad", "seen", lambda t: t.jabar.offer("kemnaker", seen=TreeHead(3, seed("root")))),
    Threat("made over a longer log", "bad", "seen", lambda t: t.jabar.offer("kemnaker", seen=TreeHead(99, seed("r")))),
    Threat("made over no log", "bad", "seen", lambda t: t.jabar.offer("kemnaker", seen=TreeHead(0, seed("root")))),
    Threat("a receipt over another log", "bad", "seen", lambda t: receipt_over(t, TreeHead(3, seed("root")))),
    Threat("a receipt over a longer log", "bad", "seen", lambda t: receipt_over(t, TreeHead(99, seed("root")))),
    # Rulings.
    Threat("a reject under a ruling", "bad", "binding", rejected_ruling, node="kemnaker"),
    Threat("an offer to another than ruled", "bad", "binding", bound_to_another),
    Threat("an offer under another's ruling", "bad", "binding", anothers_ruling, node="jateng"),
    Threat("a second offer under a ruling", "bad", "binding", ruling_used_twice),
    Threat("an offer under a ruling that was obeyed", "bad", "binding", ruling_used_up),
    Threat("an offer under no ruling", "bad", "binding", no_ruling),
    Threat("a ruling on nothing", "bad", "thread", ruling_of_no_ask, node="triase"),
    Threat("a ruling for one who did not ask", "bad", "thread", ruling_for_another, node="triase"),
    Threat("a ruling that names nobody", "bad", "member", ruling_for_nobody, node="triase"),
    # Grants.
    Threat("a grant before the accept", "bad", "thread", early_grant),
    Threat("a grant after a reject", "bad", "thread", grant_after_reject),
    Threat("a grant to another than accepted", "bad", "thread", grant_to_another),
    Threat("a grant for another offer", "bad", "thread", grant_of_another_offer),
    Threat("an opinion on nothing", "bad", "thread", lambda t: t.jabar.say("opinion", "kemnaker", ref=made_id("x"))),
)


@pytest.mark.parametrize("threat", CATALOGUE, ids=lambda threat: threat.name)
def test_a_bad_entry_is_named_changes_nothing_and_stops_nothing(town: Town, threat: Threat) -> None:
    node: TestNode = getattr(town, threat.node)
    bad = threat.make(town)
    raw = bad if isinstance(bad, str) else bad.signed.raw
    # Beside the entries stand the requests that counted, and the evidence that tests/hub/test_equivocation.py is about.
    aside = ("member_state", "equivocation")
    before = town.hub.dump(without=aside)
    alone = node.sync(bad).answer.push[0]
    assert (alone.state, alone.reason, alone.pos) == (threat.state, threat.rule, None)
    assert alone.id == b64u.encode(jws.digest(raw))
    assert (alone.index is not None) == threat.winner
    assert town.hub.dump(without=aside) == before

    # Links that no threat uses.
    first, last = node.receipt("bandung"), node.receipt("bandung", 2)
    reply = node.sync(first, bad, last)
    assert [push.state for push in reply.answer.push] == ["ok", threat.state, "ok"]
    after = town.hub.dump()
    assert {row[1] for row in after["entry"]} - {row[1] for row in before["entry"]} == {
        first.signed.digest,
        last.signed.digest,
    }
    assert after["part"] == before["part"]
    assert len(after["log_leaf"]) == len(before["log_leaf"]) + 2


def test_after_a_refused_entry_the_next_of_its_link_is_a_gap_until_it_is_made_again(town: Town) -> None:
    bad, behind = without_part(town), town.jabar.receipt("kemnaker")
    reply = town.jabar.sync(bad, behind)
    assert [(push.state, push.reason) for push in reply.answer.push] == [("part", "part-missing"), ("gap", "seq")]
    again = town.jabar.receipt("kemnaker")
    assert again.entry.seq == 1
    assert town.jabar.sync(again).verdict(again).state == "ok"


def test_the_winner_of_a_slot_is_named(town: Town) -> None:
    offer = town.logged_offer()
    accept = town.kemnaker.answer("accept", offer)
    index = town.kemnaker.sync(accept).verdict(accept).index
    recall = town.jabar.answer("recall", offer)
    assert town.jabar.sync(recall).verdict(recall).index == index


def test_of_two_answers_in_one_bundle_the_first_wins(town: Town) -> None:
    offer = town.logged_offer()
    accept, reject = town.kemnaker.answer("accept", offer), town.kemnaker.answer("reject", offer)
    reply = town.kemnaker.sync(accept, reject)
    assert [push.state for push in reply.answer.push] == ["ok", "lost"]
    assert reply.verdict(reject).index == reply.verdict(accept).index


def test_an_offer_and_its_recall_may_come_together_and_free_the_ruling(town: Town) -> None:
    ruling = town.logged_ruling()
    offer = town.jabar.offer("kemnaker", re=ruling.entry.id)
    recall = town.jabar.answer("recall", offer)
    again = town.jabar.offer("kemnaker", re=ruling.entry.id, epoch=1)
    reply = town.jabar.sync(offer, recall, again)
    assert [push.state for push in reply.answer.push] == ["ok", "ok", "ok"]


def test_a_ruling_recalled_in_an_earlier_bundle_may_be_obeyed_anew(town: Town) -> None:
    ruling = town.logged_ruling()
    offer = town.logged_offer(re=ruling.entry.id)
    town.jabar.sync(town.jabar.answer("recall", offer))
    again = town.jabar.offer("kemnaker", re=ruling.entry.id, epoch=1)
    assert town.jabar.sync(again).verdict(again).state == "ok"


def test_an_altered_part_under_the_right_name_stops_the_whole_bundle(town: Town) -> None:
    """A part that does not hash to its name is a lie about the bundle itself, so there is no verdict on its entries."""
    said = town.jabar.offer("kemnaker")
    other = b"x" * said.parts[0].name.len
    response = town.jabar.post(town.jabar.bundle(said, parts={said.parts[0].name.id: other}))
    assert response.json()["rule"] == "part-id"
    renamed = town.jabar.sync(said, parts={part_id(other): other})
    assert renamed.verdict(said).state == "part"


@pytest.mark.parametrize("kind", ["message", "reply", "progress", "refer", "consult"])
def test_every_other_kind_passes(town: Town, kind: str) -> None:
    ref = None if kind == "consult" else made_id("return")
    said = town.jabar.say(kind, "kemnaker", ref=ref)
    assert town.jabar.sync(said).verdict(said).state == "ok"


def test_a_receipt_may_tell_the_log_that_its_maker_had_read(town: Town) -> None:
    town.jabar.sync()
    said = receipt_over(town, town.jabar.seen)
    assert town.jabar.sync(said).verdict(said).state == "ok"


def test_a_plan_goes_to_the_hub_and_to_the_parent(town: Town) -> None:
    city = replace_id(town.jabar, "bandung")
    for to in ("pusat", "jabar"):
        plan = city.say("plan", to)
        assert city.sync(plan).verdict(plan).state == "ok"


def test_a_fence_is_readable_in_the_log(town: Town) -> None:
    town.jabar.inc = 2
    fence = town.jabar.say("fence", "pusat")
    verdict = town.jabar.sync(fence).verdict(fence)
    leaves = {row[0]: row[1] for row in town.hub.dump()["log_leaf"]}
    assert b'"fence":{"inc":2,"node":"jabar"}' in leaves[verdict.index]


def replace_id(node: TestNode, party: str) -> TestNode:
    return TestNode(party, node.federation, node.url, node.hub_key)
