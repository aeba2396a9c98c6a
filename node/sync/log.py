"""The log as this node has read it itself, every leaf: the view on which custody decides (protocol.custody.LogView)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys import b64u
from node.models.sync import DirectoryVersion, LogSlot, LogTile, SyncState
from node.sync.rows import sync_state
from protocol import merkle
from protocol.checkpoint import Checkpoint
from protocol.directory import Directory, DirectoryHistory, directory_digest, read_directory
from protocol.enrol import Federation
from protocol.errors import RemoteError
from protocol.leaf import read_leaf
from protocol.tiles import TileHashes, extend_tiles

#: Within one session the history is read once; a new version replaces it.
_HISTORY: Final = "simpul_directory_history"


class NodeLog:
    """Reads the stored slots and tiles within one session."""

    def __init__(self, session: Session, size: int) -> None:
        self._session = session
        self._size = size

    @property
    def size(self) -> int:
        """How many leaves were read."""
        return self._size

    def first_with_slot(self, slot: str) -> tuple[int, bytes] | None:
        """Return (index, h) of the first leaf with this slot, or None."""
        found = self._session.get(LogSlot, slot)
        return None if found is None else (found.log_index, b64u.decode(found.h))

    def root_at(self, size: int) -> bytes:
        """Return the root of the first `size` leaves."""
        return merkle.tree_root(size, TileHashes(size, self.tile))

    def leaf_hash(self, index: int) -> bytes:
        """Return the hash of the leaf at `index`, which must have been read."""
        return TileHashes(self._size, self.tile)(0, index)

    def tile(self, level: int, n: int, width: int) -> bytes:
        """Return the first `width` hashes of a stored tile."""
        found = self._session.get(LogTile, (level, n))
        return b"" if found is None else found.hashes[: width * merkle.HASH_BYTES]


def read_log(session: Session) -> NodeLog:
    """Return the log as far as it was read."""
    found = session.get(SyncState, 1)
    return NodeLog(session, 0 if found is None else found.log_size)


@dataclass(frozen=True, slots=True)
class LogNews:
    """What was fetched beyond the log as read: raw leaves in order, and the directory files that they announce."""

    start: int
    leaves: Sequence[bytes]
    directories: Mapping[int, str]


def extend_log(session: Session, news: LogNews, checkpoint: Checkpoint, federation: Federation) -> NodeLog:
    """Append leaves; raise RemoteError("tree") unless they lead from what was read to exactly this checkpoint."""
    state = sync_state(session)
    if news.start != state.log_size or news.start + len(news.leaves) != checkpoint.size:
        raise RemoteError("tree", "the leaves do not follow what was read", size=state.log_size)
    old = NodeLog(session, state.log_size)
    hashes = [merkle.leaf_hash(raw) for raw in news.leaves]
    for (level, n), content in extend_tiles(state.log_size, old.tile, hashes).items():
        session.merge(LogTile(level=level, n=n, hashes=content))
    session.flush()
    new = NodeLog(session, checkpoint.size)
    if new.root_at(checkpoint.size) != checkpoint.root:
        raise RemoteError("tree", "the leaves that the log serves do not hash to the checkpoint that it signed")
    for index, raw in enumerate(news.leaves, start=news.start):
        leaf = read_leaf(raw)
        if leaf.slot is not None and session.get(LogSlot, leaf.slot) is None:
            session.add(LogSlot(slot=leaf.slot, log_index=index, h=b64u.encode(leaf.h)))
            session.flush()
        if leaf.directory is not None:
            _add_directory(session, index, leaf.directory, leaf.h, news, federation)
    state.log_size = checkpoint.size
    state.log_root = b64u.encode(checkpoint.root)
    return new


def _add_directory(session: Session, index: int, version: int, h: bytes, news: LogNews, federation: Federation) -> None:
    raw = news.directories.get(version)
    if raw is None or not raw.isascii() or directory_digest(raw) != h:
        raise RemoteError("directory", "the directory served is not the one that the log announces", version=version)
    directory = read_directory(raw, federation.registrar)
    if directory.version != version or directory.hub != federation.hub:
        raise RemoteError("directory", "a directory of another version or another hub", version=version)
    session.info[_HISTORY] = read_history(session, federation).added(index, directory)
    session.add(DirectoryVersion(version=version, log_index=index, raw=raw))
    session.flush()


def read_history(session: Session, federation: Federation) -> DirectoryHistory:
    """Return every version of the directory that the log announced so far, oldest first."""
    known: DirectoryHistory | None = session.info.get(_HISTORY)
    if known is None:
        known = DirectoryHistory()
        for row in session.scalars(select(DirectoryVersion).order_by(DirectoryVersion.version)):
            known = known.added(row.log_index, _parsed(row.raw, federation))
        session.info[_HISTORY] = known
    return known


@lru_cache(maxsize=64)
def _parsed(raw: str, federation: Federation) -> Directory:
    # A stored version never changes, so parsing it once for each process is enough.
    return read_directory(raw, federation.registrar)
