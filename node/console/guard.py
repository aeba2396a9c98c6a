"""Who is asking: every page of the console but the login needs a session, and every form its CSRF token."""

from typing import Final

from flask import Response, g, make_response, redirect, render_template, request
from werkzeug.exceptions import Forbidden

from node.cases.views import Officer
from node.people import service
from node.people.errors import SessionError
from node.people.permissions import Action, may
from node.web import current

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
    except SessionError:
        return _ask_login()
    if resumed.due:
        with database.transaction() as session:
            service.touch_session(session, token, now)
    g.officer = resumed.officer
    return None


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
