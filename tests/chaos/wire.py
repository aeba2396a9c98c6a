"""A bad line: a relay for bytes between a node and the hub that cuts, resets, holds up or swallows what it carries.

It knows nothing of HTTP, and each connection takes its chance when it begins.
"""

import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final, Self
from urllib.parse import urlsplit

_CHUNK_BYTES: Final = 4_096
_BACKLOG: Final = 128
_DIAL_SECONDS: Final = 5
#: After how many bytes a connection breaks at the latest.
_BREAKS_WITHIN_BYTES: Final = 6_000
_HOLD_UP_SECONDS: Final = 0.02
#: Close with a reset: whatever was not sent yet is thrown away, and the other side is told so rudely.
_RUDELY: Final = struct.pack("ii", 1, 0)


class Fault(Enum):
    """What happens to connections that begin now."""

    NONE = "none"
    RESET = "reset"  # after some bytes, in either direction, both sides see a connection reset
    TRUNCATE = "truncate"  # after some bytes the stream ends as if all had been said
    SLOW = "slow"  # a few bytes at a time
    SILENT = "silent"  # taken, and never answered


@dataclass(slots=True)
class _Cut:
    """How many bytes are still carried, both directions together; whether it ends by a reset."""

    left: int
    rude: bool = False


class Wire:
    """Listens from its making on; `front` names the hub behind it and returns the address to dial instead."""

    def __init__(self, seed: str, *, share: float = 0.6) -> None:
        """Make a line; `share` of the connections meet the fault that is set, the others pass."""
        self._listener: Final = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._chance: Final = Random(seed)  # noqa: S311
        self._share: Final = share
        self._target: tuple[str, int] | None = None
        self._open: Final[set[socket.socket]] = set()
        self._lock: Final = threading.Lock()
        self._fault = Fault.NONE
        self.connections = 0
        self.broken = 0
        self._thread: Final = threading.Thread(target=self._serve, daemon=True)

    def front(self, url: str) -> str:
        """Stand before an address; returns the one to dial."""
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._thread.start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def set(self, fault: Fault) -> None:
        """Choose what happens from now on. What is kept open is closed: whoever keeps a line would never meet it."""
        with self._lock:
            self._fault = fault
            kept = list(self._open)
        for each in kept:
            _hang_up(each)

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            fault = self._fault if self._chance.random() < self._share else Fault.NONE
            cut = _Cut(self._chance.randrange(_BREAKS_WITHIN_BYTES))
            self.broken += fault is not Fault.NONE
            self._open.add(near)
        try:
            if fault is Fault.SILENT:
                while near.recv(_CHUNK_BYTES):
                    pass
            else:
                self._carry(near, fault, cut)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(near)
            near.close()

    def _carry(self, near: socket.socket, fault: Fault, cut: _Cut) -> None:
        assert self._target is not None
        far = socket.create_connection(self._target, _DIAL_SECONDS)
        far.settimeout(None)
        back = threading.Thread(target=self._copy, args=(far, near, fault, cut), daemon=True)
        back.start()
        self._copy(near, far, fault, cut)
        back.join()
        far.close()

    def _copy(self, source: socket.socket, sink: socket.socket, fault: Fault, cut: _Cut) -> None:
        piece = 64 if fault is Fault.SLOW else _CHUNK_BYTES
        pause = threading.Event()
        with suppress(OSError):
            while chunk := source.recv(piece):
                if fault in {Fault.RESET, Fault.TRUNCATE}:
                    cut.left -= len(chunk)
                    chunk = chunk[: len(chunk) + min(cut.left, 0)]
                sink.sendall(chunk)
                if fault is Fault.SLOW:
                    pause.wait(_HOLD_UP_SECONDS)
                if cut.left <= 0 and fault is Fault.RESET:
                    # Whoever still reads here holds the socket open: woken, it ends, and the last to let go resets.
                    cut.rude = True
                    for each in (source, sink):
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RUDELY)
                        each.shutdown(socket.SHUT_RD)
                    return
                if cut.left <= 0 and fault is Fault.TRUNCATE:
                    break
        if not cut.rude:
            _hang_up(source)
            _hang_up(sink)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.close()
        self.set(Fault.NONE)


def _hang_up(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
