"""At-rest keys: what a node stores of a case is encrypted under a key of this case alone, which can be destroyed.

Each key is one small file outside the database, wrapped by a key of the keyring. Destroying that file erases what the
key protected everywhere at once: in the table, in the write-ahead log and in every backup of the database.
"""

import math
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys import b64u
from keys._durable import make_private_directory, sync_directory, write_new_private
from keys.digest import sha256
from keys.errors import BadKeyError, CannotOpenError, EncodingError, KeyDestroyedError, KeyExistsError, KeysError

USES: Final = ("content", "identity", "track")
KEY_BYTES: Final = 32
CASE_ID_BYTES: Final = 16

_NONCE_BYTES: Final = 12
_WRAPPING_BYTES: Final = _NONCE_BYTES + KEY_BYTES + 16


@dataclass(frozen=True, slots=True, repr=False)
class AtRestKey:
    """The AES-256-GCM key (SP 800-38D) of one case and use. Random nonces are safe up to 2^32 texts a key."""

    case_id: str
    use: str
    key: bytes

    def __repr__(self) -> str:
        return f"AtRestKey(case_id={self.case_id!r}, use={self.use!r}, key hidden)"

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """12 bytes random nonce ‖ ciphertext ‖ 16 bytes tag; opens only for the same case, use and `context`.

        `context` names the place (a table, a row, a column), so that nobody can move a ciphertext to another.
        """
        return _encrypt(self.key, plaintext, self._bound(context))

    def open(self, sealed: bytes, context: str) -> bytes:
        """What was sealed under this key in this `context`; raises CannotOpenError otherwise."""
        try:
            return _decrypt(self.key, sealed, self._bound(context))
        except InvalidTag as error:
            raise CannotOpenError(
                f"the {self.use} key of case {self.case_id} does not open this as {context!r}"
            ) from error

    def _bound(self, context: str) -> bytes:
        return f"simpul/at-rest/v1\0{self.case_id}\0{self.use}\0{context}".encode()


class CaseKeyStore:
    """The wrapped at-rest keys below one directory, one file each.

    File name: `<first 2 hex digits of SHA-256(case id)>/<case id>.<use>`; content: 12 bytes nonce ‖ 32 bytes wrapped
    key ‖ 16 bytes tag, bound to case and use. Keep the directory out of ordinary backups: a backup of it is a second
    copy of every key that is destroyed later. A disk that refuses raises OSError.
    """

    def __init__(self, directory: Path, wrapping_keys: Mapping[str, bytes]) -> None:
        """`wrapping_keys` gives 32 bytes for each use that this store serves; raises BadKeyError otherwise."""
        for use, key in wrapping_keys.items():
            if use not in USES or len(key) != KEY_BYTES:
                raise BadKeyError(f"no wrapping key: use {use!r} with {len(key)} bytes")
        self._directory = directory
        self._wrapping_keys = MappingProxyType(dict(wrapping_keys))

    def create(self, case_id: str, use: str) -> AtRestKey:
        """Make a fresh key and return it once its wrapping is durable.

        Raises KeyExistsError when the case has one (after a crash: `get` it, or `destroy` it when nothing uses it).
        """
        return self.create_all(case_id, (use,))[0]

    def create_all(self, case_id: str, uses: Sequence[str]) -> list[AtRestKey]:
        """Make fresh keys for several uses of a case, and return them in that order once all wrappings are durable.

        Raises KeyExistsError when the case has one of them; of the others some may then be there.
        """
        files, made = {}, []
        for use in uses:
            path, wrapping_key = self._path(case_id, use), self._wrapping_key(use)
            key = AtRestKey(case_id, use, secrets.token_bytes(KEY_BYTES))
            files[path] = _encrypt(wrapping_key, key.key, _wrapping_context(case_id, use))
            made.append(key)
        make_private_directory(path.parent)
        try:
            write_new_private(files)
        except FileExistsError as error:
            raise KeyExistsError(f"case {case_id} has a key already: use that one") from error
        return made

    def get(self, case_id: str, use: str) -> AtRestKey:
        """The key of this case and use.

        Raises KeyDestroyedError when it is absent, CannotOpenError when the wrapping is damaged, half destroyed, or
        made under another wrapping key.
        """
        _, wrapping_key = self._path(case_id, use), self._wrapping_key(use)
        return _unwrapped(wrapping_key, case_id, use, self.wrapping(case_id, use)[0])

    def wrapping(self, case_id: str, use: str) -> tuple[bytes, float]:
        """The wrapped key as it is on the disk, and when it was written (Unix seconds): for a backup of the keys.

        Raises KeyDestroyedError when it is absent; one that does not unwrap is given all the same.
        """
        path = self._path(case_id, use)
        try:
            with path.open("rb") as file:
                return file.read(_WRAPPING_BYTES + 1), os.fstat(file.fileno()).st_mtime
        except FileNotFoundError as error:
            raise KeyDestroyedError(f"the {use} key of case {case_id} is destroyed: its content is erased") from error

    def put_back(self, case_id: str, use: str, wrapping: tuple[bytes, float]) -> None:
        """Put what `wrapping` gave, here or in another store under the same wrapping keys, in its place, durably.

        Raises CannotOpenError when it does not unwrap, KeyExistsError when the case has a key for this use.
        """
        path, (wrapped, made_at) = self._path(case_id, use), wrapping
        _unwrapped(self._wrapping_key(use), case_id, use, wrapped)
        make_private_directory(path.parent)
        try:
            write_new_private({path: wrapped})
        except FileExistsError as error:
            raise KeyExistsError(f"case {case_id} has a key already: use that one") from error
        os.utime(path, (made_at, made_at))

    def destroy(self, case_id: str, use: str) -> None:
        """Destroy the key for good: overwrite the file, sync, unlink, sync the directory. Repeating does no harm.

        On a plain disk and file system nothing is left. Flash remaps blocks, and copying or journalling file systems
        (btrfs, ZFS, ext4 with data=journal) and snapshots keep old ones: there the overwriting may reach a new block,
        and the old wrapping, 60 bytes, lasts until the medium reuses it. It is still wrapped: who finds it needs the
        keyring of that time too, which is why wrapping keys are worth renewing.
        """
        path = self._path(case_id, use)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return
        try:
            os.write(handle, secrets.token_bytes(_WRAPPING_BYTES))
            os.fsync(handle)
        finally:
            os.close(handle)
        path.unlink(missing_ok=True)
        sync_directory(path.parent)

    def listing(self, *, made_before: float | None = None) -> Iterator[tuple[str, str]]:
        """Each (case id, use) that has a key, in no order; other files are passed over. For collecting orphans.

        `made_before` (Unix seconds by the file system's clock) leaves out those that are younger.
        """
        for path in self._directory.glob("[0-9a-f][0-9a-f]/*"):
            case_id, _, use = path.name.partition(".")
            try:
                expected = self._path(case_id, use)
            except KeysError:
                continue
            if path == expected and (made_before is None or _made_at(path) < made_before):
                yield case_id, use

    def _path(self, case_id: str, use: str) -> Path:
        """Where the wrapping is. Both are checked here, so no name from outside ever becomes a path."""
        if use not in USES:
            raise KeysError(f"no use of an at-rest key: {use!r}")
        try:
            b64u.decode(case_id, size=CASE_ID_BYTES)
        except EncodingError as error:
            raise KeysError("no case id: 22 characters of base64url are needed") from error
        return self._directory / sha256(case_id.encode("ascii")).hex()[:2] / f"{case_id}.{use}"

    def _wrapping_key(self, use: str) -> bytes:
        try:
            return self._wrapping_keys[use]
        except KeyError as error:
            raise BadKeyError(f"this store was given no wrapping key for {use!r}") from error


def _made_at(path: Path) -> float:
    """When a wrapping was written; one that is gone by now was written at no time that counts."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def _unwrapped(wrapping_key: bytes, case_id: str, use: str, wrapped: bytes) -> AtRestKey:
    try:
        return AtRestKey(case_id, use, _decrypt(wrapping_key, wrapped, _wrapping_context(case_id, use)))
    except InvalidTag as error:
        raise CannotOpenError(
            f"the {use} key of case {case_id} does not unwrap: half destroyed, damaged, or of another keyring"
        ) from error


def _wrapping_context(case_id: str, use: str) -> bytes:
    return f"simpul/wrapping/v1\0{case_id}\0{use}".encode()


def _encrypt(key: bytes, plaintext: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, bound)


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """The plaintext; raises InvalidTag for anything that `_encrypt` did not make, too short texts included."""
    if len(sealed) < _NONCE_BYTES + 16:
        raise InvalidTag
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
