"""The hub over HTTP, as bytes. Here alone the node touches the network, and never within a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import requests

from protocol.bundle import MAX_BUNDLE_BYTES
from protocol.directory import MAX_DIRECTORY_BYTES
from protocol.leaf import MAX_LEAF_BYTES
from protocol.tiles import WIDTH, decode_entries, entries_path

_TIMEOUT_SECONDS: Final = (5, 60)
_CHUNK_BYTES: Final = 65_536
_MAX_NOTE_BYTES: Final = 65_536
_MAX_PROBLEM_BYTES: Final = 65_536
_OK: Final = 200


class HubUnreachableError(Exception):
    """The hub did not answer, or not in time; what was queued stays queued."""


class HubRefusedError(Exception):
    """The hub refused the whole request: its status and the problem document, as received."""

    def __init__(self, status: int, problem: bytes, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status}")
        self.status: Final = status
        self.problem: Final = problem
        self.retry_after: Final = retry_after


class Hub(Protocol):
    """What the sync needs of a hub, whatever carries the bytes."""

    def post_sync(self, bundle: bytes) -> bytes:
        """Exchange a bundle for the answer's."""

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint, a signed note."""

    def leaves(self, start: int, end: int) -> list[bytes]:
        """Return the raw leaves [start, end) of the log at size `end`."""

    def directory(self, version: int) -> str:
        """Return a version of the directory as signed."""


@dataclass(frozen=True, slots=True)
class HttpHub:
    """A hub behind a URL."""

    url: str
    session: requests.Session

    def post_sync(self, bundle: bytes) -> bytes:
        """POST /sync/v1."""
        return self._ask("POST", "/sync/v1", MAX_BUNDLE_BYTES, bundle)

    def checkpoint(self) -> bytes:
        """GET /log/checkpoint."""
        return self._ask("GET", "/log/checkpoint", _MAX_NOTE_BYTES)

    def leaves(self, start: int, end: int) -> list[bytes]:
        """GET the data tiles that cover [start, end)."""
        found: list[bytes] = []
        for n in range(start // WIDTH, -(-end // WIDTH)):
            width = min(WIDTH, end - n * WIDTH)
            raw = self._ask("GET", f"/log/{entries_path(n, width)}", WIDTH * (MAX_LEAF_BYTES + 2))
            found += _from(decode_entries(raw, width), start - n * WIDTH)
        return found

    def directory(self, version: int) -> str:
        """GET /directory/<version>.jws."""
        return self._ask("GET", f"/directory/{version}.jws", MAX_DIRECTORY_BYTES).decode("ascii", "replace")

    def _ask(self, method: str, path: str, max_bytes: int, body: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            with self.session.request(
                method,
                self.url.rstrip("/") + path,
                data=body,
                headers=headers,
                timeout=_TIMEOUT_SECONDS,
                stream=True,
                allow_redirects=False,
            ) as response:
                content = _read(response, max_bytes if response.status_code == _OK else _MAX_PROBLEM_BYTES)
        except requests.RequestException as error:
            raise HubUnreachableError(type(error).__name__) from error
        if response.status_code != _OK:
            raise HubRefusedError(response.status_code, content, response.headers.get("Retry-After"))
        return content


def _read(response: requests.Response, max_bytes: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        content += chunk
        if len(content) > max_bytes:
            raise requests.exceptions.ContentDecodingError("an answer over the limit")
    return bytes(content)


def _from(leaves: Sequence[bytes], first: int) -> Sequence[bytes]:
    return leaves[max(0, first) :]
