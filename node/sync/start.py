"""From a start to acting again: the phases of protocol.custody, moved by what was read (docs/adr/0013).

A process that begins does not know whether its disk is of today. So it says nothing before it has read what it said
before, and has put a fence behind whatever may still be on its way.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from node.context import Node
from node.custody.settle import settle
from node.models.sync import LogFence, OutboxEntry, SyncState
from node.sync.afresh import make_afresh
from node.sync.log import NodeLog
from node.sync.outbox import Draft, queue
from node.sync.rows import link_to, step_phase, sync_state
from protocol.custody import Event, Phase, next_incarnation
from protocol.directory import DirectoryHistory


def begin(node: Node, now: int) -> None:
    """Note that a process began that will sync: whatever it would say waits until it has read and fenced."""
    with node.database.transaction() as session:
        begin_in(session, now)


def begin_in(session: Session, now: int) -> None:
    """Do so within a transaction: also where this disk learned that it was set back while it ran."""
    step_phase(session, Event.START, now)


def advance(
    session: Session, node: Node, log: NodeLog, history: DirectoryHistory, now: int, *, boxes_read: bool
) -> bool:
    """Go on where what was read allows it; return whether this node acts again since just now.

    `boxes_read`: the hub had nothing more in either box.
    """
    state = sync_state(session)
    phase = Phase(state.phase)
    if phase is Phase.READING and boxes_read:
        _fence(session, node, state, now)
    elif phase is Phase.FENCING:
        return _look_for_fence(session, node, state, log, history, now, boxes_read=boxes_read)
    return False


def _fence(session: Session, node: Node, state: SyncState, now: int) -> None:
    """Take the next incarnation, and queue its fence right behind what is logged on the link to the hub."""
    own = session.scalar(select(func.max(LogFence.inc)).where(LogFence.node == node.member_id)) or 0
    state.inc = next_incarnation(state.inc, own)
    hub = node.federation.hub
    waiting = OutboxEntry.recipient == hub, OutboxEntry.state == "queued"
    for row in session.scalars(select(OutboxEntry).where(*waiting, OutboxEntry.kind == "fence")).all():
        session.delete(row)
    logged = select(func.max(OutboxEntry.seq)).where(OutboxEntry.recipient == hub, OutboxEntry.state == "logged")
    # What else waits on this link is made afresh, behind the fence, before it is said.
    link_to(session, hub).next_seq = (session.scalar(logged) or 0) + 1
    step_phase(session, Event.BOXES_READ, now)
    state.fence_id = queue(session, node, Draft("fence", hub), now).entry.id


def _look_for_fence(
    session: Session,
    node: Node,
    state: SyncState,
    log: NodeLog,
    history: DirectoryHistory,
    now: int,
    *,
    boxes_read: bool,
) -> bool:
    fence = session.scalar(select(OutboxEntry).where(OutboxEntry.entry_id == state.fence_id))
    if fence is None or fence.state == "refused":
        step_phase(session, Event.FENCE_REFUSED, now)
    elif fence.state == "logged" and fence.log_index is not None and fence.log_index < log.size and boxes_read:
        step_phase(session, Event.FENCE_READ, now)
        make_afresh(session, node, log, now)
        settle(session, node, log, history, now, inbox_read=False)
        return True
    return False
