"""Custody: one holder at a time, and only what the log shows first counts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from protocol import custody
from protocol.custody import ACTING, MAX_HOPS, TRANSITIONS, Hop, Stance, Step, Token
from protocol.directory import Kind
from protocol.entry import TreeHead, read_entry
from protocol.errors import LocalError, RemoteError
from protocol.kinds import ANSWERS
from protocol.leaf import Leaf
from tests.support.federation import World, directory, member, records, seed, signing
from tests.support.outcome import outcome_of, vectors


@pytest.fixture
def world() -> World:
    return World.founded()


# The table


@pytest.mark.parametrize("stance", Stance)
@pytest.mark.parametrize("step", Step)
def test_a_step_is_in_the_table_or_is_our_own_bug(stance: Stance, step: Step) -> None:
    token, known = Token(stance, 4), (stance, step) in TRANSITIONS
    assert outcome_of(lambda: token.take(step)) == ("ok" if known else "local")
    if known:
        after, rise = TRANSITIONS[stance, step]
        assert token.take(step) == Token(after, 4 + rise)


def test_of_two_sides_of_one_offer_exactly_one_holds_after_each_answer() -> None:
    """The promise of section 0: one custodian, whatever the answer, and both sides count the same epoch."""
    for kind in ANSWERS:
        step = custody.answer_step(kind)
        sender, recipient = Token(Stance.OFFERED, 4).take(step), Token(Stance.INVITED, 4).take(step)
        assert [sender.stance in ACTING, recipient.stance in ACTING].count(True) == 1
        assert sender.epoch == recipient.epoch == 5


def test_nobody_acts_while_its_offer_is_open() -> None:
    assert Token(Stance.HELD, 0).take(Step.OFFER).stance not in ACTING
    with pytest.raises(LocalError):
        Token(Stance.OFFERED, 0).take(Step.OFFER)


def test_an_offer_refused_as_closed_stays_locked() -> None:
    """A late copy of it could still be logged: only a new incarnation and a fence free the lock."""
    assert Token(Stance.OFFERED, 2).take(Step.OFFER_CLOSED) == Token(Stance.OFFERED, 2)


def test_nothing_comes_back_from_an_erased_copy() -> None:
    assert not [step for stance, step in TRANSITIONS if stance is Stance.ERASED]


# Slots


@pytest.mark.parametrize("vector", vectors("custody/offer_slots.json"))
def test_offer_slots_are_the_published_ones(vector: dict[str, Any]) -> None:
    key = bytes.fromhex(vector["slot_key"])
    assert custody.offer_slot(key, vector["case"], vector["epoch"]) == vector["slot"]


@pytest.mark.parametrize("vector", vectors("custody/answer_slots.json"))
def test_answer_slots_are_the_published_ones(vector: dict[str, Any]) -> None:
    assert custody.answer_slot(vector["offer"]) == vector["slot"]


@pytest.mark.parametrize("vector", vectors("custody/answers.json"))
def test_each_answer_meets_its_rule(vector: dict[str, Any]) -> None:
    unverified = read_entry(vector["offer"])
    offer = unverified.verify(signing(unverified.entry.sender).public)
    assert outcome_of(lambda: custody.check_answer(offer, read_entry(vector["answer"]).entry)) == vector["outcome"]


# What the log says


def test_an_entry_wins_the_first_leaf_with_its_slot_and_no_other(world: World) -> None:
    offer = world.offer("jabar", "kemnaker")
    reject = world.answer_draft("reject", offer).sign(signing("kemnaker"))
    assert custody.won_at(reject, world) is None
    accept = world.answer("accept", offer)
    world.log(reject)
    assert custody.won_at(offer, world) == 1
    assert custody.won_at(accept, world) == 2
    with pytest.raises(RemoteError) as caught:
        custody.won_at(reject, world)
    assert (caught.value.rule.name, caught.value.expected) == ("won", {"index": 2})


def test_what_has_no_slot_cannot_win(world: World) -> None:
    with pytest.raises(LocalError):
        custody.won_at(world.ask("jabar"), world)


def test_a_maker_that_had_read_the_same_log_is_believed(world: World) -> None:
    for _ in range(3):
        custody.check_seen(world.offer("jabar", "kemnaker").entry, world)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(lambda w: TreeHead(w.size, seed("another root")), id="another root for the same size"),
        pytest.param(lambda w: TreeHead(w.size + 1, w.root_at(w.size)), id="more than this reader has"),
        pytest.param(lambda w: TreeHead(0, w.root_at(w.size)), id="leaves in an empty log"),
    ],
)
def test_a_maker_that_had_read_another_log_is_an_alarm(seen: Callable[[World], TreeHead], world: World) -> None:
    entry = world.draft("offer", "jabar", "kemnaker", seen=seen(world))
    assert outcome_of(lambda: custody.check_seen(entry, world)) == "seen"


def test_only_custody_entries_say_what_was_read(world: World) -> None:
    with pytest.raises(LocalError):
        custody.check_seen(world.ask("jabar").entry, world)


# Chains


def hop(world: World, sender: str, recipient: str, epoch: int = 0) -> Hop:
    handed = world.hand_over(sender, recipient, epoch=epoch)
    return Hop(handed.offer.raw, handed.accept.raw)


def outcome_of_chain(hops: list[Hop], world: World, *, origin: str = "jabar", holder: str) -> str:
    return outcome_of(lambda: custody.prove_chain(hops, origin, world, world.history, holder=holder))


def test_a_chain_is_proven_hop_by_hop(world: World) -> None:
    hops = [hop(world, "jabar", "kemnaker"), hop(world, "kemnaker", "jateng", 1), hop(world, "jateng", "jabar", 4)]
    proven = custody.prove_chain(hops, "jabar", world, world.history, holder="jabar")
    assert [(step.offer_index, step.accept_index) for step in proven] == [(1, 2), (4, 5), (7, 8)]
    assert [step.offer.entry.sender for step in proven] == ["jabar", "kemnaker", "jateng"]
    assert [step.accept.raw for step in proven] == [each.accept for each in hops]


def test_a_case_that_was_never_handed_on_is_its_origins(world: World) -> None:
    assert outcome_of_chain([], world, holder="jabar") == "ok"
    assert outcome_of_chain([], world, holder="kemnaker") == "chain"


def test_who_was_never_given_the_case_cannot_claim_it(world: World) -> None:
    assert outcome_of_chain([hop(world, "jabar", "kemnaker")], world, holder="jateng") == "chain"


def test_a_chain_begins_at_the_origin(world: World) -> None:
    assert outcome_of_chain([hop(world, "jateng", "kemnaker")], world, holder="kemnaker") == "chain"


def test_a_hop_that_is_left_out_breaks_the_chain(world: World) -> None:
    hops = [hop(world, "jabar", "kemnaker"), hop(world, "kemnaker", "jateng", 1), hop(world, "jateng", "jabar", 2)]
    assert outcome_of_chain([hops[0], hops[2]], world, holder="jabar") == "chain"


def test_a_hop_told_twice_breaks_the_chain(world: World) -> None:
    there, back = hop(world, "jabar", "kemnaker"), hop(world, "kemnaker", "jabar", 1)
    assert outcome_of_chain([there, back, there], world, holder="kemnaker") == "chain"


def test_epochs_never_fall_along_a_chain(world: World) -> None:
    """The offer of an epoch that is past is one of another case, or of a copy that was handed on."""
    hops = [hop(world, "jabar", "kemnaker", 3), hop(world, "kemnaker", "jateng", 3)]
    assert outcome_of_chain(hops, world, holder="jateng") == "chain"


def test_an_onward_offer_made_before_its_maker_had_the_case_breaks_the_chain(world: World) -> None:
    early = hop(world, "kemnaker", "jateng", 1)
    assert outcome_of_chain([hop(world, "jabar", "kemnaker"), early], world, holder="jateng") == "chain"


def test_more_hops_than_a_case_may_have_are_refused_before_any_is_read(world: World) -> None:
    assert outcome_of_chain([Hop("", "")] * (MAX_HOPS + 1), world, holder="jabar") == "chain"


def test_entries_that_are_in_no_leaf_prove_nothing(world: World) -> None:
    offer = world.draft("offer", "jabar", "kemnaker").sign(signing("jabar"))
    accept = world.answer_draft("accept", offer).sign(signing("kemnaker"))
    assert outcome_of_chain([Hop(offer.raw, accept.raw)], world, holder="kemnaker") == "chain"
    world.log(offer)
    assert outcome_of_chain([Hop(offer.raw, accept.raw)], world, holder="kemnaker") == "chain"


def test_an_accept_that_lost_to_a_recall_hands_nothing_over(world: World) -> None:
    offer = world.offer("jabar", "kemnaker")
    recall = world.answer("recall", offer)
    accept = world.answer("accept", offer)
    assert outcome_of_chain([Hop(offer.raw, accept.raw)], world, holder="kemnaker") == "won"
    assert outcome_of_chain([Hop(offer.raw, recall.raw)], world, holder="kemnaker") == "chain"


def test_an_accept_logged_before_its_offer_hands_nothing_over(world: World) -> None:
    offer = world.draft("offer", "jabar", "kemnaker").sign(signing("jabar"))
    accept = world.answer("accept", offer)
    world.log(offer)
    assert outcome_of_chain([Hop(offer.raw, accept.raw)], world, holder="kemnaker") == "chain"


def test_an_accept_of_another_offer_hands_nothing_over(world: World) -> None:
    offer, other = world.offer("jabar", "kemnaker"), world.offer("jabar", "kemnaker")
    accept = world.answer("accept", other)
    assert outcome_of_chain([Hop(offer.raw, accept.raw)], world, holder="kemnaker") == "answer"


def test_a_hop_of_other_kinds_is_none(world: World) -> None:
    ask = world.ask("jabar")
    offer = world.offer("jabar", "kemnaker")
    assert outcome_of_chain([Hop(ask.raw, offer.raw)], world, holder="kemnaker") == "chain"
    assert outcome_of_chain([Hop(offer.raw, offer.raw)], world, holder="kemnaker") == "answer"


@pytest.mark.parametrize("text", ["", "a.b.c", "é", "x" * 300_000])
def test_a_hop_that_is_no_entry_is_refused(text: str, world: World) -> None:
    assert outcome_of_chain([Hop(text, text)], world, holder="kemnaker") in {"jws-form", "too-large", "base64url"}


def test_an_offer_forged_by_a_third_is_found(world: World) -> None:
    """Its leaf is in the log and the slot is won; only the sender's own signature tells."""
    offer = world.say("offer", "jabar", "kemnaker", key=signing("jateng"))
    accept = world.answer("accept", offer)
    assert outcome_of_chain([Hop(offer.raw, accept.raw)], world, holder="kemnaker") == "party"


def test_a_key_counts_by_log_position_and_no_clock(world: World) -> None:
    """A chain reaches back behind a rotation: the old key still proves what it signed, and nothing that came later."""
    before = hop(world, "jabar", "kemnaker")
    closed = [replace(record, open=False) for record in records("jabar")[:1]]
    rotated = member("jabar", keys=(*closed, *records("jabar")[1:], *records("jabar baru")))
    members = {**world.history.latest.members, "jabar": rotated}
    world.publish(directory(*members.values(), version=2))
    after = hop(world, "jabar", "kemnaker")
    assert outcome_of_chain([before], world, holder="kemnaker") == "ok"
    assert outcome_of_chain([after], world, holder="kemnaker") == "unknown-key"


def test_what_stood_in_the_log_before_any_directory_proves_nothing() -> None:
    world = World()
    world.append(Leaf(seed("squat")))
    early = hop(world, "jabar", "kemnaker")
    world.publish(directory(member("jabar"), member("kemnaker", Kind.MINISTRY)))
    assert outcome_of_chain([early], world, holder="kemnaker") == "directory"
