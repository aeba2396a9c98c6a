"""Logging again what was given back: the same leaves, the same rows, and by the same signature the same checkpoint."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from hub.errors import LogError
from hub.log.tree import Head, LogWriter, read_head
from hub.members.store import add_version, stored_roots
from hub.models import (
    BoxHead,
    DirectoryFile,
    LinkHead,
    LoggedEntry,
    MemberState,
    RecoveryLeaf,
    RecoveryPart,
    StoredPart,
)
from hub.parts.rows import note_names, note_upload
from hub.parts.store import PartStore
from hub.recovery.proof import target_of
from hub.recovery.staging import read_staged
from hub.recovery.state import recovery_of
from hub.sync.ledger import Box, Logged, Taken
from hub.sync.record import bundled, entry_row
from keys.signing import VerifyKey
from protocol.custody import answer_slot
from protocol.directory import DirectoryHistory, Publication, directory_digest
from protocol.enrol import Federation
from protocol.entry import SignedEntry, read_entry
from protocol.errors import RemoteError
from protocol.leaf import Leaf, leaf_of
from protocol.merkle import Frontier, leaf_hash
from protocol.metadata import read_contents

_CHUNK: Final = 1_024
#: Parts that are held in memory at once: 66 KB each at most.
_PARTS: Final = 256


@dataclass(slots=True)
class _Places:
    """The last position of every link and the fill of every box, kept up as entries are taken; keys in use."""

    links: dict[tuple[str, str], int]
    boxes: dict[str, Box]
    incs: dict[str, int] = field(default_factory=dict)
    keys: dict[tuple[int, str, str], VerifyKey] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sources:
    """What entries are verified by (`history` begins with the newest version of our own log), and uploads found in."""

    federation: Federation
    history: DirectoryHistory
    store: PartStore


def log_again(session: Session, log: LogWriter, sources: Sources, now: int) -> Head:
    """Append everything that was given back, up to the largest tree that we signed; return its head.

    Raises LogError, for the caller to undo all of it, where what was given back is not what we logged: then somebody
    else has our log's key, or this is our own bug.
    """
    head = read_head(session, lock=True)
    size, root = target_of(session, head)
    frontier = Frontier.from_bytes(recovery_of(session).frontier)
    # Before anything is signed: these leaves are those of the tree that was signed before.
    if (frontier.size, frontier.root()) != (size, root):
        raise LogError("the leaves that were given back are not those of the largest tree that was signed")
    places = _read_places(session)
    for rows in _chunks(session):
        leaves, taken = [], []
        for row in rows:
            leaf = _directory_leaf(row) if row.version is not None else None
            if leaf is None:
                taken.append(_take(row, sources.history, places))
                leaf = leaf_of(taken[-1].signed)
            if leaf_hash(leaf.encode()) != row.h:
                raise LogError("what was given back is not of its leaf")
            leaves.append(leaf)
        head = log.append_again(session, head, leaves, now)
        _store_entries(session, sources.store, taken, now)
        _store_versions(session, sources.federation, [row for row in rows if row.version is not None])
    if (head.size, head.root) != (size, root):
        raise LogError("the tree that was made again is not the one that was signed")
    _store_places(session, places)
    return head


def _chunks(session: Session) -> Iterator[Sequence[RecoveryLeaf]]:
    after = -1
    while True:
        query = select(RecoveryLeaf).where(RecoveryLeaf.index > after).order_by(RecoveryLeaf.index).limit(_CHUNK)
        rows = session.scalars(query).all()
        if not rows:
            return
        yield rows
        after = rows[-1].index
        session.expunge_all()


def _directory_leaf(row: RecoveryLeaf) -> Leaf:
    return Leaf(directory_digest(row.raw or b""), directory=row.version)


def _take(row: RecoveryLeaf, history: DirectoryHistory, places: _Places) -> Taken:
    """Give an entry the places that it had: they follow from the order of the log."""
    signed = _verified(row, history, places.keys)
    entry, link = signed.entry, (signed.entry.sender, signed.entry.recipient)
    if entry.seq != places.links.get(link, 0) + 1:
        raise LogError("an entry that was given back does not follow on its link")
    sender = places.boxes.setdefault(entry.sender, Box())
    recipient = places.boxes.setdefault(entry.recipient, Box())
    sender.sent += 1
    recipient.inbox += 1
    places.links[link] = entry.seq
    places.incs[entry.sender] = max(entry.inc, places.incs.get(entry.sender, 0))
    logged = Logged(
        index=row.index,
        h=signed.digest,
        id=entry.id,
        kind=entry.kind,
        sender=entry.sender,
        recipient=entry.recipient,
        re=entry.re,
        answer_slot=answer_slot(signed.raw) if entry.kind == "offer" else None,
        sent_pos=sender.sent,
        raw=signed.raw,
    )
    return Taken(signed, logged, recipient.inbox)


def _verified(row: RecoveryLeaf, history: DirectoryHistory, keys: dict[tuple[int, str, str], VerifyKey]) -> SignedEntry:
    try:
        unverified = read_entry(row.raw or b"")
        # A key is checked to be one when it is made, which takes longer than a signature: once a version is enough.
        place = (history.at(row.index).version, unverified.entry.sender, unverified.kid)
        if place not in keys:
            keys[place] = history.signing_key(unverified.entry.sender, unverified.kid, row.index)
        return unverified.verify(keys[place])
    except RemoteError as error:
        raise LogError("an entry that was given back is not its sender's") from error


def _store_entries(session: Session, store: PartStore, taken: Sequence[Taken], now: int) -> None:
    if not taken:
        return
    session.execute(insert(LoggedEntry), [entry_row(one, now) for one in taken])
    _store_parts(session, taken)
    for one in taken:
        sender, files = one.logged.sender, [name for name in one.signed.entry.files if not name.bundled]
        for name in files:
            # The folder of uploads may be newer than the database; a whole file was checked when it came.
            if store.path(sender, name.id).exists():
                note_upload(session, sender, name.id, name.len, now)
        note_names(session, sender, [(one.logged.index, files)])


def _store_parts(session: Session, taken: Sequence[Taken]) -> None:
    """Store the parts that were given back; those that nobody has any more were confirmed by their recipient."""
    names = [(one.logged.index, purpose, name) for one in taken for purpose, name in bundled(one.signed.entry).items()]
    for start in range(0, len(names), _PARTS):
        some = names[start : start + _PARTS]
        query = select(RecoveryPart.id, RecoveryPart.content).where(RecoveryPart.id.in_({name.id for *_, name in some}))
        found = dict(session.execute(query).all())
        rows = [
            {
                "entry_index": index,
                "purpose": purpose,
                "id": name.id,
                "bytes_count": name.len,
                "content": found[name.id],
            }
            for index, purpose, name in some
            if name.id in found
        ]
        if rows:
            session.execute(insert(StoredPart), rows)


def _store_versions(session: Session, federation: Federation, rows: Sequence[RecoveryLeaf]) -> None:
    for row in rows:
        raw, roots = row.raw or b"", stored_roots(session, federation)
        read_staged(session, raw, roots)
        hashes = [name.h for name in read_contents(raw, roots).files.values()]
        found = session.execute(select(DirectoryFile.path, DirectoryFile.raw).where(DirectoryFile.h.in_(hashes)))
        add_version(session, Publication(raw, dict(found.all())), row.index, roots)


def _read_places(session: Session) -> _Places:
    return _Places(
        links={(link.sender, link.recipient): link.seq for link in session.scalars(select(LinkHead))},
        boxes={box.party: Box(box.inbox, box.sent) for box in session.scalars(select(BoxHead))},
    )


def _store_places(session: Session, places: _Places) -> None:
    session.execute(delete(LinkHead))
    session.execute(delete(BoxHead))
    links = [{"sender": one, "recipient": other, "seq": seq} for (one, other), seq in places.links.items()]
    boxes = [{"party": party, "inbox": box.inbox, "sent": box.sent} for party, box in places.boxes.items()]
    for model, rows in ((LinkHead, links), (BoxHead, boxes)):
        if rows:
            session.execute(insert(model), rows)
    for party, inc in places.incs.items():
        behind = update(MemberState).where(MemberState.member == party, MemberState.inc < inc)
        session.execute(behind.values(inc=inc))
