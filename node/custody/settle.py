"""Where custody moves: by the leaves that this node has read, and by nothing else (docs/protocol.md section 8)."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys import b64u
from keys.errors import KeysError
from node.cases.atrest import erase, open_identity
from node.cases.lifecycle import State
from node.cases.messages import pass_on_messages
from node.cases.report import enter, report
from node.cases.tracked import hops_json, hops_of, move_pointer, tracked_by_return
from node.context import Node
from node.custody.arrival import verify_entry
from node.files.shelf import let_go
from node.models.cases import Case, CaseNote
from node.models.sync import InboxEntry, OutboxEntry
from node.sync.log import NodeLog
from node.sync.outbox import Draft, queue, sent_entry, sent_signed
from node.sync.rows import alarm, link_to, phase_of, told
from protocol.custody import Hop, Phase, Stance, Step, Token, answer_slot, answer_step, check_answer, won_at
from protocol.directory import DirectoryHistory, Use
from protocol.entry import SignedEntry, read_entry
from protocol.errors import LocalError, RemoteError
from service.database import afterwards, attempt


def settle(
    session: Session, node: Node, log: NodeLog, history: DirectoryHistory, now: int, *, inbox_read: bool
) -> None:
    """Take every step that the leaves allow: answers that won, grants that are due, erasures that are safe.

    `inbox_read` says that all which the hub had for this node up to the checkpoint is stored: what is then still
    missing is an alarm.
    """
    open_stances = (Stance.INVITED, Stance.OFFERED)
    for case in session.scalars(select(Case).where(Case.stance.in_(open_stances))).all():
        with _alone(session, case, now):
            if not _settle_answer(session, node, case, log, history, now) and inbox_read:
                # Not holding the entry proves nothing about the peer: an alarm for people, never a licence to act.
                raise RemoteError("won", "the answer that won is not here")
    acting = phase_of(session) is Phase.ACTING
    for case in session.scalars(select(Case).where(Case.stance == Stance.PASSED)).all():
        with _alone(session, case, now):
            if case.grant_id is None and acting:
                _grant(session, node, case, log, history, now)
            elif case.grant_id is not None:
                _erase_when_received(session, node, case)


@contextmanager
def _alone(session: Session, case: Case, now: int) -> Iterator[None]:
    """Let one case fail alone: its step is undone, people are told, and the other cases go on."""
    case_id = case.case_id
    try:
        with attempt(session):
            yield
    except (RemoteError, KeysError) as error:
        rule, detail = told(error)
        alarm(session, rule, f"case {case_id}: {detail}", now)


def _settle_answer(session: Session, node: Node, case: Case, log: NodeLog, history: DirectoryHistory, now: int) -> bool:
    """Take the step of the answer that won, if one did; return False if its entry is not here."""
    offer = _offer_of(session, node, case, log, history)
    offered_at = won_at(offer, log)
    first = log.first_with_slot(answer_slot(offer.raw))
    if offered_at is None or first is None:
        return True
    answer = _held(session, node, first[1], log, history)
    if answer is None:
        return False
    check_answer(offer, answer.entry)
    step = answer_step(answer.entry.kind)
    token = Token(Stance(case.stance), case.epoch).take(step)
    was, case.stance, case.epoch = Stance(case.stance), token.stance.value, token.epoch
    hop = Hop(offer.raw, answer.raw)
    if was is Stance.INVITED:
        _answer_of_ours(session, node, case, step, hop, now)
    else:
        _answer_to_ours(session, node, case, step, hop, now)
    return True


def _answer_of_ours(session: Session, node: Node, case: Case, step: Step, hop: Hop, now: int) -> None:
    """Our accept has won and the case is ours; or it was recalled, and never was."""
    if step is Step.ACCEPT_WON:
        case.hops = hops_json((*hops_of(case.hops), hop))
        # The clock runs from the accept, whenever this is read: also when it is read again after a restore.
        enter(session, case, State.RECEIVED, min(now, read_entry(hop.accept).entry.at))
        report(session, node, case, now)
    else:
        _forget(session, node, case)


def _answer_to_ours(session: Session, node: Node, case: Case, step: Step, hop: Hop, now: int) -> None:
    """Our offer was accepted, and the case is another's; or it came back."""
    if step is Step.ACCEPT_WON:
        enter(session, case, State.OFFERED, now, f"taken:{case.offered_to}")
        case.due_at = None
        pass_on_messages(session, node, case, now)
        if case.origin == node.member_id:
            tracked = tracked_by_return(session, case.return_ref)
            move_pointer(tracked, case.offered_to or "", (*hops_of(case.hops), hop))
        return
    if step is Step.REJECT_WON:
        case.returns += 1
    enter(session, case, State.RETURNED, now, case.offered_to or "")
    case.offer_id = case.offered_to = case.ruling_id = case.ruled_for = None
    report(session, node, case, now)


def _grant(session: Session, node: Node, case: Case, log: NodeLog, history: DirectoryHistory, now: int) -> None:
    """Seal the identity to the winner. While our own grant is still on its way there is nothing to pass on yet."""
    if case.identity is None or case.offer_id is None or case.offered_to is None:
        return
    identity = open_identity(node, case.case_id, case.identity)
    offer = sent_signed(session, node, case.offer_id)
    won = log.first_with_slot(answer_slot(offer.raw))
    accept = None if won is None else _held(session, node, won[1], log, history)
    if accept is None:
        raise LocalError("a case was passed on without an accept that won")
    key = history.latest.member(case.offered_to).sealing_key(Use.IDENTITY)
    draft = Draft(
        "grant",
        case.offered_to,
        ref=case.offer_id,
        re=accept.entry.id,
        epoch=case.epoch,
        sealed={"identity": (identity, key)},
    )
    case.grant_id = queue(session, node, draft, now).entry.id


def _erase_when_received(session: Session, node: Node, case: Case) -> None:
    """Destroy our copy once the recipient has confirmed the grant: from then on it alone can open the identity."""
    grant = sent_entry(session, case.grant_id or "")
    if grant.state == "logged" and link_to(session, grant.recipient).confirmed >= grant.seq:
        case.stance = Token(Stance.PASSED, case.epoch).take(Step.GRANT_RECEIVED).stance.value
        _forget(session, node, case)


def _forget(session: Session, node: Node, case: Case) -> None:
    """Leave the stub: clear what was sealed, and destroy the keys once that is durable."""
    case.content = case.identity = None
    session.query(CaseNote).filter(CaseNote.case_id == case.case_id).delete()
    let_go(session, node, case.case_id)
    case_id = case.case_id
    afterwards(session, lambda: erase(node, case_id))


def _offer_of(session: Session, node: Node, case: Case, log: NodeLog, history: DirectoryHistory) -> SignedEntry:
    if Stance(case.stance) is Stance.OFFERED:
        return sent_signed(session, node, case.offer_id or "")
    row = session.scalar(select(InboxEntry).where(InboxEntry.entry_id == case.case_id, InboxEntry.kind == "offer"))
    if row is None:
        raise RemoteError("chain", "the offer that brought the case is not in the inbox")
    return verify_entry(row.raw, row.log_index, log, history)


def _held(session: Session, node: Node, h: bytes, log: NodeLog, history: DirectoryHistory) -> SignedEntry | None:
    """Return the entry with this hash from the outbox or the inbox, verified; None if this node does not hold it."""
    name = b64u.encode(h)
    own = session.scalar(select(OutboxEntry).where(OutboxEntry.h == name))
    if own is not None:
        return read_entry(own.raw).verify(node.keyring.signing.public)
    came = session.scalar(select(InboxEntry).where(InboxEntry.h == name))
    return None if came is None else verify_entry(came.raw, came.log_index, log, history)
