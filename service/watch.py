"""Progress on a terminal, in one line that is gone in the end; nothing where nobody watches."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, TextIO

_MEGABYTE: Final = 1 << 20
_ERASE: Final = "\r\x1b[K"


class Watch:
    """Call it with a stage and amounts; `done` clears the line."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Show on standard error, unless another stream is given."""
        self._stream: Final = stream or sys.stderr
        self._shown = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage is; a total of 0 is not known, and `done` then counts bytes."""
        if self._stream.isatty():
            how = f"{100 * done // total} %" if total else f"{done // _MEGABYTE} MB"
            if (line := f"{stage} {how}") != self._shown:
                self._stream.write(_ERASE + line)
                self._stream.flush()
                self._shown = line

    def done(self) -> None:
        """Clear the line."""
        if self._shown:
            self._stream.write(_ERASE)
            self._stream.flush()


@contextmanager
def watched() -> Iterator[Watch]:
    """Show progress during the block, and let an operator's stop (SIGTERM) clean up as Ctrl-C does."""
    watch = Watch()
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield watch
    finally:
        signal.signal(signal.SIGTERM, before)
        watch.done()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
