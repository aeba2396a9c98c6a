"""Checkpoints of the log: C2SP tlog-checkpoint, a signed note (C2SP signed-note) with Ed25519, type 0x01.

Wire form, UTF-8, every line ended by one newline:

    hub.example/log1                                     origin, which is also the name of the log's key
    20852163                                             size, decimal
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=         root, base64
                                                         (extension lines would stand before this empty one)
    — hub.example/log1 Az3grlgtzPICa5OS8npVmf1M…         base64(key id, 4 bytes ‖ signature, 64 bytes)

Signatures of other keys (witnesses, 0x04) may stand beside the log's and are passed over here. It does not judge
whether a checkpoint is consistent with an earlier one: merkle.verify_consistency does.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from re import compile as pattern
from typing import Final

from keys.digest import sha256
from keys.errors import BadKeyError, BadSignatureError
from keys.signing import SigningKey, VerifyKey
from protocol import merkle
from protocol.errors import LocalError, RemoteError

#: signed-note's byte for plain Ed25519.
ED25519: Final = b"\x01"
MAX_NOTE_BYTES: Final = 64 * 1024
#: signed-note obliges readers to accept 16; more than this would only be work for us.
MAX_SIGNATURES: Final = 16
MAX_VKEY_CHARS: Final = 1024

_KEY_ID_BYTES: Final = 4
_PUBLIC_BYTES: Final = 32
_DASH: Final = "— "
_SIZE: Final = pattern(r"0|[1-9][0-9]{0,18}")
#: signed-note forbids the controls below U+0020 other than newline.
_CONTROL: Final = pattern(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: origin, number of leaves, 32-byte root. `extensions` are opaque lines, normally none."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def body(self) -> bytes:
        """Return the note text that is signed, with its last newline. Raises LocalError for what is no checkpoint."""
        lines = (self.origin, str(self.size), _base64(self.root), *self.extensions)
        text = "".join(f"{line}\n" for line in lines)
        if not 0 <= self.size <= merkle.MAX_SIZE or len(self.root) != merkle.HASH_BYTES:
            raise LocalError("a checkpoint has a size of 63 bits and a root of 32 bytes")
        if "" in lines or text.count("\n") != len(lines) or _CONTROL.search(text):
            raise LocalError("the lines of a checkpoint are not empty and hold no control characters")
        return text.encode()


@dataclass(frozen=True, slots=True)
class Verified:
    """A checkpoint that the expected log key signed, with the whole note as received, cosignatures included."""

    checkpoint: Checkpoint
    note: str


def vkey(name: str, key: VerifyKey) -> str:
    """Return a key as logs publish it: name "+" key id as 8 hex digits "+" base64(01 ‖ 32-byte key)."""
    return f"{name}+{key_id(name, key).hex()}+{_base64(ED25519 + key.raw)}"


def parse_vkey(text: str) -> tuple[str, VerifyKey]:
    """Return name and key of what `vkey` wrote, and of no other spelling of it. Raises RemoteError("note")."""
    if len(text) > MAX_VKEY_CHARS:
        raise RemoteError("note", "the verifier key is too long", max_chars=MAX_VKEY_CHARS)
    name, _, rest = text.partition("+")
    encoded = rest.partition("+")[2]
    raw = _unbase64(encoded, "the verifier key")
    if not _is_name(name) or len(raw) != 1 + _PUBLIC_BYTES or raw[:1] != ED25519:
        raise RemoteError("note", "not a verifier key of type Ed25519")
    try:
        key = VerifyKey(raw[1:])
    except BadKeyError:
        raise RemoteError("note", "the verifier key holds no acceptable Ed25519 key") from None
    if vkey(name, key) != text:
        raise RemoteError("note", "the key id does not belong to this name and key")
    return name, key


def key_id(name: str, key: VerifyKey) -> bytes:
    """Return the 4 bytes by which a signature line names its key. Raises LocalError for what cannot be a key name."""
    if not _is_name(name):
        raise LocalError("a key name is not empty and has no space, plus or control character")
    return sha256(name.encode(), b"\n", ED25519, key.raw)[:_KEY_ID_BYTES]


def sign(checkpoint: Checkpoint, name: str, key: SigningKey) -> str:
    """Return the signed note. Raises LocalError unless `name` is the checkpoint's origin, which readers insist on."""
    if name != checkpoint.origin:
        raise LocalError("a log signs checkpoints of its own origin only")
    body = checkpoint.body()
    signature = _base64(key_id(name, key.public) + key.sign(body))
    return f"{body.decode()}\n{_DASH}{name} {signature}\n"


def read(note: str | bytes, name: str, key: VerifyKey) -> Verified:
    """Return the checkpoint of the log `name`, verified under its key.

    `note` is at most 64 KiB with at most 16 signature lines, of which exactly one must be this key's, and valid.
    Raises RemoteError: "too-large" above 64 KiB, else "note".
    """
    text = _text(note)
    body, separator, tail = text.partition("\n\n")
    # A checkpoint has no empty line of its own, so the first one is also the last, which is the one that counts.
    if not separator or not tail.endswith("\n"):
        raise RemoteError("note", "no signatures after an empty line")
    body += "\n"
    wanted = (name, key_id(name, key))
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise RemoteError("note", f"{len(lines)} signature lines", max_signatures=MAX_SIGNATURES)
    ours = [signature for who, signature in map(_signature_line, lines) if who == wanted]
    if len(ours) != 1:
        raise RemoteError("note", f"{len(ours)} signatures of the expected key instead of one", name=name)
    try:
        key.verify(ours[0], body.encode())
    except BadSignatureError:
        raise RemoteError("note", "the checkpoint does not verify under the log's key") from None
    return Verified(_parse(body, name), text)


def _parse(body: str, origin: str) -> Checkpoint:
    lines = body[:-1].split("\n")
    if len(lines) < 3:  # noqa: PLR2004  # origin, size and root
        raise RemoteError("note", "not the lines of a checkpoint")
    if lines[0] != origin:
        raise RemoteError("note", "a checkpoint of another origin", origin=origin)
    if _SIZE.fullmatch(lines[1]) is None or int(lines[1]) > merkle.MAX_SIZE:
        raise RemoteError("note", "the size is no decimal number of 63 bits")
    size, root = int(lines[1]), _unbase64(lines[2], "the root")
    if len(root) != merkle.HASH_BYTES or (size == 0 and root != merkle.EMPTY_ROOT):
        raise RemoteError("note", "the root is none of a tree of this size")
    return Checkpoint(origin, size, root, tuple(lines[3:]))


def _signature_line(line: str) -> tuple[tuple[str, bytes], bytes]:
    """Return ((key name, key id), signature) of one line."""
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not _is_name(name):
        raise RemoteError("note", "not a signature line")
    raw = _unbase64(encoded, "a signature line")
    if len(raw) <= _KEY_ID_BYTES:
        raise RemoteError("note", "a signature line without a signature")
    return (name, raw[:_KEY_ID_BYTES]), raw[_KEY_ID_BYTES:]


def _text(note: str | bytes) -> str:
    try:
        raw = note.encode() if isinstance(note, str) else note
        if len(raw) > MAX_NOTE_BYTES:
            raise RemoteError("too-large", f"a note of {len(raw)} bytes", max_bytes=MAX_NOTE_BYTES)
        text = raw.decode()
    except UnicodeError:
        raise RemoteError("note", "not UTF-8") from None
    if _CONTROL.search(text):
        raise RemoteError("note", "a control character other than newline")
    return text


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(char.isspace() or char < " " for char in name)


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")


def _unbase64(text: str, what: str) -> bytes:
    """Decode standard, padded base64; encoding again must give the text, so that one value has one form."""
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raw = b""
    if _base64(raw) != text:
        raise RemoteError("note", f"{what} is not strict base64")
    return raw
