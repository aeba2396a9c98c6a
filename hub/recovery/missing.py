"""What is not back yet: leaves, parts, members. For the notices to members, and for the operator."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from hub.models import RecoveryLeaf, RecoveryMember
from protocol.directory import Directory, Status
from protocol.recovery import MAX_SPANS, Span


def missing_entries(session: Session, start: int, most: int = MAX_SPANS) -> list[Span]:
    """Return the leaves from `start` on of which nothing is here but the hash; at most `most` spans."""
    return _spans(session, RecoveryLeaf.raw.is_(None), start, most)


def missing_parts(session: Session, node: str, start: int, most: int = MAX_SPANS) -> list[Span]:
    """Return the leaves from `start` on whose parts this node may have, or files, which everybody has."""
    theirs = or_(RecoveryLeaf.sender == node, RecoveryLeaf.version.is_not(None))
    return _spans(session, RecoveryLeaf.lacks.is_(True) & theirs, start, most)


def any_missing(session: Session) -> bool:
    """Whether a leaf cannot be logged yet: its entry is not here, or its version of the directory is not whole."""
    unknown = RecoveryLeaf.raw.is_(None)
    unread = RecoveryLeaf.version.is_not(None) & RecoveryLeaf.lacks.is_(True)
    return session.scalar(select(RecoveryLeaf.index).where(or_(unknown, unread)).limit(1)) is not None


def lacking_parts(session: Session) -> int:
    """Return how many entries lack parts. Their recipients may well have them; this hub goes on without."""
    here = RecoveryLeaf.lacks.is_(True) & RecoveryLeaf.version.is_(None)
    return session.scalar(select(func.count()).select_from(RecoveryLeaf).where(here)) or 0


def unheard(session: Session, directory: Directory) -> list[str]:
    """Return the members that may have read further than is known, by id: neither heard nor left out."""
    settled = or_(RecoveryMember.heard_at.is_not(None), RecoveryMember.waived_at.is_not(None))
    known = set(session.scalars(select(RecoveryMember.member).where(settled)))
    asked = {party for party, member in directory.members.items() if member.status is not Status.RETIRED}
    return sorted(asked - known)


def listed_to(spans: Sequence[Span], most: int, end: int) -> int:
    """Return the position before which a list of spans tells everything."""
    return spans[-1].after if len(spans) >= most else end


def _spans(session: Session, where: ColumnElement[bool], start: int, most: int) -> list[Span]:
    """Return the runs of neighbouring leaves: within one, position and rank differ by the same number."""
    position = RecoveryLeaf.index
    run = (position - func.row_number().over(order_by=position)).label("run")
    found = select(position.label("position"), run).where(where, position >= start).subquery()
    first, last = func.min(found.c.position), func.max(found.c.position)
    query = select(first, last).group_by(found.c.run).order_by(first).limit(most)
    return [Span(low, high + 1) for low, high in session.execute(query)]
