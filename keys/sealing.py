"""Sealing keys: HPKE base mode (RFC 9180) with the suite 647a-0001-0002 of protocol section 2.

KEM 0x647a is MLKEM768-X25519 (X-Wing): a seal stays shut unless both the lattice and the curve are broken, so a
recording of today's traffic is no use to a quantum computer later. KDF 0x0001 is HKDF-SHA256, AEAD 0x0002 AES-256-GCM.
A seal proves no sender; whoever needs one signs what names it.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from keys import b64u
from keys.digest import sha256
from keys.errors import BadKeyError, CannotOpenError

SEED_BYTES: Final = 32
MLKEM_PUBLIC_BYTES: Final = 1184
PUBLIC_BYTES: Final = MLKEM_PUBLIC_BYTES + 32
#: What a seal adds to its content: 1,088 bytes ML-KEM ciphertext, 32 bytes X25519 share, 16 bytes AES-GCM tag.
SEAL_OVERHEAD_BYTES: Final = 1120 + 16

_MLKEM_SEED_BYTES: Final = 64
_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_P25519: Final = 2**255 - 19


@dataclass(frozen=True, slots=True)
class SealingPublicKey:
    """What one seals to. Wire form: 1,216 bytes = 1,184 ML-KEM-768 ‖ 32 X25519; kid = b64u(SHA-256 of them).

    Raises BadKeyError for a wrong length, an ML-KEM key with a coefficient not below the modulus (FIPS 203 section
    7.2), and an X25519 key that is not canonical or of low order: sealing to it would lose one half of the hybrid.
    """

    raw: bytes
    kid: str = field(init=False, repr=False, compare=False)
    _key: hpke.MLKEM768X25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.raw) != PUBLIC_BYTES:
            raise BadKeyError(f"a sealing key has {PUBLIC_BYTES} bytes, this has {len(self.raw)}")
        try:
            mlkem = MLKEM768PublicKey.from_public_bytes(self.raw[:MLKEM_PUBLIC_BYTES])
        except ValueError as error:
            raise BadKeyError("the ML-KEM half of the sealing key is malformed") from error
        x25519 = _x25519_public(self.raw[MLKEM_PUBLIC_BYTES:])
        object.__setattr__(self, "kid", b64u.encode(sha256(self.raw)))
        object.__setattr__(self, "_key", hpke.MLKEM768X25519PublicKey(mlkem, x25519))

    def __repr__(self) -> str:
        return f"SealingPublicKey(kid={self.kid!r})"

    def seal(self, plaintext: bytes, info: bytes) -> bytes:
        """Encrypt `plaintext` so that only the key's holder, who must name the same `info`, can open it.

        Returns 1,120 bytes encapsulation ‖ ciphertext ‖ 16 bytes tag; fresh randomness makes every seal differ.
        """
        return _SUITE.encrypt(plaintext, self._key, info)


@dataclass(frozen=True, slots=True, repr=False)
class SealingKey:
    """The private half, kept as a 32-byte seed: SHAKE256(seed, 96) = 64 bytes ML-KEM seed ‖ 32 bytes X25519 scalar."""

    seed: bytes
    public: SealingPublicKey = field(init=False, compare=False)
    _key: hpke.MLKEM768X25519PrivateKey = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise BadKeyError(f"a sealing seed has {SEED_BYTES} bytes, this has {len(self.seed)}")
        # draft-connolly-cfrg-xwing-kem section 5.2, expandDecapsulationKey.
        expanded = hashlib.shake_256(self.seed).digest(_MLKEM_SEED_BYTES + 32)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_BYTES:])
        raw = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        object.__setattr__(self, "public", SealingPublicKey(raw))
        object.__setattr__(self, "_key", hpke.MLKEM768X25519PrivateKey(mlkem, x25519))

    def __repr__(self) -> str:
        return f"SealingKey(kid={self.public.kid!r}, seed hidden)"

    @classmethod
    def generate(cls) -> Self:
        """Make a key from 32 fresh random bytes of the operating system."""
        return cls(secrets.token_bytes(SEED_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Take up the key of this 32-byte seed; raises BadKeyError for another length."""
        return cls(seed)

    def open(self, ciphertext: bytes, info: bytes) -> bytes:
        """The plaintext that was sealed to this key under exactly this `info`; raises CannotOpenError otherwise.

        One error for every cause: telling a wrong key from a damaged text would help only who sends guesses.
        """
        try:
            return _SUITE.decrypt(ciphertext, self._key, info)
        except InvalidTag as error:
            raise CannotOpenError(f"the key {self.public.kid} does not open this seal in this context") from error


def _x25519_public(raw: bytes) -> X25519PublicKey:
    """The key of 32 bytes; BadKeyError unless canonical (RFC 7748 section 5 would mask it) and of full order."""
    if int.from_bytes(raw, "little") >= _P25519:
        raise BadKeyError("the X25519 half of the sealing key is not in its canonical form")
    key = X25519PublicKey.from_public_bytes(raw)
    try:
        # Any scalar is a multiple of eight after clamping, so a low-order point gives zero here, which is refused.
        X25519PrivateKey.from_private_bytes(b"\x01" * 32).exchange(key)
    except ValueError as error:
        raise BadKeyError("the X25519 half of the sealing key is a low-order point") from error
    return key
