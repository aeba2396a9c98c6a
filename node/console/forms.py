"""Reading the console's forms, whose CSRF token was checked before."""

from typing import Final

from flask import Request
from marshmallow import Schema, ValidationError

from node.web.forms import first_messages, single_values

_CSRF: Final = "csrf_token"


class FormError(Exception):
    """A form that does not fit: the first message by field, to be shown beside it."""

    def __init__(self, told: dict[str, str]) -> None:
        super().__init__("a form does not fit")
        self.told = told


def values_of(request: Request) -> dict[str, str]:
    """Return the fields of a form without its token."""
    values = single_values(request)
    values.pop(_CSRF, None)
    return values


def load(schema: Schema, values: dict[str, str]) -> dict[str, str]:
    """Load a form; raise FormError with a message by field."""
    try:
        loaded: dict[str, str] = schema.load(values)
    except ValidationError as error:
        raise FormError(first_messages(schema, error.messages_dict)) from None
    return loaded
