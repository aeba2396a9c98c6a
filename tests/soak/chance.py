"""Chance: everything random in one process follows from a seed, so that a run can be had again byte for byte.

Two streams: one for what happens, one for what the product draws (ids, nonces, keys). So a change in how much the
product draws moves no event. Seals are the one thing whose randomness OpenSSL draws itself; in a simulation they are
made by the curve half alone, with an ephemeral key from the stream. Who can open them stays as it is: whoever has the
recipient's private key, in the same context. (The real suite is proven in tests/keys.)
"""

import hashlib
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.errors import CannotOpenError
from keys.sealing import MLKEM_PUBLIC_BYTES, SEAL_OVERHEAD_BYTES, SealingKey, SealingPublicKey

_TAG_BYTES: Final = 16
_ENCAPSULATION_BYTES: Final = SEAL_OVERHEAD_BYTES - _TAG_BYTES
_SHARE_BYTES: Final = 32
_NONCE: Final = bytes(12)


def stream(*names: object) -> random.Random:
    """A stream of chance that belongs to these names."""
    return random.Random("/".join(map(str, ("soak", *names))))  # noqa: S311  a simulation is to be had again


@contextmanager
def governed(seed: int) -> Iterator[None]:
    """Let all that is random in this process follow from `seed`."""
    source = stream(seed, "bytes")
    with (
        patch.object(secrets, "token_bytes", lambda count=32: source.randbytes(count)),
        patch.object(secrets, "token_hex", lambda count=32: source.randbytes(count).hex()),
        patch.object(SealingPublicKey, "seal", _seal),
        patch.object(SealingKey, "open", _open),
    ):
        yield


def _seal(key: SealingPublicKey, plaintext: bytes, info: bytes) -> bytes:
    ephemeral = X25519PrivateKey.from_private_bytes(secrets.token_bytes(_SHARE_BYTES))
    share = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(key.raw[MLKEM_PUBLIC_BYTES:]))
    sealed = AESGCM(_content_key(shared, share, key)).encrypt(_NONCE, plaintext, info)
    return share.ljust(_ENCAPSULATION_BYTES, b"\0") + sealed


def _open(key: SealingKey, ciphertext: bytes, info: bytes) -> bytes:
    share, sealed = ciphertext[:_SHARE_BYTES], ciphertext[_ENCAPSULATION_BYTES:]
    scalar = hashlib.shake_256(key.seed).digest(64 + _SHARE_BYTES)[64:]
    try:
        shared = X25519PrivateKey.from_private_bytes(scalar).exchange(X25519PublicKey.from_public_bytes(share))
        return AESGCM(_content_key(shared, share, key.public)).decrypt(_NONCE, sealed, info)
    except (InvalidTag, ValueError) as error:
        raise CannotOpenError(f"the key {key.public.kid} does not open this seal in this context") from error


def _content_key(shared: bytes, share: bytes, key: SealingPublicKey) -> bytes:
    return hashlib.sha256(b"simpul/soak/seal\0" + shared + share + key.raw).digest()
