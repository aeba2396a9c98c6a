"""Backup files: one stream, encrypted in chunks so that nothing of it can be cut off, moved or changed unnoticed.

A file is the line `simpul/backup/v1`, one line of canonical JSON (its label), and the chunks: 64 KiB of the stream and
a tag of 16 bytes each, ChaCha20-Poly1305 (RFC 8439) under a fresh key. The nonce is an 11-byte big-endian counter and a
byte that is 1 on the last chunk alone, as in attachments. The fresh key stands in the label, wrapped under a key that
follows from the keyring; the wrapping binds the rest of the label.
"""

import io
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from keys import b64u
from keys.digest import hkdf, sha256
from keys.errors import DamagedBackupError, EncodingError, ForeignBackupError, KeysError

CHUNK_BYTES: Final = 65_536
KEY_BYTES: Final = 32
#: Key files stand in the label; no party has as many as this.
MAX_LABEL_BYTES: Final = 8 << 20
#: Stands before every label: what this file is, for people and for `file`.
MAGIC: Final = b"simpul/backup/v1\n"

_TAG_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_COUNTER_BYTES: Final = 11
_ID_BYTES: Final = 16
_WHATS: Final = frozenset({"data", "keys"})
_NAMING: Final = b"simpul/backup/key-id/v1\0"
# What parsing arbitrary JSON with members of arbitrary types can raise.
_NOT_A_LABEL: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError, EncodingError)


@dataclass(frozen=True, slots=True)
class Label:
    """What a backup file tells of itself without a key: whose it is, what it holds, and from when.

    `role` is "node" or "hub", `party` its id, `what` "data" or "keys", `at` the time in seconds since 1970. `files` are
    key files as they are, path → content: each is under its own passphrase.

    Wire form, with the wrapped key: `{"at":…,"files":{"keys/node.key":b64u},"key":b64u,"party":…,"role":…,"what":…,
    "wrapped":b64u}`; `key` names the wrapping key, so that a file of another key ring is told from a damaged one.
    """

    role: str
    party: str
    what: str
    at: int
    files: Mapping[str, bytes] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))

    def _members(self, key_id: str) -> dict[str, object]:
        return {
            "at": self.at,
            "files": {name: b64u.encode(content) for name, content in self.files.items()},
            "key": key_id,
            "party": self.party,
            "role": self.role,
            "what": self.what,
        }


class SealedWriter:
    """Encrypts a stream into a file.

    Only `finish` makes it a whole one: what failed before leaves a file that no reader takes for whole.
    """

    def __init__(self, target: BinaryIO, label: Label, secret: bytes) -> None:
        """Write the label to `target`; `secret` is one of the party's own that is never sent."""
        wrapping_key = _wrapping_key(secret, label.what)
        key, nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
        members = label._members(_key_id(wrapping_key))  # noqa: SLF001  of this module
        wrapped = nonce + AESGCM(wrapping_key).encrypt(nonce, key, _canonical(members))
        line = _canonical(members | {"wrapped": b64u.encode(wrapped)})
        if len(line) >= MAX_LABEL_BYTES:
            raise KeysError("the key files are larger than any key files are")
        self._target: Final = target
        self._cipher: Final = ChaCha20Poly1305(key)
        self._count = 0
        self._waiting = bytearray()
        target.write(MAGIC + line + b"\n")

    def write(self, content: bytes) -> int:
        """Take the next bytes of the stream; raise OSError where the disk refuses."""
        self._waiting += content
        # One byte more than a chunk must be there: only then is the chunk known not to be the last.
        while len(self._waiting) > CHUNK_BYTES:
            self._put(bytes(self._waiting[:CHUNK_BYTES]), final=False)
            del self._waiting[:CHUNK_BYTES]
        return len(content)

    def finish(self) -> None:
        """Write the last chunk."""
        self._put(bytes(self._waiting), final=True)
        self._waiting.clear()

    def _put(self, chunk: bytes, *, final: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._count, final=final), chunk, None))
        self._count += 1


class SealedReader(io.RawIOBase):
    """Decrypts a file into its stream. Raises DamagedBackupError at the first byte that is not as it was written.

    What was read before the end may be of a file that was cut off: nothing counts until `drain` has returned.
    """

    def __init__(self, source: BinaryIO, secret: bytes) -> None:
        """Read the label of `source`, which stands at its beginning, and unwrap the file's key.

        `secret` is the one that it was written under. Raises ForeignBackupError where the file was made under
        other keys, DamagedBackupError where it is no whole label.
        """
        super().__init__()
        self.label, members, wrapped = _read_label(source)
        self._source: Final = source
        self._cipher: Final = ChaCha20Poly1305(_unwrapped(self.label, members, wrapped, secret))
        self._count = 0
        self._opened = memoryview(b"")
        self._next: bytes = source.read(CHUNK_BYTES + _TAG_BYTES)
        self._ended = False
        self._at = 0

    def readable(self) -> bool:
        """Tell that this is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  the base class's own type
        """Fill the buffer as far as the present chunk goes; 0 at the end of a whole file."""
        while not self._opened and not self._ended:
            self._open()
        view = memoryview(buffer).cast("B")
        count = min(len(view), len(self._opened))
        view[:count] = self._opened[:count]
        self._opened = self._opened[count:]
        return count

    def drain(self) -> None:
        """Read what is left, and so make sure that the file is whole."""
        while self.read(CHUNK_BYTES):
            pass

    def _open(self) -> None:
        sealed, self._next = self._next, self._source.read(CHUNK_BYTES + _TAG_BYTES)
        final = not self._next
        try:
            opened = self._cipher.decrypt(_nonce(self._count, final=final), sealed, None)
        except InvalidTag as error:
            raise DamagedBackupError(self._why(sealed, final=final)) from error
        self._opened, self._ended = memoryview(opened), final
        self._count += 1
        self._at += len(sealed)

    def _why(self, sealed: bytes, *, final: bool) -> str:
        where = f"{self._at} bytes behind its label"
        if final and (len(sealed) < CHUNK_BYTES + _TAG_BYTES or self._opens_as_not_the_last(sealed)):
            return f"the backup file was cut off, or damaged, {where}: copy it again, or take an older one"
        return f"the backup file is damaged {where}: copy it again, or take an older one"

    def _opens_as_not_the_last(self, sealed: bytes) -> bool:
        try:
            self._cipher.decrypt(_nonce(self._count, final=False), sealed, None)
        except InvalidTag:
            return False
        return True


def read_label(source: BinaryIO) -> Label:
    """Return what a file tells of itself, unproven: the files in it say which keys prove it.

    Raises DamagedBackupError for what is no backup file.
    """
    return _read_label(source)[0]


def _read_label(source: BinaryIO) -> tuple[Label, dict[str, object], bytes]:
    if source.read(len(MAGIC)) != MAGIC:
        raise DamagedBackupError("this is no backup file of Simpul, or its beginning is damaged")
    line = source.readline(MAX_LABEL_BYTES)
    try:
        label, members, wrapped = _parsed(line)
    except _NOT_A_LABEL as error:
        raise DamagedBackupError("the label of the backup file is damaged: copy it again") from error
    return label, members, wrapped


def _parsed(line: bytes) -> tuple[Label, dict[str, object], bytes]:
    found = json.loads(line)
    files = {str(name): b64u.decode(content) for name, content in found["files"].items()}
    label = Label(found["role"], found["party"], found["what"], found["at"], files)
    if any(not isinstance(text, str) for text in (label.role, label.party, label.what)) or type(label.at) is not int:
        raise TypeError("texts and a time")
    if label.what not in _WHATS:
        raise ValueError("holds data or keys")
    wrapped = b64u.decode(found["wrapped"], size=_NONCE_BYTES + KEY_BYTES + _TAG_BYTES)
    members = label._members(found["key"])  # noqa: SLF001  of this module
    # Writing it again must give the very bytes: nothing else is there.
    if _canonical(members | {"wrapped": found["wrapped"]}) + b"\n" != line:
        raise ValueError("not what was written")
    return label, members, wrapped


def _unwrapped(label: Label, members: dict[str, object], wrapped: bytes, secret: bytes) -> bytes:
    wrapping_key = _wrapping_key(secret, label.what)
    if members["key"] != _key_id(wrapping_key):
        raise ForeignBackupError(
            f"this backup of {label.role} {label.party} was made under other keys than these: name the right --keys"
        )
    try:
        return AESGCM(wrapping_key).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _canonical(members))
    except InvalidTag as error:
        raise DamagedBackupError("the label of the backup file was changed after it was written") from error


def _wrapping_key(secret: bytes, what: str) -> bytes:
    return hkdf(secret, f"simpul/backup/{what}/v1")


def _key_id(wrapping_key: bytes) -> str:
    return b64u.encode(sha256(_NAMING, wrapping_key)[:_ID_BYTES])


def _nonce(count: int, *, final: bool) -> bytes:
    return count.to_bytes(_COUNTER_BYTES, "big") + (b"\x01" if final else b"\x00")


def _canonical(members: dict[str, object]) -> bytes:
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode("ascii")
