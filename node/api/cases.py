"""What officers do with cases. Who may do what stands in node.people.permissions, what is open now in node.cases."""

from typing import Any, Final

from flask import Response

from keys import b64u
from keys.errors import EncodingError
from node.api import guard, wire, words
from node.api.answers import CaseAnswer, IdentityAnswer, MovedAnswer, OfferedAnswer, RowsAnswer
from node.api.problems import INVALID, ProblemError
from node.api.schemas import ListQuery, OfferBody, ReasonBody, RecallBody, ReplyBody, TransitionBody
from node.api.spec import Blueprint, operation
from node.cases import attachments, desk, show, transitions
from node.cases.lifecycle import State
from node.cases.names import office_name
from node.cases.views import CaseAction, CaseQuery, SendOn, Transition
from node.models.cases import Case
from node.people.permissions import Action
from node.web import current
from node.web.downloads import send

cases: Final = Blueprint("cases", "What officers do with the cases of their node.")
_NUMBER: Final = (
    {
        "name": "number",
        "in": "path",
        "required": True,
        "description": "The number of the case.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 32},
    },
)
_FILE: Final = (
    {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The `id` in the case's `attachments`.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 64},
    },
)
_MOVED: Final = {"number": "7K3M9-QX2TB", "status": "answered", "deadline": "2026-12-07T16:59:59Z"}
#: state -> who may move a case there
_BY: Final[dict[State, Action]] = {
    State.AWAITING_RULING: Action.ASK_TRIAGE,
    State.ANSWERED: Action.REPLY,
    State.IN_PROGRESS: Action.REPLY,
    State.RESOLVED: Action.CLOSE,
}


@operation(cases, "GET", "/cases", gives=(200, RowsAnswer), asks=ListQuery, action=Action.LIST)
def list_cases(asked: dict[str, Any]) -> dict[str, object]:
    """List the cases of this node, the newest first.

    Cases that were handed on stay in the list, without what they said. `next` of an answer is `after` of the next
    question; a case that comes in between is not missed and none is shown twice.
    """
    state = State(asked["state"]) if "state" in asked else None
    wanted = CaseQuery(asked["limit"], _place(asked["after"]) if "after" in asked else None, state)
    node, now = current.node(), current.now()
    with node.database.reading() as session:
        found = show.list_some_cases(session, node, wanted, now)
    return {"items": [wire.row(each) for each in found.rows], "next": _cursor(found.next)}


@operation(cases, "GET", "/cases/<number>", gives=(200, CaseAnswer), action=Action.READ, problems=(404,),
           parameters=_NUMBER)  # fmt: skip
def read_case(number: str) -> wire.Wire:
    """Show a case.

    With `actions` and `transitions` that are open to this officer now. The identity is never part of it.
    """
    officer = guard.officer()
    node, now = current.node(), current.now()
    with node.database.reading() as session:
        return wire.case(show.read_case(session, node, number, officer, now), officer)


@operation(
    cases, "GET", "/cases/<number>/attachments/<id>", gives=(200, None), file=True, action=Action.READ,
    problems=(404,), parameters=(*_NUMBER, *_FILE),
)  # fmt: skip
def download_attachment(number: str, id: str) -> Response:  # noqa: A002  its name in the address
    """Give a file that the reporter attached, as long as the case is here."""
    node = current.node()
    with node.database.reading() as session:
        return send(attachments.of_case(session, node, number, id))


@operation(
    cases, "POST", "/cases/<number>/offers", gives=(202, OfferedAnswer),
    example={**_MOVED, "status": "offered", "to": {"id": "kemensos", "name": "Kementerian Sosial"}},
    takes=OfferBody, sent={"to": "kemensos", "reason": "Penyaluran PKH adalah kewenangan kementerian."},
    action=Action.HAND_OVER, problems=(404, 409), parameters=_NUMBER,
)  # fmt: skip
def offer_case(number: str, given: dict[str, str | None]) -> wire.Wire:
    """Offer a case to another office, or obey a ruling.

    The case stays here, locked, until the other office has accepted; the identity follows only then. Where triage has
    ruled, `to` may be left out, and no other office can be named. A ruling that names this very office leads on here:
    the status is then `verified`, and `to` this office.
    """
    guard.require(Action.OBEY)
    node, now = current.node(), current.now()
    command = SendOn(number, given["to"] or "", given["reason"] or "", guard.officer())
    with node.database.transaction() as session:
        if not command.to and desk.find_case(session, number).ruled_for is None:
            raise ProblemError(INVALID, {"to": words.RECIPIENT_WANTED})
        case = desk.send_on(session, node, command, now)
        to = case.offered_to or node.member_id
        return {**_moved(case), "to": wire.office(to, office_name(session, node, to))}


@operation(
    cases, "POST", "/cases/<number>/recall", gives=(202, MovedAnswer), example={**_MOVED, "status": "offered"},
    takes=RecallBody, sent={"reason": "Tidak dijawab sejak kemarin."}, action=Action.RECALL, problems=(404, 409),
    parameters=_NUMBER,
)  # fmt: skip
def recall_offer(number: str, given: dict[str, str]) -> wire.Wire:
    """Take back an offer that nobody answered for a day.

    The log decides which was first, this recall or the other office's answer: until that is read the case stays here,
    locked, and `whereabouts` is `offer_recalled`.
    """
    node, now = current.node(), current.now()
    with node.database.transaction() as session:
        desk.recall(session, node, CaseAction(number, given["reason"], guard.officer()), now)
        return _moved(desk.find_case(session, number))


@operation(
    cases, "POST", "/cases/<number>/replies", gives=(201, MovedAnswer), example=_MOVED,
    takes=ReplyBody, sent={"text": "Bantuan Anda masuk tanggal 25."}, action=Action.REPLY, problems=(404, 409),
    parameters=_NUMBER,
)  # fmt: skip
def reply_to_reporter(number: str, given: dict[str, str]) -> wire.Wire:
    """Answer the reporter.

    The words are sealed to the reporter's mailbox; the office where the report was filed carries them and cannot read
    them.
    """
    node, now = current.node(), current.now()
    with node.database.transaction() as session:
        desk.reply(session, node, CaseAction(number, given["text"], guard.officer()), now)
        return _moved(desk.find_case(session, number))


@operation(
    cases, "POST", "/cases/<number>/transitions", gives=(200, MovedAnswer),
    example={**_MOVED, "status": "in_progress"}, takes=TransitionBody, sent={"to": "in_progress", "reason": ""},
    action=Action.READ, problems=(404, 409), parameters=_NUMBER,
)  # fmt: skip
def move_case(number: str, given: dict[str, str]) -> wire.Wire:
    """Move a case along its life.

    `awaiting_ruling` asks triage, `answered` answers the reporter, `resolved` closes with a last word: the reason is
    what they read. `offered`, `received` and `returned` follow from offers alone. A step that is not open now is a 409
    that names those that are.
    """
    to, reason = State(given["to"]), given["reason"].strip()
    guard.require(_BY.get(to, Action.VERIFY))
    node, now = current.node(), current.now()
    command = Transition(number, to, given["reason"] if reason else "", guard.officer())
    with node.database.transaction() as session:
        present = State(desk.find_case(session, number).state)
        if not reason and transitions.needs_reason(present, to):
            raise ProblemError(INVALID, {"reason": words.REASON_WANTED})
        return _moved(transitions.move(session, node, command, now))


@operation(
    cases, "POST", "/cases/<number>/identity", gives=(200, IdentityAnswer), takes=ReasonBody,
    sent={"reason": "Menelepon pelapor untuk menjadwalkan pemeriksaan."}, action=Action.OPEN_IDENTITY,
    problems=(404, 409), parameters=_NUMBER,
)  # fmt: skip
def open_identity(number: str, given: dict[str, str]) -> wire.Wire:
    """Open the identity, for a reason.

    The reporter sees that it was opened, by which role, when and why. To see it again is to open it again.
    """
    node, now = current.node(), current.now()
    with node.database.transaction() as session:
        found = desk.open_identity(session, node, CaseAction(number, given["reason"], guard.officer()), now)
    # Shown only now, that the opening itself is durable.
    person = {"name": found.name, "phone": found.phone, "email": found.email, "nik": found.nik}
    return {"identity": person if found.given else None, "shown_to_reporter": True}


def _moved(case: Case) -> wire.Wire:
    return {"number": case.number, "status": case.state, "deadline": case.due_at}


def _cursor(place: tuple[int, str] | None) -> str | None:
    return None if place is None else b64u.encode(f"{place[0]}.{place[1]}".encode())


def _place(cursor: str) -> tuple[int, str]:
    try:
        received_at, _, case_id = b64u.decode(cursor).decode("ascii").partition(".")
        b64u.decode(case_id, size=16)
        return int(received_at), case_id
    except (EncodingError, ValueError):
        raise ProblemError(INVALID, {"after": words.CURSOR}) from None
