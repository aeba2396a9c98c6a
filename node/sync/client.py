"""The hub over HTTP, as bytes. Here alone the node touches the network, and never within a transaction."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

import requests

from protocol.bundle import MAX_BUNDLE_BYTES
from protocol.errors import RemoteError
from protocol.leaf import MAX_LEAF_BYTES
from protocol.part_pass import SCHEME
from protocol.tiles import WIDTH, decode_entries, entries_path

_TIMEOUT_SECONDS: Final = (5, 60)
_CHUNK_BYTES: Final = 65_536
_MAX_NOTE_BYTES: Final = 65_536
_MAX_PROBLEM_BYTES: Final = 65_536
_MAX_NOTICE_BYTES: Final = 65_536
_OK: Final = 200
_PART_STATUSES: Final = frozenset({200, 201, 206})
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,10})-[0-9]{1,10}/[0-9]{1,10}")


class HubUnreachableError(Exception):
    """The hub did not answer, or not in time; what was queued stays queued."""


class HubOversizedError(HubUnreachableError):
    """The answer was longer than it may be; it was not read to its end."""


class HubRefusedError(Exception):
    """The hub refused the whole request: its status and the problem document, as received."""

    def __init__(self, status: int, problem: bytes, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status}")
        self.status: Final = status
        self.problem: Final = problem
        self.retry_after: Final = retry_after


@dataclass(frozen=True, slots=True)
class PartProgress:
    """How many bytes of a part the hub has, and whether it calls that whole."""

    offset: int
    complete: bool


class Sink(Protocol):
    """Where a part goes."""

    def begin(self, at: int) -> None:
        """Say from which byte on the part comes."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; raise RemoteError where there are too many."""


class Source(Protocol):
    """What of a hub is only read, whatever carries the bytes: a line, or a file that came by hand."""

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint, a signed note."""

    def leaves(self, start: int, end: int) -> list[bytes]:
        """Return the raw leaves [start, end) of the log at size `end`."""

    def directory(self, path: str, max_bytes: int) -> bytes:
        """Return a file that is published below `/directory/`, of at most `max_bytes`."""

    def get_part(self, part: str, shown: str, start: int, sink: Sink) -> None:
        """Get a part, from `start` on if the hub can."""


class Hub(Source, Protocol):
    """What the sync needs of a hub."""

    def post_sync(self, bundle: bytes) -> bytes:
        """Exchange a bundle for the answer's."""

    def post_recovery(self, piece: bytes) -> bytes:
        """Give a hub that was set back a piece of what it signed; return its answer."""

    def part_progress(self, part: str, shown: str) -> PartProgress:
        """Return how much of a part of ours the hub has; `shown` is a pass for HEAD."""

    def put_part(self, part: str, shown: str, start: int, total: int, piece: bytes) -> PartProgress:
        """Put the bytes of a part from `start` on; return how much the hub has then."""


@dataclass(frozen=True, slots=True)
class HttpHub:
    """A hub behind a URL."""

    url: str
    session: requests.Session

    def post_sync(self, bundle: bytes) -> bytes:
        """POST /sync/v1."""
        return self._ask("POST", "/sync/v1", MAX_BUNDLE_BYTES, bundle)

    def post_recovery(self, piece: bytes) -> bytes:
        """POST /recover/v1."""
        return self._ask("POST", "/recover/v1", _MAX_NOTICE_BYTES, piece)

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

    def directory(self, path: str, max_bytes: int) -> bytes:
        """GET /directory/<path>."""
        return self._ask("GET", f"/directory/{path}", max_bytes)

    def part_progress(self, part: str, shown: str) -> PartProgress:
        """HEAD /parts/v1/<id>."""
        return _progress(self._part("HEAD", part, shown))

    def put_part(self, part: str, shown: str, start: int, total: int, piece: bytes) -> PartProgress:
        """PUT /parts/v1/<id> with Content-Range."""
        where = f"bytes {start}-{start + len(piece) - 1}/{total}"
        return _progress(self._part("PUT", part, shown, {"Content-Range": where}, piece))

    def get_part(self, part: str, shown: str, start: int, sink: Sink) -> None:
        """GET /parts/v1/<id>, with Range where something is here already."""
        self._part("GET", part, shown, {"Range": f"bytes={start}-"} if start else {}, sink=sink)

    def _part(
        self,
        method: str,
        part: str,
        shown: str,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
        sink: Sink | None = None,
    ) -> Mapping[str, str]:
        sent = {"Authorization": f"{SCHEME} {shown}", "Accept-Encoding": "identity", **headers}
        address = f"{self.url.rstrip('/')}/parts/v1/{part}"
        try:
            with self.session.request(
                method, address, data=body, headers=sent, timeout=_TIMEOUT_SECONDS, stream=True, allow_redirects=False
            ) as response:
                good, content = response.status_code in _PART_STATUSES, b""
                if good and sink is not None:
                    sink.begin(_first_byte(response))
                    for chunk in response.iter_content(_CHUNK_BYTES):
                        sink.write(chunk)
                else:
                    content = _read(response, _MAX_PROBLEM_BYTES)
        except requests.RequestException as error:
            raise HubUnreachableError(type(error).__name__) from error
        if not good:
            raise HubRefusedError(response.status_code, content, response.headers.get("Retry-After"))
        return response.headers

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
        except _OverlongError as error:
            raise HubOversizedError("ContentDecodingError") from error
        except requests.RequestException as error:
            raise HubUnreachableError(type(error).__name__) from error
        if response.status_code != _OK:
            raise HubRefusedError(response.status_code, content, response.headers.get("Retry-After"))
        return content


class _OverlongError(requests.exceptions.ContentDecodingError):
    """More came than was asked for."""


def _progress(headers: Mapping[str, str]) -> PartProgress:
    offset = headers.get("Upload-Offset", "")
    if not offset.isascii() or not offset.isdigit() or len(offset) > 10:  # noqa: PLR2004  no part is as long
        raise RemoteError("piece", "the hub does not say how much of the part it has")
    return PartProgress(int(offset), headers.get("Upload-Complete") == "?1")


def _first_byte(response: requests.Response) -> int:
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return 0 if found is None else int(found[1])


def _read(response: requests.Response, max_bytes: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        content += chunk
        if len(content) > max_bytes:
            raise _OverlongError
    return bytes(content)


def _from(leaves: Sequence[bytes], first: int) -> Sequence[bytes]:
    return leaves[max(0, first) :]
