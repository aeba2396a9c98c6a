"""What each kind of entry does when it arrives. Custody itself moves in settle.py, by the leaves alone."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from keys.errors import BadKeyError
from keys.sealing import SealingPublicKey
from node.cases.atrest import new_key, seal_content
from node.cases.lifecycle import State
from node.cases.messages import cases_written_by, take_message
from node.cases.report import enter, report
from node.cases.tracked import (
    Letter,
    apply_progress,
    find_by_return,
    hops_json,
    is_retraced,
    put_letter,
    tracked_by_return,
)
from node.context import Node
from node.custody.arrival import Arrival
from node.custody.lost import found_again
from node.custody.retrace import retrace
from node.files import shelf
from node.files.outgoing import discard
from node.models.cases import Ask, Case, CaseNote, Tracked
from node.models.files import OutboxFile
from node.models.sync import OutboxEntry, OutboxPart
from node.sync.outbox import Draft, queue
from node.sync.rows import alarm, link_to
from protocol.attachment import Attachment, check_files
from protocol.content import (
    CaseFile,
    Filing,
    Note,
    read_case_file,
    read_identity_file,
    read_note,
    read_progress,
    read_question,
    read_receipt_body,
    read_receipt_seen,
    read_reporter_message,
    read_ruling_body,
)
from protocol.custody import Hop, Stance, answer_slot, check_head, prove_chain, won_at
from protocol.directory import Use
from protocol.entry import Entry, read_entry
from protocol.errors import RemoteError
from protocol.kinds import ANSWERS
from service.database import attempt


def on_offer(arrival: Arrival) -> RemoteError | None:
    """Store the case and queue the accept, which says only "stored, and I can open it"; or queue a reject with why."""
    try:
        with attempt(arrival.session):
            _take_offer(arrival)
    except RemoteError as error:
        # A ruling binds the office that it names, so a broken offer under one stays with its sender, unanswered.
        if arrival.entry.re is None:
            _answer(arrival, "reject", message=f"{error.rule.name}: {error.detail}")
        return error
    return None


def _take_offer(arrival: Arrival) -> None:
    won_at(arrival.signed, arrival.log)
    case_file = read_case_file(arrival.open("case"))
    check_files(arrival.entry.files, case_file.attachments)
    holder = arrival.entry.sender
    proven = prove_chain(case_file.hops, case_file.origin, arrival.log, arrival.history, holder=holder)
    if proven and (arrival.entry.epoch <= proven[-1].offer.entry.epoch or arrival.index <= proven[-1].accept_index):
        # Else who got a case could offer it twice, at an epoch that it never held, with two slots.
        raise RemoteError("chain", "the offer does not follow the hop before it, by its epoch and its leaf")
    if case_file.origin == arrival.node.member_id:
        _check_own_offer(arrival, case_file.hops, case_file.return_ref)
    _check_mailbox(case_file)
    _check_number(arrival, case_file)
    with shelf.keeping(arrival.node) as kept:
        # What came sealed is encrypted afresh at once, files too: their old keys stand in a seal that others keep.
        for each in case_file.attachments:
            kept.append(shelf.keep(arrival.node, arrival.file(each), each.size, each.name, each.type))
        case = _store(arrival, case_file, kept)
        if case_file.reason:
            _keep_note(arrival, case, "reason", Note(case_file.reason).encode())
        case.answer_id = _answer(arrival, "accept")


def _check_number(arrival: Arrival, case_file: CaseFile) -> None:
    """Raise RemoteError for a number that stands on another complaint here: officers would act on the wrong one."""
    for table in (Case, Tracked):
        query = select(table).where(table.number == case_file.number, table.return_ref != case_file.return_ref)
        if arrival.session.scalars(query).first() is not None:
            raise RemoteError("id-reused", "the number stands on another complaint of this office")


def _check_mailbox(case_file: CaseFile) -> None:
    """Raise RemoteError for a mailbox that nothing can be sealed to: whoever took the case could never answer."""
    try:
        SealingPublicKey(case_file.mailbox)
    except BadKeyError as error:
        raise RemoteError("members", "the mailbox is not an acceptable public key") from error


def takes_files(entry: Entry) -> bool:
    """Whether this version stores the files of such an entry."""
    return entry.kind == "offer"


def _store(arrival: Arrival, case_file: CaseFile, files: Sequence[Attachment]) -> Case:
    entry, session = arrival.entry, arrival.session
    key = new_key(arrival.node, entry.id, "content")
    case = Case(
        case_id=entry.id,
        number=case_file.number,
        origin=case_file.origin,
        return_ref=case_file.return_ref,
        mailbox=case_file.mailbox,
        filed_at=case_file.filed_at,
        received_at=arrival.now,
        sender=entry.sender,
        hops=hops_json(case_file.hops),
        stance=Stance.INVITED.value,
        epoch=entry.epoch,
        state=State.OFFERED.value,
        step=0,
        content=key.seal(Filing(case_file.complaint, files).encode(), "content"),
    )
    session.add(case)
    found_again(session, entry.id)
    session.flush()
    shelf.hold(session, files, case_id=case.case_id, number=None)
    return case


def _keep_note(arrival: Arrival, case: Case, kind: str, raw: bytes) -> None:
    """Keep another office's words beside the case, sealed under its content key; not once the content is erased."""
    read_note(raw)
    if case.content is not None:
        sealed = seal_content(arrival.node, case.case_id, raw, "note")
        entry = arrival.entry
        note = CaseNote(case_id=case.case_id, at=entry.at, kind=kind, member=entry.sender, author="", sealed=sealed)
        arrival.session.add(note)


def _answer(arrival: Arrival, kind: str, message: str | None = None) -> str:
    """Queue an answer to the offer, and return its id; or return that of the answer that this node gave before."""
    offer = arrival.entry
    given = _given(arrival)
    if given is not None:
        return given
    key = arrival.history.latest.member(offer.sender).sealing_key(Use.CASE)
    draft = Draft(
        kind,
        offer.sender,
        ref=offer.id,
        re=offer.id,
        epoch=offer.epoch,
        slot=answer_slot(arrival.signed.raw),
        sealed={} if message is None else {"message": (Note(message).encode(), key)},
    )
    return queue(arrival.session, arrival.node, draft, arrival.now).entry.id


def _given(arrival: Arrival) -> str | None:
    """Return the id of an answer of ours that is logged already: a restored node reads it before the offer's files."""
    query = select(OutboxEntry).where(
        OutboxEntry.recipient == arrival.entry.sender, OutboxEntry.kind.in_(ANSWERS), OutboxEntry.state == "logged"
    )
    for row in arrival.session.scalars(query.where(OutboxEntry.log_index > arrival.index)):
        if read_entry(row.raw).entry.re == arrival.entry.id:
            return row.entry_id
    return None


def on_answer(arrival: Arrival) -> None:
    """Accept, reject and recall are only kept: settle.py reads in the leaves whether they won."""
    if arrival.entry.kind == "reject":
        case = arrival.session.scalar(select(Case).where(Case.offer_id == arrival.entry.re))
        if case is not None:
            _keep_note(arrival, case, "reason", arrival.open("message"))


def on_grant(arrival: Arrival) -> None:
    """Store the identity under the case's identity key; the receipt that follows lets the sender destroy its copy."""
    entry, session = arrival.entry, arrival.session
    case = session.get(Case, entry.ref)
    if case is None or case.sender != entry.sender or case.answer_id != entry.re:
        raise RemoteError("thread", "a grant comes from the one whose offer this node accepted, for that accept")
    if Stance(case.stance) in {Stance.INVITED, Stance.DECLINED}:
        raise RemoteError("won", "a grant before the accept has won")
    identity = arrival.open("identity")
    read_identity_file(identity)
    if case.identity is None and Stance(case.stance) is not Stance.ERASED:
        case.identity = new_key(arrival.node, case.case_id, "identity").seal(identity, "identity")


def on_ask(arrival: Arrival) -> None:
    """Keep a question before this node as triage; never an identity."""
    entry = arrival.entry
    question = arrival.open("case")
    read_question(question)
    content = new_key(arrival.node, entry.id, "content").seal(question, "content")
    arrival.session.add(Ask(ask_id=entry.id, asked_by=entry.sender, asked_at=entry.at, content=content))
    found_again(arrival.session, entry.id)


def on_ruling(arrival: Arrival) -> None:
    """Note whom triage named; the desk obeys with an offer that carries the ruling's id."""
    entry, session = arrival.entry, arrival.session
    case = session.scalar(select(Case).where(Case.ask_id == entry.ref))
    if case is None or arrival.history.latest.triage().id != entry.sender:
        raise RemoteError("thread", "a ruling answers an ask of ours, by the triage node")
    if Stance(case.stance) is not Stance.HELD or case.ruling_id is not None:
        raise RemoteError("thread", "this ask has its ruling already")
    named = read_ruling_body(entry.body)
    _keep_note(arrival, case, "ruling", arrival.open("message"))
    case.ruling_id, case.ruled_for = entry.id, named
    enter(session, case, State.AWAITING_RULING, arrival.now, named)
    report(session, arrival.node, case, arrival.now)


def on_reply(arrival: Arrival) -> None:
    """Put an answer into the reporter's mailbox. Only an office that handles or handled the case may write."""
    entry = arrival.entry
    tracked = tracked_by_return(arrival.session, entry.ref or "")
    _check_handler(arrival, tracked.custodian, tracked.hops)
    letter = Letter(entry.id, "reply", arrival.ciphertext("reply"))
    put_letter(arrival.session, tracked, entry.sender, letter, entry.at)


def on_message(arrival: Arrival) -> None:
    """Keep what the reporter adds beside the case; an office that handed the case on passes it on, unstored."""
    cases = cases_written_by(arrival.session, arrival.entry.ref or "", arrival.entry.sender)
    message = read_reporter_message(arrival.open("message"))
    take_message(arrival.session, arrival.node, cases, message, arrival.now)


def on_progress(arrival: Arrival) -> None:
    """Move the origin's pointer along proven hops, and note what the custodian reports."""
    entry = arrival.entry
    tracked = find_by_return(arrival.session, entry.ref or "")
    progress = read_progress(arrival.open("message"))
    prove_chain(progress.hops, arrival.node.member_id, arrival.log, arrival.history, holder=entry.sender)
    if tracked is None:
        tracked = retrace(arrival, progress)
    elif not is_retraced(tracked):
        _check_own_offer(arrival, progress.hops, entry.ref)
    letter = Letter(entry.id, "opening", arrival.ciphertext("reply")) if "reply" in entry.parts else None
    apply_progress(arrival.session, tracked, entry.sender, progress, letter)


def _check_own_offer(arrival: Arrival, hops: Sequence[Hop], return_ref: str | None) -> None:
    """Raise RemoteError unless the first hop is our offer of this very case: hops of another prove nothing of it."""
    for hop in hops[:1]:
        offer = read_entry(hop.offer).entry
        case = arrival.session.scalar(select(Case).where(Case.offer_id == offer.id))
        if case is None or case.return_ref != return_ref:
            raise RemoteError("chain", "the first hop is not this node's offer of this case")


def on_receipt(arrival: Arrival) -> None:
    """Note how far the peer has stored what we sent; settle.py erases what is then no longer ours to keep."""
    upto = read_receipt_body(arrival.entry.body)
    link = link_to(arrival.session, arrival.entry.sender)
    if upto >= link.next_seq:
        raise RemoteError("seq", "a receipt for what was never sent", next=link.next_seq)
    link.confirmed = max(link.confirmed, upto)
    _drop_parts(arrival.session, arrival.node, arrival.entry.sender, link.confirmed)
    seen = read_receipt_seen(arrival.entry.body)
    if seen is not None and seen.size <= arrival.log.size:
        check_head(seen, arrival.log)


def _drop_parts(session: Session, node: Node, peer: str, upto: int) -> None:
    """Forget the parts and files that the peer has stored: until then a hub that was set back is given them again."""
    stored = select(OutboxEntry.entry_id).where(
        OutboxEntry.recipient == peer, OutboxEntry.state == "logged", OutboxEntry.seq <= upto
    )
    session.execute(delete(OutboxPart).where(OutboxPart.entry_id.in_(stored)))
    for entry_id in session.scalars(
        select(OutboxFile.entry_id).where(OutboxFile.entry_id.in_(stored)).distinct()
    ).all():
        discard(session, node, entry_id)


def on_other(arrival: Arrival) -> None:
    """Keep a kind that this version does not act on yet; a later one will find it in the inbox."""
    alarm(
        arrival.session, "kind", f"{arrival.entry.kind} from {arrival.entry.sender} is kept, not acted on", arrival.now
    )


#: One row a kind. A handler returns what it refused and answered; what it raises undoes all that it did.
HANDLERS: Final[dict[str, Callable[[Arrival], RemoteError | None]]] = {
    "offer": on_offer,
    "accept": on_answer,
    "reject": on_answer,
    "recall": on_answer,
    "grant": on_grant,
    "ask": on_ask,
    "ruling": on_ruling,
    "message": on_message,
    "reply": on_reply,
    "progress": on_progress,
    "receipt": on_receipt,
}


def _check_handler(arrival: Arrival, custodian: str, hops: list[dict[str, str]]) -> None:
    """Raise RemoteError unless the sender is the custodian or stood on the way of the case."""
    if arrival.entry.sender == custodian:
        return
    for hop in hops:
        offer = read_entry(hop["offer"]).entry  # proven before it was stored
        if arrival.entry.sender in {offer.sender, offer.recipient}:
            return
    raise RemoteError("party", "only an office that handles the case writes to its reporter")
