"""The one hash and the one key derivation of the protocol: SHA-256, and HKDF over it."""

import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def sha256(*chunks: bytes) -> bytes:
    """SHA-256 (FIPS 180-4) of the chunks one after the other: 32 bytes."""
    state = hashlib.sha256()
    for chunk in chunks:
        state.update(chunk)
    return state.digest()


def hkdf(key: bytes, label: str, size: int = 32) -> bytes:
    """`size` bytes (at most 8,160) by HKDF-SHA256 (RFC 5869) from `key`: empty salt, info = `label` in ASCII.

    The salt may be empty because every key that comes here is uniform or made by one party alone (RFC 5869 section
    3.1); the label is what keeps two uses of one key apart.
    """
    return HKDF(algorithm=hashes.SHA256(), length=size, salt=None, info=label.encode("ascii")).derive(key)
