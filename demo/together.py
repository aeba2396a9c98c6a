"""Doing several things at once, and nothing more of it once one has failed or somebody interrupts."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")
_AT_ONCE: Final = 6


def at_once(work: Callable[[_T], _R], items: Iterable[_T], workers: int = _AT_ONCE) -> list[_R]:
    """Return what the work gives for each item, in order; the first error is raised, and what waits is dropped."""
    pool = ThreadPoolExecutor(workers)
    try:
        return list(pool.map(work, items))
    finally:
        pool.shutdown(cancel_futures=True)
