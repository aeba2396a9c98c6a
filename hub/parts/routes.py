"""`GET|HEAD|PUT /parts/v1/<id>`, with `Authorization: Simpul <pass>`."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, request, send_file

from hub.clock import Clock
from hub.errors import TryLaterError
from hub.parts.service import Parts, Piece, Progress
from hub.problems import not_found, problem, rule_problem
from protocol.errors import RemoteError
from protocol.part_pass import SCHEME, PartPass
from protocol.party import hash_of

_READ_BYTES: Final = 65_536
#: RFC 9110 section 14.4, of which a piece uses this one form.
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,9})-([0-9]{1,9})/([0-9]{1,9})")
_UNKNOWN: Final = "no entry from or to this member names such a part"


def blueprint(parts: Parts, clock: Clock, retry_after_seconds: int) -> Blueprint:
    """Return the parts' routes."""
    routes = Blueprint("parts", __name__, url_prefix="/parts/v1")

    @routes.route("/<part>", methods=["GET", "HEAD", "PUT"])
    def part(part: str) -> Response:
        now = clock()
        shown = parts.admit(_pass(), request.method, hash_of(part), now)
        if request.method == "PUT":
            before = parts.progress(shown)
            done = before if before.complete else parts.take(shown, _piece(), now)
            return _told(done, HTTPStatus.OK if before.complete or not done.complete else HTTPStatus.CREATED)
        if request.method == "HEAD":
            return _told(parts.progress(shown), HTTPStatus.OK)
        return _given(parts, shown)

    @routes.errorhandler(TryLaterError)
    def later(error: TryLaterError) -> Response:
        response = problem(error.status, str(error))
        response.headers["Retry-After"] = str(retry_after_seconds)
        return response

    @routes.errorhandler(RemoteError)
    def refused(error: RemoteError) -> Response:
        response = rule_problem(error)
        if error.rule.status == HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = f'{SCHEME} realm="parts"'
        return response

    return routes


def _pass() -> str:
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != SCHEME.lower():
        raise RemoteError("pass", "the parts endpoint wants a pass")
    return shown


def _piece() -> Piece:
    """Return what a PUT brings; without Content-Range it is the whole part."""
    length = request.content_length
    if length is None:
        raise RemoteError("members", "a piece says its length")
    given = request.headers.get("Content-Range")
    if given is None:
        return Piece(0, length, length, _chunks())
    found = _CONTENT_RANGE.fullmatch(given)
    if found is None:
        raise RemoteError("members", "Content-Range is bytes first-last/whole")
    first, last, total = map(int, found.groups())
    if last - first + 1 != length:
        raise RemoteError("members", "Content-Range and Content-Length contradict each other")
    return Piece(first, length, total, _chunks())


def _chunks() -> Iterator[bytes]:
    while chunk := request.stream.read(_READ_BYTES):
        yield chunk


def _told(progress: Progress, status: HTTPStatus) -> Response:
    # Named as in the IETF's draft on resumable uploads (draft-ietf-httpbis-resumable-upload).
    headers = {
        "Upload-Offset": str(progress.offset),
        "Upload-Complete": "?1" if progress.complete else "?0",
        "Cache-Control": "no-store",
    }
    return Response(status=status, headers=headers)


def _given(parts: Parts, shown: PartPass) -> Response:
    found = parts.open(shown)
    if found is None:
        return not_found(_UNKNOWN)
    if isinstance(found, bytes):
        return Response(found, content_type="application/octet-stream", headers={"Cache-Control": "no-store"})
    response = send_file(found, mimetype="application/octet-stream", conditional=True, etag=shown.id)
    response.headers["Cache-Control"] = "no-store"
    return response
