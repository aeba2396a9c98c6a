"""What goes with an answer by hand: all that a node would ask for over the line to believe and to use it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.log.tree import read_leaves
from hub.models import DirectoryFile, DirectoryMetadata, DirectoryVersion
from hub.parts.service import Parts
from protocol.bundle import Answer, Bundle, Request
from protocol.carried import (
    BUNDLE,
    DIRECTORY,
    LEAVES,
    MAX_CARRIED_BYTES,
    CarriedKind,
    CarriedMember,
    encode_head,
    member_of,
    part_member,
)
from protocol.entry import read_entry
from protocol.metadata import FileName, Roots, read_contents, read_snapshot, read_timestamp
from protocol.part_pass import PartPass
from protocol.tiles import encode_entries

_CHUNK_BYTES: Final = 1_048_576
#: Left for the head when large files fill an answer.
_HEAD_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """A member of an answer file and where its bytes are: in memory, or in a file that nobody changes."""

    member: CarriedMember
    source: bytes | Path

    def chunks(self) -> Iterator[bytes]:
        """Give the bytes; raise FileNotFoundError where the file has gone."""
        if isinstance(self.source, bytes):
            yield self.source
            return
        with self.source.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk


def encode(kind: CarriedKind, contents: Sequence[Content]) -> Iterator[bytes]:
    """Give a carried file piece by piece."""
    yield encode_head(kind, [each.member for each in contents])
    for each in contents:
        yield from each.chunks()


def small(name: str, raw: bytes) -> Content:
    """Return a member that lies in memory."""
    return Content(member_of(name, raw), raw)


def answer_members(
    session: Session, raw: bytes, request: Request, size: int, roots: Roots, stamp: bytes
) -> list[Content]:
    """Return the answer, the leaves from the request's `seen` to its checkpoint at `size`, and the directory's files.

    `stamp` is the newest `timestamp.json`.
    """
    first = request.seen.size
    leaves = encode_entries(read_leaves(session, first, size - first))
    files = _announced(session, first, size, roots) | _newest(session, roots, stamp)
    directory = [small(DIRECTORY + path, content) for path, content in sorted(files.items())]
    return [small(BUNDLE, raw), small(LEAVES, leaves), *directory]


def _announced(session: Session, first: int, size: int, roots: Roots) -> dict[str, bytes]:
    """Return every version that leaves in [first, size) announce, with the files that the one before did not have."""
    query = select(DirectoryVersion).where(DirectoryVersion.index < size).order_by(DirectoryVersion.version)
    known: set[bytes] = set()
    found: dict[str, bytes] = {}
    for row in session.scalars(query):
        names = read_contents(row.raw, roots).files.values()
        if row.index >= first:
            found[f"metadata/{row.version}.targets.json"] = row.raw
            fresh = [name for name in names if name.h not in known]
            found |= {f"targets/{name.url}": _file(session, name) for name in fresh}
        known |= {name.h for name in names}
    return found


def _file(session: Session, name: FileName) -> bytes:
    return session.scalar(select(DirectoryFile.raw).where(DirectoryFile.h == name.h)) or b""


def _newest(session: Session, roots: Roots, stamp: bytes) -> dict[str, bytes]:
    """Return what the workflow of a TUF client asks for: roots, timestamp, and the snapshot and targets they name."""
    found = {"metadata/timestamp.json": stamp}
    for each in roots.chain:
        found[f"metadata/{each.version}.root.json"] = each.raw
    names = read_timestamp(stamp, roots.newest).names
    metadata = select(DirectoryMetadata.raw)
    snapshot = session.scalar(metadata.where(DirectoryMetadata.role == "snapshot", DirectoryMetadata.version == names))
    if snapshot is None:
        return found
    found[f"metadata/{names}.snapshot.json"] = snapshot
    version = read_snapshot(snapshot, roots.newest).names
    targets = session.scalar(select(DirectoryVersion.raw).where(DirectoryVersion.version == version))
    if targets is not None:
        found[f"metadata/{version}.targets.json"] = targets
    return found


def part_members(
    parts: Parts, node: str, hub: str, bundle: Bundle, answer: Answer, wanted: Sequence[str], room: int
) -> tuple[list[Content], int]:
    """Return the large files of what is pulled, and what the node `wanted`, as far as there is `room` in bytes.

    With how many were left out. Nobody is given a part that no entry from or to it names.
    """
    pulled = zip(answer.pull, bundle.entries, strict=True)
    named = [name for each, raw in pulled if each.box == "inbox" for name in read_entry(raw).entry.files]
    ids = dict.fromkeys([name.id for name in named if not name.bundled] + list(wanted))
    room = min(room, MAX_CARRIED_BYTES) - _HEAD_BYTES
    found: list[Content] = []
    left_out = 0
    for part in ids:
        source = parts.open(PartPass(hub, node, 0, "GET", part))
        if source is None:
            continue
        length = len(source) if isinstance(source, bytes) else _length(source)
        if length > room:
            left_out += 1
        elif length:
            room -= length
            found.append(Content(part_member(part, length), source))
    return found, left_out


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
