"""A keyring: all the secrets that one party keeps, in one key file."""

import json
import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, Self, cast, get_args

from keys import b64u
from keys.errors import DamagedKeyFileError, KeysError
from keys.keyfile import DEFAULT_COST, KdfCost, read_key_file, write_key_file
from keys.sealing import SealingKey
from keys.signing import SigningKey

SealingUse = Literal["case", "identity"]

KEYRING_PURPOSE: Final = "simpul/keyring/v1"
SECRET_BYTES: Final = 32
#: The secrets of a node: its slot key (protocol section 8), and what wraps the at-rest keys of each use.
NODE_SECRETS: Final = ("slot", "rest-content", "rest-identity", "rest-track")


@dataclass(frozen=True, slots=True)
class SealingRecord:
    """One sealing key: what it is for, and when it was made (Unix seconds, the maker's clock)."""

    use: SealingUse
    key: SealingKey
    made_at: int


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """What a party keeps. A hub, a log or a registrar has a signing key alone.

    Wire form (inside a key file, never in the clear): canonical JSON
    `{"sealing":[{"made_at":…,"seed":b64u,"use":"case"},…],"secrets":{name:b64u,…},"signing":b64u,"v":1}`.
    """

    signing: SigningKey
    sealing: tuple[SealingRecord, ...] = ()
    secrets: Mapping[str, bytes] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name, secret in self.secrets.items():
            if len(secret) != SECRET_BYTES:
                raise KeysError(f"the secret {name!r} has {len(secret)} bytes where {SECRET_BYTES} are needed")
        object.__setattr__(self, "secrets", MappingProxyType(dict(self.secrets)))

    def __repr__(self) -> str:
        return (
            f"Keyring(signing={self.signing.public.kid!r}, sealing={len(self.sealing)} keys,"
            f" secrets={sorted(self.secrets)}, hidden)"
        )

    @classmethod
    def for_signer(cls) -> Self:
        """Make fresh keys for a party that only signs: hub, log, registrar, witness."""
        return cls(SigningKey.generate())

    @classmethod
    def for_node(cls, made_at: int) -> Self:
        """Make fresh keys for a node: signing, one sealing key of each use, and the secrets of NODE_SECRETS."""
        return cls(
            SigningKey.generate(),
            tuple(SealingRecord(use, SealingKey.generate(), made_at) for use in get_args(SealingUse)),
            {name: random.token_bytes(SECRET_BYTES) for name in NODE_SECRETS},
        )

    def present(self, use: SealingUse) -> SealingKey:
        """The newest sealing key of this use, the one to publish; raises KeysError when there is none."""
        records = [record for record in self.sealing if record.use == use]
        if not records:
            raise KeysError(f"this keyring has no sealing key for {use!r}: it is one that only signs, name the node's")
        # Of two made in one second the later in the ring is the newer.
        return max(enumerate(records), key=lambda pair: (pair[1].made_at, pair[0]))[1].key

    def by_kid(self, kid: str) -> SealingKey:
        """The sealing key of this kid, present or past; raises KeysError when there is none."""
        for record in self.sealing:
            if record.key.public.kid == kid:
                return record.key
        raise KeysError(f"this keyring has no sealing key {kid}: it was never here, or is destroyed")

    def to_bytes(self) -> bytes:
        """The wire form, seeds in the clear: only for a key file."""
        members = {
            "v": 1,
            "signing": b64u.encode(self.signing.seed),
            "sealing": [
                {"use": record.use, "seed": b64u.encode(record.key.seed), "made_at": record.made_at}
                for record in self.sealing
            ],
            "secrets": {name: b64u.encode(secret) for name, secret in self.secrets.items()},
        }
        return json.dumps(members, sort_keys=True, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read the wire form; raises DamagedKeyFileError for anything that `to_bytes` does not give."""
        try:
            members = json.loads(content)
            keyring = cls(
                SigningKey.from_seed(b64u.decode(members["signing"])),
                tuple(_record(entry) for entry in members["sealing"]),
                {name: b64u.decode(secret) for name, secret in members["secrets"].items()},
            )
            same = keyring.to_bytes() == content
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, KeysError) as error:
            raise DamagedKeyFileError("the keyring inside the key file is damaged: restore your copy") from error
        if not same:
            raise DamagedKeyFileError("the keyring inside the key file is of another version, or damaged")
        return keyring

    def save(self, path: Path, passphrase: str, *, cost: KdfCost = DEFAULT_COST, replace: bool = False) -> None:
        """Write the keyring as a key file; the errors are those of `write_key_file`."""
        write_key_file(path, self.to_bytes(), passphrase, KEYRING_PURPOSE, cost=cost, replace=replace)

    @classmethod
    def load(cls, path: Path, passphrase: str) -> Self:
        """Read the keyring in a key file; the errors are those of `read_key_file` and `from_bytes`."""
        return cls.from_bytes(read_key_file(path, passphrase, KEYRING_PURPOSE))


def _record(entry: Mapping[str, object]) -> SealingRecord:
    use, seed, made_at = entry["use"], entry["seed"], entry["made_at"]
    if use not in get_args(SealingUse) or not isinstance(seed, str) or type(made_at) is not int:
        raise TypeError("a sealing record has a use, a seed and a time")
    return SealingRecord(cast("SealingUse", use), SealingKey.from_seed(b64u.decode(seed)), made_at)
