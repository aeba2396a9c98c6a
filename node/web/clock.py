"""The one place of the web that reads the clock."""

import time


def now() -> int:
    """Return the time in whole seconds since 1970 (UTC)."""
    return int(time.time())  # noqa: TID251 - this is the edge
