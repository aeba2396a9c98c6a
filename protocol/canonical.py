"""Canonical JSON: RFC 8785 restricted so far that one value has exactly one form (docs/protocol.md, section 1).

The profile: ASCII member names, each once; no floats; integers within ±(2^53-1); no lone surrogates; at most
16 containers inside one another. Outside this profile orjson and RFC 8785 differ (member names beyond the BMP
sort otherwise, floats print otherwise), so the profile is checked before orjson writes anything.
"""

from typing import TYPE_CHECKING, Final, TypeAlias

import orjson

from protocol.errors import LocalError, RemoteError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What `decode` returns: plain containers, always owned by the caller.
JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | int | bool | None"
#: What `encode` takes: the same, covariant, so that a `dict[str, str]` is accepted as it is.
JsonInput: TypeAlias = "Mapping[str, JsonInput] | Sequence[JsonInput] | str | int | bool | None"

MAX_INTEGER: Final = 2**53 - 1
MAX_DEPTH: Final = 16


class _OutsideProfileError(Exception):
    """The value has no canonical form here; the message says why and quotes nothing of it."""


def encode(value: JsonInput) -> bytes:
    """Return the canonical JSON of a value, UTF-8.

    Takes exactly dict, list, tuple, str, int, bool and None: a subclass (an Enum, a Decimal, a dataclass) has a
    meaning of its own that would be lost silently. Raises LocalError for anything outside the profile.
    """
    try:
        return _encode(value)
    except _OutsideProfileError as error:
        raise LocalError(f"this value has no canonical JSON: {error}") from None


def decode(raw: bytes, *, max_bytes: int, rule: str = "canonical") -> JsonValue:
    """Return the value whose canonical JSON is exactly `raw`.

    Received bytes are what is verified and kept, so bytes that another encoder would write otherwise (spaces,
    another order, escapes that are not needed, a member twice) are refused rather than mended.
    Raises RemoteError: "too-large" above `max_bytes`, else the given rule.
    """
    if len(raw) > max_bytes:
        raise RemoteError("too-large", f"{len(raw)} bytes of JSON", max_bytes=max_bytes)
    try:
        value: JsonValue = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        # The parser's own message is not passed on: it may quote what it read.
        raise RemoteError(rule, f"not JSON, at character {error.pos}") from None
    try:
        again = _encode(value)
    except _OutsideProfileError as error:
        raise RemoteError(rule, f"outside the profile: {error}") from None
    if again != raw:
        raise RemoteError(rule, "the value encoded again does not give these bytes")
    return value


def _encode(value: object) -> bytes:
    _check(value, depth=0)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Everything else that orjson refuses was refused by the check above.
        raise _OutsideProfileError("a lone surrogate") from None


def _check(value: object, depth: int) -> None:
    """Walk a value; the depth is judged on the way in, so hostile nesting never deepens the stack."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is int:
        if abs(value) > MAX_INTEGER:  # type: ignore[arg-type]  # the exact type is int
            raise _OutsideProfileError("an integer beyond 2^53-1")
    elif depth == MAX_DEPTH:
        raise _OutsideProfileError(f"deeper than {MAX_DEPTH} containers, or no JSON type at that depth")
    elif isinstance(value, dict) and kind is dict:
        for name, member in value.items():
            if type(name) is not str or not name.isascii():
                raise _OutsideProfileError("a member name that is not ASCII text")
            _check(member, depth + 1)
    elif isinstance(value, list | tuple) and kind in (list, tuple):
        for item in value:
            _check(item, depth + 1)
    else:
        raise _OutsideProfileError(f"a {kind.__name__}")
