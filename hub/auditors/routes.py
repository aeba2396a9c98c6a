"""`GET /audit/entries?from=N&to=M` and `GET /audit/equivocations?…`, with `Authorization: Bearer TOKEN`."""

from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session

from hub.auditors.access import auditor_of, entries_page, equivocations_page
from hub.problems import problem
from protocol.errors import RemoteError
from service.database import Database


def blueprint(database: Database) -> Blueprint:
    """Return the auditors' routes."""
    routes = Blueprint("audit", __name__, url_prefix="/audit")

    @routes.get("/entries")
    def entries() -> Response:
        return answer(entries_page)

    @routes.get("/equivocations")
    def equivocations() -> Response:
        return answer(equivocations_page)

    def answer(read: Callable[[Session, int, int], list[dict[str, object]]]) -> Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        first, after = _position("from", 0), _position("to", None)
        with database.reading() as session:
            if scheme.lower() != "bearer" or auditor_of(session, token) is None:
                return _unauthorized()
            page = read(session, first, after)
        response = jsonify({"entries": page})
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def _position(name: str, default: int | None) -> int:
    given = request.args.get(name)
    if given is None and default is not None:
        return default
    if given is None or not given.isascii() or not given.isdigit() or len(given) > 15:  # noqa: PLR2004
        raise RemoteError("members", f"{name} is a position in the log")
    return int(given)


def _unauthorized() -> Response:
    response = problem(HTTPStatus.UNAUTHORIZED, "an auditor's token is needed")
    response.headers["WWW-Authenticate"] = 'Bearer realm="simpul"'
    return response
