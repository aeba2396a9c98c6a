"""Networks that lose, repeat and interrupt, disks set back, and many hands at once: nothing is lost or doubled."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import orjson
import pytest
from sqlalchemy import select

from hub.models import LoggedEntry
from keys.signing import SigningKey
from node.models.sync import InboxEntry, Link, OutboxEntry, OutboxPart
from node.sync.client import HubRefusedError
from node.sync.outbox import Draft, queue
from protocol.bundle import MAX_BUNDLE_BYTES, Conflict, read_bundle
from protocol.custody import Phase, Stance
from protocol.directory import Status
from protocol.entry import read_entry
from tests.support.databases import Databases
from tests.support.federation import made_id, sealing, seed, signing
from tests.support.nodes import (
    REPORTER_NAME,
    Carrier,
    Country,
    GoesDark,
    LosesTheAnswer,
    Office,
    SendsTwice,
)


def logged(place: Country) -> list[tuple[str, str, int, str]]:
    """Everything in the hub's log: from, to, position, id."""
    with place.founded.database.reading() as session:
        rows = session.scalars(select(LoggedEntry).order_by(LoggedEntry.index))
        entries = [read_entry(row.jws).entry for row in rows]
    return [(entry.sender, entry.recipient, entry.seq, entry.id) for entry in entries]


def assert_every_link_is_whole(place: Country) -> None:
    """Each id once, and each link 1, 2, 3 … without a gap."""
    entries = logged(place)
    assert max(Counter(entry[3] for entry in entries).values()) == 1
    for link in {entry[:2] for entry in entries}:
        positions = [entry[2] for entry in entries if entry[:2] == link]
        assert positions == list(range(1, len(positions) + 1))


# Lost, doubled, interrupted.


def test_after_a_lost_answer_everything_is_told_again_and_nothing_is_logged_twice(land: Country) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    lossy = LosesTheAnswer(land.line)
    assert land.jabar.sync(lossy).trouble == "unreachable:ReadTimeout"
    assert land.jabar.queued() == ["offer"]
    assert land.jabar.state().trouble == "unreachable:ReadTimeout"
    assert land.jabar.alarms() == []
    again = Carrier(land.line)
    assert land.jabar.sync(again).trouble is None
    assert read_bundle(again.posts[0]).entries == read_bundle(lossy.posts[0]).entries
    assert land.jabar.queued() == []
    assert [entry[2] for entry in logged(land)] == [1]
    assert land.jabar.state().sent_pos == 1


def test_a_whole_story_in_which_every_first_answer_is_lost(land: Country) -> None:
    filed = land.jabar.file()
    land.jabar.hand_over(filed.number, "jateng")

    def stumble() -> None:
        for _ in range(5):
            for office in land.offices:
                office.sync(LosesTheAnswer(land.line))
                office.sync_well()

    stumble()
    land.jateng.hand_over(filed.number, "kemnaker")
    stumble()
    land.kemnaker.reply(filed.number, "Sudah dibayar.")
    stumble()
    assert land.kemnaker.open_identity(filed.number) == REPORTER_NAME
    assert [message.text for message in land.jabar.track(filed.receipt).messages] == ["Sudah dibayar."]
    assert [office.alarms() for office in land.offices] == [[]] * 5
    assert land.jabar.case(filed.number).stance == Stance.ERASED
    assert_every_link_is_whole(land)


def test_a_request_that_the_network_doubles_counts_once(land: Country) -> None:
    """The node hears the signed 409 to the copy; it knows the request as its own, so there is no alarm."""
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    twice = SendsTwice(land.line)
    assert land.jabar.sync(twice).trouble == "refused:409"
    assert land.jabar.alarms() == []
    land.jabar.sync_well()
    assert land.jabar.queued() == []
    assert len(logged(land)) == 1


def test_a_sync_that_ends_between_two_exchanges_goes_on_later(land: Country) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    for _ in range(12):
        for office in (land.jabar, land.kemnaker):
            office.sync(GoesDark(land.line))
    assert land.jabar.case(number).stance == Stance.ERASED
    assert land.kemnaker.open_identity(number) == REPORTER_NAME
    assert_every_link_is_whole(land)


def test_without_a_hub_everything_waits(land: Country) -> None:
    filed = land.jabar.file()
    land.jabar.hand_over(filed.number, "kemnaker")
    before = land.jabar.dump(without=("sync_state",))
    assert land.jabar.sync(GoesDark(land.line, after=0)).trouble == "unreachable:ConnectionError"
    assert land.jabar.dump(without=("sync_state",)) == before
    assert land.jabar.track(filed.receipt).custodian == "Jabar"


# Counters.


@dataclass(slots=True)
class Refuses(Carrier):
    """A hub that says no."""

    problem: bytes = b"{}"
    status: int = 409

    def post_sync(self, bundle: bytes) -> bytes:
        self.posts.append(bundle)
        raise HubRefusedError(self.status, self.problem, None)


def conflict(
    place: Country, *, ctr: int = 1, inc: int = 1, signer: SigningKey | None = None, node: str = "jabar"
) -> bytes:
    told = Conflict("pusat", node, seed("request"), ctr=ctr, inc=inc, known=seed("known"))
    return orjson.dumps({"conflict": told.sign(signer or place.founded.keys.hub)})


@pytest.mark.parametrize(
    ("name", "problem", "rule"),
    [
        ("no document", lambda _: b"<html>", "counter"),
        ("no object", lambda _: b"[]", "counter"),
        ("no signature", lambda _: b'{"conflict":{"ctr":9}}', "counter"),
        ("garbage for a signature", lambda _: b'{"conflict":"a.b.c"}', "base64url"),
        ("signed by nobody", lambda place: conflict(place, ctr=99, signer=signing("nobody")), "unknown-key"),
        ("signed by a member", lambda place: conflict(place, ctr=99, signer=signing("jateng")), "party"),
        ("for another node", lambda place: conflict(place, ctr=99, node="jateng"), "addressed"),
    ],
)
def test_a_409_that_is_not_the_hubs_word_to_us_moves_no_counter(
    land: Country, name: str, problem: Callable[[Country], bytes], rule: str
) -> None:
    del name
    land.jabar.sync_well()
    before = land.jabar.state().ctr
    assert land.jabar.sync(Refuses(land.line, problem=problem(land))).trouble == f"rule:{rule}"
    assert land.jabar.state().ctr == before + 1
    assert land.jabar.alarms() == [rule]
    land.jabar.sync_well()


def test_a_signed_409_above_our_counter_is_taken_over_with_an_alarm(land: Country) -> None:
    land.jabar.sync_well()
    assert land.jabar.sync(Refuses(land.line, problem=conflict(land, ctr=500))).trouble == "refused:409"
    assert land.jabar.state().ctr == 501
    assert land.jabar.alarms() == ["counter"]
    assert land.jabar.state().phase == Phase.READING
    land.jabar.sync_well()
    assert land.jabar.state().phase == Phase.ACTING


def test_a_409_cannot_jam_a_node_with_an_absurd_counter(land: Country) -> None:
    land.jabar.sync_well()
    before = land.jabar.state()
    for absurd in (conflict(land, ctr=2**53 - 1), conflict(land, inc=2**31)):
        assert land.jabar.sync(Refuses(land.line, problem=absurd)).trouble == "rule:counter"
    assert (land.jabar.state().ctr, land.jabar.state().inc) == (before.ctr + 2, before.inc)
    land.jabar.sync_well()


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422, 429, 500, 503])
def test_a_refused_request_leaves_everything_queued(land: Country, status: int) -> None:
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    assert land.jabar.sync(Refuses(land.line, status=status)).trouble == f"refused:{status}"
    assert land.jabar.queued() == ["offer"]
    assert land.jabar.alarms() == []


def test_a_disk_that_was_set_back_is_noticed(land: Country, databases: Databases) -> None:
    """A restored copy knows neither its last request nor what it said: both are alarms, and nothing is said twice."""
    land.jabar.sync_well()
    url = land.jabar.node.settings.database_url
    databases.save(url)
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    land.jabar.sync_well()
    land.jabar.node.database.close()
    databases.restore(url)
    land.jabar.sync_well()
    assert land.jabar.alarms() == ["counter", "chain"]
    assert land.jabar.state().phase == Phase.ACTING
    assert [to for _, to, _, _ in logged(land)] == ["kemnaker", "pusat"]


# Refused entries.


def test_what_stands_behind_a_refused_entry_moves_up_and_is_delivered(land: Country) -> None:
    """A refused entry uses no position up; the recipient was suspended after the offer was queued."""
    filed = land.jateng.file()
    land.jateng.hand_over(filed.number, "jabar")
    land.settle()
    own = land.jabar.file().number
    land.jabar.hand_over(own, "jateng")
    land.jabar.reply(filed.number, "Kami urus.")
    land.jabar.close(filed.number, "Selesai.")
    behind = [row.seq for row in land.jabar.rows(OutboxEntry, OutboxEntry.state == "queued")]
    land.founded.set_status("jateng", Status.SUSPENDED)
    land.jabar.sync_well()
    refused = land.jabar.rows(OutboxEntry, OutboxEntry.state == "refused")
    assert [(row.kind, row.rule) for row in refused] == [("offer", "closed")]
    assert land.jabar.alarms() == ["closed"]
    land.settle()
    assert land.jabar.queued() == []
    (link,) = land.jabar.rows(Link, Link.peer == "jateng")
    assert link.next_seq == behind[-1]
    assert [message.text for message in land.jateng.track(filed.receipt).messages] == ["Kami urus.", "Selesai."]
    assert_every_link_is_whole(land)
    # No copy of the offer can be logged behind the fence: the case is free for another office.
    assert land.jabar.case(own).stance == Stance.HELD
    assert land.jabar.state().inc == 2
    land.jabar.hand_over(own, "kemnaker")
    land.settle()
    assert land.jabar.case(own).stance == Stance.ERASED


def test_an_entry_that_the_hub_cannot_take_yet_stays_queued(land: Country) -> None:
    """A part that the hub says it did not get is sent again with the next sync, at the same position."""
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    with land.jabar.node.database.transaction() as session:
        kept = [(part.part_id, part.entry_id, part.content) for part in session.query(OutboxPart)]
        session.query(OutboxPart).delete()
    done = land.jabar.sync_well()
    assert (done.pushed, land.jabar.queued(), land.jabar.alarms()) == (1, ["offer"], ["part-missing"])
    with land.jabar.node.database.transaction() as session:
        session.add_all(OutboxPart(part_id=p, entry_id=e, content=c) for p, e, c in kept)
    land.jabar.sync_well()
    assert land.jabar.queued() == []


# Much at once.


def test_more_than_one_bundle_holds_goes_in_several(land: Country) -> None:
    """The parts alone would be over the limit of 8 MiB; each bundle keeps it, and the order stays."""
    key = sealing("kemnaker").public
    with land.jabar.node.database.transaction() as session:
        for _ in range(100):
            sealed = {"message": (bytes(65_000), key)}
            queue(session, land.jabar.node, Draft("message", "kemnaker", ref=made_id("thread"), sealed=sealed), 1)
    carrier = Carrier(land.line)
    done = land.jabar.sync(carrier)
    assert (done.trouble, done.pushed, land.jabar.queued()) == (None, 100, [])
    assert len(carrier.posts) > 1
    assert all(len(raw) <= MAX_BUNDLE_BYTES for raw in carrier.posts)
    land.kemnaker.sync_well()
    assert [row.seq for row in land.kemnaker.rows(InboxEntry)] == list(range(1, 101))
    assert_every_link_is_whole(land)


def test_many_small_entries_go_256_at_a_time(land: Country) -> None:
    with land.jabar.node.database.transaction() as session:
        for _ in range(300):
            queue(session, land.jabar.node, Draft("receipt", "kemnaker", body={"upto": 0}), 1)
    done = land.jabar.sync_well()
    assert (done.rounds, done.pushed) == (2, 300)
    done = land.kemnaker.sync_well()
    assert (done.rounds, done.pulled) == (2, 300)


def test_two_offices_sync_at_once(land: Country) -> None:
    """The checkpoint that one is answered may be beyond what the other has just logged; both follow."""
    numbers = []
    for office, to in ((land.jabar, "jateng"), (land.jateng, "jabar"), (land.kemnaker, "jabar")):
        for _ in range(4):
            numbers.append(office.file().number)
            office.hand_over(numbers[-1], to)
    start = threading.Barrier(3)

    def run(office: Office) -> list[str | None]:
        start.wait(20)
        return [office.sync().trouble for _ in range(4)]

    with ThreadPoolExecutor(3) as pool:
        troubles = [trouble for done in pool.map(run, (land.jabar, land.jateng, land.kemnaker)) for trouble in done]
    assert set(troubles) == {None}
    land.settle()
    assert_every_link_is_whole(land)
    assert [office.alarms() for office in land.offices] == [[]] * 5
    held = [case.number for office in (land.jabar, land.jateng) for case in office.cases() if case.here]
    assert sorted(held) == sorted(numbers)


def test_officers_queue_while_the_sync_goes_on_and_no_position_is_lost(land: Country) -> None:
    """A counter that is read and then written would lose positions here; these are allocated in the transaction."""
    filed = land.handed_to(land.kemnaker)
    threads, each = 4, 6
    done = threading.Event()

    def answer(worker: int) -> None:
        for turn in range(each):
            land.kemnaker.reply(filed.number, f"Jawaban {worker}.{turn}")

    def keep_syncing() -> set[str | None]:
        troubles = set()
        while not done.is_set():
            troubles.add(land.kemnaker.sync().trouble)
        return troubles

    with ThreadPoolExecutor(threads + 1) as pool:
        syncing = pool.submit(keep_syncing)
        try:
            for task in [pool.submit(answer, worker) for worker in range(threads)]:
                task.result(60)
        finally:
            done.set()
        assert syncing.result(60) == {None}
    land.settle()
    assert_every_link_is_whole(land)
    texts = {message.text for message in land.jabar.track(filed.receipt).messages}
    assert texts == {f"Jawaban {worker}.{turn}" for worker in range(threads) for turn in range(each)}
