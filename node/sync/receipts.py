"""End-to-end receipts: how far this node has stored what each peer sent."""

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from keys import b64u
from node.context import Node
from node.models.sync import InboxEntry, OutboxEntry
from node.sync.outbox import Draft, queue
from node.sync.rows import link_to, sync_state
from protocol.content import read_receipt_body, receipt_body
from protocol.entry import TreeHead, read_entry


def confirm(session: Session, node: Node, sender: str, now: int) -> None:
    """Tell `sender` how far its entries are stored here, unless it was told already."""
    upto = _stored_upto(session, sender)
    if upto > _said_upto(session, sender):
        state = sync_state(session)
        seen = TreeHead(state.log_size, b64u.decode(state.log_root))
        queue(session, node, Draft("receipt", sender, body=receipt_body(upto, seen)), now)


def _said_upto(session: Session, sender: str) -> int:
    """Return what the newest receipt to `sender` says that is queued or logged; 0 without one."""
    query = select(OutboxEntry.raw).where(
        OutboxEntry.recipient == sender, OutboxEntry.kind == "receipt", OutboxEntry.state != "refused"
    )
    raw = session.scalar(query.order_by(OutboxEntry.seq.desc()).limit(1))
    return 0 if raw is None else read_receipt_body(read_entry(raw).entry.body)


def _stored_upto(session: Session, sender: str) -> int:
    """Return how far a receipt to `sender` may go: never past a grant that did not open, or files that have not come.

    The receipt is what lets the sender destroy its copy of an identity; until then it can still be granted again. And
    it is what lets the hub forget files.
    """
    unopened = and_(InboxEntry.kind == "grant", InboxEntry.rule.is_not(None))
    failed = select(func.min(InboxEntry.seq)).where(
        InboxEntry.sender == sender, or_(unopened, InboxEntry.waiting.is_(True))
    )
    first = session.scalar(failed)
    received = link_to(session, sender).received
    return received if first is None else min(received, first - 1)
