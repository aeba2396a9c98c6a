"""Who has a case now, as far as this node can know it: by stance, outbox and log, and by when it read that log."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.cases.lifecycle import State
from node.cases.names import office_name
from node.cases.records import Records
from node.cases.tracked import hops_of
from node.cases.whose import Incoming, Whereabouts, Whose
from node.context import Node
from node.custody.standing import is_restoring
from node.models.cases import Case, Tracked, TrackedEvent
from node.models.sync import InboxEntry, OutboxEntry, SyncState
from protocol.custody import Stance
from protocol.entry import read_entry

#: A node that reaches the hub reads the log every few minutes; after so long its word is yesterday's.
OLD_SECONDS: Final = 3_600
#: Where the other office's word can change the matter without this node hearing of it.
_OTHERS: Final = frozenset(Whose) - {Whose.HELD, Whose.UNCERTAIN, Whose.RULED}


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far this node sees, and what it knows of some cases.

    `heard_at`: when it last read the log, `old` whether that is long ago; `backup_of`: of when the backup is that it
    has not caught up from, None where it stands on none.
    """

    heard_at: int | None
    old: bool
    backup_of: int | None
    records: Records


def horizon(session: Session, node: Node, cases: Sequence[Case], now: int) -> Horizon:
    """Return how far this node sees of these cases."""
    state = session.get(SyncState, 1)
    heard_at = None if state is None else state.contact_at
    restoring = state is not None and is_restoring(state)
    backup_of = state.restored_to if state is not None and restoring else None
    return Horizon(heard_at, is_old(heard_at, now), backup_of, Records(session, node, cases))


def is_old(heard_at: int | None, now: int) -> bool:
    """Whether what was read at `heard_at` (None: never) may be another story by now."""
    return heard_at is None or now - heard_at > OLD_SECONDS


def whereabouts(session: Session, node: Node, case: Case, seen: Horizon) -> Whereabouts:
    """Return who has a case of this node's own, one of those that `seen` was made for."""
    stance = Stance(case.stance)
    if seen.backup_of is not None and stance in {Stance.HELD, Stance.OFFERED}:
        found = Whereabouts(Whose.UNCERTAIN, since=seen.backup_of)
    elif stance is Stance.HELD:
        found = _held(case, seen.records)
    elif stance is Stance.OFFERED:
        found = _offered(case, seen.records)
    else:
        found = _gone(case, seen.records)
    return _named(session, node, found, seen)


def of_tracked(session: Session, node: Node, tracked: Tracked, events: Sequence[TrackedEvent], now: int) -> Whereabouts:
    """Return who has a complaint that was filed here, as its origin knows it; `events` are those of its states."""
    here = (Stance.HELD, Stance.OFFERED)
    query = select(Case).where(Case.return_ref == tracked.return_ref, Case.stance.in_(here))
    case = session.scalars(query.order_by(Case.received_at.desc())).first()
    seen = horizon(session, node, [] if case is None else [case], now)
    if seen.backup_of is not None:
        return _named(session, node, Whereabouts(Whose.UNCERTAIN, since=seen.backup_of), seen)
    if tracked.custodian == node.member_id and case is not None:
        return whereabouts(session, node, case, seen)
    return _named(session, node, _elsewhere(tracked, events), seen)


def state_of(tracked: Tracked, events: Sequence[TrackedEvent]) -> State:
    """Return the state to tell: that of an offer ends where its accept is proven, whenever the taker reports it."""
    state, taken_at = State(tracked.state), taken_since(tracked)
    if state is not State.OFFERED or taken_at is None:
        return state
    reported = any(event.member == tracked.custodian and event.at >= taken_at for event in events)
    return state if reported else State.RECEIVED


def taken_since(tracked: Tracked) -> int | None:
    """Return when the present custodian accepted; None where the case never moved."""
    hops = hops_of(tracked.hops)
    return read_entry(hops[-1].accept).entry.at if hops else None


def incoming(session: Session, node: Node) -> tuple[Incoming, ...]:
    """Return what other offices offer here and is not ours yet, oldest first: nobody here may act on it."""
    found = []
    for case in session.scalars(select(Case).where(Case.stance == Stance.INVITED)):
        answer = session.scalar(select(OutboxEntry).where(OutboxEntry.entry_id == case.answer_id))
        step = "logged" if answer is not None and answer.state == "logged" else "queued"
        sender = case.sender or ""
        found.append(Incoming(case.number, office_name(session, node, sender), sender, case.received_at, step))
    fetching = InboxEntry.kind == "offer", InboxEntry.waiting.is_(True)
    found += [
        Incoming("", office_name(session, node, row.sender), row.sender, row.received_at, "files")
        for row in session.scalars(select(InboxEntry).where(*fetching))
    ]
    return tuple(sorted(found, key=lambda each: (each.since, each.number)))


def own_hop(case: Case, records: Records) -> tuple[int, int | None, int | None]:
    """Return of our own last offer of a case when it was made, and when and at which leaf it was accepted, if so."""
    offer = records.sent(case.offer_id)
    if offer is None:
        return case.received_at, None, None
    accept = records.accept(offer)
    if accept is None:
        return offer.queued_at, None, None
    return offer.queued_at, read_entry(accept.raw).entry.at, accept.log_index


def custodian_of(node: Node, case: Case, records: Records) -> str:
    """Return the id of whoever has the case: at its origin by the proven pointer, else by our own last hand-over."""
    if Stance(case.stance) not in {Stance.PASSED, Stance.ERASED}:
        return node.member_id
    tracked = records.pointer(case)
    return case.offered_to or node.member_id if tracked is None else tracked.custodian


def _held(case: Case, records: Records) -> Whereabouts:
    if records.is_withheld(case):
        return Whereabouts(Whose.WITHHELD)
    if case.state == State.AWAITING_RULING:
        if case.ruled_for is not None:
            ruling = records.came(case.ruling_id)
            return Whereabouts(Whose.RULED, office_id=case.ruled_for, since=ruling.received_at if ruling else None)
        ask = records.sent(case.ask_id)
        since = None if ask is None else ask.queued_at
        return Whereabouts(Whose.ASKING, office_id="" if ask is None else ask.recipient, since=since)
    if case.identity is None and case.sender is not None:
        hops = hops_of(case.hops)
        accepted = read_entry(hops[-1].accept).entry.at if hops else case.received_at
        return Whereabouts(Whose.IDENTITY_COMING, office_id=case.sender, since=accepted)
    return Whereabouts(Whose.HELD)


def _offered(case: Case, records: Records) -> Whereabouts:
    offer, to = records.sent(case.offer_id), case.offered_to or ""
    if offer is None:
        return Whereabouts(Whose.OFFER_QUEUED, office_id=to)
    if offer.state == "refused":
        code = Whose.OFFER_CLOSED if offer.rule == "closed" else Whose.OFFER_REFUSED
        return Whereabouts(code, office_id=to, since=offer.queued_at)
    recall = records.recall(offer)
    if recall is not None:
        return Whereabouts(Whose.OFFER_RECALLED, office_id=to, since=recall.queued_at)
    code = Whose.OFFER_LOGGED if offer.state == "logged" else Whose.OFFER_QUEUED
    return Whereabouts(code, office_id=to, since=offer.queued_at)


def _gone(case: Case, records: Records) -> Whereabouts:
    to, accepted = case.offered_to or "", own_hop(case, records)[1]
    if Stance(case.stance) is Stance.PASSED:
        grant = records.sent(case.grant_id)
        if grant is not None and grant.state == "logged":
            return Whereabouts(Whose.GRANTED, office_id=to, since=grant.queued_at)
        return Whereabouts(Whose.ACCEPTED, office_id=to, since=accepted)
    tracked = records.pointer(case)
    if tracked is None:
        return Whereabouts(Whose.HANDED_ON, office_id=to, since=accepted)
    return Whereabouts(Whose.TAKEN, office_id=tracked.custodian, since=taken_since(tracked) or accepted)


def _elsewhere(tracked: Tracked, events: Sequence[TrackedEvent]) -> Whereabouts:
    last = next((event for event in reversed(events) if event.member == tracked.custodian), None)
    state = state_of(tracked, events)
    if last is not None and last.state == state == State.OFFERED:
        return Whereabouts(Whose.OFFERED_ON, since=last.at)
    if last is not None and last.state == state == State.AWAITING_RULING:
        return Whereabouts(Whose.ASKING, since=last.at)
    since = taken_since(tracked)
    return Whereabouts(Whose.HELD if since is None else Whose.TAKEN, office_id=tracked.custodian, since=since)


def _named(session: Session, node: Node, found: Whereabouts, seen: Horizon) -> Whereabouts:
    office = office_name(session, node, found.office_id) if found.office_id else ""
    return replace(found, office=office, heard_at=seen.heard_at, old=seen.old and found.code in _OTHERS)
