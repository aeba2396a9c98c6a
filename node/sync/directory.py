"""The directory as this node follows it: each version that a leaf announces, fetched, verified and kept for good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys import b64u
from node.models.sync import DirectoryFile, DirectoryRoot, DirectoryVersion
from node.sync.client import HubOversizedError, HubRefusedError, Source
from protocol.directory import DirectoryHistory, directory_digest, read_directory
from protocol.enrol import Federation
from protocol.errors import RemoteError
from protocol.leaf import Leaf
from protocol.metadata import (
    MAX_ROOT_BYTES,
    MAX_TARGETS_BYTES,
    FileName,
    Roots,
    check_file,
    named_root,
    read_contents,
    read_roots,
)

#: Within one session the history is read once; a new version replaces it.
_HISTORY: Final = "simpul_directory_history"


@dataclass(frozen=True, slots=True)
class DirectoryNews:
    """A version as it was fetched for its leaf: `targets.json`, roots that were new, files that were new by SHA-256."""

    targets: bytes
    roots: Sequence[bytes] = ()
    files: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What need not be fetched: the chain of roots so far, and the SHA-256 of every file that is stored."""

    roots: Roots
    files: frozenset[bytes]

    def with_news(self, news: DirectoryNews) -> "Known":
        """Return what is known once these news are."""
        roots = self.roots
        for raw in news.roots:
            roots = roots.added(raw)
        return Known(roots, self.files | news.files.keys())


def read_known(session: Session, federation: Federation) -> Known:
    """Return what this node has stored of the directory."""
    files = frozenset(b64u.decode(h) for h in session.scalars(select(DirectoryFile.h)))
    return Known(stored_roots(session, federation), files)


def stored_roots(session: Session, federation: Federation) -> Roots:
    """Return the chain of roots, from the one in the federation file on."""
    later = session.scalars(select(DirectoryRoot.raw).order_by(DirectoryRoot.version))
    return read_roots(federation.root, list(later))


def fetch_version(hub: Source, leaf: Leaf, known: Known) -> DirectoryNews:
    """Fetch the version that a leaf announces, and of its files those that are new.

    Each step is verified before the next is asked for, so that a liar decides neither what is fetched nor how much.
    Raises RemoteError("directory") where the hub does not serve what its log announces.
    """
    targets = _served(hub, f"metadata/{leaf.directory}.targets.json", MAX_TARGETS_BYTES)
    if directory_digest(targets) != leaf.h:
        raise RemoteError("directory", "the directory served is not the one that the log announces")
    roots, raws = known.roots, []
    while roots.newest.version < named_root(targets):
        raws.append(_served(hub, f"metadata/{roots.newest.version + 1}.root.json", MAX_ROOT_BYTES))
        roots = roots.added(raws[-1])
    names = [name for name in read_contents(targets, roots).files.values() if name.h not in known.files]
    files = {name.h: check_file(name, _served(hub, f"targets/{name.url}", name.length)) for name in names}
    return DirectoryNews(targets, raws, files)


def _served(hub: Source, path: str, max_bytes: int) -> bytes:
    try:
        return hub.directory(path, max_bytes)
    except HubOversizedError as error:
        raise RemoteError("directory", "a file of the directory is longer than it may be", path=path) from error
    except HubRefusedError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        raise RemoteError("directory", "a file of the directory is not served", path=path) from error


def add_version(session: Session, index: int, leaf: Leaf, news: DirectoryNews | None, federation: Federation) -> None:
    """Verify and store the version that the leaf at `index` announces; raise RemoteError, for the caller to undo."""
    if news is None or directory_digest(news.targets) != leaf.h:
        raise RemoteError("directory", "the directory served is not the one that the log announces")
    history = read_history(session, federation)
    roots = stored_roots(session, federation)
    for raw in news.roots:
        roots = roots.added(raw)
        session.add(DirectoryRoot(version=roots.newest.version, raw=raw))
    for h, raw in news.files.items():
        session.merge(DirectoryFile(h=b64u.encode(h), raw=raw))
    session.flush()
    directory = read_directory(news.targets, lambda name: _stored(session, name), roots)
    if directory.version != leaf.directory or directory.hub != federation.hub:
        raise RemoteError("directory", "a directory of another version or another hub", version=leaf.directory)
    session.info[_HISTORY] = history.added(index, directory)
    row = DirectoryVersion(version=directory.version, log_index=index, h=b64u.encode(leaf.h), raw=news.targets)
    session.add(row)
    session.flush()


def read_history(session: Session, federation: Federation) -> DirectoryHistory:
    """Return every version of the directory that the log announced so far, oldest first."""
    known: DirectoryHistory | None = session.info.get(_HISTORY)
    if known is None:
        query = select(DirectoryVersion.version, DirectoryVersion.log_index, DirectoryVersion.h)
        rows = tuple(_Row(*row) for row in session.execute(query.order_by(DirectoryVersion.version)))
        known = session.info[_HISTORY] = _VERIFIED.history(session, federation, rows)
    return known


class _Row(NamedTuple):
    version: int
    leaf: int
    h: str


class _Verified:
    """What this process verified last. Stored versions never change, so each is verified once, not once a session."""

    def __init__(self) -> None:
        self._last: tuple[Federation, tuple[_Row, ...], DirectoryHistory] | None = None

    def history(self, session: Session, federation: Federation, rows: tuple[_Row, ...]) -> DirectoryHistory:
        """Return the history of these rows, of which the first may be known already."""
        before, history = self._known(federation, rows)
        if len(rows) > before:
            roots = stored_roots(session, federation)
            for row in rows[before:]:
                raw = session.scalar(select(DirectoryVersion.raw).where(DirectoryVersion.version == row.version))
                directory = read_directory(raw or b"", lambda name: _stored(session, name), roots)
                history = history.added(row.leaf, directory)
            # One assignment: whichever thread is last leaves something true.
            self._last = (federation, rows, history)
        return history

    def _known(self, federation: Federation, rows: tuple[_Row, ...]) -> tuple[int, DirectoryHistory]:
        last = self._last
        if last is None or last[0] != federation or rows[: len(last[1])] != last[1]:
            return 0, DirectoryHistory()
        return len(last[1]), last[2]


_VERIFIED: Final = _Verified()


def _stored(session: Session, name: FileName) -> bytes:
    found = session.get(DirectoryFile, b64u.encode(name.h))
    return b"" if found is None else found.raw
