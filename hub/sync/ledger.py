"""What is logged already, as far as one bundle touches it: loaded by a few queries, then kept up as entries are taken.

It is only right while the caller holds the write lock.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from hub.errors import LogError
from hub.models import BoxHead, LinkHead, LoggedEntry, LogLeaf
from hub.parts.rows import uploaded_lengths
from hub.sync.examine import Candidate
from hub.sync.fences import fenced_incarnation
from protocol.custody import answer_slot
from protocol.entry import SignedEntry, read_entry

#: In the order of the fields of Logged.
_COLUMNS: Final[tuple[InstrumentedAttribute[Any], ...]] = (
    LoggedEntry.index,
    LoggedEntry.h,
    LoggedEntry.id,
    LoggedEntry.kind,
    LoggedEntry.sender,
    LoggedEntry.recipient,
    LoggedEntry.re,
    LoggedEntry.answer_slot,
    LoggedEntry.sent_pos,
    LoggedEntry.jws,
)


@dataclass(frozen=True, slots=True)
class Logged:
    """A logged entry, as much of it as other entries are checked against; `raw` is its JWS."""

    index: int
    h: bytes
    id: str
    kind: str
    sender: str
    recipient: str
    re: str | None
    answer_slot: str | None
    sent_pos: int
    raw: str

    def signed(self) -> SignedEntry:
        """Return the entry. Its signature was verified before it was logged."""
        unverified = read_entry(self.raw)
        return SignedEntry(unverified.entry, self.raw, unverified.kid)


@dataclass(slots=True)
class Box:
    """How many entries a party's boxes hold."""

    inbox: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """An entry that is to be logged, with its places."""

    signed: SignedEntry
    logged: Logged
    inbox_pos: int


@dataclass(slots=True)
class Ledger:
    """The state that a bundle of one node is judged against. `size` is the index that the next leaf gets."""

    node: str
    size: int
    #: The highest incarnation that a fence of this node shows.
    fenced: int = 0
    by_h: dict[bytes, Logged] = field(default_factory=dict)
    by_id: dict[str, Logged] = field(default_factory=dict)
    #: slot -> index of the leaf that holds it.
    slots: dict[str, int] = field(default_factory=dict)
    #: Answer slots of logged offers, which only a fitting answer may take.
    reserved: set[str] = field(default_factory=set)
    #: ruling id -> offers that obey it.
    under_ruling: dict[str, list[Logged]] = field(default_factory=dict)
    #: answer slot -> kind of the answer that won it.
    answered: dict[str, str] = field(default_factory=dict)
    #: part -> length in bytes, of the named files that this node has put here whole.
    uploaded: dict[str, int] = field(default_factory=dict)
    links: dict[str, int] = field(default_factory=dict)
    boxes: dict[str, Box] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    stored_links: frozenset[str] = frozenset()
    stored_boxes: frozenset[str] = frozenset()

    def next_seq(self, recipient: str) -> int:
        """Return the position that the next entry of this node to `recipient` has."""
        return self.links.get(recipient, 0) + 1

    def fence_before(self, party: str, index: int) -> int:
        """Return the highest incarnation that a fence of `party` shows: protocol.custody.FencedLogView.

        Only the one who pushes is judged here, and only for the next leaf.
        """
        if (party, index) != (self.node, self.size):
            raise LogError("a ledger knows the fences of its own node alone")
        return self.fenced

    def take(self, signed: SignedEntry) -> Logged:
        """Give an entry its places; later entries of the bundle are judged with it in the log."""
        entry = signed.entry
        sender, recipient = self._box(entry.sender), self._box(entry.recipient)
        sender.sent += 1
        recipient.inbox += 1
        reserved = answer_slot(signed.raw) if entry.kind == "offer" else None
        logged = Logged(
            index=self.size,
            h=signed.digest,
            id=entry.id,
            kind=entry.kind,
            sender=entry.sender,
            recipient=entry.recipient,
            re=entry.re,
            answer_slot=reserved,
            sent_pos=sender.sent,
            raw=signed.raw,
        )
        self.size += 1
        self.links[entry.recipient] = entry.seq
        self.taken.append(Taken(signed, logged, recipient.inbox))
        self.by_h[logged.h] = self.by_id[logged.id] = logged
        if entry.kind == "fence":
            self.fenced = entry.inc
        if entry.slot is not None:
            self.slots[entry.slot] = logged.index
        if reserved is not None:
            self.reserved.add(reserved)
        if entry.slot in self.reserved:
            self.answered[entry.slot] = entry.kind
        if entry.kind == "offer" and entry.re is not None:
            self.under_ruling.setdefault(entry.re, []).append(logged)
        return logged

    def _box(self, party: str) -> Box:
        return self.boxes.setdefault(party, Box())


def load_ledger(session: Session, node: str, size: int, candidates: Collection[Candidate]) -> Ledger:
    """Load what these candidates touch."""
    ledger = Ledger(node, size)
    if not candidates:
        return ledger
    ledger.fenced = fenced_incarnation(session, node)
    entries = [candidate.signed.entry for candidate in candidates if candidate.signed is not None]
    named = {name for entry in entries for name in (entry.id, entry.ref, entry.re) if name is not None}
    hashes = {candidate.h for candidate in candidates}
    for logged in _logged(session, LoggedEntry.h.in_(hashes)):
        ledger.by_h[logged.h] = logged
    for logged in _logged(session, LoggedEntry.id.in_(named)):
        ledger.by_id[logged.id] = logged
    _load_rulings(session, ledger, {entry.re for entry in entries if entry.kind == "offer" and entry.re is not None})
    _load_slots(session, ledger, candidates)
    _load_heads(session, ledger, {entry.recipient for entry in entries})
    ledger.uploaded = uploaded_lengths(session, node, {name.id for entry in entries for name in entry.files})
    return ledger


def _logged(session: Session, where: ColumnElement[bool]) -> list[Logged]:
    return [Logged(*found) for found in session.execute(select(*_COLUMNS).where(where))]


def _load_rulings(session: Session, ledger: Ledger, rulings: set[str]) -> None:
    if not rulings:
        return
    offers = _logged(session, and_(LoggedEntry.kind == "offer", LoggedEntry.re.in_(rulings)))
    for offer in offers:
        ledger.under_ruling.setdefault(offer.re or "", []).append(offer)
    slots = {offer.answer_slot for offer in offers}
    answers = (
        select(LogLeaf.slot, LoggedEntry.kind)
        .join(LoggedEntry, LoggedEntry.index == LogLeaf.index)
        .where(LogLeaf.slot.in_(slots))
    )
    for slot, kind in session.execute(answers):
        ledger.answered[slot or ""] = kind


def _load_slots(session: Session, ledger: Ledger, candidates: Collection[Candidate]) -> None:
    signed = [candidate.signed for candidate in candidates if candidate.signed is not None]
    slots = {one.entry.slot for one in signed if one.entry.slot is not None}
    if not slots:
        return
    own_answers = {answer_slot(one.raw) for one in signed if one.entry.kind == "offer"}
    found = session.execute(select(LogLeaf.slot, LogLeaf.index).where(LogLeaf.slot.in_(slots | own_answers)))
    ledger.slots.update({slot or "": index for slot, index in found})
    reserved = session.scalars(select(LoggedEntry.answer_slot).where(LoggedEntry.answer_slot.in_(slots)))
    ledger.reserved.update(slot for slot in reserved if slot is not None)


def _load_heads(session: Session, ledger: Ledger, recipients: set[str]) -> None:
    links = session.scalars(select(LinkHead).where(LinkHead.sender == ledger.node, LinkHead.recipient.in_(recipients)))
    ledger.links = {link.recipient: link.seq for link in links}
    boxes = session.scalars(select(BoxHead).where(BoxHead.party.in_(recipients | {ledger.node})))
    ledger.boxes = {box.party: Box(box.inbox, box.sent) for box in boxes}
    ledger.stored_links, ledger.stored_boxes = frozenset(ledger.links), frozenset(ledger.boxes)
