"""Signing keys: Ed25519 (RFC 8032), named by their RFC 7638 thumbprint.

Ed25519 has several verification rules in use. This one is the strictest in common use: S below the group order
(RFC 8032 section 5.1.7, without it every signature has a second form), R compared as bytes, and a public key that is
the canonical encoding of a point on the curve that is not of small order.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keys import b64u
from keys.digest import sha256
from keys.errors import BadKeyError, BadSignatureError

SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

# Curve constants of RFC 8032 section 5.1: the field's prime, and d = -121665/121666.
_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
# The y coordinate of a point of order 8. With y = 1, -1, 0 and both signs of this one the eight points of small order
# are all named; tests/keys proves it by multiplying each by eight.
_Y8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y: Final = frozenset({0, 1, _P - 1, _Y8, _P - _Y8})


def thumbprint(members: Mapping[str, str]) -> str:
    """RFC 7638 thumbprint of a JWK's required `members` (section 3.2: the caller leaves the others out), as b64u."""
    return b64u.encode(sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()))


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public Ed25519 key. Wire form: 32 bytes, b64u in JSON; equal and hashed by these bytes.

    Raises BadKeyError for a wrong length, bytes that are no point or not the one encoding of it, and small-order
    points: under such a key one signature verifies for many messages, so it binds its holder to nothing.
    """

    raw: bytes
    kid: str = field(init=False, repr=False, compare=False)
    _key: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_point(self.raw)
        members = {"crv": "Ed25519", "kty": "OKP", "x": b64u.encode(self.raw)}
        object.__setattr__(self, "kid", thumbprint(members))
        object.__setattr__(self, "_key", Ed25519PublicKey.from_public_bytes(self.raw))

    def __repr__(self) -> str:
        return f"VerifyKey(kid={self.kid!r})"

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return when the 64-byte `signature` is one of this key over `message`; raise BadSignatureError otherwise."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature as error:
            raise BadSignatureError(f"no signature of key {self.kid} over these bytes") from error


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private Ed25519 key, kept as its 32-byte seed (RFC 8032 section 5.1.5)."""

    seed: bytes
    public: VerifyKey = field(init=False, compare=False)
    _key: Ed25519PrivateKey = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise BadKeyError(f"a signing seed has {SEED_BYTES} bytes, this has {len(self.seed)}")
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "public", VerifyKey(key.public_key().public_bytes_raw()))

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.public.kid!r}, seed hidden)"

    @classmethod
    def generate(cls) -> Self:
        """Make a key from 32 fresh random bytes of the operating system."""
        return cls(secrets.token_bytes(SEED_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Take up the key of this 32-byte seed; raises BadKeyError for another length."""
        return cls(seed)

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature over `message`; the same each time (RFC 8032 section 5.1.6)."""
        return self._key.sign(message)


def _check_point(raw: bytes) -> None:
    """Raise BadKeyError unless `raw` is the canonical encoding of a curve point that is not of small order."""
    if len(raw) != PUBLIC_BYTES:
        raise BadKeyError(f"an Ed25519 key has {PUBLIC_BYTES} bytes, this has {len(raw)}")
    number = int.from_bytes(raw, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        raise BadKeyError("not the canonical encoding of an Ed25519 point: y is not below the field's prime")
    if y in _SMALL_ORDER_Y:
        # This covers x = 0 with the sign bit set too, the other encoding that RFC 8032 section 5.1.3 forbids.
        raise BadKeyError(f"a small-order Ed25519 point (sign bit {sign}): signatures under it bind nobody")
    # x² = u/v; it is a square exactly when u·v is one (Euler's criterion), which spares an inversion.
    u, v = y * y - 1, _D * y * y + 1
    if pow(u * v, (_P - 1) // 2, _P) != 1:
        raise BadKeyError("no point of the Ed25519 curve has this encoding")
