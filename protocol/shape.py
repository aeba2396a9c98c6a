"""Small readers that every parser of wire members uses: the right type, size and names, or a RemoteError.

Details name the member, never its value: a problem document must not repeat what was sealed or personal.
They check shape only; what the values mean is for the module of their wire type.
"""

from collections.abc import Iterable
from re import Pattern

from keys import b64u
from keys.errors import EncodingError
from protocol.canonical import JsonValue
from protocol.errors import RemoteError


def object_of(
    value: JsonValue, names: Iterable[str], optional: Iterable[str] = (), *, name: str = "the value"
) -> dict[str, JsonValue]:
    """Return an object that has all of `names`, perhaps some of `optional`, and nothing else.

    Raises RemoteError("members"); its `members` and `optional` list what was expected.
    """
    required, allowed = set(names), set(optional)
    if not isinstance(value, dict):
        raise RemoteError("members", f"{name} is not an object")
    missing, unknown = required - value.keys(), value.keys() - required - allowed
    if missing or unknown:
        # Unknown names are counted, not repeated: they are the peer's own words.
        detail = f"{name} lacks {', '.join(sorted(missing)) or 'nothing'} and has {len(unknown)} unknown members"
        raise RemoteError("members", detail, members=sorted(required), optional=sorted(allowed))
    return value


def text(value: JsonValue, *, max_chars: int, pattern: Pattern[str] | None = None, name: str = "the value") -> str:
    """Return a string of at most `max_chars` code points that is all `pattern`. Raises RemoteError("members")."""
    if not isinstance(value, str):
        raise RemoteError("members", f"{name} is not text")
    if len(value) > max_chars:
        raise RemoteError("members", f"{name} is too long", max_chars=max_chars)
    if pattern is not None and pattern.fullmatch(value) is None:
        raise RemoteError("members", f"{name} is not of the form expected", pattern=pattern.pattern)
    return value


def integer(value: JsonValue, low: int, high: int, *, name: str = "the value") -> int:
    """Return an integer from `low` to `high`, both included; true and false are none. Raises RemoteError("members")."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise RemoteError("members", f"{name} is not an integer")
    if not low <= value <= high:
        raise RemoteError("members", f"{name} is out of range", low=low, high=high)
    return value


def b64u_bytes(value: JsonValue, size: int | None, *, name: str = "the value") -> bytes:
    """Return the `size` bytes (any number if None) behind strict base64url text.

    Raises RemoteError: "members" when it is no text, "base64url" when it is not the one form of that many bytes.
    """
    if not isinstance(value, str):
        raise RemoteError("members", f"{name} is not text")
    try:
        return b64u.decode(value, size=size)
    except EncodingError:
        wanted = "some" if size is None else str(size)
        raise RemoteError("base64url", f"{name} is not the base64url of {wanted} bytes") from None


def array(value: JsonValue, max_items: int, *, name: str = "the value") -> list[JsonValue]:
    """Return a list of at most `max_items`. Raises RemoteError: "members", or "too-large" when there are more."""
    if not isinstance(value, list):
        raise RemoteError("members", f"{name} is not an array")
    if len(value) > max_items:
        raise RemoteError("too-large", f"{name} has {len(value)} items", max_items=max_items)
    return value
