"""What a reporter adds after filing: from the origin to the custodian, and after the case if it has moved on.

Nobody on the way keeps a readable copy: the origin seals the reporter's own to the mailbox, an office that handed the
case on re-seals what comes late and stores nothing of it (docs/protocol.md section 4, `message`).
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys.errors import KeysError
from keys.receipt import ReceiptCode
from keys.sealing import SealingPublicKey
from node.cases.atrest import open_content, seal_content
from node.cases.report import letter_context
from node.cases.tracked import Letter, claim, hops_of, put_letter
from node.cases.tracking import find_tracked
from node.cases.views import Words
from node.context import Node
from node.models.cases import Case, CaseNote, Tracked
from node.sync.log import read_history
from node.sync.outbox import Draft, queue
from node.sync.rows import alarm
from protocol.content import Note, ReporterMessage, read_note
from protocol.custody import Stance
from protocol.directory import Use
from protocol.entry import new_id, read_entry
from protocol.errors import RemoteError
from protocol.seal import seal

ADD: Final = "add"
_HERE: Final = (Stance.HELD, Stance.OFFERED, Stance.INVITED)
_GONE: Final = (Stance.PASSED, Stance.ERASED)


def add_message(session: Session, node: Node, command: Words, now: int) -> str:
    """Send what a reporter adds to whoever has the case, and keep the reporter's own copy; return the case's number.

    Raises keys.errors.ReceiptCodeError for text that is no code, NoSuchCaseError for one that finds nothing here.
    """
    code = ReceiptCode.parse(command.receipt)
    tracked = find_tracked(session, code)
    claim(tracked, code)
    put_letter(session, tracked, node.member_id, _own_copy(node, tracked, command.text), now)
    message = ReporterMessage(ADD, now, command.text)
    if tracked.custodian == node.member_id:
        cases = cases_written_by(session, tracked.return_ref, node.member_id)
        take_message(session, node, cases, message, now)
    else:
        _send(session, node, tracked.custodian, tracked.return_ref, message, now)
    return tracked.number


def take_message(session: Session, node: Node, cases: Sequence[Case], message: ReporterMessage, now: int) -> None:
    """Keep a message beside the case that this node has, or pass it on to where the case went.

    `cases` are this node's records of one thread. Raises RemoteError("thread") when it never had the case, "members"
    for an act that it does not know; an office that only passes it on need not know it.
    """
    for case in cases:
        if Stance(case.stance) in _HERE:
            _keep(session, node, case, message)
            return
    # An office may have had a case more than once: the last hand-over leads on.
    passed = [case for case in cases if Stance(case.stance) in _GONE and case.offered_to is not None]
    if not passed:
        raise RemoteError("thread", "no case of this thread is or was here")
    last = max(passed, key=lambda case: len(case.hops))
    _send(session, node, last.offered_to or "", last.return_ref, message, now)


def pass_on_messages(session: Session, node: Node, case: Case, now: int) -> None:
    """Send what the reporter added here to the office that has just taken the case: the offer did not hold it."""
    query = select(CaseNote).where(CaseNote.case_id == case.case_id, CaseNote.kind == "message").order_by(CaseNote.id)
    for row in session.scalars(query).all():
        try:
            text = read_note(open_content(node, case.case_id, row.sealed, "note")).text
        except KeysError:
            alarm(session, "key", f"a message of case {case.case_id} cannot be opened and was not passed on", now)
            continue  # it must not hold up the case itself
        _send(session, node, case.offered_to or "", case.return_ref, ReporterMessage(ADD, row.at, text), now)


def cases_of_thread(session: Session, return_ref: str) -> Sequence[Case]:
    """Return this node's records of a thread, those of declined offers left out."""
    query = select(Case).where(Case.return_ref == return_ref, Case.stance != Stance.DECLINED)
    return session.scalars(query).all()


def cases_written_by(session: Session, return_ref: str, sender: str) -> Sequence[Case]:
    """Return this node's records of a thread whose origin is `sender`, or which it had before this node.

    Raises RemoteError: "thread" when there is no record at all, "party" when the sender has no say in any.
    """
    cases = cases_of_thread(session, return_ref)
    if not cases:
        raise RemoteError("thread", "no case of this thread is or was here")
    # Another case may be offered under the same reference by whoever saw it; its sender gains nothing over this one.
    own = [case for case in cases if sender in _writers(case)]
    if not own:
        raise RemoteError("party", "a message comes from the origin of its case, or from an office that handed it on")
    return own


def _writers(case: Case) -> set[str | None]:
    offers = [read_entry(hop.offer).entry for hop in hops_of(case.hops)]  # proven before they were stored
    return {case.origin, case.sender, *(party for offer in offers for party in (offer.sender, offer.recipient))}


def _keep(session: Session, node: Node, case: Case, message: ReporterMessage) -> None:
    if message.act != ADD:
        raise RemoteError("members", "an act of the reporter that this party does not know")
    sealed = seal_content(node, case.case_id, Note(message.text).encode(), "note")
    session.add(
        CaseNote(
            case_id=case.case_id, at=message.at, kind="message", member=case.origin, author="reporter", sealed=sealed
        )
    )


def _send(session: Session, node: Node, to: str, return_ref: str, message: ReporterMessage, now: int) -> None:
    key = read_history(session, node.federation).latest.member(to).sealing_key(Use.CASE)
    queue(session, node, Draft("message", to, ref=return_ref, sealed={"message": (message.encode(), key)}), now)


def _own_copy(node: Node, tracked: Tracked, text: str) -> Letter:
    mailbox, letter_id = SealingPublicKey(tracked.mailbox), new_id()
    context = letter_context(node.member_id, letter_id, tracked.return_ref, mailbox.kid)
    return Letter(letter_id, "message", seal(Note(text).encode(), mailbox, context).ciphertext)
