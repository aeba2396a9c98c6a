"""Waiting for what happens elsewhere: asked again and again, with a deadline, never for a fixed time."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

_T = TypeVar("_T")
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 0.4
_GROWTH: Final = 1.5


class TooLateError(Exception):
    """What was waited for did not come in time; the message says what it was."""


def wait_for(what: str, probe: Callable[[], _T | None], seconds: float) -> _T:
    """Return the first answer of `probe` that is neither None nor False; raise TooLateError after `seconds`.

    The pauses grow, so that many who wait at once leave the machine to those whom they wait for.
    """
    until = time.monotonic() + seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        found = probe()
        if found is not None and found is not False:
            return found
        if time.monotonic() >= until:
            raise TooLateError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE_SECONDS)
