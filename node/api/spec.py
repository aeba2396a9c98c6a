"""flask-smorest as this API uses it: strict JSON in, problems out, one decorator that declares an operation whole."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

import orjson
from flask import Request, Response
from flask_smorest import Api as SmorestApi
from flask_smorest import Blueprint as SmorestBlueprint
from flask_smorest.utils import prepare_response
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from node.api import guard
from node.api.answers import ProblemBody
from node.api.problems import INVALID, KINDS, MEDIA_TYPE, PREFIX, ProblemError
from node.people.permissions import Action

_P = ParamSpec("_P")
_R = TypeVar("_R")
_BODY_PROBLEMS: Final = (400, 413, 415, 422)
_ALWAYS: Final = (500, 503)
_OFFICER_PROBLEMS: Final = (401, 403)
SCHEME: Final = "token"


class _Parser(FlaskParser):
    """Reads JSON strictly; what does not fit a schema is one problem that names each field by its path."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": RAISE}  # noqa: RUF012  theirs

    def _raw_load_json(self, req: Request) -> Any:  # noqa: ANN401  any JSON
        if req.mimetype != "application/json":
            raise UnsupportedMediaType
        try:
            return orjson.loads(req.get_data(cache=False))
        except orjson.JSONDecodeError as error:
            raise BadRequest from error

    def handle_error(self, error: ValidationError, *_rest: Any, **_more: Any) -> NoReturn:  # noqa: ANN401  theirs
        """Raise the problem; the first member of the messages is only the place (json, query, headers)."""
        told: dict[str, object] = {}
        for place, messages in error.messages_dict.items():
            _flatten(messages, "" if place in {"json", "query", "headers"} else str(place), told)
        raise ProblemError(INVALID, told) from error


def _flatten(messages: object, path: str, told: dict[str, object]) -> None:
    """Turn messages by nested field into messages by path: `identity.nik`, `attachments.0`."""
    if not isinstance(messages, Mapping):
        told[path or "_body"] = messages
        return
    for name, inner in messages.items():
        at = "" if name == "_schema" else str(name)
        _flatten(inner, f"{path}.{at}".strip("."), told)


class Blueprint(SmorestBlueprint):  # type: ignore[misc]  # flask-smorest has no types
    """A part of the API below its prefix; its name is the tag of its operations."""

    ARGUMENTS_PARSER = _Parser()

    def __init__(self, name: str, description: str) -> None:
        super().__init__(name, __name__, url_prefix=PREFIX, description=description)


class Api(SmorestApi):  # type: ignore[misc]  # flask-smorest has no types
    """The API's document. Errors are answered by node.api.problems, which leaves every other address its pages."""

    ERROR_SCHEMA = ProblemBody
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Register none: flask-smorest's handler would take every page of the application, and drop Allow on 405."""

    def _register_responses(self) -> None:
        """Offer one response for each status of a problem, to be named by the operations."""
        for status in sorted({kind.status for kind in KINDS}):
            kinds = [kind for kind in KINDS if kind.status == status]
            response: dict[str, Any] = {
                "description": "; ".join(f"{kind.title.english} (`{kind.type}`)" for kind in kinds),
                "schema": ProblemBody,
                "headers": _HEADERS.get(status, {}),
            }
            prepare_response(response, self.spec, MEDIA_TYPE)
            self.spec.components.response(HTTPStatus(status).name, response, lazy=True)


_DOWNLOAD: Final = {
    "Content-Disposition": {"description": "`attachment`, with the file's name.", "schema": {"type": "string"}}
}
_TEXT: Final = {"schema": {"type": "string"}}
_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": {"description": "`Bearer`", **_TEXT}},
    503: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
}


def operation(
    blueprint: Blueprint,
    method: str,
    rule: str,
    *,
    gives: tuple[int, type[Schema] | None],
    file: bool = False,
    example: Mapping[str, Any] | None = None,
    takes: type[Schema] | None = None,
    sent: Mapping[str, Any] | None = None,
    asks: type[Schema] | None = None,
    headers: type[Schema] | None = None,
    action: Action | None = None,
    login: bool = False,
    problems: Sequence[int] = (),
    parameters: Sequence[Mapping[str, Any]] = (),
) -> Callable[[Callable[_P, _R]], Callable[..., Response]]:
    """Declare an operation: route, who may do it, what it takes and gives, and every problem that it may answer.

    The view gets `given` (the body that `takes` read), `asked` (the query, `asks`), `sent_headers` (`headers`), and the
    parameters of its path. With `action` it needs a token of an officer who may do that, with `login` any token. With
    `file` it gives bytes of any type, as a download. `example` and `sent` are an answer and a body as examples. The
    docstring's first line is the summary.
    """
    status, schema = gives
    wanted = {*_ALWAYS, *problems}
    wanted |= {*_BODY_PROBLEMS} if takes is not None else set()
    wanted |= {422} if asks is not None or headers is not None else set()
    wanted |= {*_OFFICER_PROBLEMS} if action is not None else {401} if login else set()

    def decorate(view: Callable[_P, _R]) -> Callable[..., Response]:
        found: Any = view
        if file:
            bytes_of = {"type": "string", "format": "binary"}
            found = blueprint.response(status, bytes_of, content_type="*/*", headers=_DOWNLOAD)(found)
        else:
            found = blueprint.response(status, schema, example=example)(found)
        if takes is not None:
            found = blueprint.arguments(takes, arg_name="given", example=sent)(found)
        if asks is not None:
            found = blueprint.arguments(asks, location="query", arg_name="asked")(found)
        if headers is not None:
            found = blueprint.arguments(headers, location="headers", arg_name="sent_headers")(found)
        for each in sorted(wanted):
            found = blueprint.alt_response(each, response=HTTPStatus(each).name)(found)
        found = blueprint.doc(operationId=view.__name__, **_security(action, login))(found)
        if action is not None or login:
            found = guard.officers_only(found, action)  # last put on, so first to run: 401 before 422
        route = blueprint.route(rule, methods=[method], parameters=[dict(each) for each in parameters])
        answered: Callable[..., Response] = route(found)
        return answered

    return decorate


def _security(action: Action | None, login: bool) -> dict[str, Any]:
    if action is None and not login:
        return {"security": []}
    return {"security": [{SCHEME: []}]}
