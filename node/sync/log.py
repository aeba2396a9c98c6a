"""The log as this node has read it itself, every leaf: the view on which custody decides (protocol.custody.LogView)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from keys import b64u
from node.models.sync import LogFence, LogSlot, LogTile, SyncState
from node.sync.directory import DirectoryNews, add_version, read_history
from node.sync.rows import sync_state
from protocol import merkle
from protocol.checkpoint import Checkpoint
from protocol.enrol import Federation
from protocol.errors import RemoteError
from protocol.leaf import read_leaf
from protocol.tiles import TileHashes, extend_tiles

__all__ = ["LogNews", "NodeLog", "extend_log", "read_history", "read_log"]


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

    def fence_before(self, party: str, index: int) -> int:
        """Return the highest incarnation that a fence of `party` before the leaf at `index` shows; 0 without one."""
        query = select(func.max(LogFence.inc)).where(LogFence.node == party, LogFence.log_index < index)
        return self._session.scalar(query) or 0

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
    """What was fetched beyond the log as read: raw leaves in order, and the versions of the directory they name."""

    start: int
    leaves: Sequence[bytes]
    directories: Mapping[int, DirectoryNews]


def extend_log(session: Session, news: LogNews, checkpoint: Checkpoint, federation: Federation) -> NodeLog:
    """Append leaves; raise RemoteError("tree") unless they lead from what was read to exactly this checkpoint.

    More may have been read since the leaves were asked for, by whoever reads beside this: then only what is new is
    appended, and a checkpoint that is behind must be one of the trees that our log was.
    """
    state = sync_state(session)
    old = NodeLog(session, state.log_size)
    if checkpoint.size <= old.size:
        if old.root_at(checkpoint.size) != checkpoint.root:
            raise RemoteError("tree", "a checkpoint of another log than the one that was read", size=checkpoint.size)
        return old
    if news.start > old.size or news.start + len(news.leaves) != checkpoint.size:
        raise RemoteError("tree", "the leaves do not follow what was read", size=old.size)
    leaves = news.leaves[old.size - news.start :]
    hashes = [merkle.leaf_hash(raw) for raw in leaves]
    for (level, n), content in extend_tiles(old.size, old.tile, hashes).items():
        session.merge(LogTile(level=level, n=n, hashes=content))
    session.flush()
    new = NodeLog(session, checkpoint.size)
    if new.root_at(checkpoint.size) != checkpoint.root:
        raise RemoteError("tree", "the leaves that the log serves do not hash to the checkpoint that it signed")
    for index, raw in enumerate(leaves, start=old.size):
        leaf = read_leaf(raw)
        if leaf.slot is not None and session.get(LogSlot, leaf.slot) is None:
            session.add(LogSlot(slot=leaf.slot, log_index=index, h=b64u.encode(leaf.h)))
            session.flush()
        if leaf.fence is not None:
            session.add(LogFence(node=leaf.fence.node, log_index=index, inc=leaf.fence.inc))
        if leaf.directory is not None:
            add_version(session, index, leaf, news.directories.get(leaf.directory), federation)
    state.log_size = checkpoint.size
    state.log_root = b64u.encode(checkpoint.root)
    return new
