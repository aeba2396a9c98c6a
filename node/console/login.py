"""Coming in and going out."""

from flask import Response, g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from node.cases.views import Officer
from node.console import guard
from node.console.blueprint import console
from node.console.forms import values_of
from node.console.schemas import LoginForm
from node.people import service
from node.people.errors import LoginError
from node.people.permissions import Action, may
from node.web import current
from node.web.forms import load_known


@console.get("/")
def start() -> AnyResponse:
    """Go to where the officer begins."""
    return redirect(_first_page(g.officer), code=303)


@console.get("/masuk")
def login() -> str:
    """Show the login."""
    return render_template("console/login.html", wrong=False, ended=False, typed=(), username="")


@console.post("/masuk")
def log_in() -> Response:
    """Begin a session; a wrong name and a wrong password get the same words."""
    given = load_known(LoginForm(), values_of(request))
    node, now = current.node(), current.now()
    try:
        with node.database.reading() as session:
            officer = service.authenticate(session, given["username"].strip().lower(), given["password"])
    except LoginError:
        body = render_template("console/login.html", wrong=True, ended=False, typed=(), username=given["username"])
        return make_response(body, 401)
    with node.database.transaction() as session:
        # A new session never takes over the place of an old one in the same browser.
        service.close_session(session, request.cookies.get(guard.COOKIE, ""))
        token = service.open_session(session, officer.username, now)
    answer = make_response(redirect(_first_page(officer), code=303))
    answer.set_cookie(
        guard.COOKIE,
        token,
        max_age=service.ABSOLUTE_SECONDS,
        path=guard.PATH,
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )
    return answer


def _first_page(officer: Officer) -> str:
    """Return where somebody begins: whoever lists no cases looks after the connections."""
    return "/petugas/kasus" if may(officer, Action.LIST) else "/petugas/sambungan"


@console.post("/keluar")
def log_out() -> Response:
    """End the session here and on the server."""
    values_of(request)
    with current.node().database.transaction() as session:
        service.close_session(session, request.cookies.get(guard.COOKIE, ""))
    answer = make_response(redirect("/petugas/masuk", code=303))
    answer.delete_cookie(guard.COOKIE, path=guard.PATH)
    return answer
