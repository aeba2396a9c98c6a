"""Coming in and going out: a bearer token for an officer."""

from typing import Final

from node.api import guard
from node.api.answers import TokenAnswer
from node.api.problems import LOGIN, ProblemError
from node.api.schemas import LoginBody
from node.api.spec import Blueprint, operation
from node.people import service
from node.people.errors import LoginError
from node.web import current

sessions: Final = Blueprint("session", "Tokens for officers.")


@operation(
    sessions, "POST", "/session", gives=(200, TokenAnswer),
    example={"token": "q0Yc…", "expires_at": "2026-11-21T19:05:00Z"},
    takes=LoginBody, sent={"username": "sari", "password": "…", "totp": None}, problems=(401,),
)  # fmt: skip
def log_in(given: dict[str, str]) -> dict[str, object]:
    """Ask for a token.

    It ends after 12 hours, or after 30 minutes without use, or with `DELETE /session`. The node keeps its hash only.
    """
    node, now = current.node(), current.now()
    try:
        with node.database.reading() as session:
            officer = service.authenticate(session, given["username"].strip().lower(), given["password"])
    except LoginError:
        raise ProblemError(LOGIN) from None
    with node.database.transaction() as session:
        token = service.open_session(session, officer.username, now)
    return {"token": token, "expires_at": now + service.ABSOLUTE_SECONDS}


@operation(sessions, "DELETE", "/session", gives=(204, None), login=True)
def log_out() -> None:
    """End the token of this request."""
    with current.node().database.transaction() as session:
        service.close_session(session, guard.token())
