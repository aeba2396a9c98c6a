"""Who is asking: every page of the console but the login needs a session, and every form its CSRF token."""

from typing import Final

from flask import Response, g, make_response, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden

from node.cases.views import Officer
from node.people import service
from node.people.errors import SessionError
from node.people.permissions import Action, may
from node.sync.links import read_health
from node.sync.log import read_history
from node.web import current
from protocol.directory import Kind

COOKIE: Final = "simpul_petugas"
PATH: Final = "/petugas"
_OPEN_ENDPOINTS: Final = frozenset({"console.login", "console.log_in"})


def check() -> Response | None:
    """Let a request through with its officer in `g`, or answer with the login."""
    if request.endpoint in _OPEN_ENDPOINTS:
        return None
    token, now = request.cookies.get(COOKIE, ""), current.now()
    database = current.node().database
    try:
        with database.reading() as session:
            resumed = service.resume_session(session, token, now)
            g.rules = may(resumed.officer, Action.RULE) and _is_triage(session)
            g.health = read_health(session)
    except SessionError:
        return _ask_login()
    if resumed.due:
        with database.transaction() as session:
            service.touch_session(session, token, now)
    g.officer = resumed.officer
    return None


def _is_triage(session: Session) -> bool:
    """Whether this node is the one that rules; no before it has read a directory."""
    node = current.node()
    versions = read_history(session, node.federation).versions
    own = versions[-1][1].members.get(node.member_id) if versions else None
    return own is not None and own.kind == Kind.TRIAGE


def _ask_login() -> Response:
    if request.method == "GET":
        return make_response(redirect("/petugas/masuk", code=303))
    # What an officer typed in a session that ended comes back, so that it can be copied.
    typed = [request.form[name] for name in ("text", "reason") if request.form.get(name)]
    return make_response(render_template("console/login.html", ended=True, typed=typed, wrong=False, username=""), 401)


def require(action: Action) -> Officer:
    """Return the officer of this request; raise Forbidden when no role of theirs allows the action."""
    officer: Officer = g.officer
    if not may(officer, action):
        raise Forbidden
    return officer
