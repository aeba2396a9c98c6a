"""Tracking: what a receipt code, and nothing else, shows. Local rows only; sealed things are opened in memory."""

from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys import b64u
from keys.receipt import ReceiptCode
from keys.sealing import SealingKey
from node.cases.deadlines import due_at
from node.cases.intake import own_file_context
from node.cases.lifecycle import State
from node.cases.names import office_name, return_ref_of
from node.cases.report import letter_context
from node.cases.show import proven_hops
from node.cases.tracked import UNCLAIMED, hops_of, is_retraced
from node.cases.views import (
    Attached,
    Complaint,
    Event,
    Message,
    NoSuchCaseError,
    Opening,
    SetBack,
    SetBackError,
    Tracking,
)
from node.cases.whereabouts import of_tracked, state_of, taken_since
from node.context import Node
from node.custody.lost import lost_cases
from node.custody.standing import is_restoring
from node.models.cases import Tracked, TrackedEvent, TrackedMail
from node.models.sync import SyncState
from protocol.content import Filing, read_filing, read_note
from protocol.errors import RemoteError
from protocol.seal import open_part


def track(session: Session, node: Node, receipt: str, now: int) -> Tracking:
    """Return what became of the complaint behind a receipt code.

    Raises keys.errors.ReceiptCodeError for text that is no code, NoSuchCaseError for one that finds nothing here, and
    of these SetBackError where the office may have lost what it stood for.
    """
    code = ReceiptCode.parse(receipt)
    found = find_tracked(session, code)
    mailbox = code.mailbox()
    mail = {row.entry_id: row for row in session.scalars(select(TrackedMail).where(TrackedMail.number == found.number))}
    events = list(
        session.scalars(
            select(TrackedEvent).where(TrackedEvent.number == found.number).order_by(TrackedEvent.at, TrackedEvent.id)
        )
    )
    own = own_filing(found, mailbox)
    told = [event for event in events if event.role is None]
    state = state_of(found, told)
    return Tracking(
        number=found.number,
        filed_at=found.filed_at,
        state=state,
        custodian=office_name(session, node, found.custodian),
        due_at=found.due_at if state == found.state else due_at(state, taken_since(found) or found.filed_at),
        history=_history(session, node, told),
        hops=proven_hops(session, node, hops_of(found.hops)),
        messages=tuple(
            Message(
                row.at,
                office_name(session, node, row.member),
                _read(row, mailbox, found.return_ref),
                row.kind == "message",
                row.member,
            )
            for row in sorted(mail.values(), key=lambda row: (row.at, row.place, row.entry_id))
            if row.kind in {"reply", "message"}
        ),
        openings=tuple(
            Opening(
                event.at,
                office_name(session, node, event.member),
                event.role,
                _read(mail[event.mail_id], mailbox, found.return_ref) if event.mail_id in mail else "",
                event.member,
            )
            for event in events
            if event.role is not None
        ),
        complaint=Complaint(**own.complaint),
        whose=of_tracked(session, node, found, told, now),
        attachments=tuple(Attached(each.id, each.name, each.type, each.size) for each in own.attachments),
        custodian_id=found.custodian,
    )


def own_filing(tracked: Tracked, mailbox: SealingKey) -> Filing:
    """Return the reporter's own file, opened with the receipt; an empty one where the office lost it."""
    if is_retraced(tracked):
        return Filing(asdict(Complaint("complaint", "", "", "", "anonymous")))
    return read_filing(open_part(tracked.own_file, mailbox, own_file_context(tracked.form_id, mailbox.public.kid)))


def find_tracked(session: Session, code: ReceiptCode) -> Tracked:
    """Return the record behind a receipt code; raise NoSuchCaseError."""
    lookup_h = b64u.encode(code.lookup_hash)
    unclaimed = UNCLAIMED + return_ref_of(lookup_h)
    found = session.scalar(select(Tracked).where(Tracked.lookup_h.in_([lookup_h, unclaimed])))
    if found is None:
        told = set_back(session)
        if told is not None:
            raise SetBackError(told)
        raise NoSuchCaseError("Kode ini benar bentuknya, tetapi tidak ada laporan dengan kode ini di simpul ini.")
    return found


def set_back(session: Session) -> SetBack | None:
    """Return what this office lacks since it was put back to a backup; None if it never was."""
    state = session.get(SyncState, 1)
    if state is None or state.restored_at is None:
        return None
    numbers = tuple(row.number for row in lost_cases(session) if row.number is not None and row.found is None)
    return SetBack(state.restored_at, state.restored_to or state.restored_at, is_restoring(state), numbers)


def _history(session: Session, node: Node, events: list[TrackedEvent]) -> tuple[Event, ...]:
    return tuple(
        Event(row.at, State(row.state), office_name(session, node, row.member), member_id=row.member) for row in events
    )


def _read(row: TrackedMail, mailbox: SealingKey, return_ref: str) -> str:
    """Open a letter; one that does not open is shown as such, so that the others still can be read."""
    context = letter_context(row.member, row.entry_id, return_ref, mailbox.public.kid)
    try:
        return read_note(open_part(row.sealed, mailbox, context)).text
    except RemoteError:
        return "[Balasan ini rusak dan tidak dapat dibuka. Hubungi kantor yang menangani.]"
