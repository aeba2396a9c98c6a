"""The one scheduler of a node: it only says when; what is done stands in the rooms."""

import logging
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import requests
from apscheduler.schedulers.background import BackgroundScheduler

from node.context import Node
from node.sync.client import HttpHub
from node.sync.engine import Synced, sync
from node.web.safelog import Public
from service.database import Database
from service.turn import FileTurn, Turn

_LOG: Final = logging.getLogger("simpul.sync")
_JITTER: Final = 0.2
_MAX_BACKOFF_SECONDS: Final = 900
_JOB: Final = "sync"


class Scheduler:
    """Calls the sync every so often, at once when woken, more rarely while the hub cannot be reached."""

    def __init__(self, every_seconds: int, run: Callable[[], Synced]) -> None:
        self._every = every_seconds
        self._run = run
        self._failures = 0
        self._busy = threading.Lock()
        self._again = threading.Event()
        # Between a sync's last look at `again` and its next date nobody may wake, or that wake would be overwritten.
        self._dating = threading.Lock()
        self._stopped = False
        self._jobs = BackgroundScheduler(timezone=UTC, job_defaults={"max_instances": 2, "misfire_grace_time": None})

    def start(self) -> None:
        """Begin; the first sync is now."""
        self._jobs.start()
        self._at(0)

    def wake(self) -> None:
        """Sync now; if one is going on, once more after it. Safe from any thread, and after stop."""
        with self._dating:
            self._again.set()
            self._at(0)

    def stop(self) -> None:
        """End; a sync that is going on is finished first."""
        with self._dating:
            # The shutdown holds the job store until the last job has ended: one that dated another would never end.
            self._stopped = True
        self._jobs.shutdown(wait=True)

    def _at(self, seconds: float) -> None:
        if self._stopped or not self._jobs.running:
            return
        run_date = datetime.now(UTC) + timedelta(seconds=seconds)  # noqa: TID251  the scheduler is an edge
        self._jobs.add_job(self._once, "date", run_date=run_date, id=_JOB, replace_existing=True)

    def _once(self) -> None:
        if not self._busy.acquire(blocking=False):
            return  # the one that is running sees `again`
        try:
            woken = self._again.is_set()
            self._again.clear()
            if not self._failed():
                self._failures = 0
            elif not woken or not self._failures:
                # What officers do while the hub is away is tried at once, and says nothing of how long it has been.
                self._failures += 1
        finally:
            self._busy.release()
        with self._dating:
            self._at(0 if self._again.is_set() else self._delay())

    def _failed(self) -> bool:
        try:
            done = self._run()
        except Exception as error:  # noqa: BLE001  whatever failed, the next sync must come
            _LOG.error("sync failed: %s", Public(type(error).__name__))
            return True
        if done.trouble is not None:
            _LOG.warning("sync: %s", Public(done.trouble))
        return done.trouble is not None

    def _delay(self) -> float:
        backoff = float(min(self._every << min(self._failures, 16), max(_MAX_BACKOFF_SECONDS, self._every)))
        return backoff * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  spreads load, guards nothing


def scheduler_turn(data_dir: Path, database: Database | None = None) -> Turn:
    """Return the turn to schedule, which one process of a node has: of all on its machine, or on its database."""
    file = data_dir / "scheduler.lock"
    return FileTurn(file) if database is None else database.turn(file)


def take_scheduler_lock(data_dir: Path, database: Database | None = None) -> Turn | None:
    """Return the turn if this process may schedule; None if another of this node does already."""
    turn = scheduler_turn(data_dir, database)
    return turn if turn.take() else None


def in_turn(turn: Turn, begin: Callable[[], None], run: Callable[[], Synced]) -> Callable[[], Synced]:
    """Return the job for a process that shares its node: it asks each time, for whoever had the turn may be gone.

    Whoever gets the turn begins anew (`begin`): it cannot know whether the disk is still what the last one left.
    """
    begun = False

    def ask() -> Synced:
        nonlocal begun
        if not turn.take():
            begun = False
            return Synced(0, 0, 0)
        if not begun:
            begin()
            begun = True
        return run()

    return ask


def make_sync(node: Callable[[], Node], clock: Callable[[], int]) -> Callable[[], Synced]:
    """Return the job: one sync of the node over HTTP, on one kept connection."""
    session = requests.Session()

    def run() -> Synced:
        return sync(node(), HttpHub(node().federation.url, session), clock)

    return run
