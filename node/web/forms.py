"""Reading forms at the edge: URL-encoded bodies only, each field once, no field that nobody asked for."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import BadRequest, Forbidden, UnsupportedMediaType


def single_values(request: Request) -> dict[str, str]:
    """Return the form's fields; raise BadRequest when one comes twice, UnsupportedMediaType for other bodies."""
    if request.mimetype != "application/x-www-form-urlencoded":
        # Other kinds of body could be spooled to a temporary file while they are parsed.
        raise UnsupportedMediaType
    values: dict[str, str] = {}
    for name, given in request.form.lists():
        if len(given) != 1:
            raise BadRequest
        values[name] = given[0]
    return values


def refuse_other_sites(request: Request) -> None:
    """Raise Forbidden when a browser says that another site sends this form.

    With `Referrer-Policy: no-referrer` browsers send `Origin: null` for our own forms too, so a null origin alone says
    nothing; browsers since 2023 say it with Sec-Fetch-Site.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise Forbidden
        return
    origin = request.headers.get("Origin")
    if origin not in {None, "null"} and urlsplit(origin).netloc != request.host:
        raise Forbidden


def load_known(schema: Schema, values: Mapping[str, str]) -> dict[str, Any]:
    """Load what must fit a schema of our own making; a field that it does not know is BadRequest, not a message."""
    try:
        loaded: dict[str, Any] = schema.load(values)
    except ValidationError as error:
        raise BadRequest from error
    return loaded


def errors_of(schema: Schema, values: Mapping[str, str]) -> dict[str, str]:
    """Return the first message of each field that is wrong, in the order of the form; empty when all is well."""
    return first_messages(schema, schema.validate(values))


def first_messages(schema: Schema, told: Mapping[str, Any]) -> dict[str, str]:
    """Return one message a field, in the order in which the schema asks them."""
    order = list(schema.fields)
    names = sorted(told, key=lambda name: order.index(name) if name in order else len(order))
    return {name: _first(told[name]) for name in names}


def _first(messages: Any) -> str:  # noqa: ANN401 - marshmallow gives a list, or a lazy text of ours as it is
    return str(messages[0]) if isinstance(messages, list) else str(messages)
