"""The one scheduler of a hub: it only says when; what is done stands in the rooms."""

import logging
from collections.abc import Callable
from datetime import UTC
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler

from hub.clock import Clock
from hub.failures import describe
from hub.parts.collect import UNNAMED_SECONDS, collect, sweep
from hub.parts.store import PartStore
from hub.recovery.head_note import HeadNote
from service.database import Database
from service.turn import Turn

_LOGGER: Final = logging.getLogger(__name__)
_COLLECT_EVERY_SECONDS: Final = 3_600
_HEAD_NOTE_SECONDS: Final = 5


def schedule(turn: Turn, database: Database, store: PartStore, clock: Clock) -> BackgroundScheduler:
    """Return the running scheduler. Of all processes of a hub one works: whoever has the turn when it is asked."""
    jobs = BackgroundScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None})
    jobs.add_job(_in_turn(turn, lambda: sweep(database, store, clock() - UNNAMED_SECONDS)), id="sweep")
    jobs.add_job(
        _in_turn(turn, lambda: collect(database, store, clock())),
        "interval",
        seconds=_COLLECT_EVERY_SECONDS,
        id="collect",
    )
    jobs.start()
    return jobs


def keep_head_note(jobs: BackgroundScheduler, note: HeadNote, database: Database) -> None:
    """Write the newest checkpoint beside the database every few seconds, in each process that serves."""

    def write() -> None:
        try:
            note.write(database)
        except Exception as error:  # noqa: BLE001  whatever failed, the next time must come
            _LOGGER.error("head.note was not written: %s", describe(error))  # noqa: TRY400

    jobs.add_job(write, "interval", seconds=_HEAD_NOTE_SECONDS, id="head note")


def _in_turn(turn: Turn, job: Callable[[], int]) -> Callable[[], None]:
    def run() -> None:
        try:
            gone = job() if turn.take() else 0
        except Exception as error:  # noqa: BLE001  whatever failed, the next turn must come
            # Only the types: a traceback may quote what it was about.
            _LOGGER.error("collecting parts failed: %s", describe(error))  # noqa: TRY400
        else:
            if gone:
                _LOGGER.info("%d parts are no longer kept", gone)

    return run
