"""The pass that a node shows at the parts endpoint: one method, one part, five minutes (docs/protocol.md section 3)."""

from dataclasses import dataclass
from typing import Final

from keys.signing import SigningKey
from protocol import jws
from protocol.attachment import read_length
from protocol.errors import RemoteError
from protocol.party import MAX_U32, hash_of, party_of, time_of
from protocol.shape import integer, object_of, text

#: The `Authorization` header is this word, a space and the JWS.
SCHEME: Final = "Simpul"
#: Seconds between the pass's time and the hub's, before or after.
MAX_AGE_SECONDS: Final = 300
#: Bytes of content that one PUT carries. A longer part comes in several, so that no server need hold a whole one.
MAX_PIECE_BYTES: Final = 4_194_304
METHODS: Final = ("GET", "HEAD", "PUT")
_MAX_PASS_BYTES: Final = 2_048


@dataclass(frozen=True, slots=True)
class PartPass:
    """What a node asks of the parts endpoint, unsigned.

    Wire form (the payload of a `simpul-part+jws`):
    `{"at":…,"hub":"pusat","id":b64u(H(ciphertext)),"len":131104,"method":"PUT","node":"jabar","v":1}`; `len` stands on
    PUT alone: how long the whole part is going to be.
    """

    hub: str
    node: str
    at: int
    method: str
    id: str
    len: int | None = None

    def sign(self, key: SigningKey) -> str:
        """Return the JWS."""
        length = {} if self.len is None else {"len": self.len}
        return jws.sign(
            key,
            jws.PART,
            {
                "v": 1,
                "hub": self.hub,
                "node": self.node,
                "at": self.at,
                "method": self.method,
                "id": self.id,
                **length,
            },
        )


def read_part_pass(raw: str) -> tuple[PartPass, jws.Unverified]:
    """Parse a pass; the caller finds the key of `node` and verifies. Raises RemoteError naming the rule."""
    token = jws.read(raw, jws.PART, max_bytes=_MAX_PASS_BYTES)
    names = ("v", "hub", "node", "at", "method", "id")
    puts = isinstance(token.payload, dict) and token.payload.get("method") == "PUT"
    found = object_of(token.payload, (*names, "len") if puts else names)
    if integer(found["v"], 1, MAX_U32) != 1:
        raise RemoteError("members", "a version that this party does not speak", v=1)
    method = text(found["method"], max_chars=4)
    if method not in METHODS:
        raise RemoteError("members", "no method of the parts endpoint", methods=list(METHODS))
    found_pass = PartPass(
        hub=party_of(found["hub"]),
        node=party_of(found["node"]),
        at=time_of(found["at"]),
        method=method,
        id=hash_of(found["id"]),
        len=read_length(found["len"]) if puts else None,
    )
    return found_pass, token


def check_part_pass(shown: PartPass, *, hub: str, method: str, part: str, now: int) -> None:
    """Raise RemoteError unless the pass is for this hub, method and part, and of these five minutes."""
    if shown.hub != hub:
        raise RemoteError("addressed", "the pass is addressed to another hub", hub=hub)
    if (shown.method, shown.id) != (method, part):
        raise RemoteError("pass", "the pass is for another method or another part", method=method, id=part)
    if abs(now - shown.at) > MAX_AGE_SECONDS:
        raise RemoteError("pass", "the pass is not of these five minutes", now=now)
