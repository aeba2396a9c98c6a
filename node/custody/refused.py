"""Offers of ours that the hub will not log: what becomes of their locks."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys import b64u
from node.cases.report import report
from node.context import Node
from node.models.cases import Case
from node.models.sync import OutboxEntry
from node.sync.afresh import take_back
from node.sync.log import NodeLog
from node.sync.rows import alarm, step_phase
from protocol import jws
from protocol.custody import Event, Stance, Step, Token
from protocol.entry import read_entry
from protocol.errors import RemoteError

#: What can be sealed again of what is kept here. Anything else stays queued, and people are told.
RESEALED: Final = frozenset({"offer", "grant", "progress"})


def keep_locked(session: Session, offer: OutboxEntry, now: int) -> None:
    """Keep the lock of a refused offer, and ask for the fence behind which no copy of it can be logged."""
    case = session.scalar(select(Case).where(Case.offer_id == offer.entry_id))
    if case is not None and Stance(case.stance) is Stance.OFFERED:
        token = Token(Stance.OFFERED, case.epoch).take(Step.OFFER_CLOSED)
        case.stance, case.epoch = token.stance.value, token.epoch
        step_phase(session, Event.OFFER_REFUSED, now)


def reseal(session: Session, node: Node, refused: OutboxEntry, now: int) -> None:
    """Say again, sealed to the key that is open now, what was refused for a key that was closed since it was queued.

    A grant is made again where custody is settled, at this very exchange; progress tells how things stand now.
    """
    if refused.kind == "grant":
        case = session.scalar(select(Case).where(Case.grant_id == refused.entry_id))
        if case is not None:
            case.grant_id = None
    elif refused.kind == "progress":
        ref = read_entry(refused.raw).entry.ref
        held = Case.stance.in_([Stance.HELD, Stance.OFFERED])
        case = session.scalar(select(Case).where(Case.return_ref == ref, held))
        if case is not None:
            report(session, node, case, now)


def take_winner(session: Session, node: Node, log: NodeLog, raw: str, now: int) -> None:
    """Free a case whose slot stands in another's leaf, now that the entry of that leaf is here: the next epoch is ours.

    Raises RemoteError where the entry is not the one of the leaf. One of our own is no reason to go on: it is an offer
    that this disk has forgotten, and comes in the box of what we sent.
    """
    entry = read_entry(raw).entry
    first = None if entry.slot is None else log.first_with_slot(entry.slot)
    if first is None or first[1] != jws.digest(raw):
        raise RemoteError("won", "not the entry of the leaf that holds the slot")
    query = select(Case, OutboxEntry).join(OutboxEntry, OutboxEntry.entry_id == Case.offer_id)
    for case, offer in session.execute(query.where(Case.stance == Stance.OFFERED)).all():
        if read_entry(offer.raw).entry.slot != entry.slot or offer.h == b64u.encode(first[1]):
            continue
        alarm(session, "slot", f"{entry.sender} took the slot of our offer {offer.entry_id}, leaf {first[0]}", now)
        if entry.sender != node.member_id:
            take_back(session, node, case, Step.OFFER_LOST, now)
