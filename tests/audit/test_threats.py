"""Logs that are whole and signed, and tell of something that must not be: each is named by its check and rule."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from protocol import custody
from protocol.content import receipt_body
from protocol.directory import Kind, Status
from protocol.entry import SignedEntry, TreeHead
from protocol.leaf import Fence, Leaf
from protocol.seal import PartName
from tests.support.federation import HUB, World, directory, made_id, member, records, seed, signing, story

Failed = set[tuple[str, str]]
Audit = Callable[..., Failed]


@pytest.fixture
def world() -> World:
    return World.founded()


def rotated(world: World) -> None:
    """The registrar closes jabar's signing key and lists a new one."""
    old = [replace(record, open=False) for record in records("jabar")[:1]]
    now = member("jabar", keys=(*old, *records("jabar")[1:], *records("jabar baru")))
    world.publish(directory(*({**world.history.latest.members, "jabar": now}).values(), version=2))


# Entries


def test_an_entry_signed_by_another_member_is_found(world: World, audit: Audit) -> None:
    world.say("ask", "jabar", "triase", key=signing("jateng"))
    assert ("entries", "party") in audit(world)


def test_an_entry_signed_by_a_stranger_is_found(world: World, audit: Audit) -> None:
    world.say("ask", "jabar", "triase", key=signing("stranger"))
    assert ("entries", "unknown-key") in audit(world)


def test_an_entry_signed_by_a_key_that_was_closed_before_is_found(world: World, audit: Audit) -> None:
    world.say("ask", "jabar", "triase")
    rotated(world)
    assert audit(world) == set()
    world.say("ask", "jabar", "triase")
    assert ("entries", "unknown-key") in audit(world)


def test_an_entry_signed_by_a_key_that_was_not_listed_yet_is_found(world: World, audit: Audit) -> None:
    world.say("ask", "jabar", "triase", key=signing("jabar baru"))
    rotated(world)
    assert ("entries", "unknown-key") in audit(world)


def test_an_entry_whose_signature_was_replaced_is_found(world: World, audit: Audit) -> None:
    signed = world.draft("ask", "jabar", "triase").sign(signing("jabar"))
    touched = SignedEntry(signed.entry, signed.raw[:-86] + "A" * 86, signed.kid)
    world.log(touched)
    assert ("entries", "signature") in audit(world)


@pytest.mark.parametrize(
    "leaf",
    [
        pytest.param(lambda s: Leaf(seed("other"), slot=s.entry.slot), id="another hash"),
        pytest.param(lambda s: Leaf(s.digest, slot=made_id("other")), id="another slot"),
        pytest.param(lambda s: Leaf(s.digest), id="no slot"),
        pytest.param(lambda s: Leaf(s.digest, fence=Fence("jabar", 2)), id="a fence"),
    ],
)
def test_a_leaf_that_is_not_its_entrys_is_found(
    leaf: Callable[[SignedEntry], Leaf], world: World, audit: Audit
) -> None:
    signed = world.draft("offer", "jabar", "kemnaker").sign(signing("jabar"))
    world.entries.append((world.append(leaf(signed)), signed.raw))
    assert ("entries", "tree") in audit(world)


def test_leaves_without_entries_fail_only_where_all_were_promised(audit: Audit) -> None:
    world = story()
    world.entries = world.entries[:4] + world.entries[9:]
    assert audit(world, need_all=False) == set()
    assert ("entries", "missing") in audit(world, need_all=True)


@pytest.mark.parametrize("kept", range(0, 26, 3))
def test_an_auditor_who_sees_one_entry_accuses_nobody(kept: int, audit: Audit) -> None:
    """What an unseen entry might explain is not judged."""
    world = story()
    world.entries = world.entries[kept : kept + 1]
    assert audit(world, need_all=False) == set()


@pytest.mark.parametrize("left_out", range(26))
def test_whichever_entry_is_left_out_accuses_nobody(left_out: int, audit: Audit) -> None:
    world = story()
    del world.entries[left_out]
    assert audit(world, need_all=False) == set()


# Links


def test_a_position_that_is_left_out_is_found(world: World, audit: Audit) -> None:
    world.say("ask", "jabar", "triase", seq=2)
    assert audit(world) == {("links", "seq")}


def test_positions_in_the_wrong_order_are_found(world: World, audit: Audit) -> None:
    world.say("ask", "jabar", "triase", seq=2)
    world.say("ask", "jabar", "triase", seq=1)
    assert audit(world) == {("links", "seq")}


def test_two_entries_at_one_position_are_equivocation(world: World, audit: Audit) -> None:
    world.say("ask", "jabar", "triase", seq=1)
    world.say("ask", "jabar", "triase", seq=1)
    assert audit(world) == {("links", "seq")}


def test_an_entry_that_was_logged_twice_is_found(world: World, audit: Audit) -> None:
    world.log(world.ask("jabar"))
    assert audit(world) == {("links", "seq")}


def test_an_id_on_two_entries_is_found(world: World, audit: Audit) -> None:
    for recipient in ("kemnaker", "jateng"):
        world.say("message", "jabar", recipient, id=made_id("one"), ref=made_id("thread"))
    assert ("links", "id-reused") in audit(world)


def test_a_receipt_for_more_than_was_sent_is_found(world: World, audit: Audit) -> None:
    world.say("consult", "jabar", "kemnaker")
    world.receipt("kemnaker", "jabar", 1)
    assert audit(world) == set()
    world.receipt("kemnaker", "jabar", 2)
    assert audit(world) == {("links", "seq")}


def test_an_entry_of_an_incarnation_that_was_fenced_off_is_found(world: World, audit: Audit) -> None:
    world.say("ask", "jabar", "triase")
    world.say("fence", "jabar", HUB, inc=2)
    world.say("ask", "jabar", "triase", inc=2)
    assert audit(world) == set()
    world.say("ask", "jabar", "triase", inc=1)
    assert audit(world) == {("links", "incarnation")}


def test_a_fence_that_does_not_rise_is_found(world: World, audit: Audit) -> None:
    for inc in (2, 2):
        world.say("fence", "jabar", HUB, inc=inc)
    assert audit(world) == {("links", "incarnation")}


# Kinds


@pytest.mark.parametrize(
    ("kind", "sender", "recipient", "rule"),
    [
        ("ask", "jabar", "kemnaker", "kind"),
        ("stats", "jabar", "kemnaker", "kind"),
        ("fence", "jabar", "kemnaker", "kind"),
        ("notice", "jabar", "kemnaker", "kind"),
        ("notice", HUB, "papua", "member"),
        ("consult", "jabar", HUB, "member"),
        ("consult", "jabar", "papua", "member"),
        ("offer", "jabar", "triase", "closed"),
    ],
)
def test_a_kind_that_goes_where_it_may_not_is_found(
    kind: str, sender: str, recipient: str, rule: str, world: World, audit: Audit
) -> None:
    world.say(kind, sender, recipient)
    assert ("kinds", rule) in audit(world)


def test_a_plan_goes_to_the_hub_and_to_the_parent(audit: Audit) -> None:
    world = World()
    world.publish(directory(member("jabar"), member("bandung", Kind.REGENCY, parent="jabar"), member("jateng")))
    world.say("plan", "bandung", "jabar")
    world.say("plan", "bandung", HUB)
    assert audit(world) == set()
    world.say("plan", "bandung", "jateng")
    assert audit(world) == {("kinds", "kind")}


def test_a_ruling_by_anyone_but_triage_is_found(world: World, audit: Audit) -> None:
    ask = world.say("ask", "jabar", "kemnaker")
    world.rule(ask, "jateng", sender="kemnaker")
    assert audit(world) == {("kinds", "kind")}


@pytest.mark.parametrize("body", [{}, {"member": "Jabar!"}, {"member": "papua"}, {"member": "jabar", "why": "x"}])
def test_a_ruling_that_names_no_member_is_found(body: dict[str, object], world: World, audit: Audit) -> None:
    world.rule(world.ask("jabar"), "x", body=body)
    assert {name for name, _ in audit(world)} == {"kinds"}


def test_a_receipt_that_says_nothing_is_found(world: World, audit: Audit) -> None:
    world.say("receipt", "jabar", "kemnaker", body=receipt_body(-1))
    assert ("kinds", "members") in audit(world)


def test_an_offer_to_a_member_that_is_suspended_is_found(world: World, audit: Audit) -> None:
    members = dict(world.history.latest.members)
    members["kemnaker"] = replace(members["kemnaker"], status=Status.SUSPENDED)
    early = world.offer("jabar", "kemnaker")
    world.publish(directory(*members.values(), version=2))
    world.answer("accept", early)
    assert audit(world) == set()
    world.offer("jabar", "kemnaker")
    assert audit(world) == {("kinds", "closed")}


@pytest.mark.parametrize("owner", ["jateng", "stranger"])
def test_a_seal_to_another_than_the_recipient_is_found(owner: str, world: World, audit: Audit) -> None:
    own = world.part("kemnaker", "case")
    world.offer("jabar", "kemnaker", parts={"case": PartName(own.id, own.len, world.part(owner, "case").kid)})
    assert audit(world) == {("kinds", "part-key")}


def test_an_identity_under_the_key_for_cases_is_found(world: World, audit: Audit) -> None:
    handed = world.hand_over("jabar", "kemnaker")
    world.grant(handed.offer, handed.accept, parts={"identity": world.part("kemnaker", "case")})
    assert ("kinds", "part-key") in audit(world)


# Slots and answers


def test_a_slot_that_was_won_twice_is_found(world: World, audit: Audit) -> None:
    """Two offers of one case at one epoch: the lock was broken, or the case was forked."""
    first = world.offer("jabar", "kemnaker")
    world.offer("jabar", "jateng", slot=first.entry.slot)
    assert audit(world) == {("slots", "slot-taken")}


def test_an_answer_that_lost_moves_no_custody(world: World, audit: Audit) -> None:
    """Who lost and hands the case on all the same is found twice: by the slot, and as no holder."""
    offer = world.offer("jabar", "kemnaker")
    world.answer("recall", offer)
    world.answer("accept", offer)
    world.hand_over("jabar", "jateng", epoch=1)
    assert audit(world) == {("slots", "slot-taken")}
    world.offer("kemnaker", "jateng", epoch=1)
    assert audit(world) == {("slots", "slot-taken"), ("custody", "chain")}


def test_an_accept_after_a_recall_is_found_by_its_slot(world: World, audit: Audit) -> None:
    offer = world.offer("jabar", "kemnaker")
    world.answer("recall", offer)
    world.answer("accept", offer)
    assert audit(world) == {("slots", "slot-taken")}


def test_a_slot_that_was_won_twice_is_found_without_any_entry(world: World, audit: Audit) -> None:
    first = world.offer("jabar", "kemnaker")
    world.offer("jabar", "jateng", slot=first.entry.slot)
    world.entries = []
    assert audit(world, need_all=False) == {("slots", "slot-taken")}


@pytest.mark.parametrize(
    ("kind", "changes", "rule"),
    [
        ("accept", {"sender": "jateng"}, "answer"),
        ("accept", {"recipient": "jateng"}, "answer"),
        ("recall", {"sender": "kemnaker", "recipient": "jabar"}, "answer"),
        ("accept", {"epoch": 4}, "answer"),
        ("accept", {"slot": made_id("other")}, "slot"),
        ("accept", {"re": made_id("other"), "ref": made_id("other")}, "answer"),
    ],
)
def test_an_answer_that_does_not_fit_is_found(
    kind: str, changes: dict[str, object], rule: str, world: World, audit: Audit
) -> None:
    world.answer(kind, world.offer("jabar", "kemnaker"), **changes)
    assert ("answers", rule) in audit(world)


def test_an_answer_before_its_offer_is_found(world: World, audit: Audit) -> None:
    offer = world.draft("offer", "jabar", "kemnaker").sign(signing("jabar"))
    world.answer("accept", offer)
    world.log(offer)
    assert ("answers", "answer") in audit(world)


def test_an_entry_in_the_slot_of_an_answer_is_found(world: World, audit: Audit) -> None:
    """A squatter keeps the recipient from accepting."""
    offer = world.offer("jabar", "kemnaker")
    world.offer("jateng", "jabar", slot=custody.answer_slot(offer.raw))
    assert audit(world) == {("answers", "slot")}


# What makers had read


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(lambda w: TreeHead(w.size, seed("another log")), id="another log"),
        pytest.param(lambda w: TreeHead(w.size + 1, seed("the future")), id="leaves to come"),
        pytest.param(lambda _: TreeHead(0, seed("not nothing")), id="leaves in an empty log"),
    ],
)
def test_a_maker_that_was_shown_another_log_is_found(
    seen: Callable[[World], TreeHead], world: World, audit: Audit
) -> None:
    """This is how a hub that shows two logs is found: by the entries of those to whom it showed the other."""
    world.offer("jabar", "kemnaker", seen=seen(world))
    assert audit(world) == {("seen", "seen")}


# Custody


def test_a_second_custodian_is_found(world: World, audit: Audit) -> None:
    """Who handed the case on offers it again, at the epoch at which another holds it now."""
    world.hand_over("jabar", "kemnaker")
    world.hand_over("jabar", "jateng", epoch=1)
    assert ("custody", "chain") in audit(world)


def test_who_never_held_a_case_cannot_hand_it_on(world: World, audit: Audit) -> None:
    world.offer("jateng", "kemnaker", epoch=1)
    assert audit(world) == {("custody", "chain")}


def test_a_case_that_was_won_once_is_handed_on_once(world: World, audit: Audit) -> None:
    world.hand_over("jabar", "kemnaker")
    world.hand_over("kemnaker", "jateng", epoch=1)
    assert audit(world) == set()
    world.hand_over("kemnaker", "jabar", epoch=1)
    assert audit(world) == {("custody", "chain")}


def test_an_offer_while_the_own_offer_stands_open_is_found(world: World, audit: Audit) -> None:
    """Honest slots show it twice; a slot out of the air shows that the epoch was not free yet."""
    world.offer("jabar", "kemnaker")
    world.offer("jabar", "jateng", epoch=1)
    assert audit(world) == {("custody", "chain")}


@pytest.mark.parametrize("kind", ["reject", "recall"])
def test_a_refused_case_is_its_senders_again_one_epoch_on(kind: str, world: World, audit: Audit) -> None:
    world.answer(kind, world.offer("jabar", "kemnaker"))
    world.hand_over("jabar", "jateng", epoch=1)
    assert audit(world) == set()


def test_who_refused_a_case_cannot_hand_it_on(world: World, audit: Audit) -> None:
    world.answer("reject", world.offer("jabar", "kemnaker"))
    world.offer("kemnaker", "jateng", epoch=1)
    assert audit(world) == {("custody", "chain")}


def test_an_epoch_that_was_not_reached_yet_cannot_be_offered_from(world: World, audit: Audit) -> None:
    world.hand_over("jabar", "kemnaker", epoch=0)
    world.hand_over("kemnaker", "jateng", epoch=1)
    world.offer("jateng", "kemnaker", epoch=1)
    assert audit(world) == {("custody", "chain")}


def test_several_cases_of_the_same_parties_do_not_get_in_each_others_way(world: World, audit: Audit) -> None:
    for _ in range(3):
        world.hand_over("jabar", "kemnaker")
    world.hand_over("kemnaker", "jateng", epoch=1)
    world.hand_over("jateng", "kemnaker", epoch=2)
    for epoch in (3, 1, 1):
        world.offer("kemnaker", "jabar", epoch=epoch)
    assert audit(world) == set()
    world.offer("kemnaker", "jabar", epoch=1)
    assert audit(world) == {("custody", "chain")}


def test_a_grant_without_an_accept_is_found(world: World, audit: Audit) -> None:
    offer = world.offer("jabar", "kemnaker")
    accept = world.answer_draft("accept", offer).sign(signing("kemnaker"))
    world.grant(offer, accept)
    assert audit(world) == {("custody", "chain")}


def test_a_grant_before_the_accept_is_found(world: World, audit: Audit) -> None:
    offer = world.offer("jabar", "kemnaker")
    accept = world.answer_draft("accept", offer).sign(signing("kemnaker"))
    world.grant(offer, accept)
    world.log(accept)
    assert ("custody", "chain") in audit(world)


@pytest.mark.parametrize("kind", ["reject", "recall"])
def test_a_grant_after_a_refusal_is_found(kind: str, world: World, audit: Audit) -> None:
    """An identity would reach one who does not hold the case."""
    offer = world.offer("jabar", "kemnaker")
    world.grant(offer, world.answer(kind, offer))
    assert audit(world) == {("custody", "chain")}


def test_a_grant_after_an_accept_that_lost_is_found(world: World, audit: Audit) -> None:
    offer = world.offer("jabar", "kemnaker")
    world.answer("recall", offer)
    world.grant(offer, world.answer("accept", offer))
    assert audit(world) == {("slots", "slot-taken"), ("custody", "chain")}


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": "jateng"},
        {"sender": "jateng"},
        {"epoch": 0},
        {"epoch": 2},
        {"ref": made_id("other")},
        {"re": made_id("other")},
    ],
)
def test_a_grant_that_does_not_follow_its_accept_is_found(
    changes: dict[str, object], world: World, audit: Audit
) -> None:
    offer = world.offer("jabar", "kemnaker")
    accept = world.answer("accept", offer)
    members: dict[str, object] = {"ref": offer.entry.id, "re": accept.entry.id, "epoch": 1} | changes
    sender, recipient = str(members.pop("sender", "jabar")), str(members.pop("recipient", "kemnaker"))
    world.say("grant", sender, recipient, **members)  # type: ignore[arg-type]
    assert audit(world) == {("custody", "chain")}


def test_a_second_grant_is_found(world: World, audit: Audit) -> None:
    handed = world.hand_over("jabar", "kemnaker")
    world.grant(handed.offer, handed.accept)
    assert audit(world) == {("custody", "chain")}


# Rulings


def test_a_ruling_is_obeyed_and_used_once(world: World, audit: Audit) -> None:
    ruling = world.rule(world.ask("jabar"), "kemnaker")
    world.answer("recall", world.offer("jabar", "kemnaker", re=ruling.entry.id))
    world.hand_over("jabar", "kemnaker", epoch=1, re=ruling.entry.id)
    assert audit(world) == set()
    world.offer("jabar", "kemnaker", re=ruling.entry.id)
    assert audit(world) == {("rulings", "binding")}


def test_a_second_offer_beside_an_open_one_under_one_ruling_is_found(world: World, audit: Audit) -> None:
    ruling = world.rule(world.ask("jabar"), "kemnaker")
    for _ in range(2):
        world.offer("jabar", "kemnaker", re=ruling.entry.id)
    assert audit(world) == {("rulings", "binding")}


def test_an_offer_to_another_than_the_ruling_names_is_found(world: World, audit: Audit) -> None:
    ruling = world.rule(world.ask("jabar"), "kemnaker")
    world.offer("jabar", "jateng", re=ruling.entry.id)
    assert audit(world) == {("rulings", "binding")}


def test_an_offer_under_another_ones_ruling_is_found(world: World, audit: Audit) -> None:
    ruling = world.rule(world.ask("jateng"), "kemnaker")
    world.offer("jabar", "kemnaker", re=ruling.entry.id)
    assert audit(world) == {("rulings", "binding")}


@pytest.mark.parametrize("kind", ["ask", "none"])
def test_an_offer_under_what_is_no_ruling_is_found(kind: str, world: World, audit: Audit) -> None:
    named = world.ask("jabar").entry.id if kind == "ask" else made_id("none")
    world.offer("jabar", "kemnaker", re=named)
    assert audit(world) == {("rulings", "binding")}


def test_a_reject_of_an_offer_under_a_ruling_is_found(world: World, audit: Audit) -> None:
    ruling = world.rule(world.ask("jabar"), "kemnaker")
    world.answer("reject", world.offer("jabar", "kemnaker", re=ruling.entry.id))
    assert audit(world) == {("answers", "binding")}


@pytest.mark.parametrize("ref", ["consult", "none", "another's"])
def test_a_ruling_that_answers_no_ask_is_found(ref: str, world: World, audit: Audit) -> None:
    named = {
        "consult": world.say("consult", "jabar", "triase").entry.id,
        "another's": world.ask("jateng").entry.id,
        "none": made_id("none"),
    }
    world.rule(world.ask("jabar"), "kemnaker", ref=named[ref])
    assert audit(world) == {("rulings", "thread")}


def test_an_opinion_that_nobody_asked_for_is_found(world: World, audit: Audit) -> None:
    world.say("opinion", "jabar", "kemnaker", ref=made_id("none"))
    assert audit(world) == {("rulings", "thread")}
