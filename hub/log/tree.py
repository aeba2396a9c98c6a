"""Appending to the log, and reading its tree, inside the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.orm import Session

from hub.errors import LogError
from hub.models import LogHead, LogLeaf, LogTile
from hub.recovery.state import check_may_log
from keys.signing import SigningKey
from protocol import checkpoint, merkle, tiles
from protocol.checkpoint import Checkpoint
from protocol.entry import TreeHead
from protocol.errors import RemoteError
from protocol.leaf import Leaf, read_leaf

_ROW: Final = 1


@dataclass(frozen=True, slots=True)
class Head:
    """The tree as it was signed last: size, root, right edge, and the signed note."""

    size: int
    root: bytes
    frontier: bytes
    note: str


@dataclass(frozen=True, slots=True)
class LogWriter:
    """Who may append: the log's origin (`<hub>/log1`, also its key's name) and its signing key."""

    origin: str
    key: SigningKey

    def found(self, session: Session, now: int) -> None:
        """Sign the empty tree; once in a log's life."""
        head = self._signed(merkle.Frontier.empty())
        session.execute(insert(LogHead).values(id=_ROW, signed_at=now, **_columns(head)))

    def append(self, session: Session, old: Head, leaves: Sequence[Leaf], now: int) -> Head:
        """Append leaves after `old`, which the caller locked, and sign the new tree; return its head.

        Raises LogError, and signs nothing, if the tree that is stored is not the one that was signed: a checkpoint
        always extends the one signed before it. RecoveringError: more was signed before than is stored.
        """
        check_may_log(session)
        return self.append_again(session, old, leaves, now)

    def append_again(self, session: Session, old: Head, leaves: Sequence[Leaf], now: int) -> Head:
        """Append as `append` does what this log held before: for hub.recovery alone, which proves that it did."""
        frontier = merkle.Frontier.from_bytes(old.frontier)
        if (frontier.size, frontier.root()) != (old.size, old.root):
            raise LogError("the stored right edge of the log is not that of the signed tree: restore the database")
        raws = [leaf.encode() for leaf in leaves]
        hashes = [merkle.leaf_hash(raw) for raw in raws]
        rows = [
            {"index": old.size + offset, "leaf": raw, "slot": leaf.slot}
            for offset, (leaf, raw) in enumerate(zip(leaves, raws, strict=True))
        ]
        session.execute(insert(LogLeaf), rows)
        _extend_tiles(session, old.size, hashes)
        head = self._signed(frontier.extend(hashes))
        # The comparison holds even where the lock would not: nobody else signed a tree after `old`.
        move = update(LogHead).where(LogHead.id == _ROW, LogHead.size == old.size, LogHead.root == old.root)
        moved = cast("CursorResult[object]", session.execute(move.values(signed_at=now, **_columns(head))))
        if moved.rowcount != 1:
            raise LogError("another writer appended in the same instant: try again")
        return head

    def _signed(self, frontier: merkle.Frontier) -> Head:
        root = frontier.root()
        note = checkpoint.sign(Checkpoint(self.origin, frontier.size, root), self.origin, self.key)
        return Head(frontier.size, root, frontier.to_bytes(), note)


def read_head(session: Session, *, lock: bool = False) -> Head:
    """Return the head that was signed last. With `lock`, no other transaction appends before this one ends."""
    query = select(LogHead).where(LogHead.id == _ROW)
    row = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise LogError("this database holds no log: run `simpul-hub init`")
    return Head(row.size, row.root, row.frontier, row.note)


def tree_reader(session: Session, size: int) -> tiles.TileHashes:
    """Return the hashes of perfect subtrees of the tree of `size` leaves."""
    return tiles.TileHashes(size, lambda level, n, width: read_tile(session, level, n)[: width * merkle.HASH_BYTES])


def read_tile(session: Session, level: int, n: int) -> bytes:
    """Return a tile as wide as it is; empty if there is none yet."""
    return session.scalar(select(LogTile.hashes).where(LogTile.level == level, LogTile.n == n)) or b""


def read_leaves(session: Session, first: int, count: int) -> list[bytes]:
    """Return the bytes of at most `count` leaves from `first` on."""
    query = select(LogLeaf.leaf).where(LogLeaf.index >= first, LogLeaf.index < first + count)
    return list(session.scalars(query.order_by(LogLeaf.index)))


class StoredLog:
    """The log as this session sees it: protocol.custody.LogView."""

    def __init__(self, session: Session) -> None:
        self._session: Final = session
        self.head: Final = read_head(session)
        self._roots = {0: merkle.EMPTY_ROOT, self.head.size: self.head.root}

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self.head.size

    def root_at(self, size: int) -> bytes:
        """Return the root of the first `size` leaves; computed once a size."""
        if size not in self._roots:
            self._roots[size] = _root_at(self._session, self.head, size)
        return self._roots[size]

    def first_with_slot(self, slot: str) -> tuple[int, bytes] | None:
        """Return (index, h) of the leaf with this slot, or None."""
        row = self._session.execute(select(LogLeaf.index, LogLeaf.leaf).where(LogLeaf.slot == slot)).one_or_none()
        return None if row is None else (row[0], read_leaf(row[1]).h)

    def check_head(self, seen: TreeHead) -> None:
        """Raise RemoteError("tree") unless `seen` is a tree that this log was."""
        if seen.size > self.size:
            raise RemoteError("tree", "more was seen than this log holds", size=self.size)
        # Who has seen nothing says nothing by its root.
        if seen.size and self.root_at(seen.size) != seen.root:
            raise RemoteError("tree", "another tree of this size was seen", size=seen.size)


def consistency(session: Session, old_size: int, head: Head) -> tuple[bytes, ...]:
    """Return the proof that the tree of `old_size` leaves is a prefix of the signed one."""
    try:
        return tuple(merkle.consistency_proof(old_size, head.size, tree_reader(session, head.size)))
    except RemoteError as error:
        raise _damaged() from error


def check_stored_tree(session: Session) -> Head:
    """Return the head if the tiles give the signed root; raise LogError otherwise. For the start of a server."""
    head = read_head(session)
    if _root_at(session, head, head.size) != head.root:
        raise LogError("the stored tiles are not those of the tree that was signed: restore the database")
    return head


def _root_at(session: Session, head: Head, size: int) -> bytes:
    try:
        return merkle.tree_root(size, tree_reader(session, head.size))
    except RemoteError as error:
        # Our own tiles are broken: that is no fault of whoever asked.
        raise _damaged() from error


def _damaged() -> LogError:
    return LogError("the stored tiles of the log are damaged: restore the database")


def _columns(head: Head) -> dict[str, object]:
    return {"size": head.size, "root": head.root, "frontier": head.frontier, "note": head.note}


def _extend_tiles(session: Session, size: int, hashes: Sequence[bytes]) -> None:
    def read(level: int, n: int, _width: int) -> bytes:
        return read_tile(session, level, n)

    fresh = []
    for (level, n), content in tiles.extend_tiles(size, read, hashes).items():
        if n * tiles.WIDTH < size >> (tiles.HEIGHT * level):
            session.execute(update(LogTile).where(LogTile.level == level, LogTile.n == n).values(hashes=content))
        else:
            fresh.append({"level": level, "n": n, "hashes": content})
    if fresh:
        session.execute(insert(LogTile), fresh)
