"""The published files of a running hub, over HTTP; entries need an auditor's token."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import requests

from audit.errors import SourceError
from audit.source import MAX_FILE_BYTES
from protocol.errors import RemoteError

PAGE_ENTRIES: Final = 256
#: What an auditor's token is for, in pages of the log.
_PAGED: Final = frozenset({"entries", "equivocations"})
_NOTHING: Final = b'{"entries":[]}'
_TIMEOUT_SECONDS: Final = 30
_CHUNK_BYTES: Final = 65_536
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class HubSource:
    """A hub. Paths of the audit folder are asked for where the hub serves them."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """`url` is the hub's address; `token` an auditor's. Raises SourceError."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SourceError(f"{url} is no address of a hub")
        if token is not None and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise SourceError(
                "a token is not sent over plain http, where everybody on the way could read it: use https"
            )
        self._url: Final = url.rstrip("/")
        self._token: Final = token
        self._session: Final = requests.Session()

    @property
    def name(self) -> str:
        """The hub's address."""
        return self._url

    def file(self, path: str, max_bytes: int = MAX_FILE_BYTES) -> bytes | None:
        """Return what the hub serves for this path of the folder, or None where it has nothing."""
        room = path.partition("/")[0]
        if room in _PAGED:
            first = int(path.removeprefix(f"{room}/").removesuffix(".json"))
            page = self._get(f"/audit/{room}?from={first}&to={first + PAGE_ENTRIES}", max_bytes, self._token)
            # A hub older than 0.3 keeps no refused texts, and has no such pages.
            return _NOTHING if page is None and room == "equivocations" else page
        return self._get(f"/log/{path}" if room in {"checkpoint", "tile"} else f"/{path}", max_bytes)

    def entry_files(self, size: int) -> Iterator[str]:
        """Return a path for every page; none without a token."""
        if self._token is not None:
            yield from _pages("entries", size)

    def equivocation_files(self, size: int) -> Iterator[str]:
        """Return a path for every page of which the hub has any; none without a token."""
        if self._token is not None:
            yield from _pages("equivocations", size)

    def notes(self) -> Iterator[str]:
        """Return nothing: what others were given is not the hub's to show."""
        return iter(())

    def listing(self) -> Iterator[str]:
        """Return nothing: a hub is asked for single files."""
        return iter(())

    def _get(self, path: str, max_bytes: int, token: str | None = None) -> bytes | None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            # A redirect could carry the token, or the question, to somebody else.
            with self._session.get(
                self._url + path, headers=headers, timeout=_TIMEOUT_SECONDS, allow_redirects=False, stream=True
            ) as answer:
                if answer.status_code == HTTPStatus.NOT_FOUND:
                    return None
                if answer.status_code == HTTPStatus.UNAUTHORIZED:
                    raise SourceError(f"{self._url} does not accept this auditor's token")
                if answer.status_code != HTTPStatus.OK:
                    raise SourceError(f"{self._url}{path} answered {answer.status_code}")
                return _limited(answer, max_bytes)
        except requests.RequestException as error:
            raise SourceError(f"{self._url} cannot be read: {type(error).__name__}") from error


def _pages(room: str, size: int) -> Iterator[str]:
    return (f"{room}/{first:09d}.json" for first in range(0, size, PAGE_ENTRIES))


def _limited(answer: requests.Response, max_bytes: int) -> bytes:
    content = bytearray()
    for chunk in answer.iter_content(_CHUNK_BYTES):
        content += chunk
        if len(content) > max_bytes:
            raise RemoteError("too-large", "an answer over the limit", max_bytes=max_bytes)
    return bytes(content)
