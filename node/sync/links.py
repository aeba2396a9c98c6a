"""How the sync stands: the hub as it was last met, and what is missing on which link since when. Changes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from node.context import Node
from node.custody.standing import is_restoring
from node.models.sync import Alarm, InboxEntry, Link, LostCase, OutboxEntry, SyncState
from node.sync.rows import alarm
from protocol.custody import Phase

#: How long a peer that is heard may leave something unconfirmed before people are told.
UNCONFIRMED_SECONDS: Final = 3 * 86_400
#: A peer that speaks has pulled its inbox, and confirmed it, within so long.
_ANSWER_SECONDS: Final = 3_600
#: Alarms that nothing has raised again for so long are history.
RECENT_SECONDS: Final = 7 * 86_400
_MAX_ALARMS: Final = 50


@dataclass(frozen=True, slots=True)
class Health:
    """How a node stands with its hub. Times are Unix seconds, None where something never was.

    `phase_at`: since when it is in its phase; `restoring`: its database came from a backup that is not caught up yet;
    `lost`: how many cases are in no backup and were not found elsewhere; `waiting`: entries in the outbox, the oldest
    from `waiting_since`.
    """

    contact_at: int | None
    trouble: str | None
    phase: Phase
    phase_at: int | None
    acted_at: int | None
    incarnation: int
    log_size: int
    backup_at: int | None
    restored_at: int | None
    restored_to: int | None
    restoring: bool
    lost: int
    waiting: int
    waiting_since: int | None


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What is missing on the link to one peer.

    `unconfirmed`: entries of ours that are in the log and that no receipt of the peer covers, the oldest made at
    `unconfirmed_since`; `waiting`: those that the hub does not have yet, from `waiting_since`; `fetching`: entries of
    the peer whose files are not here yet. `heard_at`: when the peer's newest entry came. `withheld`: the peer speaks,
    and yet does not confirm what it was sent days ago: somebody may be keeping it from the peer.
    """

    peer: str
    unconfirmed: int
    unconfirmed_since: int | None
    waiting: int
    waiting_since: int | None
    fetching: int
    heard_at: int | None
    withheld: bool


def read_health(session: Session) -> Health:
    """Return how this node stands with its hub."""
    state = session.get(SyncState, 1)
    lost = session.scalar(select(func.count()).select_from(LostCase).where(LostCase.found.is_(None))) or 0
    waits = select(func.count(), func.min(OutboxEntry.queued_at)).where(OutboxEntry.state == "queued")
    waiting, since = session.execute(waits).one()
    if state is None:
        return Health(None, None, Phase.ACTING, None, None, 1, 0, None, None, None, False, lost, waiting, since)
    return Health(
        contact_at=state.contact_at,
        trouble=state.trouble,
        phase=Phase(state.phase),
        phase_at=state.phase_at or None,
        acted_at=state.acted_at,
        incarnation=state.inc,
        log_size=state.log_size,
        backup_at=state.backup_at,
        restored_at=state.restored_at,
        restored_to=state.restored_to,
        restoring=is_restoring(state),
        lost=lost,
        waiting=waiting,
        waiting_since=since,
    )


def link_report(session: Session, now: int) -> list[LinkReport]:
    """Return every link to another member, those on which something is missing longest first."""
    found = [_link(session, link, now) for link in _peers(session)]
    return sorted(found, key=lambda each: (_since(each) is None, _since(each) or 0, each.peer))


def recent_alarms(session: Session, now: int) -> Sequence[Alarm]:
    """Return the alarms of the last days, the newest first."""
    query = select(Alarm).where(Alarm.at >= now - RECENT_SECONDS).order_by(Alarm.at.desc(), Alarm.id.desc())
    return session.scalars(query.limit(_MAX_ALARMS)).all()


def watch_links(node: Node, now: int) -> None:
    """Raise an alarm for every peer that is heard and does not confirm what it was sent days ago."""
    with node.database.reading() as session:
        found = [row for link in _peers(session) if (row := _withheld(session, link, now)) is not None]
        told = [
            f"{row.recipient} speaks and does not confirm {row.kind} {row.entry_id}, seq {row.seq}" for row in found
        ]
    if told:
        with node.database.transaction() as session:
            for detail in told:
                alarm(session, "withheld", detail, now)


def _peers(session: Session) -> Iterator[Link]:
    """Give the links to members: the hub, which alone is told of fences, confirms by verdicts and not by receipts."""
    hub = select(OutboxEntry.recipient).where(OutboxEntry.kind == "fence")
    yield from session.scalars(select(Link).where(Link.peer.not_in(hub)).order_by(Link.peer))


def _link(session: Session, link: Link, now: int) -> LinkReport:
    oldest = func.min(OutboxEntry.queued_at)
    missing = select(func.count(), oldest).where(*_unconfirmed(link))
    queued = select(func.count(), oldest).where(OutboxEntry.recipient == link.peer, OutboxEntry.state == "queued")
    unconfirmed, unconfirmed_since = session.execute(missing).one()
    waiting, waiting_since = session.execute(queued).one()
    came = InboxEntry.sender == link.peer
    fetching = select(func.count()).select_from(InboxEntry).where(came, InboxEntry.waiting.is_(True))
    return LinkReport(
        peer=link.peer,
        unconfirmed=unconfirmed,
        unconfirmed_since=unconfirmed_since,
        waiting=waiting,
        waiting_since=waiting_since,
        fetching=session.scalar(fetching) or 0,
        heard_at=session.scalar(select(func.max(InboxEntry.received_at)).where(came)),
        withheld=_withheld(session, link, now) is not None,
    )


def _unconfirmed(link: Link) -> tuple[ColumnElement[bool], ...]:
    """What is true of entries that the peer owes a receipt for: nobody confirms a receipt."""
    return (
        OutboxEntry.recipient == link.peer,
        OutboxEntry.state == "logged",
        OutboxEntry.kind != "receipt",
        OutboxEntry.seq > link.confirmed,
    )


def _withheld(session: Session, link: Link, now: int) -> OutboxEntry | None:
    """Return the oldest entry that the peer should have confirmed by now.

    It has been in the log while the peer spoke: an entry of the peer stands behind it, and came long enough ago.
    """
    old = OutboxEntry.queued_at < now - UNCONFIRMED_SECONDS
    row = session.scalar(select(OutboxEntry).where(*_unconfirmed(link), old).order_by(OutboxEntry.seq).limit(1))
    if row is None or row.log_index is None:
        return None
    spoke = select(func.min(InboxEntry.received_at)).where(
        InboxEntry.sender == link.peer, InboxEntry.log_index > row.log_index
    )
    first = session.scalar(spoke)
    return row if first is not None and first < now - _ANSWER_SECONDS else None


def _since(report: LinkReport) -> int | None:
    return min((at for at in (report.unconfirmed_since, report.waiting_since) if at is not None), default=None)
