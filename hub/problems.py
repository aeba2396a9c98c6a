"""Problem documents (RFC 9457): what a refusal says. They name rules and positions, never content."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson
from flask import Response

from protocol.errors import RULES, RemoteError, Rule

CONTENT_TYPE: Final = "application/problem+json"
RULE_TYPE: Final = "urn:simpul:rule:"


def rule_problem(error: RemoteError) -> Response:
    """Return the document of a broken rule, under the rule's own status.

    `{"detail":…,"rule":"canonical","section":"1","status":400,"title":…,"type":"urn:simpul:rule:canonical"}` and
    members that say what would have been right.
    """
    return _of_rule(error.rule, error.rule.status, error.detail, error.expected)


def conflict_problem(rule: Rule, detail: str, conflict: str) -> Response:
    """Return the 409 that carries what the hub knows, signed."""
    return _of_rule(rule, HTTPStatus.CONFLICT, detail, {"conflict": conflict})


def recovering_problem(notice: str | None, retry_after_seconds: int) -> Response:
    """Return the 503 of a hub that was set back; `notice` asks the member for what it has, where one asked."""
    expected = {} if notice is None else {"recovering": notice}
    detail = "this hub recovers what it signed; nothing was acknowledged: send it again later"
    response = _of_rule(RULES["recovering"], HTTPStatus.SERVICE_UNAVAILABLE, detail, expected)
    response.headers["Retry-After"] = str(retry_after_seconds)
    return response


def busy(retry_after_seconds: int) -> Response:
    """Return the 503 of a database that is locked or full. Nothing was acknowledged, so all of it is sent again."""
    detail = "the hub's database cannot be used now; nothing was acknowledged: send it again later"
    response = problem(HTTPStatus.SERVICE_UNAVAILABLE, detail)
    response.headers["Retry-After"] = str(retry_after_seconds)
    return response


def not_found(detail: str) -> Response:
    """Return a 404."""
    return problem(HTTPStatus.NOT_FOUND, detail)


def problem(status: int, detail: str) -> Response:
    """Return a document that names no rule of the protocol, only the status."""
    return _document({"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail})


def _of_rule(rule: Rule, status: int, detail: str, expected: Mapping[str, object]) -> Response:
    return _document(
        {
            **expected,
            "type": RULE_TYPE + rule.name,
            "title": rule.title,
            "status": int(status),
            "detail": detail,
            "rule": rule.name,
            "section": rule.section,
        }
    )


def _document(members: dict[str, object]) -> Response:
    body = orjson.dumps(members, option=orjson.OPT_SORT_KEYS)
    status = members["status"]
    return Response(
        body,
        status=status if isinstance(status, int) else None,
        content_type=CONTENT_TYPE,
        headers={"Cache-Control": "no-store"},
    )
