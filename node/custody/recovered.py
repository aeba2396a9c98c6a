"""What this node said and has forgotten: an entry of its own comes back from the hub, and has its effect again.

The words under its seals are for others and open no more here; that it was said, to whom and about what, is known.
"""

from collections.abc import Callable
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys import b64u
from node.cases.atrest import erase
from node.cases.lifecycle import TRANSITIONS, State
from node.cases.report import enter, report
from node.context import Node
from node.models.cases import Ask, Case, CaseEvent
from node.models.sync import InboxEntry, LostCase, OutboxEntry
from node.sync.afresh import drop
from node.sync.rows import alarm, link_to
from protocol.content import read_ruling_body
from protocol.custody import Stance, Step, Token, offer_slot
from protocol.entry import Entry, SignedEntry, read_entry
from protocol.kinds import ANSWERS
from service.database import afterwards

#: Of a case that no table knows any more, the epochs at which its slot is looked for.
_EPOCHS: Final = range(64)


def recover(session: Session, node: Node, signed: SignedEntry, index: int, now: int) -> None:
    """Take up an own entry, verified at its leaf, that stands in no row here: its place on the link, and its effect."""
    entry = signed.entry
    link = link_to(session, entry.recipient)
    link.next_seq = max(link.next_seq, entry.seq + 1)
    again = _forget_again(session, node, entry)
    row = session.scalar(select(OutboxEntry).where(OutboxEntry.entry_id == entry.id))
    if row is None:
        row = OutboxEntry(entry_id=entry.id, recipient=entry.recipient, kind=entry.kind, queued_at=entry.at)
        session.add(row)
    row.h, row.seq, row.raw = b64u.encode(signed.digest), entry.seq, signed.raw
    row.state, row.log_index, row.rule = "logged", index, None
    session.flush()
    effect = _EFFECTS.get(entry.kind)
    if effect is not None and not (again and effect is _words):
        effect(session, node, entry, now)


def _forget_again(session: Session, node: Node, entry: Entry) -> bool:
    """Drop what was queued once more while the boxes were read, if it was: it is this entry that was said."""
    query = select(OutboxEntry).where(
        OutboxEntry.state == "queued",
        OutboxEntry.recipient == entry.recipient,
        OutboxEntry.entry_id != entry.id,
        OutboxEntry.kind.in_(ANSWERS if entry.kind in ANSWERS else {entry.kind}),
    )
    for row in session.scalars(query.order_by(OutboxEntry.place)).all():
        queued = read_entry(row.raw).entry
        same = (queued.ref, queued.re) == (entry.ref, entry.re)
        # An answered offer cannot be answered twice, whoever queued the second one; all else may well be said again.
        if same and (row.replayed or entry.kind in ANSWERS):
            drop(session, node, row)
            return True
    return False


def _offer(session: Session, node: Node, entry: Entry, now: int) -> None:
    """Lock the case that the offer is of: the slot tells, which nobody else can compute."""
    key = node.keyring.secrets["slot"]
    mine = select(Case).where(Case.stance.in_([Stance.HELD, Stance.OFFERED]))
    for case in session.scalars(mine).all():
        if offer_slot(key, case.case_id, entry.epoch) == entry.slot:
            # An epoch that is past was answered: only a hub that hands things out late shows its offer now.
            if entry.epoch >= case.epoch:
                _lock(session, node, case, entry)
            return
    for lost in session.scalars(select(LostCase)).all():
        if any(offer_slot(key, lost.case_id, epoch) == entry.slot for epoch in _EPOCHS):
            lost.offered_to = entry.recipient
            return
    known = session.scalar(select(Case).where(Case.offer_id == entry.id))
    if known is None:
        alarm(session, "chain", f"offer {entry.id} to {entry.recipient} is of a case that this disk has lost", now)


def _lock(session: Session, node: Node, case: Case, entry: Entry) -> None:
    if case.offer_id is not None and case.offer_id != entry.id:
        # Another offer of it waited in the outbox; this one has taken the slot that they share.
        other = session.scalar(select(OutboxEntry).where(OutboxEntry.entry_id == case.offer_id))
        if other is not None and other.state == "queued":
            drop(session, node, other)
    case.stance = Token(Stance(case.stance), case.epoch).take(Step.OFFER_FOUND).stance.value
    was, case.offer_id, case.offered_to, case.epoch = case.offer_id, entry.id, entry.recipient, entry.epoch
    if was is None:
        enter(session, case, State.OFFERED, entry.at, entry.recipient)
        report(session, node, case, entry.at)


def _answer(session: Session, _node: Node, entry: Entry, _now: int) -> None:
    case = session.get(Case, entry.re)
    if case is not None and entry.kind != "recall":
        case.answer_id = entry.id
    offer = session.scalar(select(InboxEntry).where(InboxEntry.entry_id == entry.re, InboxEntry.kind == "offer"))
    if case is None and entry.kind == "accept" and (offer is None or not offer.waiting):
        # It was ours, and what came with the offer cannot be had any more: lost, and never silently.
        session.merge(LostCase(case_id=entry.re or "", at=entry.at))


def _grant(session: Session, _node: Node, entry: Entry, _now: int) -> None:
    case = session.scalar(select(Case).where(Case.offer_id == entry.ref))
    if case is not None:
        case.grant_id = entry.id


def _ruling(session: Session, node: Node, entry: Entry, _now: int) -> None:
    ask = session.get(Ask, entry.ref)
    if ask is not None and ask.ruling_id is None:
        ask.ruling_id, ask.ruled_for = entry.id, read_ruling_body(entry.body)
        ask.ruled_at, ask.content = entry.at, None
        ask_id = ask.ask_id
        afterwards(session, lambda: erase(node, ask_id))


def _words(session: Session, _node: Node, entry: Entry, now: int) -> None:
    """Note that something was written whose words are no longer here."""
    case = session.scalars(select(Case).where(Case.return_ref == entry.ref).order_by(Case.received_at.desc())).first()
    if case is None:
        return
    if entry.kind == "progress":
        case.step += 1
    else:
        if entry.kind == "reply" and State.ANSWERED in TRANSITIONS[State(case.state)]:
            enter(session, case, State.ANSWERED, entry.at)
        session.add(CaseEvent(case_id=case.case_id, at=entry.at, state=case.state, detail=f"said:{entry.kind}"))
        alarm(session, "seq", f"a {entry.kind} of case {case.number} was sent after the backup; it is not here", now)


def _ask(session: Session, _node: Node, entry: Entry, now: int) -> None:
    alarm(session, "thread", f"ask {entry.id} was sent after the backup: ask triage again where a case waits", now)


_EFFECTS: Final[dict[str, Callable[[Session, Node, Entry, int], None]]] = {
    "offer": _offer,
    "accept": _answer,
    "reject": _answer,
    "recall": _answer,
    "grant": _grant,
    "ruling": _ruling,
    "ask": _ask,
    "reply": _words,
    "message": _words,
    "progress": _words,
}
