"""Names of parties, entries and times as they stand in every signed object (docs/protocol.md section 4)."""

import re
from typing import Final

from protocol.canonical import JsonValue
from protocol.shape import b64u_bytes, integer, text

#: `[a-z0-9-]{2,63}`: members and the hub.
PARTY_ID: Final = re.compile(r"[a-z0-9-]{2,63}")
#: The sender of a citizen's form, and the reader of what is sealed to a mailbox. Never a member.
REPORTER: Final = "reporter"
ID_BYTES: Final = 16
HASH_BYTES: Final = 32
MAX_INTEGER: Final = 2**53 - 1
MAX_U32: Final = 2**32 - 1


def party_of(value: JsonValue) -> str:
    """Return a party id, or raise RemoteError("members")."""
    return text(value, max_chars=63, pattern=PARTY_ID)


def id_of(value: JsonValue) -> str:
    """Return the b64u text of 16 bytes (an entry id, a thread, a slot), or raise RemoteError."""
    b64u_bytes(value, ID_BYTES)
    return str(value)


def hash_of(value: JsonValue) -> str:
    """Return the b64u text of a SHA-256, or raise RemoteError."""
    b64u_bytes(value, HASH_BYTES)
    return str(value)


def time_of(value: JsonValue) -> int:
    """Return whole seconds since 1970 (UTC), or raise RemoteError."""
    return integer(value, 0, MAX_INTEGER)


def position_of(value: JsonValue) -> int:
    """Return a position or count from 0 on, or raise RemoteError."""
    return integer(value, 0, MAX_INTEGER)
