"""The outbox made afresh: whatever was queued and is in no log is signed again, under the new incarnation."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from keys import b64u
from node.cases.lifecycle import State
from node.cases.report import enter, report
from node.context import Node
from node.files.outgoing import discard
from node.models.cases import Case
from node.models.sync import Link, OutboxEntry, OutboxPart
from node.sync.log import NodeLog
from node.sync.rows import alarm, sync_state
from protocol.custody import Stance, Step, Token
from protocol.entry import TreeHead, read_entry
from protocol.kinds import ANSWERS


def make_afresh(session: Session, node: Node, log: NodeLog, now: int) -> None:
    """Give every queued entry the next free position of its link, this incarnation, and what was read by now.

    Offers that were refused can no longer be logged, whoever holds a copy: their cases are free again.
    """
    state = sync_state(session)
    seen = TreeHead(state.log_size, b64u.decode(state.log_root))
    free = {link.peer: 1 for link in session.scalars(select(Link))}
    logged = select(OutboxEntry.recipient, func.max(OutboxEntry.seq)).where(OutboxEntry.state == "logged")
    free |= {peer: seq + 1 for peer, seq in session.execute(logged.group_by(OutboxEntry.recipient))}
    query = select(OutboxEntry).where(OutboxEntry.state == "queued").order_by(OutboxEntry.place)
    for row in session.scalars(query).all():
        if _is_settled(row, log):
            drop(session, node, row)
            continue
        entry = read_entry(row.raw).verify(node.keyring.signing.public).entry
        signed = entry.at_position(free[row.recipient], state.inc, now, seen).sign(node.keyring.signing)
        row.seq, row.raw, row.h, row.replayed = signed.entry.seq, signed.raw, b64u.encode(signed.digest), False
        free[row.recipient] += 1
    for link in session.scalars(select(Link)):
        link.next_seq = free[link.peer]
    session.flush()
    _free_refused(session, node, log, now)


def drop(session: Session, node: Node, row: OutboxEntry) -> None:
    """Take an entry out of the outbox that need not be said."""
    discard(session, node, row.entry_id)
    session.query(OutboxPart).filter(OutboxPart.entry_id == row.entry_id).delete()
    session.delete(row)
    session.flush()


def _is_settled(row: OutboxEntry, log: NodeLog) -> bool:
    """Whether there is nothing left to say: receipts are said anew, an answered offer needs no second answer."""
    if row.kind == "receipt":
        return True
    slot = read_entry(row.raw).entry.slot if row.kind in ANSWERS else None
    return slot is not None and log.first_with_slot(slot) is not None


def _free_refused(session: Session, node: Node, log: NodeLog, now: int) -> None:
    """Let go of the locks of offers that were refused: no copy of them can be logged behind the fence."""
    query = select(Case, OutboxEntry).join(OutboxEntry, OutboxEntry.entry_id == Case.offer_id)
    query = query.where(Case.stance == Stance.OFFERED, OutboxEntry.state == "refused")
    for case, offer in session.execute(query).all():
        slot = read_entry(offer.raw).entry.slot
        if slot is not None and log.first_with_slot(slot) is None:
            take_back(session, node, case, Step.OFFER_FENCED, now)
        else:
            alarm(session, "slot", f"the slot of our refused offer {offer.entry_id} is taken by what is not here", now)


def take_back(session: Session, node: Node, case: Case, step: Step, now: int) -> None:
    """Free a case whose offer came to nothing, and tell where it stands."""
    token = Token(Stance(case.stance), case.epoch).take(step)
    case.stance, case.epoch = token.stance.value, token.epoch
    to, case.offer_id, case.offered_to = case.offered_to or "", None, None
    enter(session, case, State.RETURNED, now, to)
    report(session, node, case, now)
