"""Checkpoints that reach beyond our log, and the hashes of the leaves that lead to them. Nothing is taken on trust."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from hub.log.tree import Head, StoredLog
from hub.models import HubState, RecoveryCheckpoint, RecoveryLeaf
from hub.recovery.state import recovery_of
from protocol.checkpoint import Verified
from protocol.errors import RemoteError
from protocol.merkle import Frontier, verify_consistency
from protocol.recovery import GiveBack


class ContradictionError(RemoteError):
    """A checkpoint with our own signature that our tree cannot lead to: this hub has signed two logs."""

    def __init__(self) -> None:
        super().__init__("tree", "this hub signed another log than the one that it has")


def prove(
    session: Session, head: Head, give: GiveBack, hashes: Sequence[bytes], shown: Verified | None, now: int
) -> bool:
    """Store those of `hashes` that are new; return whether all leaves that the member has read are known by then.

    `shown` is the member's checkpoint, verified under the log's key. Raises RemoteError("tree"), and stores nothing,
    for hashes that are not proven to lead from our tree to it; ContradictionError where no hashes could.
    """
    if shown is None:
        if hashes:
            raise RemoteError("tree", "hashes of leaves without the checkpoint that they lead to")
        return True
    state, found = recovery_of(session), shown.checkpoint
    frontier = Frontier.from_bytes(state.frontier)
    if found.size <= frontier.size:
        if _root_at(session, head, frontier, found.size) != found.root:
            raise ContradictionError
        _keep(session, head, shown, give.node, now)
        return True
    if give.start > frontier.size:
        raise RemoteError("tree", "the hashes do not follow those that are known", start=frontier.size)
    if not hashes:
        _check_prefix(session, head, frontier, give, shown)
        return False
    fresh = hashes[frontier.size - give.start :]
    if not fresh:
        return False
    _extend(session, state, frontier, fresh, give, shown)
    _keep(session, head, shown, give.node, now)
    return frontier.size + len(fresh) == found.size


def target_of(session: Session, head: Head) -> tuple[int, bytes]:
    """Return size and root of the largest tree that we are known to have signed."""
    query = select(RecoveryCheckpoint.size, RecoveryCheckpoint.root).where(RecoveryCheckpoint.contradicts.is_(False))
    found = session.execute(query.order_by(RecoveryCheckpoint.size.desc()).limit(1)).one_or_none()
    return (head.size, head.root) if found is None or found[0] < head.size else (found[0], found[1])


def claim(session: Session, shown: Verified, member: str, now: int, *, contradicts: bool = False) -> None:
    """Note a checkpoint of ours, proven or not: the log must reach it before this hub goes on."""
    found = shown.checkpoint
    session.merge(
        RecoveryCheckpoint(
            size=found.size, root=found.root, member=member, note=shown.note, at=now, contradicts=contradicts
        )
    )
    session.flush()


def forget_claims(session: Session, head: Head, members: Sequence[str]) -> None:
    """Forget the checkpoints that these members showed, and the leaves that nobody else's checkpoint covers."""
    session.execute(delete(RecoveryCheckpoint).where(RecoveryCheckpoint.member.in_(members)))
    size = target_of(session, head)[0]
    session.execute(delete(RecoveryLeaf).where(RecoveryLeaf.index >= size))
    left = session.scalars(select(RecoveryLeaf.h).order_by(RecoveryLeaf.index))
    recovery_of(session).frontier = Frontier.from_bytes(head.frontier).extend(left).to_bytes()
    session.flush()


def is_ours(session: Session, head: Head, shown: Verified) -> bool:
    """Whether a checkpoint is one of the trees that our log was."""
    found = shown.checkpoint
    return found.size <= head.size and StoredLog(session).root_at(found.size) == found.root


def _extend(
    session: Session, state: HubState, frontier: Frontier, fresh: Sequence[bytes], give: GiveBack, shown: Verified
) -> None:
    grown, found = frontier.extend(fresh), shown.checkpoint
    if grown.size > found.size:
        raise RemoteError("tree", "more hashes than the checkpoint covers", size=found.size)
    verify_consistency(grown.size, grown.root(), found.size, found.root, give.consistency)
    rows = [{"index": index, "h": h, "lacks": False} for index, h in enumerate(fresh, start=frontier.size)]
    session.execute(insert(RecoveryLeaf), rows)
    state.frontier = grown.to_bytes()
    session.flush()


def _check_prefix(session: Session, head: Head, frontier: Frontier, give: GiveBack, shown: Verified) -> None:
    """Raise ContradictionError if the checkpoint provably grew from another tree than ours was at `start`."""
    if give.root == _root_at(session, head, frontier, give.start):
        return
    found = shown.checkpoint
    verify_consistency(give.start, give.root, found.size, found.root, give.consistency)
    raise ContradictionError


def _root_at(session: Session, head: Head, frontier: Frontier, size: int) -> bytes:
    """Return the root of the first `size` leaves, as far as their hashes are known."""
    if size == frontier.size:
        return frontier.root()
    if size <= head.size:
        return StoredLog(session).root_at(size)
    staged = session.scalars(select(RecoveryLeaf.h).where(RecoveryLeaf.index < size).order_by(RecoveryLeaf.index))
    return Frontier.from_bytes(head.frontier).extend(staged).root()


def _keep(session: Session, head: Head, shown: Verified, member: str, now: int) -> None:
    if shown.checkpoint.size > head.size:
        claim(session, shown, member, now)


def proven_size(session: Session) -> int:
    """Return how many leaves have known hashes, our own log included."""
    return Frontier.from_bytes(recovery_of(session).frontier).size


def contradictions(session: Session) -> list[RecoveryCheckpoint]:
    """Return the checkpoints of ours that our tree cannot lead to."""
    query = select(RecoveryCheckpoint).where(RecoveryCheckpoint.contradicts.is_(True))
    return list(session.scalars(query.order_by(RecoveryCheckpoint.size)))
