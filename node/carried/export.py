"""Requests onto a stick: the next ones of the sync, with the large files that their entries name."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from keys import b64u
from node.context import Node
from node.models.sync import ExportedRequest, InboxEntry, OutboxEntry
from node.sync.exchange import Prepared, prepare, pushable
from protocol.attachment import FileName
from protocol.carried import (
    BUNDLE,
    MAX_WANTED,
    WANTED,
    CarriedKind,
    CarriedMember,
    CarriedName,
    encode_head,
    encode_wanted,
    member_of,
    part_member,
)
from protocol.entry import read_entry
from service import stick

#: Answers to older requests are not taken any more: whatever they tell comes with a newer one.
_REMEMBERED: Final = 1_000
#: Of one export; what is left waits for the next.
_MAX_FILES: Final = 64


@dataclass(frozen=True, slots=True)
class Exported:
    """A request that was written: the file's name, how many entries it pushes, with how many large files."""

    name: str
    pushed: int
    files: int


@dataclass(frozen=True, slots=True)
class _Made:
    prepared: Prepared
    wanted: list[str]
    files: list[FileName]
    left: int


def export_requests(node: Node, folder: Path, now: int) -> Iterator[Exported]:
    """Write the next requests, and tell of each when it is whole: one always, more where the outbox needs them.

    Raises StickError where the folder cannot take one; those that were told of are good without it. Each may be
    answered or lost, in whatever order: what is not confirmed stays queued.
    """
    stick.check_room(folder, 0)
    after = 0
    for _ in range(_MAX_FILES):
        with node.database.transaction() as session:
            made = _make(session, node, after, now)
        yield _write(node, folder, made)
        after = made.prepared.last
        if not made.left:
            return


def _make(session: Session, node: Node, after: int, now: int) -> _Made:
    prepared = prepare(session, node, by_hand=True, after=after)
    request = prepared.request
    session.add(
        ExportedRequest(
            h=b64u.encode(prepared.h),
            ctr=request.ctr,
            seen_size=request.seen.size,
            seen_root=b64u.encode(request.seen.root),
            made_at=now,
        )
    )
    session.flush()
    oldest = select(ExportedRequest.ctr).order_by(ExportedRequest.ctr.desc()).offset(_REMEMBERED).limit(1)
    session.execute(delete(ExportedRequest).where(ExportedRequest.ctr <= oldest.scalar_subquery()))
    names = [b64u.encode(h) for h in request.entries]
    raws = session.scalars(select(OutboxEntry.raw).where(OutboxEntry.h.in_(names)).order_by(OutboxEntry.place))
    files = {name.id: name for raw in raws for name in read_entry(raw).entry.files if not name.bundled}
    behind = select(func.count()).select_from(OutboxEntry)
    behind = behind.where(*pushable(session, by_hand=True), OutboxEntry.place > prepared.last)
    left = (session.scalar(behind) or 0) if request.entries else 0
    # Asked once: the requests behind the first ask for no box either.
    return _Made(prepared, [] if after else _wanted(session, node), list(files.values()), left)


def _wanted(session: Session, node: Node) -> list[str]:
    """Return the parts of entries that came without them, as far as they are not here yet."""
    wanted: list[str] = []
    waiting = select(InboxEntry.raw).where(InboxEntry.waiting.is_(True)).order_by(InboxEntry.pos)
    for raw in session.scalars(waiting.limit(MAX_WANTED)):
        entry = read_entry(raw).entry
        wanted += [part.id for part in entry.parts.values()]
        wanted += [name.id for name in entry.files if not node.incoming.path(name.id).exists()]
    return wanted[:MAX_WANTED]


def _write(node: Node, folder: Path, made: _Made) -> Exported:
    request = made.prepared.request
    small = {BUNDLE: made.prepared.raw, WANTED: encode_wanted(made.wanted)}
    files = [name for name in made.files if node.outgoing.path(name.id).exists()]
    members: list[CarriedMember] = [member_of(name, content) for name, content in small.items()]
    members += [part_member(name.id, name.len) for name in files]
    head = encode_head(CarriedKind.REQUEST, members)
    stick.check_room(folder, len(head) + sum(member.length for member in members))
    name = str(CarriedName(node.member_id, request.ctr, CarriedKind.REQUEST))

    def chunks() -> Iterator[bytes]:
        yield head
        yield from small.values()
        for file in files:
            yield from node.outgoing.chunks(file.id)

    try:
        stick.write(folder, name, chunks())
    except FileNotFoundError as error:
        raise stick.StickError("the node has synced while this was written: export again") from error
    return Exported(name, len(request.entries), len(files))
