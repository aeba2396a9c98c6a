"""What the demo prints: numbered steps with how they ended and how long they took, and what was seen beneath."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

_WIDTH: Final = 96


class Screen:
    """Prints, one line after another; a step first without its end, then with it."""

    def __init__(self) -> None:
        self._number = 0
        self._began: Final = time.monotonic()
        self.present = ""

    @property
    def seconds(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self._began

    def say(self, line: str = "") -> None:
        """Print a line at once, also when the output is a file."""
        print(line, flush=True)

    @contextmanager
    def step(self, indonesian: str, english: str) -> Iterator[None]:
        """Number a step, and tell how it ended; what goes wrong in it goes on to the caller."""
        self._number += 1
        self.present = f"{self._number}. {indonesian}"
        self.say(f"\n{self._number:2}. {indonesian}  ({english})")
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self.say(f"    ✗ {time.monotonic() - began:.1f} s")
            raise
        self.say(f"    ✓ {time.monotonic() - began:.1f} s")

    def table(self, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
        """Print rows in columns as wide as they need to be."""
        lines = [head, *rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        for line in lines:
            self.say("    " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def shortened(text: str, most: int = _WIDTH - 40) -> str:
    """Return the beginning of a text in one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
