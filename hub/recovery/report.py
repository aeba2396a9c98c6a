"""Where a recovery stands, for the operator; and the operator's word to go on without somebody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.errors import EnrolmentError
from hub.log.tree import read_head
from hub.models import MemberState, RecoveryMember
from hub.recovery.missing import any_missing, lacking_parts, missing_entries, unheard
from hub.recovery.proof import contradictions, forget_claims, proven_size, target_of
from hub.recovery.staging import staged_history
from hub.recovery.state import is_recovering, last_recovery
from protocol.enrol import Federation
from protocol.recovery import Span

#: How the operator names the file beside the database, where members are named; no member can have this name.
HEAD_NOTE: Final = "head.note"
_MOST_SPANS: Final = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What `simpul-hub status` tells. Times are Unix seconds, None where nothing is known.

    `missing` are the leaves before `proven` of which only the hash is known, the first twenty runs of them; between
    `proven` and `target` not even that. `others` hold a checkpoint of another log with our signature.
    """

    recovering: bool
    size: int
    target: int
    proven: int
    reason: str
    since: int | None
    restored_to: int | None
    missing: tuple[Span, ...]
    lacking_parts: int
    heard: tuple[tuple[str, int], ...]
    unheard: tuple[str, ...]
    left_out: tuple[str, ...]
    others: tuple[str, ...]


def read_report(session: Session, federation: Federation) -> Report:
    """Return where it stands."""
    head, last, recovering = read_head(session), last_recovery(session), is_recovering(session)
    known = session.scalars(select(RecoveryMember).order_by(RecoveryMember.member)).all()
    waived = {row.member for row in known if row.waived_at is not None}
    return Report(
        recovering=recovering,
        size=head.size,
        target=target_of(session, head)[0],
        proven=proven_size(session) if recovering else head.size,
        reason="" if last is None else last.reason,
        since=None if last is None else last.since,
        restored_to=None if last is None else last.restored_to,
        missing=tuple(missing_entries(session, 0, _MOST_SPANS)),
        lacking_parts=lacking_parts(session),
        heard=tuple((row.member, row.heard_at) for row in known if row.heard_at is not None),
        unheard=tuple(unheard(session, staged_history(session, federation).latest)) if recovering else (),
        left_out=tuple(sorted(_shown(member) for member in waived)),
        others=tuple(sorted({_shown(row.member) for row in contradictions(session) if row.member not in waived})),
    )


def last_contacts(session: Session, members: Sequence[str]) -> dict[str, int]:
    """Return when members were heard before the backup, as far as it knows."""
    query = select(MemberState.member, MemberState.last_contact).where(MemberState.member.in_(members))
    return dict(session.execute(query).all())


def go_on_without(session: Session, report: Report, members: Sequence[str], now: int) -> None:
    """Note that this hub goes on without these members, and without what they alone have read if that is not here.

    Raises EnrolmentError for somebody who need not be left out: a wrong name must not go unnoticed.
    """
    needless = sorted(set(members) - {*report.unheard, *report.others, HEAD_NOTE})
    if needless:
        raise EnrolmentError(f"{', '.join(needless)} was heard already, or is no member: see `simpul-hub status`")
    for name in members:
        member = "" if name == HEAD_NOTE else name
        row = session.get(RecoveryMember, member)
        if row is None:
            session.add(RecoveryMember(member=member, heard_at=None, waived_at=now))
        else:
            row.waived_at = now
    session.flush()
    head = read_head(session, lock=True)
    if any_missing(session) or proven_size(session) < target_of(session, head)[0]:
        # What they alone have shown, and what nobody can bring, is what this hub goes on without.
        forget_claims(session, head, ["" if name == HEAD_NOTE else name for name in members])


def _shown(member: str) -> str:
    return member or HEAD_NOTE
