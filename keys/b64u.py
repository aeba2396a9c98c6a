"""base64url without padding (RFC 4648 section 5), in its one strict form.

A lenient decoder makes sixteen texts of one signature, and so sixteen "different" entries of one: whatever encoding
again does not reproduce is refused (protocol section 1).
"""

import base64
import binascii

from keys.errors import EncodingError


def encode(raw: bytes) -> str:
    """`raw` as base64url text without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str, *, size: int | None = None) -> bytes:
    """The bytes of which `text` is the one encoding, exactly `size` bytes when that is given.

    Raises EncodingError for padding, whitespace, a foreign character, loose last bits or another size; the message
    never quotes the text, which may be a secret.
    """
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, binascii.Error) as error:
        raise EncodingError("not base64url text: send A-Z a-z 0-9 - _ without padding") from error
    # Python's decoder skips foreign characters and ignores loose bits; comparing the encoding catches both.
    if encode(raw) != text:
        raise EncodingError("not the one base64url form of its bytes: encode them again, without padding or whitespace")
    if size is not None and len(raw) != size:
        raise EncodingError(f"{len(raw)} bytes where {size} are needed")
    return raw
