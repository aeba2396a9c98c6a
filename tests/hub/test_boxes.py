"""What a node pulls: its boxes in order, the parts of what is addressed to it, within the limits."""

from collections import Counter

import pytest

from hub.sync.pull import collect
from hub.sync.strangers import MAX_STRANGERS
from keys import b64u
from protocol import jws
from protocol.bundle import MAX_BUNDLE_BYTES, Pull, Pulled, read_bundle
from protocol.seal import SealContext, open_part
from tests.hub.conftest import Town
from tests.support.federation import sealing
from tests.support.hub import Reply, Said


def boxes(reply: Reply, box: str) -> list[int]:
    return [pulled.pos for pulled in reply.answer.pull if pulled.box == box]


def test_the_recipient_gets_the_bytes_that_the_sender_signed_and_opens_the_part(town: Town) -> None:
    offer = town.logged_offer()
    reply = town.kemnaker.sync()
    assert reply.bundle.entries == (offer.signed.raw,)
    name = offer.entry.parts["case"]
    context = SealContext("jabar", "kemnaker", offer.entry.id, offer.entry.id, name.kid, "case")
    assert b"rahasia" in open_part(reply.bundle.parts[name.id], sealing("kemnaker"), context)
    assert boxes(reply, "inbox") == [1]
    assert town.kemnaker.sync().answer.pull == ()


def test_the_sender_gets_back_what_it_sent_but_no_parts(town: Town) -> None:
    """A node restored from a backup pulls `sent` to learn what it said since; the parts were sealed to another."""
    offer = town.logged_offer()
    reply = town.jabar.sync(pull=Pull(0, 0, 256), follow=False)
    assert reply.bundle.entries == (offer.signed.raw,)
    assert boxes(reply, "sent") == [1]
    assert reply.bundle.parts == {}


def test_what_was_pushed_just_now_is_told_by_its_verdict_and_not_sent_back(town: Town) -> None:
    said = [town.jabar.receipt("kemnaker", n) for n in range(1, 4)]
    reply = town.jabar.sync(*said)
    assert [push.pos for push in reply.answer.push] == [1, 2, 3]
    assert reply.answer.pull == ()
    assert not reply.answer.more


def test_nobody_pulls_what_is_for_others(town: Town) -> None:
    town.logged_offer()
    reply = town.jateng.sync()
    assert (reply.answer.pull, reply.bundle.entries, dict(reply.bundle.parts)) == ((), (), {})


def test_a_pull_takes_no_more_than_it_asked_for_and_says_that_more_is_waiting(town: Town) -> None:
    town.jabar.sync(*(town.jabar.receipt("kemnaker", n) for n in range(1, 6)))
    first = town.kemnaker.sync(pull=Pull(0, 0, 2))
    assert (boxes(first, "inbox"), first.answer.more) == ([1, 2], True)
    nothing = town.kemnaker.sync(pull=Pull(2, 0, 0))
    assert (nothing.answer.pull, nothing.answer.more) == ((), True)
    last = town.kemnaker.sync(pull=Pull(2, 0, 3))
    assert (boxes(last, "inbox"), last.answer.more) == ([3, 4, 5], False)


def test_a_full_bundle_of_256_entries_passes_in_order(town: Town) -> None:
    said = [town.jabar.receipt("kemnaker", n) for n in range(256)]
    assert Counter(push.state for push in town.jabar.sync(*said).answer.push) == {"ok": 256}
    reply = town.kemnaker.sync()
    assert reply.bundle.entries == tuple(one.signed.raw for one in said)
    assert not reply.answer.more


def test_a_bundle_never_grows_over_its_limit_and_the_rest_comes_next(town: Town) -> None:
    offers = [town.jabar.offer("kemnaker") for _ in range(6)]
    town.jabar.sync(*offers)
    with town.hub.database.reading() as session:
        whole = collect(session, "kemnaker", Pull(0, 0, 256), ())
        least = 512 * 1024 + 3 * 5_000
        some = collect(session, "kemnaker", Pull(0, 0, 256), (), max_bytes=least)
    assert (len(whole.entries), whole.more) == (6, False)
    assert 0 < len(some.entries) < 6
    assert some.more
    assert len(some.parts) == len(some.entries)
    assert least < MAX_BUNDLE_BYTES


def test_both_boxes_come_in_the_order_of_the_log(town: Town) -> None:
    """A restored node does again what it said and what it was told, in the order in which it happened."""
    offer = town.logged_offer()
    accept = town.kemnaker.answer("accept", offer)
    town.kemnaker.sync(accept)
    town.jabar.sync(grant := town.jabar.grant(offer, accept))
    town.kemnaker.sync(onward := town.kemnaker.offer("kemensos"))
    reply = town.kemnaker.sync(pull=Pull(0, 0, 256), follow=False)
    assert [(pulled.box, pulled.pos) for pulled in reply.answer.pull] == [
        ("inbox", 1),
        ("sent", 1),
        ("inbox", 2),
        ("sent", 2),
    ]
    assert reply.bundle.entries == tuple(said.signed.raw for said in (offer, accept, grant, onward))
    indices = [pulled.index for pulled in reply.answer.pull]
    assert indices == sorted(indices)


def test_small_pulls_of_both_boxes_give_the_whole_log_of_a_node_in_order(town: Town) -> None:
    for n in range(1, 5):
        town.jabar.sync(*(town.jabar.receipt("kemnaker", n * 10 + m) for m in range(n)))
        town.kemnaker.sync(town.kemnaker.receipt("jabar", n), pull=Pull(0, 0, 0), follow=False)
    whole = town.kemnaker.sync(pull=Pull(0, 0, 256), follow=False)
    assert len(whole.answer.pull) == 14
    found: list[Pulled] = []
    more, inbox, sent = True, 0, 0
    while more:
        reply = town.kemnaker.sync(pull=Pull(inbox, sent, 3), follow=False)
        found += reply.answer.pull
        assert len(reply.answer.pull) <= 3
        inbox = max([inbox, *boxes(reply, "inbox")])
        sent = max([sent, *boxes(reply, "sent")])
        more = reply.answer.more
    assert tuple(found) == whole.answer.pull


def squatted(town: Town, count: int = 1) -> tuple[list[Said], list[Said]]:
    """Offers of jateng, and offers of jabar that come too late for their slots."""
    winners = [town.jateng.offer("kemnaker") for _ in range(count)]
    town.jateng.sync(*winners)
    return winners, [town.jabar.offer("kemensos", slot=winner.entry.slot) for winner in winners]


def test_the_entry_that_holds_the_slot_of_a_lost_offer_comes_last(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """Its maker raises the epoch only when it has seen that the winner is not its own entry.

    Whoever names a slot of another's learned it from somebody: a person is told.
    """
    town.kemnaker.sync(waiting := town.kemnaker.receipt("jabar"))
    (winner,), (lost,) = squatted(town)
    reply = town.jabar.sync(lost)
    assert reply.verdict(lost).state == "lost"
    assert [(pulled.box, pulled.pos) for pulled in reply.answer.pull] == [("inbox", 1), ("slot", 0)]
    last = reply.answer.pull[-1]
    assert (last.index, last.h) == (reply.verdict(lost).index, winner.signed.digest)
    assert reply.bundle.entries == (waiting.signed.raw, winner.signed.raw)
    assert reply.bundle.parts == {}
    assert f"ALARM jabar made an offer with the slot of leaf {last.index}, which is jateng's" in caplog.text


def test_the_own_offer_that_a_restored_node_forgot_comes_as_the_holder_of_its_slot(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    first = town.logged_offer()
    again = town.jabar.offer("kemensos", slot=first.entry.slot)
    reply = town.jabar.sync(again, pull=Pull(0, 0, 256), follow=False)
    assert [(pulled.box, pulled.h) for pulled in reply.answer.pull] == [
        ("sent", first.signed.digest),
        ("slot", first.signed.digest),
    ]
    assert "ALARM" not in caplog.text


def test_two_offers_that_lost_one_slot_bring_its_holder_once(town: Town) -> None:
    (winner,), (lost,) = squatted(town)
    town.jabar.links.clear()
    other = town.jabar.offer("bandung", slot=winner.entry.slot)
    reply = town.jabar.sync(lost, other)
    assert [push.state for push in reply.answer.push] == ["lost", "lost"]
    assert [pulled.box for pulled in reply.answer.pull] == ["slot"]


def test_answers_that_lost_bring_no_holder(town: Town) -> None:
    """Both parties of an offer get its answers in their boxes."""
    offer = town.logged_offer()
    town.kemnaker.sync(town.kemnaker.answer("accept", offer))
    recall = town.jabar.answer("recall", offer)
    reply = town.jabar.sync(recall)
    assert reply.verdict(recall).state == "lost"
    assert boxes(reply, "slot") == []


def test_holders_of_slots_take_their_room_from_the_boxes_and_hide_nothing(town: Town) -> None:
    """With 256 lost offers the boxes wait for the next answer; nobody gets more than a bundle may hold."""
    winners = [town.jabar.offer("kemnaker") for _ in range(255)]
    town.jabar.sync(*winners)
    town.kemnaker.sync(*(town.kemnaker.receipt("jabar", n) for n in range(3)))
    again = [town.jabar.offer("kemensos", slot=winner.entry.slot, seq=1) for winner in winners]
    reply = town.jabar.sync(*again)
    assert Counter(push.state for push in reply.answer.push) == {"lost": 255}
    assert Counter(pulled.box for pulled in reply.answer.pull) == {"slot": 255, "inbox": 1}
    assert reply.answer.more
    assert boxes(town.jabar.sync(), "inbox") == [2, 3]


def test_nobody_learns_by_slots_who_writes_to_whom(town: Town) -> None:
    """Slots are public. A member that offers with one after the other is shown a few entries of others a day."""
    winners, _ = squatted(town, MAX_STRANGERS + 2)
    tries = [town.jabar.offer("kemensos", slot=winner.entry.slot, seq=1) for winner in winners]
    shown = [boxes(town.jabar.sync(one), "slot") for one in tries]
    assert shown == [[0]] * MAX_STRANGERS + [[], []]
    again = town.jabar.offer("kemensos", slot=winners[0].entry.slot, seq=1)
    assert boxes(town.jabar.sync(again), "slot") == [0]  # what was shown once may be shown again


def test_cursors_of_both_boxes_move_apart(town: Town) -> None:
    town.jabar.sync(town.jabar.receipt("kemnaker"))
    town.kemnaker.sync(town.kemnaker.receipt("jabar"))
    reply = town.jabar.sync(pull=Pull(0, 0, 256), follow=False)
    assert (boxes(reply, "inbox"), boxes(reply, "sent")) == ([1], [1])
    assert boxes(town.jabar.sync(pull=Pull(1, 0, 256), follow=False), "inbox") == []


def test_every_pulled_entry_is_under_the_checkpoint_of_the_same_answer(town: Town) -> None:
    """Checked by TestNode.read for each answer; here with another node's push between."""
    town.kemnaker.sync()
    for n in range(1, 4):
        town.jabar.sync(town.jabar.receipt("kemnaker", n))
        town.jateng.sync(town.jateng.receipt("kemnaker", n))
        reply = town.kemnaker.sync()
        assert len(reply.answer.pull) == 2
        assert town.kemnaker.seen.size > max(pulled.index for pulled in reply.answer.pull)


def test_part_bytes_travel_unchanged(town: Town) -> None:
    message: Said = town.jabar.say("message", "kemnaker", ref=town.jabar.offer("jateng").entry.id)
    raw = town.jabar.bundle(message)
    town.jabar.post(raw)
    assert town.kemnaker.sync().bundle.parts == read_bundle(raw).parts


def test_verdicts_name_entries_by_their_hash(town: Town) -> None:
    said = town.jabar.receipt("kemnaker")
    assert town.jabar.sync(said).answer.push[0].id == b64u.encode(jws.digest(said.signed.raw))
