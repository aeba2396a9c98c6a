"""What the custodian tells the origin and the reporter: progress, replies, and each opening of the identity."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from keys.sealing import SealingPublicKey
from node.cases import deadlines
from node.cases.lifecycle import State
from node.cases.tracked import Letter, apply_progress, hops_of, put_letter, tracked_by_return
from node.context import Node
from node.models.cases import Case, CaseEvent
from node.sync.log import read_history
from node.sync.outbox import Draft, queue
from protocol.content import Note, Progress
from protocol.directory import Use
from protocol.entry import new_id
from protocol.party import REPORTER
from protocol.seal import SealContext, seal


@dataclass(frozen=True, slots=True)
class Opening:
    """That an identity was opened: by which role, and why (for the reporter alone)."""

    role: str
    reason: str


def enter(session: Session, case: Case, state: State, now: int, detail: str = "") -> None:
    """Put the case into `state` with its clock, and note it in the history."""
    case.state = state.value
    case.due_at = deadlines.due_at(state, now)
    session.add(CaseEvent(case_id=case.case_id, at=now, state=state.value, detail=detail))


def report(session: Session, node: Node, case: Case, now: int, opening: Opening | None = None) -> None:
    """Tell the origin how the case stands: by an entry, or directly where this node is the origin."""
    case.step += 1
    hops = hops_of(case.hops)
    role = None if opening is None else opening.role
    progress = Progress(now, case.state, case.due_at, hops, case.step, case.number, role)
    mailbox = SealingPublicKey(case.mailbox)
    if case.origin == node.member_id:
        tracked = tracked_by_return(session, case.return_ref)
        letter = None if opening is None else _letter(node, case, mailbox, "opening", opening.reason)
        apply_progress(session, tracked, node.member_id, progress, letter)
        return
    sealed = {"message": (progress.encode(), _origin_key(session, node, case))}
    if opening is not None:
        sealed["reply"] = (Note(opening.reason).encode(), mailbox)
    queue(session, node, Draft("progress", case.origin, ref=case.return_ref, sealed=sealed), now)


def send_reply(session: Session, node: Node, case: Case, text: str, now: int) -> None:
    """Send a text to the reporter's mailbox; the origin keeps it and cannot read it."""
    mailbox = SealingPublicKey(case.mailbox)
    if case.origin == node.member_id:
        tracked = tracked_by_return(session, case.return_ref)
        put_letter(session, tracked, node.member_id, _letter(node, case, mailbox, "reply", text), now)
        return
    sealed = {"reply": (Note(text).encode(), mailbox)}
    queue(session, node, Draft("reply", case.origin, ref=case.return_ref, sealed=sealed), now)


def letter_context(member: str, letter_id: str, return_ref: str, mailbox_kid: str) -> SealContext:
    """Return what a letter from `member` to the mailbox is bound to."""
    return SealContext(member, REPORTER, letter_id, return_ref, mailbox_kid, "reply")


def _letter(node: Node, case: Case, mailbox: SealingPublicKey, kind: str, text: str) -> Letter:
    letter_id = new_id()
    context = letter_context(node.member_id, letter_id, case.return_ref, mailbox.kid)
    return Letter(letter_id, kind, seal(Note(text).encode(), mailbox, context).ciphertext)


def _origin_key(session: Session, node: Node, case: Case) -> SealingPublicKey:
    return read_history(session, node.federation).latest.member(case.origin).sealing_key(Use.CASE)
