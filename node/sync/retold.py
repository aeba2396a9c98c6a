"""What this node can tell of one leaf: an entry with the parts that it still has, or a version of the directory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys import b64u
from node.models.sync import DirectoryFile, DirectoryRoot, DirectoryVersion, OutboxEntry, OutboxPart
from node.sync.directory import stored_roots
from protocol.enrol import Federation
from protocol.metadata import Roots, read_contents
from protocol.recovery import MAX_PIECE_DOCUMENTS

_ROOM_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Retold:
    """One leaf's worth, or a share of it: a version comes in as many as its files need, and says itself in each."""

    entry: str | None = None
    parts: Mapping[str, bytes] = field(default_factory=dict)
    targets: bytes | None = None
    roots: tuple[bytes, ...] = ()
    files: tuple[bytes, ...] = ()

    @property
    def size_bytes(self) -> int:
        """How many bytes it brings, before they are encoded."""
        documents = (self.targets or b"", *self.roots, *self.files)
        return len(self.entry or "") + sum(map(len, self.parts.values())) + sum(map(len, documents))


def retell_entry(session: Session, place: int) -> Retold:
    """Return an entry of the outbox with the parts that are still here: until its recipient has confirmed them."""
    row = session.get_one(OutboxEntry, place)
    parts = session.execute(select(OutboxPart.part_id, OutboxPart.content).where(OutboxPart.entry_id == row.entry_id))
    return Retold(entry=row.raw, parts=dict(parts.all()))


def retell_queued(session: Session, place: int) -> Retold:
    """Return an entry that the hub never confirmed, without its parts: mostly it was never logged."""
    return Retold(entry=session.get_one(OutboxEntry, place).raw)


def retell_version(session: Session, federation: Federation, version: int) -> Iterator[Retold]:
    """Give a version of the directory with the roots and files that the one before it did not have."""
    roots = stored_roots(session, federation)
    row = session.get_one(DirectoryVersion, version)
    contents = read_contents(row.raw, roots)
    before, root = _before(session, roots, version)
    raws = [
        found.raw
        for name in contents.files.values()
        if name.h not in before and (found := session.get(DirectoryFile, b64u.encode(name.h))) is not None
    ]
    later = select(DirectoryRoot.raw).where(DirectoryRoot.version > root, DirectoryRoot.version <= contents.root)
    chain = tuple(session.scalars(later.order_by(DirectoryRoot.version)))
    for files in _shares(raws):
        yield Retold(targets=row.raw, roots=chain, files=files)


def _before(session: Session, roots: Roots, version: int) -> tuple[set[bytes], int]:
    """Return the hashes of the files of the version before, and its root."""
    row = session.get(DirectoryVersion, version - 1)
    if row is None:
        return set(), 0
    contents = read_contents(row.raw, roots)
    return {name.h for name in contents.files.values()}, contents.root


def _shares(files: list[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Give the files in shares that fit a piece beside the version that names them; an empty one if there is none."""
    share: list[bytes] = []
    for raw in files:
        if share and (sum(map(len, share)) + len(raw) > _ROOM_BYTES or len(share) == MAX_PIECE_DOCUMENTS):
            yield tuple(share)
            share = []
        share.append(raw)
    yield tuple(share)
