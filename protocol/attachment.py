"""Attachments: files too large for a seal, each under a key of its own (docs/protocol.md section 3).

The key, the name, the type and the true length stand inside the seal; what travels and is named is the ciphertext's
id and length. A file is encrypted afresh, under a fresh key, at every hop.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from keys import b64u
from protocol.canonical import JsonValue
from protocol.errors import LocalError, RemoteError
from protocol.party import MAX_U32, hash_of
from protocol.shape import array, b64u_bytes, integer, object_of, text

KEY_BYTES: Final = 32
CHUNK_BYTES: Final = 65_536
_TAG_BYTES: Final = 16
_COUNTER_BYTES: Final = 11
#: The smallest padded size; what a watcher learns of a length is its power of two.
_LEAST_BYTES: Final = 1_024
#: Of one file. A node's own limit on a case is lower.
MAX_FILE_BYTES: Final = 33_554_432
#: Of one entry, and of all their ciphertexts together.
MAX_FILES: Final = 10
MAX_FILES_BYTES: Final = 50_331_648
#: One chunk travels inside a bundle; what has more of them is served by the parts endpoint.
MAX_BUNDLED_BYTES: Final = CHUNK_BYTES + _TAG_BYTES
MAX_NAME_CHARS: Final = 200
_MAX_TYPE_CHARS: Final = 100
#: No control characters, no separators of paths, and none that turn the direction of writing ("gpj.exe").
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f/\\\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]*")


@dataclass(frozen=True, slots=True)
class FileName:
    """How an entry names an attachment, in `files`: `{"id":b64u(H(ciphertext)),"len":131104}`."""

    id: str
    len: int

    @property
    def bundled(self) -> bool:
        """Whether it travels inside the bundle."""
        return self.len <= MAX_BUNDLED_BYTES

    def wire(self) -> dict[str, JsonValue]:
        """Return the wire form."""
        return {"id": self.id, "len": self.len}


@dataclass(frozen=True, slots=True, repr=False)
class Attachment:
    """How a seal tells of an attachment; secret, for it holds the key.

    Wire form: `{"id":b64u(H(ciphertext)),"key":b64u,"len":131104,"name":"foto.jpg","size":70000,"type":"image/jpeg"}`;
    `size` is the file's length in bytes, `len` the ciphertext's.
    """

    id: str
    len: int
    key: bytes
    name: str
    type: str
    size: int

    @property
    def outside(self) -> FileName:
        """How an entry names it."""
        return FileName(self.id, self.len)

    def wire(self) -> dict[str, JsonValue]:
        """Return the wire form."""
        key = b64u.encode(self.key)
        return {"id": self.id, "key": key, "len": self.len, "name": self.name, "size": self.size, "type": self.type}

    def __repr__(self) -> str:
        return f"Attachment(id={self.id!r}, hidden)"


def read_file_names(value: JsonValue) -> tuple[FileName, ...]:
    """Parse the `files` of an entry: 1 to 10, each once, of lengths that a ciphertext can have.

    Raises RemoteError("members", "too-large", "base64url", "part-form"). An entry without files has no such member.
    """
    names = tuple(_read_file_name(item) for item in array(value, MAX_FILES, name="files"))
    if not names:
        raise RemoteError("members", "files is left out where there are none")
    if len({name.id for name in names}) != len(names):
        raise RemoteError("part-form", "a file is named twice")
    if sum(name.len for name in names) > MAX_FILES_BYTES:
        raise RemoteError("too-large", "the files of one entry are too large together", max_bytes=MAX_FILES_BYTES)
    return names


def _read_file_name(value: JsonValue) -> FileName:
    found = object_of(value, ("id", "len"), name="a file")
    return FileName(hash_of(found["id"]), read_length(found["len"]))


def read_length(value: JsonValue) -> int:
    """Return the length of a ciphertext; raise RemoteError("part-form") for one that no attachment has."""
    length = integer(value, 0, MAX_U32, name="len")
    if length not in LENGTHS:
        raise RemoteError("part-form", "no attachment has this length", len=sorted(LENGTHS))
    return length


def read_attachments(value: JsonValue) -> tuple[Attachment, ...]:
    """Parse the attachments of a seal: 1 to 10; raise RemoteError("members", "too-large", "base64url", "part-form")."""
    found = tuple(_read_attachment(item) for item in array(value, MAX_FILES, name="attachments"))
    if not found:
        raise RemoteError("members", "attachments is left out where there are none")
    return found


def _read_attachment(value: JsonValue) -> Attachment:
    found = object_of(value, ("id", "key", "len", "name", "size", "type"), name="an attachment")
    size = integer(found["size"], 0, MAX_FILE_BYTES, name="size")
    length = sealed_bytes(size)
    if found["len"] != length:
        raise RemoteError("part-form", "not the length of a file of this size", len=length)
    return Attachment(
        id=hash_of(found["id"]),
        len=length,
        key=b64u_bytes(found["key"], KEY_BYTES, name="key"),
        name=text(found["name"], max_chars=MAX_NAME_CHARS, pattern=_NAME, name="name"),
        type=text(found["type"], max_chars=_MAX_TYPE_CHARS, pattern=_TYPE, name="type"),
        size=size,
    )


def check_files(named: Sequence[FileName], told: Sequence[Attachment]) -> None:
    """Raise RemoteError("part-form") unless the entry names exactly the files that its seal tells of, in order."""
    if [attachment.outside for attachment in told] != list(named):
        raise RemoteError("part-form", "the seal tells of other files than the entry names")


def padded_bytes(size: int) -> int:
    """Return the padded length in bytes of a file of `size` bytes: a power of two, 1,024 at least."""
    if not 0 <= size <= MAX_FILE_BYTES:
        raise LocalError(f"a file has at most {MAX_FILE_BYTES} bytes")
    return max(_LEAST_BYTES, 1 << max(0, size - 1).bit_length())


def sealed_bytes(size: int) -> int:
    """Return the ciphertext's length in bytes of a file of `size` bytes."""
    padded = padded_bytes(size)
    return padded + _TAG_BYTES * -(-padded // CHUNK_BYTES)


#: Every length that a ciphertext can have.
LENGTHS: Final = frozenset(sealed_bytes(1 << n) for n in range(10, MAX_FILE_BYTES.bit_length()))


class Encryption:
    """A file on its way to being an attachment, under a fresh key that nothing else is ever encrypted under.

    Iterate once: it gives the ciphertext, 64 KiB of the zero-padded content and a tag of 16 bytes each. The nonce is an
    11-byte big-endian counter and a byte that is 1 on the last chunk alone, so that no chunk can be left out, moved or
    cut off unnoticed. Then `attachment` tells what was made.
    """

    def __init__(self, content: Iterable[bytes], size: int) -> None:
        """`content` gives `size` bytes in chunks of any length."""
        self._chunks: Iterator[bytes] | None = _rechunked(content, CHUNK_BYTES)
        self._size: Final = size
        self._padded: Final = padded_bytes(size)
        self._key: Final = secrets.token_bytes(KEY_BYTES)
        self._hash: Final = hashlib.sha256()
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        chunks, self._chunks = self._chunks, None
        if chunks is None:
            raise LocalError("a key encrypts one file, once")
        cipher, given = ChaCha20Poly1305(self._key), 0
        for n, (room, final) in enumerate(_chunk_sizes(self._padded)):
            chunk = next(chunks, b"")
            given += len(chunk)
            sealed = cipher.encrypt(_nonce(n, final=final), chunk.ljust(room, b"\0"), None)
            self._hash.update(sealed)
            yield sealed
        if given != self._size or next(chunks, None) is not None:
            raise LocalError("the file has not the size that was told")
        self._whole = True

    def attachment(self, name: str, content_type: str) -> Attachment:
        """Return what the seal must tell; raise LocalError before the last chunk was taken."""
        if not self._whole:
            raise LocalError("the id is known when the last chunk was made")
        length = sealed_bytes(self._size)
        return Attachment(b64u.encode(self._hash.digest()), length, self._key, name, content_type, self._size)


def decrypt(ciphertext: Iterable[bytes], attachment: Attachment) -> Iterator[bytes]:
    """Give the file's bytes, chunk by chunk, from the ciphertext in chunks of any length.

    Raises RemoteError("seal") where a chunk does not open or the length or padding is wrong, "part-id" where the whole
    is not what `id` names: whoever keeps what came before the end must throw it away then.
    """
    cipher, digest, left = ChaCha20Poly1305(attachment.key), hashlib.sha256(), attachment.size
    chunks = _rechunked(ciphertext, CHUNK_BYTES + _TAG_BYTES)
    for n, (room, final) in enumerate(_chunk_sizes(padded_bytes(attachment.size))):
        sealed = next(chunks, b"")
        digest.update(sealed)
        try:
            opened = cipher.decrypt(_nonce(n, final=final), sealed, None)
        except InvalidTag as error:
            raise RemoteError("seal", "a chunk of the attachment does not open") from error
        if len(opened) != room or any(opened[left:]):
            raise RemoteError("seal", "the padding of the attachment is not the one of its size, filled with zeros")
        yield opened[:left]
        left -= min(left, room)
    if next(chunks, None) is not None or b64u.encode(digest.digest()) != attachment.id:
        raise RemoteError("part-id", "the bytes are not those of the attachment that was named", id=attachment.id)


def _chunk_sizes(padded: int) -> Iterator[tuple[int, bool]]:
    """Give the size of each chunk's content in bytes, and whether it is the last."""
    for start in range(0, padded, CHUNK_BYTES):
        yield min(CHUNK_BYTES, padded - start), start + CHUNK_BYTES >= padded


def _nonce(n: int, *, final: bool) -> bytes:
    return n.to_bytes(_COUNTER_BYTES, "big") + (b"\x01" if final else b"\x00")


def _rechunked(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Give the same bytes in chunks of `size`, the last one shorter; none where there is nothing."""
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= size:
            yield bytes(waiting[:size])
            del waiting[:size]
    if waiting:
        yield bytes(waiting)
