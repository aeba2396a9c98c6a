"""Parts: what is sealed travels beside what is signed (docs/protocol.md section 3)."""

from dataclasses import dataclass
from typing import Final

from keys import b64u
from keys.digest import sha256
from keys.errors import CannotOpenError
from keys.sealing import SEAL_OVERHEAD_BYTES, SealingKey, SealingPublicKey
from protocol import canonical
from protocol.attachment import FileName
from protocol.canonical import JsonValue
from protocol.errors import LocalError, RemoteError
from protocol.party import MAX_U32, hash_of
from protocol.shape import integer, object_of

#: Sizes of the padded content in bytes; what a watcher learns of a length is which of the four it is.
PADDED_BYTES: Final = (1_024, 4_096, 16_384, 65_536)
_LENGTH_BYTES: Final = 4
MAX_CONTENT_BYTES: Final = PADDED_BYTES[-1] - _LENGTH_BYTES
#: Sizes of a sealed part in bytes.
SEALED_BYTES: Final = frozenset(size + SEAL_OVERHEAD_BYTES for size in PADDED_BYTES)
PURPOSES: Final = frozenset({"case", "identity", "message", "reply", "file"})
_LABEL: Final = b"simpul/seal/v1\0"


@dataclass(frozen=True, slots=True)
class SealContext:
    """What a seal is bound to; a seal moved to any other place does not open.

    Wire form, within `info`: `{"epoch":0,"from":"jabar","id":…,"kid":…,"purpose":"case","ref":…,"to":"kemnaker"}`.
    """

    sender: str
    recipient: str
    id: str
    ref: str
    kid: str
    purpose: str
    epoch: int = 0

    def info(self) -> bytes:
        """Return the HPKE `info`: the label, a zero byte and the canonical JSON of the seven members."""
        return _LABEL + canonical.encode(
            {
                "epoch": self.epoch,
                "from": self.sender,
                "id": self.id,
                "kid": self.kid,
                "purpose": self.purpose,
                "ref": self.ref,
                "to": self.recipient,
            }
        )


@dataclass(frozen=True, slots=True)
class PartName:
    """How an entry names a part: `{"id":b64u(H(ciphertext)),"kid":…,"len":2160}`."""

    id: str
    len: int
    kid: str

    def wire(self) -> dict[str, JsonValue]:
        """Return the wire form."""
        return {"id": self.id, "kid": self.kid, "len": self.len}


@dataclass(frozen=True, slots=True)
class Part:
    """A sealed part: its name and its ciphertext."""

    name: PartName
    ciphertext: bytes


def part_id(ciphertext: bytes) -> str:
    """Return b64u(H(ciphertext))."""
    return b64u.encode(sha256(ciphertext))


def read_part_name(value: JsonValue) -> PartName:
    """Parse the name of a part; raise RemoteError for a length that no seal has."""
    found = object_of(value, ("id", "kid", "len"))
    length = integer(found["len"], 0, MAX_U32)
    if length not in SEALED_BYTES:
        raise RemoteError("part-form", "no seal has this length", len=sorted(SEALED_BYTES))
    return PartName(id=hash_of(found["id"]), len=length, kid=hash_of(found["kid"]))


def pad(content: bytes) -> bytes:
    """Return 4-byte big-endian length ‖ content ‖ zeros up to the smallest size that holds it."""
    for size in PADDED_BYTES:
        if len(content) + _LENGTH_BYTES <= size:
            return len(content).to_bytes(_LENGTH_BYTES, "big") + content + bytes(size - _LENGTH_BYTES - len(content))
    raise LocalError(f"content of {len(content)} bytes is over the {MAX_CONTENT_BYTES} that one seal holds")


def unpad(padded: bytes) -> bytes:
    """Return the content; raise RemoteError("seal") unless the padding is exactly the one that `pad` makes."""
    length = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    content = padded[_LENGTH_BYTES : _LENGTH_BYTES + length]
    if length > MAX_CONTENT_BYTES or pad(content) != padded:
        raise RemoteError("seal", "the padding is not the smallest that holds the content, filled with zeros")
    return content


def seal(content: bytes, key: SealingPublicKey, context: SealContext) -> Part:
    """Seal `content` (at most 65,532 bytes) to `key`; `context.kid` must be the key's own."""
    if context.kid != key.kid or context.purpose not in PURPOSES:
        raise LocalError("the context is that of another key or purpose")
    ciphertext = key.seal(pad(content), context.info())
    return Part(PartName(part_id(ciphertext), len(ciphertext), key.kid), ciphertext)


def open_part(ciphertext: bytes, key: SealingKey, context: SealContext) -> bytes:
    """Return the content of a seal; raise RemoteError("seal") if it does not open under this key and context."""
    try:
        return unpad(key.open(ciphertext, context.info()))
    except CannotOpenError as error:
        raise RemoteError("seal", "the seal does not open under this key and context") from error


def check_part(name: PartName | FileName, ciphertext: bytes) -> None:
    """Raise RemoteError unless `ciphertext` is the part that `name` names."""
    if len(ciphertext) != name.len or part_id(ciphertext) != name.id:
        raise RemoteError("part-id", "the bytes are not those of the part that the entry names", id=name.id)
