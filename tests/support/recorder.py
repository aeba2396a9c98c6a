"""A relay between the nodes and a hub that writes down every byte of both directions: what the hub heard and answered.

It knows nothing of HTTP: whatever would travel on the wire between two machines passes here.
"""

import socket
import threading
from typing import Final, Self
from urllib.parse import urlsplit

_CHUNK_BYTES: Final = 65_536
_BACKLOG: Final = 64


class Recorder:
    """Listens on a port of its own from its making on, and dials the hub for each connection."""

    def __init__(self) -> None:
        self._listener: Final = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._target: tuple[str, int] | None = None
        self._lock: Final = threading.Lock()
        # One array a connection: what two of them carry at once must not be cut up into each other.
        self._heard: Final[list[bytearray]] = []
        self._answered: Final[list[bytearray]] = []
        self._thread: Final = threading.Thread(target=self._serve, daemon=True)

    def front(self, hub_url: str) -> str:
        """Stand before the hub at this address; returns the address that nodes are to dial."""
        parts = urlsplit(hub_url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._target = (parts.hostname, parts.port)
        self._thread.start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def heard(self) -> bytes:
        """Everything that the hub was sent so far, connection by connection."""
        with self._lock:
            return b"".join(self._heard)

    def answered(self) -> bytes:
        """Everything that the hub answered so far."""
        with self._lock:
            return b"".join(self._answered)

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return  # closed: the test is over
            threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        assert self._target is not None
        try:
            far = socket.create_connection(self._target)
        except OSError:
            near.close()  # the hub is down: so is the way to it
            return
        answers = threading.Thread(target=self._copy, args=(far, near, self._answered), daemon=True)
        answers.start()
        self._copy(near, far, self._heard)
        answers.join()
        near.close()
        far.close()

    def _copy(self, source: socket.socket, sink: socket.socket, noted: list[bytearray]) -> None:
        """Pass bytes on, noting them, until either side ends."""
        own = bytearray()
        with self._lock:
            noted.append(own)
        try:
            while chunk := source.recv(_CHUNK_BYTES):
                with self._lock:
                    own += chunk
                sink.sendall(chunk)
        except OSError:
            pass
        finally:
            for each in (source, sink):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.close()
