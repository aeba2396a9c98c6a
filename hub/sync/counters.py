"""Request counters: each request of a node counts once, and a node that lost its count is told the hub's."""

from typing import cast

from sqlalchemy import CursorResult, insert, update
from sqlalchemy.orm import Session

from hub.errors import ConflictError, LogError
from hub.models import MemberState
from hub.sync.fences import fenced_incarnation
from keys.signing import SigningKey
from protocol.bundle import Conflict, Request


def check_counter(session: Session, request: Request, digest: bytes, key: SigningKey, *, lock: bool = False) -> bool:
    """Return whether the node has a row yet; raise ConflictError unless `ctr` is above and `inc` not below the known.

    A higher incarnation counts from its first request on: the older copy of a node that was restored is shut out at
    once, not only after its successor's fence. A fence in the log shuts it out even where the row was lost.
    """
    state = session.get(MemberState, request.node, with_for_update=lock or None)
    ctr, inc, known = (0, 0, None) if state is None else (state.ctr, state.inc, state.request)
    inc = max(inc, fenced_incarnation(session, request.node))
    rule = "incarnation" if request.inc < inc else "counter" if request.ctr <= ctr else None
    if rule is not None:
        conflict = Conflict(request.hub, request.node, digest, ctr=ctr, inc=inc, known=known)
        raise ConflictError(rule, conflict.sign(key))
    return state is not None


def count(session: Session, request: Request, digest: bytes, key: SigningKey, now: int) -> None:
    """Count the request, in the transaction of what it brought; raise ConflictError as above."""
    exists = check_counter(session, request, digest, key, lock=True)
    values = {
        "inc": request.inc,
        "ctr": request.ctr,
        "request": digest,
        "inbox": request.pull.inbox,
        "floor": request.floor,
        "seen_size": request.seen.size,
        "seen_root": request.seen.root,
        "last_contact": now,
    }
    if not exists:
        session.execute(insert(MemberState).values(member=request.node, **values))
        return
    here = (MemberState.member == request.node, MemberState.ctr < request.ctr)
    moved = cast("CursorResult[object]", session.execute(update(MemberState).where(*here).values(values)))
    if moved.rowcount != 1:
        # The row is locked, so this is our own error; the transaction must not go on.
        raise LogError("a request counter moved under its lock")
