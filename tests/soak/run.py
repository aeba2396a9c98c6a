"""Many seeds in several processes; the first that fails is told with its story and the command that plays it again."""

import argparse
import logging
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from tests.soak.play import Played, plan_of, play
from tests.soak.weaken import WEAKENINGS, weakened
from tests.soak.world import country

_MEMORY: Final = Path("/dev/shm")
_MOST_TOLD: Final = 3
_TERMINATED: Final = 143
_TOLD_EVERY: Final = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What one run is asked for."""

    seeds: range
    weaken: str | None
    processes: int
    #: End at the first seed that breaks.
    first_only: bool


def main(arguments: Sequence[str]) -> int:
    """Run, tell, and return the exit status: 0 if nothing broke."""
    asked = _read(arguments)
    started = time.monotonic()
    done = faults = 0
    broken: list[Played] = []
    for played in _played(asked):
        done, faults = done + 1, faults + played.faults
        if played.broken:
            broken.append(played)
            if len(broken) <= _MOST_TOLD:
                _tell(played, asked)
            if asked.first_only:
                break
        _progress(done, len(asked.seeds), faults, len(broken), time.monotonic() - started)
    sys.stdout.write(f"seeds {done}, faults {faults}, broken {len(broken)}\n")
    return 1 if broken else 0


def _read(arguments: Sequence[str]) -> Asked:
    parser = argparse.ArgumentParser(prog="./run soak", description="Play seeds of a simulated country.")
    parser.add_argument("--seeds", type=int, default=200, metavar="N", help="how many seeds (default: 200)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the first of them (default: 0)")
    parser.add_argument("--weaken", choices=sorted(WEAKENINGS), help="leave one rule out: the run must then fail")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="P")
    given = parser.parse_args(arguments)
    seeds = range(given.seed, given.seed + max(given.seeds, 1))
    return Asked(seeds, given.weaken, max(1, min(given.processes, len(seeds))), given.weaken is not None)


def _played(asked: Asked) -> Iterator[Played]:
    """Play every seed; in the order in which they end."""
    if asked.processes == 1:
        yield from _work(asked.seeds, asked.weaken)
        return
    # A worker takes every P-th seed: which one plays a seed changes nothing of it.
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.queues.Queue[Played | None] = context.Queue()
    shares = [asked.seeds[first :: asked.processes] for first in range(asked.processes)]
    workers = [context.Process(target=_worker, args=(share, asked.weaken, queue), daemon=True) for share in shares]
    for worker in workers:
        worker.start()
    try:
        left = len(workers)
        while left:
            played = queue.get()
            if played is None:
                left -= 1
            else:
                yield played
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def stop(_signal: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that workers and folders go along."""
    raise SystemExit(_TERMINATED)


def _worker(seeds: range, weaken: str | None, queue: "multiprocessing.queues.Queue[Played | None]") -> None:
    signal.signal(signal.SIGTERM, stop)
    for played in _work(seeds, weaken):
        queue.put(played)
    queue.put(None)


def _work(seeds: range, weaken: str | None) -> Iterator[Played]:
    # What hub and node would tell their operators of faults and attacks is no news here.
    logging.disable(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="simpul-soak-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        with weakened(weaken) if weaken else nullcontext(), country(folder / "country") as place:
            for seed in seeds:
                yield play(place, plan_of(seed, weaken))
    finally:
        logging.disable(logging.NOTSET)
        shutil.rmtree(folder, ignore_errors=True)


def _tell(played: Played, asked: Asked) -> None:
    again = f"./run soak --seeds 1 --seed {played.seed}" + (f" --weaken {asked.weaken}" if asked.weaken else "")
    lines = (
        "",
        f"seed {played.seed} is broken; again: {again}",
        *played.story,
        *(f"BROKEN {one}" for one in played.broken),
    )
    sys.stdout.write("\n".join((*lines, "")))
    sys.stdout.flush()


def _progress(done: int, of: int, faults: int, broken: int, seconds: float) -> None:
    line = f"{done}/{of} seeds, {faults} faults, {broken} broken, {done / max(seconds, 0.001):.2f} seeds/s"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line} ")
    elif done % _TOLD_EVERY == 0:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
