"""Views of node.cases as the API's answers: names of members as node.api.answers has them."""

from typing import Any

from node.cases.views import (
    AskPage,
    AskRow,
    Attached,
    CasePage,
    CaseRow,
    Complaint,
    Event,
    Hop,
    Message,
    Officer,
    Opening,
    SetBack,
    Suggestion,
    Tracking,
)
from node.cases.whose import Whereabouts
from node.people.permissions import Action, may
from node.web.custody_words import custody_horizon, custody_sentence, reporter_horizon, reporter_sentence
from node.web.i18n import iso

Wire = dict[str, Any]


def office(member: str, name: str) -> Wire:
    """Return an office with its name."""
    return {"id": member, "name": name}


def tracking(view: Tracking) -> Wire:
    """Return what a receipt code shows."""
    return {
        "number": view.number,
        "filed_at": view.filed_at,
        "status": view.state.value,
        "custodian": office(view.custodian_id, view.custodian),
        "whereabouts": _whereabouts(
            view.whose, reporter_sentence(view.whose, view.custodian), reporter_horizon(view.whose)
        ),
        "deadline": view.due_at,
        "history": [_event(each) for each in view.history],
        "hops": [_hop(each) for each in view.hops],
        "replies": [_reply(each) for each in view.messages if not each.from_reporter],
        "messages": [{"at": each.at, "text": each.text} for each in view.messages if each.from_reporter],
        "openings": [_opening(each) for each in view.openings],
        "complaint": _complaint(view.complaint),
        "attachments": [_attached(each) for each in view.attachments],
    }


def row(view: CaseRow) -> Wire:
    """Return a line of the list; what is empty because the case has gone is null."""
    return {
        "number": view.number,
        "status": view.state.value,
        "kind": view.kind or None,
        "topic": view.topic if view.kind else None,
        "region": view.region if view.kind else None,
        "secrecy": view.secrecy or None,
        "received_at": view.received_at,
        "deadline": view.due_at,
        "overdue": view.overdue,
        "origin": office(view.origin_id, view.origin),
        "custody": view.custody,
        "whereabouts": _whereabouts(view.whose, custody_sentence(view.whose), custody_horizon(view.whose)),
    }


def set_back(told: SetBack) -> Wire:
    """Return what an office lacks since it was put back, for a problem document."""
    return {
        "at": iso(told.at),
        "backup_of": iso(told.backup_of),
        "restoring": told.restoring,
        "numbers": list(told.numbers),
    }


def case(view: CasePage, officer: Officer) -> Wire:
    """Return a case as this officer may see and handle it."""
    return {
        **row(view.row),
        "custodian": office(view.custodian_id, view.custodian),
        "complaint": _complaint(view.complaint),
        "attachments": [_attached(each) for each in view.attachments],
        "identity_sealed": view.identity_sealed,
        "identity_pending": view.grant_pending,
        "history": [_event(each) for each in view.history],
        "hops": [_hop(each) for each in view.hops],
        "thread": [_line(each) for each in view.messages],
        "openings": [_opening(each) for each in view.openings],
        "suggestion": _named(view.suggestion),
        "ruling": _named(view.ruling),
        "actions": sorted(each for each in view.actions if may(officer, Action(each))),
        "recall_from": view.recall_from,
        "transitions": [state.value for state in view.next_states],
    }


def ask(view: AskRow) -> Wire:
    """Return a question before the triage node."""
    return {
        "id": view.ask_id,
        "asked_by": office(view.asked_by_id, view.asked_by),
        "asked_at": view.asked_at,
        "ruled_at": view.ruled_at,
        "ruled_for": office(view.ruled_for_id, view.ruled_for) if view.ruled_for_id else None,
    }


def ask_page(view: AskPage) -> Wire:
    """Return a question with its content."""
    return {
        **ask(view.row),
        "complaint": _complaint(view.complaint),
        "reason": view.reason,
        "recipients": [_named(each) for each in view.recipients],
    }


def _whereabouts(view: Whereabouts, *sentences: str) -> Wire:
    return {
        "code": view.code.value,
        "office": office(view.office_id, view.office) if view.office_id else None,
        "since": view.since,
        "heard_at": view.heard_at,
        "old": view.old,
        "text": " ".join(each for each in sentences if each),
    }


def _attached(view: Attached) -> Wire:
    return {"id": view.id, "name": view.name, "type": view.type, "size": view.size}


def _event(view: Event) -> Wire:
    return {"at": view.at, "status": view.state.value, "office": office(view.member_id, view.member)}


def _hop(view: Hop) -> Wire:
    return {
        "sender": office(view.sender_id, view.sender),
        "recipient": office(view.recipient_id, view.recipient),
        "offered_at": view.offered_at,
        "accepted_at": view.accepted_at,
        "log_index": view.log_index,
    }


def _reply(view: Message) -> Wire:
    return {"at": view.at, "office": office(view.member_id, view.author), "text": view.text}


def _line(view: Message) -> Wire:
    author = "" if view.from_reporter else view.author
    told = {"at": view.at, "office": view.member_id, "author": author, "text": view.text}
    return {**told, "from_reporter": view.from_reporter}


def _opening(view: Opening) -> Wire:
    return {"at": view.at, "office": office(view.member_id, view.member), "role": view.role, "reason": view.reason}


def _complaint(view: Complaint | None) -> Wire | None:
    if view is None:
        return None
    return {
        "kind": view.kind,
        "topic": view.topic,
        "region": view.region,
        "text": view.text,
        "secrecy": view.secrecy,
    }


def _named(view: Suggestion | None) -> Wire | None:
    return None if view is None else {"id": view.member, "name": view.name, "why": view.why}
