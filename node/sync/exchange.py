"""One exchange as two transactions: prepare a request, apply its answer. The bytes may travel by HTTP or by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from keys import b64u
from keys.errors import KeysError
from node.context import Node
from node.custody.arrival import Arrival, verify_entry
from node.custody.inbound import HANDLERS, on_other, takes_files
from node.custody.recovered import recover
from node.custody.refused import take_winner
from node.custody.settle import settle
from node.files.outgoing import held_back
from node.models.sync import InboxEntry, Link, OutboxEntry, OutboxPart, SyncState
from node.sync.log import LogNews, NodeLog, extend_log, read_history, read_log
from node.sync.receipts import confirm
from node.sync.rows import alarm, link_to, sync_state, told
from node.sync.start import advance, begin_in
from node.sync.verdicts import apply_verdict, logged
from protocol import checkpoint as checkpoints
from protocol import jws
from protocol.bundle import (
    MAX_BUNDLE_BYTES,
    MAX_BUNDLE_ENTRIES,
    Answer,
    Bundle,
    Pull,
    Pulled,
    Request,
    check_manifest_entries,
    read_answer,
    read_bundle,
)
from protocol.checkpoint import Checkpoint
from protocol.custody import Phase
from protocol.directory import DirectoryHistory
from protocol.entry import Entry, TreeHead, read_entry
from protocol.errors import RemoteError
from protocol.merkle import verify_consistency
from service.database import attempt

#: Base64 and JSON around the parts and entries of a bundle, generously.
_ROOM_BYTES: Final = MAX_BUNDLE_BYTES * 7 // 10
#: Of large files that go in one file by hand: less than a hub lets wait for the entries that name them.
_CARRIED_FILES_BYTES: Final = 200 * 1024**2
#: Rules that an entry breaks only because another that it follows was not acted on yet.
_TOO_EARLY: Final = frozenset({"thread", "won"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that is durable and may be sent: its bytes, its hash, and how many entries it pushes."""

    raw: bytes
    h: bytes
    request: Request
    #: The place in the outbox of the last entry that it pushes; 0 if it pushes none.
    last: int = 0

    @property
    def asked(self) -> "Asked":
        """What an answer to it is checked against."""
        return Asked(self.h, self.request.seen)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is remembered of a request: its hash, and the log that was read when it was made.

    `carried_at`: when it was written to a file (Unix seconds); None for one that the hub has just answered.
    """

    h: bytes
    seen: TreeHead
    carried_at: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose signature and checkpoint were verified; nothing of it is stored yet."""

    asked: Asked
    bundle: Bundle
    answer: Answer
    checkpoint: Checkpoint


def prepare(session: Session, node: Node, *, by_hand: bool = False, after: int = 0) -> Prepared:
    """Make the next request; `ctr` and H(request) are durable with the caller's commit, before anything is sent.

    `by_hand`: large files go with it, so that no entry waits for its upload. It pushes what stands in the outbox after
    the place `after`; where that is not 0 it goes along with the request before it, which asks for the boxes.
    """
    state = sync_state(session)
    entries, parts = _to_push(session, by_hand=by_hand, after=after)
    most = 0 if after else MAX_BUNDLE_ENTRIES
    state.ctr += 1
    request = Request(
        hub=node.federation.hub,
        node=node.member_id,
        inc=state.inc,
        ctr=state.ctr,
        entries=tuple(b64u.decode(row.h) for row in entries),
        pull=Pull(inbox=state.inbox_pos, sent=state.sent_pos, max=most),
        floor=state.floor,
        seen=TreeHead(state.log_size, b64u.decode(state.log_root)),
    )
    manifest = request.sign(node.keyring.signing)
    h = jws.digest(manifest)
    state.request_h = b64u.encode(h)
    raw = Bundle(manifest, tuple(row.raw for row in entries), parts).encode()
    return Prepared(raw, h, request, entries[-1].place if entries else 0)


def _to_push(session: Session, *, by_hand: bool, after: int) -> tuple[list[OutboxEntry], dict[str, bytes]]:
    """Return what is queued, in order, up to what one bundle holds, with the parts that it names."""
    rows: list[OutboxEntry] = []
    parts: dict[str, bytes] = {}
    room, files_room = _ROOM_BYTES, _CARRIED_FILES_BYTES
    query = select(OutboxEntry).where(*pushable(session, by_hand=by_hand), OutboxEntry.place > after)
    query = query.order_by(OutboxEntry.place)
    for row in session.scalars(query.limit(MAX_BUNDLE_ENTRIES)):
        own = list(session.scalars(select(OutboxPart).where(OutboxPart.entry_id == row.entry_id)))
        room -= len(row.raw) + sum(len(part.content) for part in own)
        files_room -= sum(name.len for name in read_entry(row.raw).entry.files) if by_hand else 0
        if min(room, files_room) < 0 and rows:
            break
        rows.append(row)
        parts |= {part.part_id: part.content for part in own}
    return rows, parts


def pushable(session: Session, *, by_hand: bool = False) -> list[ColumnElement[bool]]:
    """Return what is true of the entries that may be pushed: queued, and none before them waits for an upload.

    By hand the files go with them, and nothing waits.
    After a start nothing is said before the own fence, and nothing beside it.
    """
    state = session.get(SyncState, 1)  # without a lock: this is asked while only reading, too
    if state is not None and state.phase != Phase.ACTING:
        return [OutboxEntry.state == "queued", OutboxEntry.entry_id == (state.fence_id or "")]
    held = {} if by_hand else held_back(session)
    free = [or_(OutboxEntry.recipient != to, OutboxEntry.place < place) for to, place in held.items()]
    return [OutboxEntry.state == "queued", *free]


def open_answer(session: Session, node: Node, raw: bytes, asked: Asked) -> Opened:
    """Verify an answer against the request that it answers; raise RemoteError, and change nothing."""
    history = read_history(session, node.federation)
    bundle = read_bundle(raw)
    token = jws.read(bundle.manifest, jws.ANSWER, max_bytes=MAX_BUNDLE_BYTES)
    answer = read_answer(bundle.manifest, history.signing_key(node.federation.hub, token.kid))
    if (answer.hub, answer.node, answer.req) != (node.federation.hub, node.member_id, asked.h):
        raise RemoteError("addressed", "the answer is for another request")
    check_manifest_entries([pulled.h for pulled in answer.pull], bundle.entries)
    note = checkpoints.read(answer.checkpoint, node.federation.log_origin, node.federation.log_key)
    seen, found = asked.seen, note.checkpoint
    if found.size < seen.size:
        raise RemoteError("tree", "the log is shorter than it was", size=seen.size)
    if seen.size:
        verify_consistency(seen.size, seen.root, found.size, found.root, answer.consistency)
    return Opened(asked, bundle, answer, found)


def apply_answer(session: Session, node: Node, opened: Opened, news: LogNews, now: int) -> None:
    """Store the verdicts, the leaves, the pulled entries and all their effects: one transaction, the caller's."""
    log = extend_log(session, news, opened.checkpoint, node.federation)
    history = read_history(session, node.federation)
    state = sync_state(session)
    _note_contact(state, opened, log, now)
    carried_at = opened.asked.carried_at
    # What was answered before the start may be from before this disk was set back.
    before_start = state.phase == Phase.READING and carried_at is not None and carried_at < state.phase_at
    for verdict in opened.answer.push:
        apply_verdict(session, node, state, verdict, now)
    settle(session, node, log, history, now, inbox_read=False)
    senders: set[str] = set()
    for pulled, raw in zip(opened.answer.pull, opened.bundle.entries, strict=True):
        if pulled.box == "sent":
            _apply_sent(session, node, state, pulled, raw, log, history, now)
        elif pulled.box == "slot":
            take_winner(session, node, log, raw, now)
        else:
            sender = _apply_inbox(session, node, opened.bundle, state, pulled, raw, log, history, now)
            senders |= {sender} if sender is not None else set()
        if state.phase != Phase.ACTING and read_entry(raw).entry.rule.custody:
            # What happened since the backup happens again, in its order: a grant only after the accept that it follows.
            settle(session, node, log, history, now, inbox_read=False)
    # An answer that was overtaken by another says nothing of what the log holds behind it.
    read = not opened.answer.more and opened.checkpoint.size == log.size
    settle(session, node, log, history, now, inbox_read=read)
    if advance(session, node, log, history, now, boxes_read=read and not before_start):
        senders = set(session.scalars(select(Link.peer).where(Link.received > 0)))
    if state.phase == Phase.ACTING:
        for sender in sorted(senders):
            confirm(session, node, sender, now)


def _note_contact(state: SyncState, opened: Opened, log: NodeLog, now: int) -> None:
    """Note when the hub was heard. Of an answer by hand it is only known that it came after the request."""
    if opened.checkpoint.size == log.size:
        state.checkpoint = opened.answer.checkpoint
    if opened.asked.carried_at is None:
        state.contact_at, state.trouble = now, None
    else:
        state.contact_at = max(state.contact_at or 0, opened.asked.carried_at)


def take_waiting(session: Session, node: Node, pos: int, parts: Mapping[str, bytes], now: int) -> None:
    """Act on an entry of the inbox whose files have come: `parts` are its seals and small files."""
    row = session.get_one(InboxEntry, pos)
    if not row.waiting:
        return  # another process had its files first
    log, history = read_log(session), read_history(session, node.federation)
    signed = verify_entry(row.raw, row.log_index, log, history)
    row.rule, row.waiting = _handle(Arrival(session, node, log, history, signed, row.log_index, parts, now)), False
    session.flush()
    settle(session, node, log, history, now, inbox_read=False)
    if sync_state(session).phase == Phase.ACTING:
        confirm(session, node, row.sender, now)


def _apply_sent(
    session: Session,
    node: Node,
    state: SyncState,
    pulled: Pulled,
    raw: str,
    log: NodeLog,
    history: DirectoryHistory,
    now: int,
) -> None:
    """An entry of our own comes back: its verdict was lost, or, if it is unknown here, this disk was set back.

    What the hub said it refused and has logged all the same counts as unknown: whatever took its position is made anew.
    """
    if pulled.pos != state.sent_pos + 1:
        return
    state.sent_pos = pulled.pos
    row = session.scalar(select(OutboxEntry).where(OutboxEntry.h == b64u.encode(pulled.h)))
    if row is not None and row.state != "refused":
        if row.state == "queued":
            logged(session, node, row, pulled.index)
        return
    signed = verify_entry(raw, pulled.index, log, history)
    if signed.entry.sender != node.member_id:
        raise RemoteError("addressed", "an entry of somebody else stands among what this node sent")
    if state.phase == Phase.ACTING:
        entry = signed.entry
        why = "this disk does not know" if row is None else "it said it refused"
        alarm(session, "seq", f"the hub holds our {entry.kind} {entry.id}, which {why}", now)
        begin_in(session, now)
    recover(session, node, signed, pulled.index, now)


def _apply_inbox(
    session: Session,
    node: Node,
    bundle: Bundle,
    state: SyncState,
    pulled: Pulled,
    raw: str,
    log: NodeLog,
    history: DirectoryHistory,
    now: int,
) -> str | None:
    """Store one entry and what it does; return its sender if that one is owed a receipt."""
    if pulled.pos <= state.inbox_pos:
        return None
    if pulled.pos != state.inbox_pos + 1:
        raise RemoteError("seq", "a position of the inbox is missing", pos=state.inbox_pos + 1)
    signed = verify_entry(raw, pulled.index, log, history)
    entry = signed.entry
    if entry.recipient != node.member_id:
        raise RemoteError("addressed", "an entry for somebody else stands in this inbox")
    link = link_to(session, entry.sender)
    if entry.seq != link.received + 1:
        raise RemoteError("seq", f"an entry of {entry.sender} is missing", seq=link.received + 1)
    row = InboxEntry(
        pos=pulled.pos,
        log_index=pulled.index,
        entry_id=entry.id,
        h=b64u.encode(signed.digest),
        sender=entry.sender,
        seq=entry.seq,
        kind=entry.kind,
        raw=raw,
        received_at=now,
        waiting=takes_files(entry) and not all(name.bundled for name in entry.files),
    )
    session.add(row)
    link.received, state.inbox_pos = entry.seq, pulled.pos
    session.flush()
    if row.waiting:
        return None  # it is acted on, and confirmed, when its files have come
    arrival = Arrival(session, node, log, history, signed, pulled.index, bundle.parts, now)
    row.rule = _handle(arrival)
    if row.rule in _TOO_EARLY and state.phase != Phase.ACTING:
        # While the boxes are read again, what it follows may still wait for its files: its turn comes after them.
        row.rule, row.waiting = None, True
    return None if entry.kind == "receipt" else entry.sender


def _handle(arrival: Arrival) -> str | None:
    """Do what an entry asks for; return the rule that it broke. A bad one changes nothing and stops none beside it."""
    entry = arrival.entry
    try:
        with attempt(arrival.session):
            _check_files(entry)
            refused: RemoteError | KeysError | None = HANDLERS.get(entry.kind, on_other)(arrival)
    except (RemoteError, KeysError) as error:
        refused = error
    if refused is None:
        return None
    rule, detail = told(refused)
    alarm(arrival.session, rule, f"{entry.kind} {entry.id} of {entry.sender}: {detail}", arrival.now)
    return rule


def _check_files(entry: Entry) -> None:
    if entry.files and not takes_files(entry):
        raise RemoteError("part-form", "this version takes no files with this kind")
