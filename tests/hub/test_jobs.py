"""The hub's scheduler: it collects at start and goes on when a job fails."""

import logging
import threading
from pathlib import Path

import pytest

from hub.jobs import schedule
from hub.parts.store import PartStore
from service.turn import FileTurn
from tests.hub.conftest import Town
from tests.support.federation import NOW
from tests.support.files import PartsLine, made_file

_DEADLINE_SECONDS = 30


class Told(logging.Handler):
    """Waits for a line of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.came = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.came.set()


@pytest.fixture
def told() -> Told:
    handler = Told()
    logger = logging.getLogger("hub.jobs")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    return handler


def test_what_a_crash_left_is_swept_up_at_start(town: Town, told: Told) -> None:
    """A file without its row, older than a day (by a clock two days ahead)."""
    line, file = PartsLine(town.url, "jabar"), made_file(70_000)
    store = PartStore(town.hub.settings.parts_dir, 0)
    with store.receiving("jateng", file.id) as receiving:
        receiving.append([file.ciphertext], len(file.ciphertext))
        store.finish(receiving, "jateng")
        receiving.done()
    later = int(store.path("jateng", file.id).stat().st_mtime) + 2 * 86_400
    turn = FileTurn(town.hub.settings.data_dir / "jobs.lock")
    jobs = schedule(turn, town.hub.database, store, lambda: later)
    assert told.came.wait(_DEADLINE_SECONDS)
    jobs.shutdown()
    turn.close()
    assert told.lines == ["1 parts are no longer kept"]
    assert not store.path("jateng", file.id).exists()
    assert line.upload(file).status_code == 201


def test_a_job_that_fails_is_told_by_its_type_and_stops_nothing(tmp_path: Path, town: Town, told: Told) -> None:
    def broken() -> int:
        raise ValueError("rahasia")

    turn = FileTurn(tmp_path / "jobs.lock")
    jobs = schedule(turn, town.hub.database, PartStore(tmp_path, 0), broken)
    assert told.came.wait(_DEADLINE_SECONDS)
    assert jobs.get_job("collect") is not None
    jobs.shutdown()
    turn.close()
    assert "builtins.ValueError" in told.lines[0]
    assert "rahasia" not in told.lines[0]


def test_of_all_processes_of_a_hub_one_works(tmp_path: Path, town: Town, told: Told) -> None:
    mine, theirs = FileTurn(tmp_path / "jobs.lock"), FileTurn(tmp_path / "jobs.lock")
    assert theirs.take()
    asked: list[int] = []

    def clock() -> int:
        asked.append(NOW)
        return NOW

    jobs = schedule(mine, town.hub.database, PartStore(tmp_path, 0), clock)
    jobs.shutdown(wait=True)
    theirs.close()
    assert asked == []
    assert told.lines == []
