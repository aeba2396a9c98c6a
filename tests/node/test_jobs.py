"""The scheduler: at once when woken, more rarely after failures, and an end that waits. Real threads, no sleeps."""

import io
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.jobs import Scheduler, in_turn, make_sync, scheduler_turn, take_scheduler_lock
from node.sync.engine import Synced
from node.web.safelog import SafeFormatter
from tests.support.nodes import Country

DEADLINE = 20
WELL, ILL = Synced(1, 0, 0), Synced(0, 0, 0, "unreachable:ConnectionError")
#: So rare that a test never sees a sync that it did not ask for.
RARELY = 900


class Runs:
    """A job that tells each of its runs, and waits in it for leave to end when asked to."""

    def __init__(self, *results: Callable[[], Synced]) -> None:
        self.begun: queue.Queue[int] = queue.Queue()
        self.leave = threading.Semaphore(0)
        self.held = False
        self.count = 0
        self._results = results

    def __call__(self) -> Synced:
        self.count += 1
        self.begun.put(self.count)
        if self.held:
            assert self.leave.acquire(timeout=DEADLINE)
        return self._results[min(self.count, len(self._results)) - 1]() if self._results else WELL

    def wait(self) -> int:
        return self.begun.get(timeout=DEADLINE)


@pytest.fixture
def schedulers() -> Iterator[Callable[[Runs], Scheduler]]:
    made: list[Scheduler] = []

    def start(runs: Runs, every: int = RARELY) -> Scheduler:
        made.append(Scheduler(every, runs))
        made[-1].start()
        return made[-1]

    yield start
    for scheduler in made:
        if scheduler._jobs.running:
            scheduler.stop()


def settled(scheduler: Scheduler) -> None:
    """Return when the run that was going on has dated the next one."""
    assert scheduler._busy.acquire(timeout=DEADLINE)
    scheduler._busy.release()


def test_the_first_sync_is_at_once(schedulers: Callable[[Runs], Scheduler]) -> None:
    runs = Runs()
    schedulers(runs)
    assert runs.wait() == 1


def test_a_wake_syncs_at_once(schedulers: Callable[[Runs], Scheduler]) -> None:
    runs = Runs()
    scheduler = schedulers(runs)
    for turn in range(1, 4):
        assert runs.wait() == turn
        settled(scheduler)
        scheduler.wake()
    assert runs.wait() == 4


def test_wakes_during_a_sync_are_one_more_sync_after_it(schedulers: Callable[[Runs], Scheduler]) -> None:
    """What was queued while a sync had already read the outbox must not wait for the next turn of the clock."""
    runs = Runs()
    runs.held = True
    scheduler = schedulers(runs)
    assert runs.wait() == 1
    for _ in range(5):
        scheduler.wake()
    assert runs.begun.empty()
    runs.leave.release()
    assert runs.wait() == 2
    runs.leave.release()
    settled(scheduler)
    assert runs.count == 2


def test_many_wakes_from_many_threads_lose_none(schedulers: Callable[[Runs], Scheduler]) -> None:
    """After the last wake there is always a sync that began later."""
    asked, seen, lock = 0, 0, threading.Lock()
    done = threading.Event()

    def run() -> Synced:
        nonlocal seen
        with lock:
            seen = asked
            if asked == 100:
                done.set()
        return WELL

    scheduler = schedulers(Runs(run))

    def wake() -> None:
        nonlocal asked
        for _ in range(25):
            with lock:
                asked += 1
            scheduler.wake()

    threads = [threading.Thread(target=wake) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert done.wait(DEADLINE)
    assert seen == 100


def raising() -> Synced:
    raise ValueError("Upah kami di pabrik Sukamakmur")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(SafeFormatter())
    logger = logging.getLogger("simpul.sync")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


def test_a_sync_that_raises_does_not_end_the_syncs(schedulers: Callable[[Runs], Scheduler], log: io.StringIO) -> None:
    runs = Runs(raising, lambda: ILL, lambda: WELL)
    scheduler = schedulers(runs)
    for turn in (1, 2, 3):
        assert runs.wait() == turn
        settled(scheduler)
        scheduler.wake()
    told = log.getvalue()
    assert "ValueError" in told
    assert "unreachable:ConnectionError" in told
    assert "Sukamakmur" not in told


def test_failures_make_the_next_sync_rarer_up_to_a_quarter_of_an_hour() -> None:
    scheduler = Scheduler(30, Runs())
    delays = []
    for failures in range(20):
        scheduler._failures = failures
        delays.append(scheduler._delay())
    for failures, delay in enumerate(delays):
        wanted = min(30 * 2**failures, 900)
        assert wanted * 0.8 <= delay <= wanted * 1.2


def test_a_success_ends_the_backoff(schedulers: Callable[[Runs], Scheduler]) -> None:
    runs = Runs(lambda: ILL, lambda: ILL, lambda: WELL)
    scheduler = schedulers(runs)
    failures = []
    for _ in range(3):
        runs.wait()
        settled(scheduler)
        failures.append(scheduler._failures)
        scheduler.wake()
    assert failures == [1, 1, 0]


def test_what_officers_do_while_the_hub_is_away_does_not_make_the_next_sync_rarer() -> None:
    """A busy office and a hub that was gone for ten seconds: it must not take a quarter of an hour to hear of it."""
    scheduler = Scheduler(30, Runs(lambda: ILL))
    for _ in range(2):
        scheduler._once()
    for _ in range(10):
        scheduler.wake()
        scheduler._once()
    assert scheduler._failures == 2


def test_to_stop_waits_for_the_sync_that_goes_on(schedulers: Callable[[Runs], Scheduler]) -> None:
    runs = Runs()
    runs.held = True
    scheduler = schedulers(runs)
    assert runs.wait() == 1
    stopping = threading.Thread(target=scheduler.stop)
    stopping.start()
    assert stopping.is_alive()
    runs.leave.release()
    stopping.join(DEADLINE)
    assert not stopping.is_alive()
    scheduler.wake()
    assert runs.count == 1


def test_one_process_a_node_schedules(tmp_path: Path) -> None:
    first = take_scheduler_lock(tmp_path)
    assert first is not None
    assert take_scheduler_lock(tmp_path) is None
    first.close()
    again = take_scheduler_lock(tmp_path)
    assert again is not None
    again.close()


def test_a_process_without_the_turn_syncs_only_when_the_other_is_gone(tmp_path: Path) -> None:
    first, second = scheduler_turn(tmp_path), scheduler_turn(tmp_path)
    runs, begun = Runs(), [0]
    job = in_turn(second, lambda: begun.append(1), runs)
    assert first.take()
    assert job() == Synced(0, 0, 0)
    assert (runs.count, len(begun)) == (0, 1)
    first.close()
    assert job() == WELL
    assert job() == WELL
    # Whoever takes over begins anew, once: it cannot know whether the disk is what the other one left.
    assert (runs.count, len(begun)) == (2, 2)
    second.close()


def test_the_job_is_one_sync_over_http(land: Country) -> None:
    from dataclasses import replace  # noqa: PLC0415  beside its one use

    office = land.jabar
    office.node = replace(office.node, federation=replace(office.node.federation, url=land.url))
    office.hand_over(office.file().number, "kemnaker")
    assert make_sync(lambda: office.node, land.clock.now)() == Synced(1, 1, 0)
    assert office.queued() == []


def test_a_change_that_queues_something_wakes_the_scheduler_once_it_is_durable(land: Country) -> None:
    from dataclasses import replace  # noqa: PLC0415  beside its one use

    woken: list[list[str]] = []
    office = land.jabar
    number = office.file().number
    office.node = replace(office.node, wake=lambda: woken.append(office.queued()))
    office.hand_over(number, "kemnaker")
    assert woken == [["offer"]]
