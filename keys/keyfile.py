"""Key files: one secret, encrypted under a passphrase, in one small JSON file.

A reader tells three things apart, because the way out differs: a wrong passphrase (type it again), a damaged file
(restore it), an exposed file (close it, and think about new keys).
"""

import hmac
import json
import secrets
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keys import b64u
from keys._durable import make_private_directory, read_private, write_private
from keys.digest import hkdf, sha256
from keys.errors import DamagedKeyFileError, EncodingError, KeyFileError, WrongPassphraseError

MAX_FILE_BYTES: Final = 1 << 20

_FORMAT: Final = "simpul/key-file/v1"
_KEY_LABEL: Final = "simpul/key-file/key/v1"
_CHECK_LABEL: Final = "simpul/key-file/check/v1"
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
# What parsing arbitrary JSON with members of arbitrary types can raise.
_NOT_AN_ENVELOPE: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError, EncodingError)


@dataclass(frozen=True, slots=True)
class KdfCost:
    """What one guess of the passphrase costs: Argon2id (RFC 9106) memory in KiB, passes over it, and lanes."""

    memory_kib: int
    passes: int
    lanes: int

    def is_bounded(self) -> bool:
        """Whether deriving a key at this cost is possible, and harmless to this machine."""
        return (
            1 <= self.lanes <= _MAX_LANES
            and 1 <= self.passes <= _MAX_PASSES
            and 8 * self.lanes <= self.memory_kib <= _MAX_MEMORY_KIB
        )


# The second recommended setting of RFC 9106 section 4 (64 MiB, 3 passes), but with one lane: the smallest office runs
# on one core, where four lanes cost the owner the same, and spare an attacker with many cores nothing. About 0.2 s.
DEFAULT_COST: Final = KdfCost(memory_kib=64 * 1024, passes=3, lanes=1)

# What a file may ask of its reader. Without these a planted file could take all memory before any check fails.
_MAX_MEMORY_KIB: Final = 256 * 1024
_MAX_PASSES: Final = 10
_MAX_LANES: Final = 4


@dataclass(frozen=True, slots=True)
class _Envelope:
    """The file's members. Wire form: canonical JSON of these, `format`, and `sum`, and one newline at the end.

    `check` is derived from the passphrase beside the key, so that a wrong passphrase is told from damage. It helps no
    guesser: the tag in `sealed` answers the same question at the same price. `sum` is the SHA-256 of all the rest.
    """

    purpose: str
    cost: KdfCost
    salt: bytes
    check: bytes
    nonce: bytes
    sealed: bytes

    def header(self) -> bytes:
        """What the encryption binds as associated data: everything but its own nonce and ciphertext."""
        members = self._members()
        return _canonical({name: members[name] for name in ("check", "format", "kdf", "purpose", "salt")})

    def to_bytes(self) -> bytes:
        members = self._members()
        return _canonical(members | {"sum": b64u.encode(sha256(_canonical(members)))}) + b"\n"

    def _members(self) -> dict[str, object]:
        return {
            "check": b64u.encode(self.check),
            "format": _FORMAT,
            "kdf": {"alg": "argon2id"} | asdict(self.cost),
            "nonce": b64u.encode(self.nonce),
            "purpose": self.purpose,
            "salt": b64u.encode(self.salt),
            "sealed": b64u.encode(self.sealed),
        }

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read an envelope; raises one of _NOT_AN_ENVELOPE for anything else."""
        members = json.loads(content)
        kdf = members["kdf"]
        if any(type(kdf[name]) is not int for name in ("memory_kib", "passes", "lanes")):
            raise TypeError("the cost is given in whole numbers")
        envelope = cls(
            purpose=members["purpose"],
            cost=KdfCost(memory_kib=kdf["memory_kib"], passes=kdf["passes"], lanes=kdf["lanes"]),
            salt=b64u.decode(members["salt"], size=_SALT_BYTES),
            check=b64u.decode(members["check"], size=32),
            nonce=b64u.decode(members["nonce"], size=_NONCE_BYTES),
            sealed=b64u.decode(members["sealed"]),
        )
        # Writing it again must give the very bytes: this checks the sum, the format, and that nothing else is there.
        if envelope.to_bytes() != content:
            raise ValueError("not what was written")
        return envelope


def write_key_file(
    path: Path, secret: bytes, passphrase: str, purpose: str, *, cost: KdfCost = DEFAULT_COST, replace: bool = False
) -> None:
    """Encrypt `secret` under `passphrase` into a new file at `path` (0600, durable before this returns).

    `purpose` names what the secret is, in the clear; reading asks for the same. A smaller `cost` is for tests.
    Raises KeyFileError when the file exists and `replace` is False, when the passphrase is empty, or when the disk
    refuses; ExposedKeyFileError when others may replace files in the directory.
    """
    if path.exists() and not replace:
        raise _taken(path)
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    key, check = _derive(passphrase, salt, cost)
    blank = _Envelope(purpose, cost, salt, check, nonce, b"")
    content = _Envelope(
        purpose, cost, salt, check, nonce, AESGCM(key).encrypt(nonce, secret, blank.header())
    ).to_bytes()
    if len(content) > MAX_FILE_BYTES:
        raise KeyFileError(f"a key file holds at most {MAX_FILE_BYTES} bytes, this would have {len(content)}")
    try:
        make_private_directory(path.parent)
    except OSError as error:
        raise KeyFileError(f"cannot make the directory of {path}: {error.strerror}") from error
    try:
        write_private(path, content, replace=replace)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        raise KeyFileError(f"cannot write {path}: {error.strerror}; free the disk, or name another place") from error


def read_key_file(path: Path, passphrase: str, purpose: str) -> bytes:
    """The secret in the file at `path`, which was written for `purpose`.

    Raises KeyFileError when it is missing, unreadable or made for another purpose, ExposedKeyFileError when others
    can reach it, DamagedKeyFileError when it is not what was written, WrongPassphraseError.
    """
    try:
        content = read_private(path, MAX_FILE_BYTES)
    except FileNotFoundError as error:
        raise KeyFileError(f"no key file at {path}: make one with `simpul-keys new`, or restore it") from error
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror}") from error
    try:
        envelope = _Envelope.from_bytes(content)
    except _NOT_AN_ENVELOPE as error:
        raise DamagedKeyFileError(f"{path} is damaged, or no key file: restore it from your copy") from error
    if envelope.purpose != purpose:
        raise KeyFileError(f"{path} was made for {envelope.purpose!r}, here {purpose!r} is needed: name another file")
    if not envelope.cost.is_bounded():
        raise DamagedKeyFileError(f"{path} asks for more memory or time than any key file needs: restore your copy")
    key, check = _derive(passphrase, envelope.salt, envelope.cost)
    if not hmac.compare_digest(check, envelope.check):
        raise WrongPassphraseError(f"this passphrase does not open {path}; the file itself is whole: type it again")
    try:
        return AESGCM(key).decrypt(envelope.nonce, envelope.sealed, envelope.header())
    except InvalidTag as error:
        raise DamagedKeyFileError(f"{path} was changed by somebody after it was written: restore your copy") from error


def _derive(passphrase: str, salt: bytes, cost: KdfCost) -> tuple[bytes, bytes]:
    """The file's encryption key and its check value, 32 bytes each."""
    if not passphrase:
        raise KeyFileError("the passphrase is empty: choose one")
    try:
        # One passphrase typed on two keyboards may come composed or decomposed; RFC 8265 section 4.2 settles on NFC.
        typed = unicodedata.normalize("NFC", passphrase).encode("utf-8")
    except UnicodeEncodeError as error:
        raise KeyFileError("the passphrase is not valid text: type it again") from error
    master = Argon2id(
        salt=salt, length=32, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib
    ).derive(typed)
    return hkdf(master, _KEY_LABEL), hkdf(master, _CHECK_LABEL)


def _taken(path: Path) -> KeyFileError:
    return KeyFileError(f"{path} exists already, and its keys may be the only ones that open something: move it away")


def _canonical(members: dict[str, object]) -> bytes:
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode("ascii")
