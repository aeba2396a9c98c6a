"""`GET /audit/entries?from=N&to=M`, with `Authorization: Bearer TOKEN`."""

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request

from hub.auditors.access import auditor_of, entries_page
from hub.problems import problem
from protocol.errors import RemoteError
from service.database import Database


def blueprint(database: Database) -> Blueprint:
    """Return the auditors' route."""
    routes = Blueprint("audit", __name__, url_prefix="/audit")

    @routes.get("/entries")
    def entries() -> Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        first, after = _position("from", 0), _position("to", None)
        with database.reading() as session:
            if scheme.lower() != "bearer" or auditor_of(session, token) is None:
                return _unauthorized()
            page = entries_page(session, first, after)
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
