"""Logs that cannot leak what people wrote: types and places of errors, never their messages or arguments.

An exception's message often quotes what it choked on (a database driver prints the parameters of the statement), so it
is never printed, nor are a log line's arguments, except numbers and text that its author marked as `Public`. The
template of a line of ours is printed as it stands: it must be a literal.
"""

import logging
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Final, TextIO

_HIDDEN: Final = "…"
_OURS: Final = ("simpul", "node", "hub", "keys", "protocol")


class Public(str):
    """Text that may stand in a log: a member's id, a rule's name; never anything that a person typed."""

    __slots__ = ()


class SafeFormatter(logging.Formatter):
    """`2026-11-21T03:00:00Z ERROR node.app line of text | ValueError at node/app.py:12 in create_app`."""

    @staticmethod
    def converter(seconds: float | None) -> time.struct_time:
        """Times are in UTC."""
        return time.gmtime(seconds)

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; whatever is not known to be harmless is left out."""
        stamp = self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ")
        parts = [stamp, record.levelname, record.name, _message(record)]
        line = " ".join(parts)
        if record.exc_info and record.exc_info[1] is not None:
            line = f"{line} | {describe(record.exc_info[1])}"
        return line.replace("\n", " ").replace("\r", " ")


def describe(error: BaseException) -> str:
    """Name an exception's type, its causes' types and the places in the code; never its message."""
    told: list[str] = []
    seen: set[int] = set()
    present: BaseException | None = error
    while present is not None and id(present) not in seen:
        seen.add(id(present))
        told.append(f"{type(present).__module__}.{type(present).__qualname__} at {_places(present.__traceback__)}")
        present = present.__cause__ or present.__context__
    return " from ".join(told)


def configure(stream: TextIO, level: int = logging.INFO) -> None:
    """Send every log of this process, and every uncaught error, to the stream in the safe form."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(SafeFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries tell of every job and connection; only what is wrong with them is of use here.
    root.setLevel(logging.WARNING)
    for ours in _OURS:
        logging.getLogger(ours).setLevel(level)
    logging.captureWarnings(capture=True)
    # When a handler itself fails, Python would print the record with its arguments to the standard error.
    logging.raiseExceptions = False
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _message(record: logging.LogRecord) -> str:
    if not isinstance(record.msg, str):
        return _shown(record.msg)
    if not record.args and record.name.split(".")[0] not in _OURS:
        # A library may have put values into the line already; warnings come like that.
        return f"{_HIDDEN} at {_short(record.pathname)}:{record.lineno}"
    if not record.args:
        return record.msg
    given = record.args
    try:
        if isinstance(given, dict):
            return record.msg % {name: _shown(value) for name, value in given.items()}
        return record.msg.replace("%d", "%s") % tuple(_shown(value) for value in given)
    except (TypeError, ValueError, KeyError):
        return record.msg


def _shown(value: object) -> str:
    if isinstance(value, BaseException):
        return type(value).__qualname__
    if isinstance(value, Public | int | float | None):
        return str(value)
    return _HIDDEN


def _places(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    return " < ".join(f"{_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in reversed(frames)) or "?"


def _short(filename: str) -> str:
    return "/".join(filename.replace("\\", "/").rsplit("/", 3)[-3:])


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("node").critical("uncaught error", exc_info=(kind, error, trace))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None:
        _uncaught(told.exc_type, told.exc_value, told.exc_traceback)
