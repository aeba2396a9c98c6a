"""Leaves of the log: all that the public sees of an entry (docs/protocol.md section 6)."""

from dataclasses import dataclass
from typing import Final

from keys import b64u
from protocol import canonical
from protocol.canonical import JsonValue
from protocol.entry import SignedEntry
from protocol.errors import RemoteError
from protocol.party import HASH_BYTES, MAX_U32, hash_of, id_of, party_of
from protocol.shape import integer, object_of

#: A leaf is under 200 bytes; tlog-tiles could carry 65,535.
MAX_LEAF_BYTES: Final = 1_024


@dataclass(frozen=True, slots=True)
class Fence:
    """A fence as the public sees it: from here on, entries of `node` below `inc` do not count."""

    node: str
    inc: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf.

    Wire forms: `{"h":b64u}`, `{"h":b64u,"slot":b64u}`, `{"fence":{"inc":2,"node":"jabar"},"h":b64u}` for entries,
    `{"dir":3,"h":b64u}` for a version of the directory. `h` is 32 bytes.
    """

    h: bytes
    slot: str | None = None
    directory: int | None = None
    fence: Fence | None = None

    def encode(self) -> bytes:
        """Return the canonical bytes, which the tree hashes."""
        wire: dict[str, JsonValue] = {"h": b64u.encode(self.h)}
        if self.slot is not None:
            wire["slot"] = self.slot
        if self.directory is not None:
            wire["dir"] = self.directory
        if self.fence is not None:
            wire["fence"] = {"inc": self.fence.inc, "node": self.fence.node}
        return canonical.encode(wire)


def leaf_of(signed: SignedEntry) -> Leaf:
    """Return the leaf that the hub logs for an entry."""
    entry = signed.entry
    fence = Fence(entry.sender, entry.inc) if entry.kind == "fence" else None
    return Leaf(signed.digest, slot=entry.slot, fence=fence)


def read_leaf(raw: bytes) -> Leaf:
    """Parse a leaf; raise RemoteError."""
    found = object_of(canonical.decode(raw, max_bytes=MAX_LEAF_BYTES), ("h",), optional=("slot", "dir", "fence"))
    if len(found) > 2:  # noqa: PLR2004  `h` and at most one more
        raise RemoteError("members", "a leaf is an entry's, a fence's or a directory's, never two of them")
    return Leaf(
        h=b64u.decode(hash_of(found["h"]), size=HASH_BYTES),
        slot=id_of(found["slot"]) if "slot" in found else None,
        directory=integer(found["dir"], 1, MAX_U32) if "dir" in found else None,
        fence=_read_fence(found["fence"]) if "fence" in found else None,
    )


def _read_fence(value: JsonValue) -> Fence:
    found = object_of(value, ("inc", "node"))
    return Fence(party_of(found["node"]), integer(found["inc"], 1, MAX_U32))
