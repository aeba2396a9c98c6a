"""The list of cases and the page of one, with what can be done there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from flask import Response, abort, make_response, redirect, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from keys.errors import KeysError
from node.cases import attachments, show
from node.cases.lifecycle import State
from node.cases.views import CaseError, CasePage, CaseRow, ForbiddenError, Identity, NoSuchCaseError, Officer
from node.cases.whereabouts import incoming
from node.console import guard
from node.console.blueprint import console
from node.console.deeds import DEEDS, Deed
from node.console.forms import FormError, load, values_of
from node.people.permissions import Action, may
from node.web import current, errors
from node.web.downloads import send
from protocol.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class _Refused:
    """A deed that was not done: which, what was typed, and what to say."""

    deed: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)
    words: str = ""


_NOTHING: Final = _Refused()


@console.get("/kasus")
def list_cases() -> str:
    """Show the cases by urgency; `?keadaan=` (repeated) keeps some states, and stays in every address from here."""
    officer = guard.require(Action.LIST)
    node, now = current.node(), current.now()
    with node.database.reading() as session:
        rows = show.list_cases(session, node, now)
        coming = incoming(session, node)
    counts = {state: sum(row.state == state for row in rows) for state in State}
    wanted = _wanted_states()
    shown = [row for row in rows if not wanted or row.state in wanted]
    return render_template(
        "console/list.html",
        rows=sorted(shown, key=_urgency),
        counts={state: count for state, count in counts.items() if count},
        total=len(rows),
        wanted=wanted,
        keep=_kept_query(wanted),
        may_read=may(officer, Action.READ),
        coming=coming,
    )


@console.get("/kasus/<number>")
def read_case(number: str) -> Response:
    """Show a case."""
    return _page(number, guard.require(Action.READ), _NOTHING, 200)


@console.get("/kasus/<number>/lampiran/<file_id>")
def attachment(number: str, file_id: str) -> Response:
    """Give a file that the reporter attached."""
    guard.require(Action.READ)
    node = current.node()
    with node.database.reading() as session:
        return send(attachments.of_case(session, node, number, file_id))


@console.post("/kasus/<number>/<slug>")
def act(number: str, slug: str) -> Response:
    """Do one of the deeds; what was typed comes back when it could not be done."""
    deed = DEEDS.get(slug)
    if deed is None:
        abort(404)
    officer = guard.require(deed.action)
    values = values_of(request)
    node, now = current.node(), current.now()
    try:
        given = load(deed.form(), values)
        with node.database.transaction() as session:
            done = deed.service(session, node, number, given, officer, now)
    except FormError as refused:
        return _page(number, officer, _Refused(slug, values, refused.told), 422)
    except NoSuchCaseError:
        raise
    except CaseError as refused:
        status = 403 if isinstance(refused, ForbiddenError) else 409
        return _page(number, officer, _Refused(slug, values, {}, str(refused)), status)
    except (ProtocolError, KeysError, SQLAlchemyError, OSError) as error:
        errors.log(error)
        words = _("Belum tersimpan: server sedang tidak dapat menulis. Yang Anda ketik masih ada; coba lagi sebentar.")
        return _page(number, officer, _Refused(slug, values, {}, words), 503)
    if isinstance(done, Identity):
        # Shown in this one answer, which no cache keeps; to see it again is to open it again.
        return make_response(render_template("console/identity.html", identity=done, number=number, keep=_keep()))
    return make_response(redirect(f"/petugas/kasus/{number}?selesai={slug}{_keep('&')}", code=303))


def _page(number: str, officer: Officer, refused: _Refused, status: int) -> Response:
    node, now = current.node(), current.now()
    with node.database.reading() as session:
        page = show.read_case(session, node, number, officer, now)
    body = render_template(
        "console/case.html",
        page=page,
        row=page.row,
        refused=refused,
        deeds=_open_deeds(page, officer),
        first=_first_deed(page),
        own=node.settings.member_id,
        done=request.args.get("selesai", "") if status == 200 else "",  # noqa: PLR2004 - an HTTP status
        keep=_keep(),
    )
    return make_response(body, status)


def _open_deeds(page: CasePage, officer: Officer) -> dict[str, Deed]:
    return {deed.name: deed for deed in DEEDS.values() if deed.name in page.actions and may(officer, deed.action)}


def _first_deed(page: CasePage) -> str:
    """Name what the case asks for now; the page opens that form."""
    if "obey" in page.actions and page.ruling is not None:
        return "obey"
    if "recall" in page.actions:
        return "recall"
    own = current.node().settings.member_id
    if "hand_over" in page.actions and page.suggestion is not None and page.suggestion.member != own:
        return "hand_over"
    if "ask_triage" in page.actions and page.suggestion is None and page.row.state == State.RECEIVED:
        return "ask_triage"
    return "reply" if "reply" in page.actions else ""


def _urgency(row: CaseRow) -> tuple[bool, bool, int, int]:
    """Sort by whose turn it is, then by what is due first."""
    return (not row.here, row.due_at is None, row.due_at or 0, row.received_at)


def _wanted_states() -> frozenset[State]:
    known = {state.value for state in State}
    return frozenset(State(value) for value in request.args.getlist("keadaan") if value in known)


def _kept_query(wanted: frozenset[State], lead: str = "?") -> str:
    query = "&".join(f"keadaan={state.value}" for state in State if state in wanted)
    return f"{lead}{query}" if query else ""


def _keep(lead: str = "?") -> str:
    return _kept_query(_wanted_states(), lead)
