"""The outbox: what this node says, sealed, signed and stored in the transaction of the change that it tells of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys import b64u
from keys.sealing import SealingPublicKey
from node.context import Node
from node.files.outgoing import Outgoing, queue_files
from node.models.sync import OutboxEntry, OutboxPart
from node.sync.rows import link_to, sync_state
from protocol.canonical import JsonValue
from protocol.custody import Phase
from protocol.entry import Entry, SignedEntry, TreeHead, new_id, read_entry
from protocol.errors import LocalError
from protocol.party import REPORTER
from protocol.seal import SealContext, seal
from service.database import afterwards


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be said. `sealed` maps a purpose to the content and the key that it is sealed to."""

    kind: str
    recipient: str
    id: str = field(default_factory=new_id)
    ref: str | None = None
    epoch: int = 0
    slot: str | None = None
    re: str | None = None
    body: Mapping[str, JsonValue] | None = None
    sealed: Mapping[str, tuple[bytes, SealingPublicKey]] = field(default_factory=dict)
    #: Files that one of the seals tells of, encrypted for the recipient already.
    files: Sequence[Outgoing] = ()


def queue(session: Session, node: Node, draft: Draft, now: int) -> SignedEntry:
    """Seal, sign and store `draft` at the next position of its link; sync is woken once the transaction is durable."""
    state = sync_state(session)
    link = link_to(session, draft.recipient)
    parts = {
        purpose: seal(content, key, _context(node, draft, purpose, key))
        for purpose, (content, key) in draft.sealed.items()
    }
    entry = Entry(
        id=draft.id,
        sender=node.member_id,
        recipient=draft.recipient,
        seq=link.next_seq,
        inc=state.inc,
        at=now,
        kind=draft.kind,
        ref=draft.ref,
        parts={purpose: part.name for purpose, part in parts.items()},
        epoch=draft.epoch,
        slot=draft.slot,
        re=draft.re,
        seen=TreeHead(state.log_size, b64u.decode(state.log_root)),
        body=draft.body,
        files=tuple(file.told.outside for file in draft.files),
    )
    signed = entry.sign(node.keyring.signing)
    link.next_seq += 1
    session.add(
        OutboxEntry(
            entry_id=entry.id,
            h=b64u.encode(signed.digest),
            recipient=entry.recipient,
            seq=entry.seq,
            kind=entry.kind,
            raw=signed.raw,
            state="queued",
            queued_at=now,
            replayed=state.phase != Phase.ACTING and draft.kind != "fence",
        )
    )
    session.flush()
    session.add_all(
        OutboxPart(part_id=part.name.id, entry_id=entry.id, content=part.ciphertext) for part in parts.values()
    )
    queue_files(session, entry, draft.files)
    afterwards(session, node.wake)
    return signed


def sent_entry(session: Session, entry_id: str) -> OutboxEntry:
    """Return the row of an entry of ours; raise LocalError if there is none."""
    found = session.scalar(select(OutboxEntry).where(OutboxEntry.entry_id == entry_id))
    if found is None:
        raise LocalError("an entry of ours that is not in the outbox")
    return found


def sent_signed(session: Session, node: Node, entry_id: str) -> SignedEntry:
    """Return an entry of ours with its signature verified."""
    return read_entry(sent_entry(session, entry_id).raw).verify(node.keyring.signing.public)


def close_gap(session: Session, node: Node, refused: OutboxEntry, now: int) -> None:
    """Move what is queued behind a refused entry one position up: a refused entry uses none up (section 4)."""
    state = sync_state(session)
    behind = session.scalars(
        select(OutboxEntry)
        .where(
            OutboxEntry.recipient == refused.recipient,
            OutboxEntry.state == "queued",
            OutboxEntry.seq > refused.seq,
        )
        .order_by(OutboxEntry.seq)
    ).all()
    for row in behind:
        entry = read_entry(row.raw).verify(node.keyring.signing.public).entry
        signed = entry.at_position(row.seq - 1, state.inc, now).sign(node.keyring.signing)
        row.seq, row.raw, row.h = signed.entry.seq, signed.raw, b64u.encode(signed.digest)
    link_to(session, refused.recipient).next_seq -= 1


def _context(node: Node, draft: Draft, purpose: str, key: SealingPublicKey) -> SealContext:
    """Return the context of a part: replies and files are for the reporter, whoever the entry is addressed to."""
    reader = REPORTER if purpose in {"reply", "file"} else draft.recipient
    if draft.ref is None:
        raise LocalError("only entries of a thread carry parts")
    return SealContext(
        sender=node.member_id,
        recipient=reader,
        id=draft.id,
        ref=draft.ref,
        kid=key.kid,
        purpose=purpose,
        epoch=draft.epoch,
    )
