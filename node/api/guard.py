"""Who is asking: a bearer token of a session, opened by POST /session.

No cookie counts here, so no page of another site can ask in an officer's name.
"""

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from flask import g, request

from node.api.problems import FORBIDDEN, TOKEN, ProblemError
from node.cases.views import Officer
from node.people import service
from node.people.errors import SessionError
from node.people.permissions import Action, may
from node.web import current

_P = ParamSpec("_P")
_R = TypeVar("_R")
_MAX_TOKEN_CHARACTERS: Final = 200


def officers_only(view: Callable[_P, _R], action: Action | None) -> Callable[_P, _R]:
    """Let a view be reached only with a token, of an officer who may do `action` where one is named."""

    @wraps(view)
    def guarded(*given: _P.args, **named: _P.kwargs) -> _R:
        officer = _officer()
        if action is not None and not may(officer, action):
            raise ProblemError(FORBIDDEN)
        g.officer = officer
        return view(*given, **named)

    return guarded


def officer() -> Officer:
    """Return the officer of this request."""
    found: Officer = g.officer
    return found


def require(action: Action) -> None:
    """Raise a 403 unless the officer of this request may do `action` too."""
    if not may(officer(), action):
        raise ProblemError(FORBIDDEN)


def token() -> str:
    """Return the bearer token of this request; raise a 401 if there is none."""
    scheme, _, found = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(found) <= _MAX_TOKEN_CHARACTERS:
        raise ProblemError(TOKEN)
    return found


def _officer() -> Officer:
    presented, now = token(), current.now()
    database = current.node().database
    try:
        with database.reading() as session:
            resumed = service.resume_session(session, presented, now)
    except SessionError:
        raise ProblemError(TOKEN) from None
    if resumed.due:
        with database.transaction() as session:
            service.touch_session(session, presented, now)
    return resumed.officer
