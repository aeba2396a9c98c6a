"""What custody lets this node do with a case now: the table's answer, with the words for why not."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys import b64u
from node.context import Node
from node.models.cases import Case
from node.models.sync import LogFence, OutboxEntry, SyncState
from node.sync.log import read_history, read_log
from node.sync.rows import alarm
from protocol import routing
from protocol.custody import Phase, Stance, Step, Token, may_act, offer_slot
from protocol.entry import read_entry
from protocol.errors import RemoteError

#: After so long without an answer an offer may be taken back: an office's node accepts by itself, unless it is away.
RECALL_AFTER_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Standing:
    """How this node stands to a case now.

    `moves`: it may offer the case, or ask whose it is. `opens`: it may open the identity. `must_ask`: the case came
    back so often that only triage may say where it goes. `recall_from`: from when on (Unix seconds) its open offer may
    be taken back; None where there is none, or where it is being taken back already.
    """

    moves: bool
    opens: bool
    must_ask: bool = False
    recall_from: int | None = None


def standing(session: Session, node: Node, case: Case) -> Standing:
    """Return how this node stands to a case of its own."""
    state = session.get(SyncState, 1)
    phase = Phase.ACTING if state is None else Phase(state.phase)
    stance = Stance(case.stance)
    if stance is Stance.OFFERED:
        return Standing(moves=False, opens=False, recall_from=_recall_from(session, case, phase))
    taken, held = _slot(session, node, case)
    return Standing(
        moves=may_act(phase, stance, slot_taken=taken, taker_held=held),
        # A database that was put back may have forgotten that the case went on: its word counts only once it acts.
        opens=stance is Stance.HELD and not is_restoring(state) and (held or not taken),
        must_ask=routing.must_ask(len(case.hops) + case.returns) and _has_triage(session, node),
    )


def is_restoring(state: SyncState | None) -> bool:
    """Whether the database was put back from a backup and has not acted since."""
    return state is not None and state.restored_at is not None and (state.acted_at or 0) < state.restored_at


def recall_of(session: Session, offer: OutboxEntry) -> OutboxEntry | None:
    """Return the recall of an offer of ours, queued or logged; None where none was said."""
    recalls = select(OutboxEntry).where(
        OutboxEntry.kind == "recall", OutboxEntry.recipient == offer.recipient, OutboxEntry.state != "refused"
    )
    return next((row for row in session.scalars(recalls) if read_entry(row.raw).entry.re == offer.entry_id), None)


def is_withheld(session: Session, node: Node, case: Case) -> bool:
    """Whether the log shows that a case of ours was offered by an entry that is not here."""
    taken, held = _slot(session, node, case)
    return taken and not held


def pass_over_squatter(session: Session, node: Node, case: Case, now: int) -> None:
    """Raise the epoch of a held case whose next slot somebody took behind our last fence, and alarm.

    Since that fence this disk knows all that this node said, and no older entry of ours counts behind it: so the leaf
    is another's, also where its entry is not here. A leaf before the fence may be an own offer that is withheld.
    """
    state = session.get(SyncState, 1)
    slot = offer_slot(node.keyring.secrets["slot"], case.case_id, case.epoch)
    first = read_log(session).first_with_slot(slot)
    if state is None or first is None or Stance(case.stance) is not Stance.HELD or not is_withheld(session, node, case):
        return
    fence = select(LogFence.log_index).where(LogFence.node == node.member_id, LogFence.inc == state.inc)
    fenced_at = session.scalar(fence)
    if fenced_at is not None and state.phase == Phase.ACTING and first[0] > fenced_at:
        token = Token(Stance.HELD, case.epoch).take(Step.OFFER_LOST)
        case.stance, case.epoch = token.stance.value, token.epoch
        alarm(session, "slot", f"leaf {first[0]} took the slot of the next offer of case {case.case_id}", now)


def _slot(session: Session, node: Node, case: Case) -> tuple[bool, bool]:
    """Return whether the slot of the next offer stands in the log, and whether the entry that took it is here."""
    slot = offer_slot(node.keyring.secrets["slot"], case.case_id, case.epoch)
    first = read_log(session).first_with_slot(slot)
    if first is None:
        return False, False
    held = session.scalar(select(OutboxEntry.place).where(OutboxEntry.h == b64u.encode(first[1])))
    return True, held is not None


def _recall_from(session: Session, case: Case, phase: Phase) -> int | None:
    """Return from when on the open offer may be taken back; None where that cannot be said now, or was said."""
    offer = session.scalar(select(OutboxEntry).where(OutboxEntry.entry_id == case.offer_id))
    if phase is not Phase.ACTING or offer is None or offer.state == "refused":
        return None
    return None if recall_of(session, offer) is not None else offer.queued_at + RECALL_AFTER_SECONDS


def _has_triage(session: Session, node: Node) -> bool:
    try:
        read_history(session, node.federation).latest.triage()
    except RemoteError:
        return False
    return True
