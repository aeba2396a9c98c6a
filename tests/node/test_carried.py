"""The exchange by hand: offices that never meet a network, and sticks that come late, twice, or not at all."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from hub.models import LoggedEntry
from node.models.files import OutboxFile
from node.models.sync import DirectoryFreshness, InboxEntry, OutboxEntry
from node.sync.client import HubUnreachableError, PartProgress, Sink
from node.sync.directory import read_history
from node.sync.outbox import Draft, queue
from node.sync.refresh import may_seal
from node.sync.start import begin
from protocol.custody import ACTING, Phase, Stance
from protocol.directory import Status
from tests.support.carried import Stick, file_with, files_of, make_stick
from tests.support.federation import member
from tests.support.nodes import REPORTER_NAME, Carrier, Country, LosesTheAnswer, Office
from tests.support.photos import photo

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 86_400
SMALL = ("kecil.jpg", photo(20_000, 1))
LARGE = ("besar.jpg", photo(300_000, 2))
#: Offer, accept, grant, receipt: each by its own trip, and back.
_TRIPS = 6


@pytest.fixture
def stick(land: Country) -> Stick:
    return make_stick(land)


def assert_handed_over(land: Country, number: str, to: Office) -> None:
    """One custodian, the identity with it, and nothing for people to look at."""
    assert land.jabar.case(number).stance == Stance.ERASED
    assert to.case(number).stance == Stance.HELD
    assert to.open_identity(number) == REPORTER_NAME
    assert [office.alarms() for office in land.offices] == [[]] * 5


def logged_ids(land: Country) -> list[str]:
    with land.founded.database.reading() as session:
        return [row.id for row in session.query(LoggedEntry).order_by(LoggedEntry.index)]


# Wholly by stick.


def test_a_hand_over_between_two_offices_that_are_never_online(land: Country, stick: Stick) -> None:
    filed = land.jabar.file()
    land.jabar.hand_over(filed.number, "kemnaker")
    for _ in range(_TRIPS):
        stick.round(land.jabar, land.kemnaker)
    assert_handed_over(land, filed.number, land.kemnaker)
    land.kemnaker.reply(filed.number, "Kami periksa.")
    for _ in range(2):
        stick.round(land.kemnaker, land.jabar)
    assert [message.text for message in land.jabar.track(filed.receipt).messages] == ["Kami periksa."]
    assert land.jabar.state().trouble is None


def test_an_office_on_its_first_day_begins_by_stick_alone(land: Country, stick: Stick) -> None:
    """It has read nothing: neither log nor directory. Two trips until it acts, and the third brings its word."""
    fresh = land.fresh("kemensos")
    begin(fresh.node, land.clock.now())
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemensos")
    land.jabar.sync_well()
    phases = []
    for _ in range(3):
        stick.round(fresh)
        phases.append(fresh.state().phase)
    assert phases == [Phase.FENCING, Phase.ACTING, Phase.ACTING]
    land.jabar.sync_well()
    stick.round(fresh)
    assert fresh.open_identity(number) == REPORTER_NAME
    own = fresh.file().number
    fresh.hand_over(own, "jabar")
    stick.round(fresh)
    land.jabar.sync_well()
    stick.round(fresh)
    assert land.jabar.case(own).stance in {Stance.INVITED, Stance.HELD}
    assert fresh.alarms() == []


def test_a_directory_that_changed_comes_with_the_answer(land: Country, stick: Stick) -> None:
    land.founded.enrol(member("aceh", regions=("11",)))
    land.founded.set_status("jateng", Status.SUSPENDED)
    stick.round(land.jabar)
    with land.jabar.node.database.reading() as session:
        latest = read_history(session, land.jabar.node.federation).latest
    assert latest.member("aceh").name == "Aceh"
    assert latest.member("jateng").status is Status.SUSPENDED
    assert land.jabar.alarms() == []


def test_more_than_one_bundle_holds_goes_in_several_files(land: Country, stick: Stick) -> None:
    with land.jabar.node.database.transaction() as session:
        for _ in range(600):
            queue(session, land.jabar.node, Draft("receipt", "kemnaker", body={"upto": 0}), 1)
    assert [done.pushed for done in stick.export(land.jabar)] == [256, 256, 88]
    assert [done.pushed for done in stick.answer()] == [256, 256, 88]
    stick.take_well(land.jabar)
    assert (land.jabar.queued(), land.jabar.alarms()) == ([], [])
    stick.wipe()
    for _ in range(3):
        stick.round(land.kemnaker)
    assert [row.seq for row in land.kemnaker.rows(InboxEntry)] == list(range(1, 601))


def test_of_several_files_any_may_be_lost(land: Country, stick: Stick) -> None:
    with land.jabar.node.database.transaction() as session:
        for _ in range(600):
            queue(session, land.jabar.node, Draft("receipt", "kemnaker", body={"upto": 0}), 1)
    _, second, _ = stick.export(land.jabar)
    (stick.folder / second.name).unlink()
    stick.answer()
    stick.take_well(land.jabar)
    assert len(land.jabar.queued()) == 600 - 256
    stick.wipe()
    stick.round(land.jabar)
    assert land.jabar.queued() == []
    assert len(set(logged_ids(land))) == len(logged_ids(land)) == 600


# Large files.


def test_large_files_go_both_ways_by_stick(land: Country, stick: Stick) -> None:
    number = file_with(land.jabar, [SMALL, LARGE])
    land.jabar.hand_over(number, "kemnaker")
    (done,) = stick.export(land.jabar)
    assert done.files == 1
    stick.wipe()
    for _ in range(_TRIPS):
        stick.round(land.jabar, land.kemnaker)
    assert files_of(land.kemnaker, number) == dict([SMALL, LARGE])
    assert_handed_over(land, number, land.kemnaker)
    land.kemnaker.hand_over(number, "jabar")
    for _ in range(_TRIPS):
        stick.round(land.kemnaker, land.jabar)
    assert files_of(land.jabar, number) == dict([SMALL, LARGE])
    assert land.jabar.rows(OutboxFile) == land.kemnaker.rows(OutboxFile) == []
    assert list(land.kemnaker.node.outgoing.names()) == []


@dataclass(slots=True)
class NoFiles(Carrier):
    """A line that breaks off whenever a file is to come over it."""

    asked: list[str] = field(default_factory=list)

    def get_part(self, part: str, shown: str, start: int, sink: Sink) -> None:
        del shown, start, sink
        self.asked.append(part)
        raise HubUnreachableError("ConnectionError")


def test_files_that_the_line_never_brought_come_by_stick(land: Country, stick: Stick) -> None:
    number = file_with(land.jabar, [SMALL, LARGE])
    land.jabar.hand_over(number, "kemnaker")
    land.jabar.sync_well()
    broken = NoFiles(land.line)
    assert land.kemnaker.sync(broken).trouble == "unreachable:ConnectionError"
    assert broken.asked
    assert [row.waiting for row in land.kemnaker.rows(InboxEntry)] == [True]
    stick.round(land.kemnaker)
    assert [row.waiting for row in land.kemnaker.rows(InboxEntry)] == [False]
    land.settle()
    assert files_of(land.kemnaker, number) == dict([SMALL, LARGE])


def test_an_upload_that_broke_off_goes_on_by_stick(land: Country, stick: Stick) -> None:
    number = file_with(land.jabar, [("besar.jpg", photo(6_000_000, 3))])
    land.jabar.hand_over(number, "kemnaker")

    class BreaksOff(Carrier):
        def put_part(self, part: str, shown: str, start: int, total: int, piece: bytes) -> PartProgress:
            if start:
                raise HubUnreachableError("ConnectionError")
            return Carrier.put_part(self, part, shown, start, total, piece)

    assert land.jabar.sync(BreaksOff(land.line)).trouble == "unreachable:ConnectionError"
    assert land.jabar.queued() == ["offer"]
    stick.round(land.jabar)
    assert land.jabar.queued() == []
    land.settle()
    assert files_of(land.kemnaker, number) == {"besar.jpg": photo(6_000_000, 3)}
    assert_handed_over(land, number, land.kemnaker)


# In whatever order.


def test_a_request_that_the_line_overtook_is_refused_and_nothing_is_lost(land: Country, stick: Stick) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    stick.export(land.jabar)
    land.jabar.sync_well()
    (refused,) = stick.answer()
    assert (refused.refused, refused.known) == ("counter", False)
    (taken,) = stick.take(land.jabar)
    assert (taken.refused, taken.trouble) == ("counter", None)
    assert land.jabar.state().phase == Phase.ACTING
    land.settle()
    assert_handed_over(land, number, land.kemnaker)


def test_an_answer_that_the_line_overtook_adds_nothing(land: Country, stick: Stick) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    stick.export(land.jabar)
    stick.answer()
    land.settle()
    assert_handed_over(land, number, land.kemnaker)
    before = land.jabar.dump(without=("sync_state",))
    cursors = (land.jabar.state().inbox_pos, land.jabar.state().sent_pos, land.jabar.state().log_size)
    stick.take_well(land.jabar)
    assert land.jabar.dump(without=("sync_state",)) == before
    state = land.jabar.state()
    assert (state.inbox_pos, state.sent_pos, state.log_size) == cursors
    land.jabar.sync_well()


def test_an_answer_by_hand_and_then_the_line(land: Country, stick: Stick) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    stick.round(land.jabar)
    assert land.jabar.queued() == []
    land.settle()
    assert_handed_over(land, number, land.kemnaker)


def test_answers_that_come_home_in_the_wrong_order(land: Country, stick: Stick) -> None:
    second = make_stick(land, "second")
    numbers = [land.jabar.file().number for _ in range(2)]
    for each, number in zip((stick, second), numbers, strict=True):
        land.jabar.hand_over(number, "kemnaker")
        each.export(land.jabar)
        each.answer()
        land.kemnaker.sync_well()
    second.take_well(land.jabar)
    after = land.jabar.dump(without=("sync_state",))
    stick.take_well(land.jabar)
    assert land.jabar.dump(without=("sync_state",)) == after
    land.settle()
    for number in numbers:
        assert_handed_over(land, number, land.kemnaker)


def test_requests_that_reach_the_hub_in_the_wrong_order(land: Country, stick: Stick) -> None:
    second = make_stick(land, "second")
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    stick.export(land.jabar)
    second.export(land.jabar)
    assert [done.refused for done in (*second.answer(), *stick.answer())] == [None, "counter"]
    second.take_well(land.jabar)
    stick.take_well(land.jabar)
    assert len(logged_ids(land)) == 1
    land.settle()
    assert_handed_over(land, number, land.kemnaker)


def test_an_answer_taken_twice_is_taken_once(land: Country, stick: Stick) -> None:
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    land.jabar.sync_well()
    stick.export(land.kemnaker)
    stick.answer()
    stick.take_well(land.kemnaker)
    before = land.kemnaker.dump()
    land.clock.advance()
    stick.take_well(land.kemnaker)
    assert land.kemnaker.dump() == before


def test_a_request_is_answered_once_and_its_answer_kept(land: Country, stick: Stick) -> None:
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    stick.export(land.jabar)
    stick.answer()
    answer = stick.path("answer").read_bytes()
    (again,) = stick.answer()
    assert (again.known, again.refused, again.written) == (True, None, stick.path("answer").name)
    assert stick.path("answer").read_bytes() == answer
    # Where the answer was lost the node is told to ask anew.
    stick.path("answer").unlink()
    (lost,) = stick.answer()
    assert (lost.known, lost.refused) == (True, "counter")
    stick.take_well(land.jabar)
    assert (land.jabar.queued(), land.jabar.alarms()) == (["offer"], [])
    stick.wipe()
    stick.round(land.jabar)
    assert land.jabar.queued() == []


def test_a_lost_stick_loses_nothing(land: Country, stick: Stick) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    for _ in range(3):
        stick.export(land.jabar)
        stick.wipe()
    stick.round(land.jabar)
    stick.export(land.jabar)
    stick.answer()
    stick.wipe()
    land.settle()
    assert_handed_over(land, number, land.kemnaker)


def test_an_answer_that_the_line_lost_is_told_again_by_stick(land: Country, stick: Stick) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    land.jabar.sync(LosesTheAnswer(land.line))
    stick.round(land.jabar)
    assert (land.jabar.queued(), len(logged_ids(land))) == ([], 1)
    land.settle()
    assert_handed_over(land, number, land.kemnaker)


def test_an_answer_by_hand_while_the_line_is_busy(land: Country, stick: Stick) -> None:
    """The log moves under a sync that is under way: it takes what is new, and nobody alarms."""
    numbers = [land.jabar.file().number for _ in range(3)]
    done = threading.Event()

    def keep_syncing(office: Office) -> set[str | None]:
        troubles = set()
        while not done.is_set():
            troubles.add(office.sync().trouble)
        return troubles

    with ThreadPoolExecutor(2) as pool:
        syncing = [pool.submit(keep_syncing, office) for office in (land.jabar, land.kemnaker)]
        try:
            for number in numbers:
                land.jabar.hand_over(number, "kemnaker")
                for _ in range(3):
                    for office in (land.jabar, land.kemnaker):
                        stick.export(office)
                    stick.answer()
                    for office in (land.jabar, land.kemnaker):
                        stick.take_well(office)
                    stick.wipe()
        finally:
            done.set()
        troubles = set().union(*(each.result(60) for each in syncing))
    assert troubles <= {None, "refused:409"}
    land.settle()
    for number in numbers:
        assert_handed_over(land, number, land.kemnaker)


# After a start.


def test_an_answer_from_before_a_start_is_used_and_does_not_end_it(land: Country, stick: Stick) -> None:
    """The disk may have been set back since: what the hub had then need not be all that this node said."""
    filed = land.jateng.file()
    land.jateng.hand_over(filed.number, "jabar")
    land.jateng.sync_well()
    stick.export(land.jabar)
    stick.answer()
    land.clock.advance()
    begin(land.jabar.node, land.clock.now())
    stick.take_well(land.jabar)
    assert [row.kind for row in land.jabar.rows(InboxEntry)] == ["offer"]
    assert (land.jabar.state().phase, land.jabar.state().inc) == (Phase.READING, 1)
    stick.wipe()
    for phase in (Phase.FENCING, Phase.ACTING):
        stick.round(land.jabar)
        assert land.jabar.state().phase == phase
    land.settle()
    assert land.jabar.open_identity(filed.number) == REPORTER_NAME


def test_a_request_from_before_a_start_is_refused_behind_its_fence(land: Country, stick: Stick) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    stick.export(land.jabar)
    begin(land.jabar.node, land.clock.now())
    land.jabar.sync_well()
    (done,) = stick.answer()
    assert done.refused == "incarnation"
    stick.take_well(land.jabar)
    assert (land.jabar.state().phase, land.jabar.state().inc) == (Phase.ACTING, 2)
    land.settle()
    assert_handed_over(land, number, land.kemnaker)


def test_a_refused_offer_is_fenced_and_free_by_stick(land: Country, stick: Stick) -> None:
    number = land.jabar.file().number
    land.jabar.hand_over(number, "jateng")
    land.founded.set_status("jateng", Status.SUSPENDED)
    for _ in range(2):
        stick.round(land.jabar)
    assert land.jabar.case(number).stance == Stance.HELD
    assert land.jabar.state().phase == Phase.ACTING
    land.jabar.hand_over(number, "kemnaker")
    stick.round(land.jabar)
    land.settle()
    assert land.kemnaker.open_identity(number) == REPORTER_NAME


# How old the word of the hub is.


def test_keys_stay_fresh_by_sticks_that_take_days(land: Country, stick: Stick) -> None:
    """The hub's word is good for a day. By hand it counts from when it was given, and seals for thirty days."""
    stick.export(land.jabar)
    land.clock.advance(40 * DAY)
    given = land.clock.now()
    with land.founded.database.transaction() as session:
        # The registrar's word is good for 30 days; it is given anew.
        land.founded.registrar.set_status(session, "triase", Status.SUSPENDED, given)
    stick.answer()
    land.clock.advance(5 * DAY)
    with land.jabar.node.database.reading() as session:
        assert not may_seal(session, land.clock.now())
    stick.take_well(land.jabar)
    (known,) = land.jabar.rows(DirectoryFreshness)
    assert given - DAY <= known.refreshed_at <= given < known.until <= given + DAY
    with land.jabar.node.database.reading() as session:
        assert may_seal(session, land.clock.now())
        assert not may_seal(session, land.clock.now() + 26 * DAY)
    assert land.jabar.alarms() == []


def test_an_older_word_than_the_lines_changes_nothing(land: Country, stick: Stick) -> None:
    stick.export(land.jabar)
    stick.answer()
    land.founded.set_status("jateng", Status.SUSPENDED)
    land.clock.advance(2 * DAY)
    land.jabar.sync_well()
    before = [(row.version, row.refreshed_at, row.until) for row in land.jabar.rows(DirectoryFreshness)]
    land.clock.advance(DAY // 2)
    stick.take_well(land.jabar)
    assert [(row.version, row.refreshed_at, row.until) for row in land.jabar.rows(DirectoryFreshness)] == before
    land.jabar.sync_well()
    assert land.jabar.alarms() == []


# Everything at once, again and again.


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_order_every_case_has_one_custodian(land: Country, seed: int) -> None:
    """Exports, answers, imports, syncs, lost answers, lost sticks, restarts and sticks found again, at random."""
    chance = random.Random(seed)  # noqa: S311  guards nothing
    offices = (land.jabar, land.jateng, land.kemnaker)
    sticks, drawer = [make_stick(land, name) for name in ("a", "b")], make_stick(land, "drawer")
    numbers: list[str] = []

    def file_and_hand_over() -> None:
        office, to = chance.sample(offices, 2)
        numbers.append(office.file().number)
        if office.state().phase == Phase.ACTING:
            office.hand_over(numbers[-1], to.node.member_id)

    def lose() -> None:
        """Put everything into the drawer, where it may be found again."""
        stick = chance.choice(sticks)
        for path in stick.folder.iterdir():
            path.replace(drawer.folder / path.name)

    def find() -> None:
        found = sorted(drawer.folder.iterdir())
        if found:
            path = chance.choice(found)
            (chance.choice(sticks).folder / path.name).write_bytes(path.read_bytes())

    deeds: list[tuple[int, Callable[[], object]]] = [
        (3, file_and_hand_over),
        (6, lambda: chance.choice(sticks).export(chance.choice(offices))),
        (5, lambda: chance.choice(sticks).answer()),
        (6, lambda: chance.choice(sticks).take(chance.choice(offices))),
        (3, lambda: chance.choice(offices).sync()),
        (2, lambda: chance.choice(offices).sync(LosesTheAnswer(land.line))),
        (1, lambda: begin(chance.choice(offices).node, land.clock.now())),
        (2, lose),
        (2, find),
    ]
    weights, acts = zip(*deeds, strict=True)
    for act in chance.choices(acts, weights, k=60):
        land.clock.advance(chance.randrange(1, 600))
        act()
    for office in offices:
        office.sync()
    land.settle()
    assert [row.kind for office in offices for row in office.rows(OutboxEntry) if row.state != "logged"] == []
    for number in numbers:
        held = [o for o in offices if any(row.number == number and row.here for row in o.cases())]
        acting = [o for o in held if Stance(o.case(number).stance) in ACTING]
        assert len(acting) == 1, [(o.node.member_id, o.case(number).stance) for o in held]
        assert acting[0].open_identity(number) == REPORTER_NAME
    ids = logged_ids(land)
    assert len(set(ids)) == len(ids)
    assert [office.alarms() for office in offices] == [[]] * 3
