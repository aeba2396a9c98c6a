"""Whether this hub may log: `serving` or `recovering`, kept in its database and looked at under the log's own lock."""

from typing import Final

from sqlalchemy import delete
from sqlalchemy.orm import Session

from hub.errors import LogError, RecoveringError
from hub.models import (
    HubState,
    LogHead,
    RecoveryCheckpoint,
    RecoveryLeaf,
    RecoveryMember,
    RecoveryPart,
)
from protocol.entry import new_id

SERVING: Final = "serving"
RECOVERING: Final = "recovering"
_ONLY: Final = 1


def mark_restored(session: Session, now: int, backup_at: int) -> None:
    """Note that this database was put in place from a backup of the time `backup_at` (both Unix seconds).

    From here on the hub logs nothing until its members have given back what it signed since. To be called in the
    transaction that ends a restore, after the migrations. What was known of an earlier recovery is forgotten.
    """
    _begin(session, now, "restored from a backup", restored_to=backup_at)


def enter(session: Session, now: int, reason: str) -> None:
    """Stop logging because the database was seen to be behind what was signed; nothing new if it recovers already."""
    if not is_recovering(session):
        _begin(session, now, reason, restored_to=None)


def leave(session: Session) -> None:
    """Go on logging. What was staged is in the log now; who was heard or left out stays on record."""
    state = recovery_of(session)
    state.state = SERVING
    _forget_staged(session)
    session.flush()


def is_recovering(session: Session) -> bool:
    """Whether nothing may be logged."""
    found = session.get(HubState, _ONLY, populate_existing=True)
    return found is not None and found.state == RECOVERING


def recovery_of(session: Session) -> HubState:
    """Return the row of the recovery that goes on, or that was last; raise LogError if there never was one."""
    found = session.get(HubState, _ONLY, populate_existing=True)
    if found is None:
        raise LogError("this hub never was set back")
    return found


def last_recovery(session: Session) -> HubState | None:
    """Return the row of the recovery that goes on, or that was last; None if there never was one."""
    return session.get(HubState, _ONLY, populate_existing=True)


def check_may_log(session: Session) -> None:
    """Raise RecoveringError while nothing may be appended. Only right while the caller holds the write lock."""
    if is_recovering(session):
        raise RecoveringError


def _begin(session: Session, now: int, reason: str, restored_to: int | None) -> None:
    head = session.get(LogHead, _ONLY)
    if head is None:
        raise LogError("this database holds no log: run `simpul-hub init`")
    _forget_staged(session)
    session.execute(delete(RecoveryMember))
    session.merge(
        HubState(
            id=_ONLY,
            state=RECOVERING,
            reason=reason,
            recovery=new_id(),
            since=now,
            restored_at=None if restored_to is None else now,
            restored_to=restored_to,
            frontier=head.frontier,
        )
    )
    session.flush()


def _forget_staged(session: Session) -> None:
    for model in (RecoveryLeaf, RecoveryPart, RecoveryCheckpoint):
        session.execute(delete(model))
