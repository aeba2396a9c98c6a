"""Making the directory's metadata, as protocol.metadata reads it (docs/protocol.md section 7).

It signs what it is told to sign: who holds which key, and when a new version is due, is the hub's business.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar, cast

from securesystemslib.signer import Key, Signature, Signer, SSlibKey
from tuf.api.metadata import Metadata, MetaFile, Role, Root, Snapshot, TargetFile, Targets, Timestamp

from keys.digest import sha256
from keys.signing import SigningKey, VerifyKey
from protocol import canonical
from protocol.errors import LocalError
from protocol.metadata import OWN, Contents, RoleKeys

if TYPE_CHECKING:
    from protocol.canonical import JsonInput

_ROLES: Final = ("root", "targets", "snapshot", "timestamp")
_S = TypeVar("_S", Root, Targets, Snapshot, Timestamp)


def sign_root(version: int, expires: int, roles: Mapping[str, RoleKeys], signers: Sequence[SigningKey]) -> bytes:
    """Return a `root.json`. `roles` names who signs as "root", "targets", "snapshot" and "timestamp"."""
    keys: dict[str, Key] = {_keyid(key): _public(key) for role in roles.values() for key in role.keys}
    wanted = {name: Role([_keyid(key) for key in roles[name].keys], roles[name].threshold) for name in _ROLES}
    root = Root(version=version, expires=_time(expires), keys=keys, roles=wanted, consistent_snapshot=True)
    return _signed(root, signers)


def sign_contents(contents: Contents, signers: Sequence[SigningKey]) -> bytes:
    """Return a `targets.json`."""
    files = {
        name.path: TargetFile(name.length, {"sha256": name.h.hex()}, name.path) for name in contents.files.values()
    }
    own = {OWN: {"issued_at": contents.issued_at, "root": contents.root}}
    expires = _time(contents.expires)
    targets = Targets(version=contents.version, expires=expires, targets=files, unrecognized_fields=own)
    return _signed(targets, signers)


def sign_snapshot(version: int, expires: int, targets: bytes, targets_version: int, signer: SigningKey) -> bytes:
    """Return the `snapshot.json` that names this `targets.json`."""
    meta = MetaFile(targets_version, len(targets), {"sha256": sha256(targets).hex()})
    return _signed(Snapshot(version=version, expires=_time(expires), meta={"targets.json": meta}), [signer])


def sign_timestamp(version: int, expires: int, snapshot: bytes, snapshot_version: int, signer: SigningKey) -> bytes:
    """Return the `timestamp.json` that names this `snapshot.json`."""
    meta = MetaFile(snapshot_version, len(snapshot), {"sha256": sha256(snapshot).hex()})
    return _signed(Timestamp(version=version, expires=_time(expires), snapshot_meta=meta), [signer])


class _Hand(Signer):
    """One of our keys as securesystemslib wants it."""

    def __init__(self, key: SigningKey) -> None:
        self._key: Final = key

    @property
    def public_key(self) -> Key:
        return _public(self._key.public)

    @classmethod
    def from_priv_key_uri(cls, priv_key_uri: str, public_key: Key, secrets_handler: object = None) -> Signer:
        del priv_key_uri, public_key, secrets_handler
        raise LocalError("keys come from key files, not from addresses")

    def sign(self, payload: bytes) -> Signature:
        return Signature(_keyid(self._key.public), self._key.sign(payload).hex())


def _signed(content: _S, signers: Sequence[SigningKey]) -> bytes:
    made = Metadata(content)
    for key in sorted(signers, key=lambda each: each.public.kid):
        made.sign(_Hand(key), append=True)
    return canonical.encode(cast("JsonInput", made.to_dict()))


def _public(key: VerifyKey) -> SSlibKey:
    return SSlibKey(_keyid(key), "ed25519", "ed25519", {"public": key.raw.hex()})


def _keyid(key: VerifyKey) -> str:
    """Return the key's name as the specification and other clients make it (TUF 1.0 section 4.2), hexadecimal."""
    value: dict[str, JsonInput] = {"keytype": "ed25519", "keyval": {"public": key.raw.hex()}, "scheme": "ed25519"}
    return sha256(canonical.encode(value)).hex()


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
