"""The rows that every part of the sync needs: the one state row, a link, an alarm."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys import b64u
from keys.errors import KeysError
from node.models.sync import Alarm, Link, SyncState
from protocol.custody import Event, Phase, moved
from protocol.errors import RemoteError
from protocol.merkle import EMPTY_ROOT

_ONLY: Final = 1
_MAX_DETAIL_CHARS: Final = 400
#: Under this name a session keeps the row that it has locked.
_STATE: Final = "simpul_sync_state"


def sync_state(session: Session) -> SyncState:
    """Return the state row, made at first use; locked until the transaction ends."""
    held: SyncState | None = session.info.get(_STATE)
    if held is not None and held in session:
        return held  # locked already: nobody else can have changed it
    found = session.get(SyncState, _ONLY, with_for_update=True)
    if found is None:
        found = SyncState(id=_ONLY, inc=1, ctr=0, inbox_pos=0, sent_pos=0, log_size=0, log_root=b64u.encode(EMPTY_ROOT))
        session.add(found)
        session.flush()
    session.info[_STATE] = found
    return found


def phase_of(session: Session) -> Phase:
    """Return how far this node is after its last start."""
    return Phase(sync_state(session).phase)


def step_phase(session: Session, event: Event, now: int) -> Phase:
    """Take what happened through the table of phases; return the phase that it leads to."""
    state = sync_state(session)
    phase = moved(Phase(state.phase), event)
    if phase != state.phase:
        state.phase, state.phase_at = phase.value, now
        if phase is Phase.ACTING:
            state.acted_at, state.fence_id = now, None
    return phase


def link_to(session: Session, peer: str) -> Link:
    """Return the row of a peer, made at first use; locked until the transaction ends."""
    found = session.get(Link, peer, with_for_update=True)
    if found is None:
        found = Link(peer=peer, next_seq=1, received=0, confirmed=0)
        session.add(found)
        session.flush()
    return found


def alarm(session: Session, rule: str, detail: str, now: int) -> None:
    """Note something for a person to look at; `detail` names rules, parties and ids, never content.

    What is still so at the next sync is the same alarm with a newer time, not another one.
    """
    detail = detail[:_MAX_DETAIL_CHARS]
    found = session.scalar(select(Alarm).where(Alarm.rule == rule, Alarm.detail == detail).limit(1))
    if found is None:
        session.add(Alarm(at=now, rule=rule, detail=detail))
    else:
        found.at = now


def told(error: RemoteError | KeysError) -> tuple[str, str]:
    """Return how an alarm tells of an error: the rule that was broken, or "key" for a key of our own that fails us."""
    return (error.rule.name, error.detail) if isinstance(error, RemoteError) else ("key", str(error))
