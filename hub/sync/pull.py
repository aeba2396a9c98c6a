"""What a node is given: the next entries of its two boxes in the order of the log, with the parts of what is for it.

Behind them comes what took the slots of its offers.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.models import LoggedEntry, StoredPart
from protocol.bundle import MAX_BUNDLE_BYTES, MAX_BUNDLE_ENTRIES, Box, Pull, Pulled

#: Room for the manifest with its verdicts and proofs, and for names and punctuation.
_ROOM_BYTES: Final = 512 * 1024
_ENTRY_BYTES: Final = 400
_PART_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Delivery:
    """Entries in order, their rows for the manifest, the parts, and whether more is waiting."""

    pulled: tuple[Pulled, ...]
    entries: tuple[str, ...]
    parts: dict[str, bytes]
    more: bool


@dataclass(frozen=True, slots=True)
class _Waiting:
    pulled: Pulled
    jws_bytes: int


def collect(
    session: Session,
    node: str,
    pull: Pull,
    just_pushed: Collection[int],
    winners: Collection[int] = (),
    max_bytes: int = MAX_BUNDLE_BYTES,
) -> Delivery:
    """Return what lies beyond the cursors in the order of the log: at most `pull.max` entries, a bundle of `max_bytes`.

    `just_pushed` are the indices that the answer's verdicts tell already: they are not sent back. `winners` are those
    that hold the slot of an offer that was just refused as lost: they come last, whatever the boxes leave undone.
    """
    slots = _holders(session, winners)
    most = min(pull.max, MAX_BUNDLE_ENTRIES - len(slots))
    inbox = _waiting(session, node, "inbox", pull.inbox, most + 1)
    sent = _waiting(session, node, "sent", pull.sent, most + 1 + len(just_pushed))
    told = (one for one in sent if one.pulled.index not in just_pushed)
    # Positions of a box rise with the log, so each box stays in its own order too.
    waiting = list(merge(inbox, told, key=lambda one: one.pulled.index))
    chosen = waiting[:most]
    lengths = _part_lengths(session, [one.pulled.index for one in chosen if one.pulled.box == "inbox"])
    room = max_bytes - _ROOM_BYTES - sum(one.jws_bytes + _ENTRY_BYTES for one in slots)
    fitting: list[Pulled] = []
    for one in chosen:
        room -= one.jws_bytes + _ENTRY_BYTES + lengths.get(one.pulled.index, 0)
        if room < 0:
            break
        fitting.append(one.pulled)
    pulled = (*fitting, *(one.pulled for one in slots))
    return Delivery(
        pulled=pulled,
        entries=_raws(session, pulled),
        parts=_parts(session, [one.index for one in fitting if one.box == "inbox"]),
        more=len(fitting) < len(waiting),
    )


def _waiting(session: Session, node: str, box: Box, after: int, limit: int) -> list[_Waiting]:
    """Return the rows beyond a cursor, with the sizes of their entries alone: all of them might be too large."""
    row = LoggedEntry
    party, position = (row.recipient, row.inbox_pos) if box == "inbox" else (row.sender, row.sent_pos)
    query = select(position, row.index, row.h, func.length(row.jws)).where(party == node, position > after)
    found = session.execute(query.order_by(position).limit(limit))
    return [_Waiting(Pulled(box, pos, index, h), size) for pos, index, h, size in found]


def _holders(session: Session, indices: Collection[int]) -> list[_Waiting]:
    """Return the entries at these leaves as rows of the box `slot`, in the order of the log.

    There are at most 256, each of a kind without a body: they always fit.
    """
    if not indices:
        return []
    row = LoggedEntry
    query = select(row.index, row.h, func.length(row.jws)).where(row.index.in_(indices)).order_by(row.index)
    return [_Waiting(Pulled("slot", 0, index, h), size) for index, h, size in session.execute(query)]


def _raws(session: Session, pulled: Sequence[Pulled]) -> tuple[str, ...]:
    indices = [one.index for one in pulled]
    found = dict(
        session.execute(select(LoggedEntry.index, LoggedEntry.jws).where(LoggedEntry.index.in_(indices))).all()
        if indices
        else ()
    )
    return tuple(found[index] for index in indices)


def _part_lengths(session: Session, indices: Sequence[int]) -> dict[int, int]:
    """Return for each entry what its parts take in a bundle: base64url, a name, punctuation."""
    if not indices:
        return {}
    query = (
        select(StoredPart.entry_index, func.sum(StoredPart.bytes_count), func.count())
        .where(StoredPart.entry_index.in_(indices))
        .group_by(StoredPart.entry_index)
    )
    return {index: int(total) * 4 // 3 + _PART_BYTES * count for index, total, count in session.execute(query)}


def _parts(session: Session, indices: Sequence[int]) -> dict[str, bytes]:
    if not indices:
        return {}
    query = select(StoredPart.id, StoredPart.content).where(StoredPart.entry_index.in_(indices))
    return dict(session.execute(query).all())
