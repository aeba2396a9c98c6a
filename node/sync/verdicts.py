"""What the hub says of each entry that was pushed, and what follows from it here."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.context import Node
from node.custody.refused import RESEALED, keep_locked, reseal
from node.files.outgoing import discard, upload_again
from node.models.sync import OutboxEntry, OutboxPart, SyncState
from node.sync.outbox import close_gap
from node.sync.rows import alarm
from protocol.bundle import Pushed


def apply_verdict(session: Session, node: Node, state: SyncState, verdict: Pushed, now: int) -> None:
    """Do what the hub's word on one pushed entry asks for; each that is not well is told to people."""
    row = session.scalar(select(OutboxEntry).where(OutboxEntry.h == verdict.id))
    if row is None or row.state != "queued":
        return
    if verdict.state in {"ok", "dup"}:
        logged(session, node, row, verdict.index)
        if verdict.pos == state.sent_pos + 1:
            state.sent_pos += 1
        return
    # gap: something before it on the link was refused, and it was moved up already; part: sent again.
    if verdict.state not in {"gap", "part"} and not (verdict.state == "rekey" and row.kind not in RESEALED):
        row.state, row.rule = "refused", verdict.reason
        close_gap(session, node, row, now)
        _let_parts_go(session, node, row)
        if row.kind == "offer" and verdict.state != "lost":
            # A late copy could still be logged, whatever the reason: the lock stays until a fence stands before it.
            keep_locked(session, row, now)
        elif verdict.state == "rekey":
            reseal(session, node, row, now)
    elif verdict.state == "part":
        upload_again(session, row.entry_id)
    detail = f"{row.kind} to {row.recipient}, seq {row.seq}: {verdict.state} {verdict.reason}"
    alarm(session, verdict.reason or verdict.state, detail, now)


def logged(session: Session, node: Node, row: OutboxEntry, index: int | None) -> None:
    """Note that an entry of ours is in the log. Its parts and files stay until its recipient has confirmed it."""
    row.state, row.log_index = "logged", index
    if row.recipient == node.federation.hub:
        _let_parts_go(session, node, row)


def _let_parts_go(session: Session, node: Node, row: OutboxEntry) -> None:
    session.query(OutboxPart).filter(OutboxPart.entry_id == row.entry_id).delete()
    discard(session, node, row.entry_id)
