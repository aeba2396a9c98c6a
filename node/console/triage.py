"""Questions before the triage node: content without identity, and the ruling."""

from collections.abc import Mapping

from flask import Response, make_response, redirect, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from keys.errors import KeysError
from node.cases import triage
from node.cases.views import CaseError, ForbiddenError, NoSuchCaseError, Officer, Rule
from node.console import guard
from node.console.blueprint import console
from node.console.forms import FormError, load, values_of
from node.console.schemas import RuleForm
from node.people.permissions import Action
from node.web import current, errors
from protocol.errors import ProtocolError


@console.get("/triase")
def list_asks() -> str:
    """Show the questions, open ones first and oldest first."""
    guard.require(Action.RULE)
    node = current.node()
    with node.database.reading() as session:
        rows = triage.list_asks(session, node)
    ordered = sorted(rows, key=lambda row: (row.ruled_at is not None, row.asked_at))
    return render_template("console/asks.html", rows=ordered)


@console.get("/triase/<ask_id>")
def read_ask(ask_id: str) -> Response:
    """Show a question."""
    return _page(ask_id, guard.require(Action.RULE), {}, {}, "", 200)


@console.post("/triase/<ask_id>")
def rule(ask_id: str) -> Response:
    """Name the recipient, binding for all."""
    officer = guard.require(Action.RULE)
    values = values_of(request)
    node, now = current.node(), current.now()
    try:
        given = load(RuleForm(), values)
        with node.database.transaction() as session:
            triage.rule(session, node, Rule(ask_id, given["to"], given["reason"], officer), now)
    except FormError as refused:
        return _page(ask_id, officer, values, refused.told, "", 422)
    except NoSuchCaseError:
        raise
    except CaseError as refused:
        return _page(ask_id, officer, values, {}, str(refused), 403 if isinstance(refused, ForbiddenError) else 409)
    except (ProtocolError, KeysError, SQLAlchemyError, OSError) as error:
        errors.log(error)
        words = _("Belum tersimpan: server sedang tidak dapat menulis. Yang Anda ketik masih ada; coba lagi sebentar.")
        return _page(ask_id, officer, values, {}, words, 503)
    return make_response(redirect("/petugas/triase?selesai=1", code=303))


def _page(
    ask_id: str, officer: Officer, typed: Mapping[str, str], told: Mapping[str, str], words: str, status: int
) -> Response:
    node = current.node()
    with node.database.reading() as session:
        page = triage.read_ask(session, node, ask_id, officer)
    body = render_template("console/ask.html", page=page, row=page.row, typed=typed, errors=told, words=words)
    return make_response(body, status)
