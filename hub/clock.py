"""The hub's clock, read at its edges only: the start of a request, of a job, or of a command."""

import time
from collections.abc import Callable
from typing import TypeAlias

#: () -> whole seconds since 1970 (UTC).
Clock: TypeAlias = Callable[[], int]


def now() -> int:
    """Return whole seconds since 1970 (UTC)."""
    return int(time.time())  # noqa: TID251  # this is the edge
