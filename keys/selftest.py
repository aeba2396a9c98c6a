"""The start-up self-test: whether the cryptography of this machine gives the known answers.

A library that was built wrongly, or replaced, would otherwise be noticed when nobody can open what it sealed. Every
program runs this before it touches a key; it takes a few milliseconds.
"""

import base64
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InternalError, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.digest import hkdf, sha256
from keys.errors import BadSignatureError, KeysError, SelfTestError
from keys.sealing import SealingKey
from keys.signing import SigningKey

# FIPS 180-4, the message "abc".
_SHA256_ABC: Final = bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
# RFC 5869 appendix A.3, the case with an empty salt and an empty info.
_HKDF_A3: Final = bytes.fromhex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")
# RFC 8032 section 7.1, test 1: the empty message.
_ED25519_SEED: Final = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
_ED25519_PUBLIC: Final = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
_ED25519_SIGNATURE: Final = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
    "d25bf5f0595bbe24655141438e7a100b"
)
# The GCM specification of McGrew and Viega, test case 14: AES-256, all zeros.
_GCM_14: Final = bytes.fromhex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")
# draft-connolly-cfrg-xwing-kem-08 appendix C, the first vector: its seed, and SHA-256 of its public key as kid.
_XWING_SEED: Final = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
_XWING_KID: Final = "LoFt7rzXbFyA0M0tF0R4hxZY6OL_QrydSm5IY3LoVrs"
# The encapsulation and shared secret of that same vector, carried on by the key schedule of RFC 9180 section 5.1. It
# was computed without this package, so that it tests the whole suite; tests/keys computes it again.
_SEAL_INFO: Final = b"simpul/selftest/v1"
_SEAL_CONTENT: Final = b"Simpul membuka segel ini."
_SEAL: Final = base64.b64decode(
    "uDqoKNTWK5qDzv/h09O7HvMSZGQ8BwxXmJJ+QfsHkUonP4+W54Js1TdaKD19qIUwTF3gUWoPBlQkPcW5f4v+uDH2glEhmqvdcjvGUSBBrLrvivRC"
    "ZVJJQrkC5o/9IyIc2nCxtV13apLRFD6joMR19j7miQFXxxFtrj9iv3L2Cs0ruMwxziug3jZPUrjtOMedcZcVljpd04QtjotDq3BOR1m1MnvwJ8Y8"
    "j6hXxJCNWop7iKx/K+OU2Tw3Bt3U5pjMbONwEB9NAhMlQji0ouiCG25BShzyD2wSRLaZBG9aAcqgoaVVFjALQNIEjHfMc6+6ea/uqdLAEYvfKtuI"
    "cNwyjFUWzEWxogWBQQOeLJChEKnhazGN+1O9SaEm1rc/IVeHUXuJF8wByr0QfQaFmFTui0+YYcIm03ZMhzOasWw2Z9L0k4TlVFbdQEFLcKavhBWF"
    "9MkMaHJdV3BO6O585uL5vlgtvumF4Dj/w0br+04iFYtshDdKmrSkTh+R3lqsUZf4m8XlRC9R+aWTexAro76uv24cWDgKSl/tzkpOUCb4j1KPWf/S"
    "20F1Kzo9kO+r5GOJm31AhwxTDIhB6HErczZo7QM62/r7LUnTekTUBk5YY+sK8KCNR7PMiINzvAX3ozuEG8JYfFfraVVOijdnt1BpF7a3BJhyfxbq"
    "waNuyNjPr3UVSfInfbJ36KVamlEGsjoCBrRyH6mzBIVSxb1bWU1uJH84wYxZGup/ViSccs57EXr8w6hiFYL5z3F4fhg97gk2eXbphAmtkhekl9+I"
    "gEI4TXcHprePX3+4QJ47U1F1NzRht3YALXmcutYoYL5wVz7L4Tskbg2n6TpSFo4Ptql1a4le9/AUeg3IG/pkSwiKkigWDA+azxN5opQc0owG68gO"
    "ROF6ovgXcBCv14qXzgho0WKeuylMUVGBLFg9rriGhSIPTakRgRLgcEH8wk1VZKmf294ohp/gciOH16mk0W4cyFVZF+CZRKpeuqrsLPYmk6+tQqP1"
    "GPzmfSc8xsn7VHKzgOhXPsfeBqO6L9X5MdcltJMCbLCsvT/mLQDkx5DZZdegOjwLQiK6jCqaFuKsZY9XKuDnRur8T+ugI1dvCJQieKBB+4KnClld"
    "W6y/KXziApiYpx5cOw0cYii0hbGt5QmzX7yn7Kl7ITLny2vEZTdRRrfc6slpMIrAwqyJ54Y+uJQwFbJDFMr7nHwOhf5UPVZljCE2Mlme+r/B7End"
    "jIhUe7LMQMnTjL0wmbRUeEBWBTHQGIzR6cI6Dr7goD1Vd9ZrHSvLS6ryHMf+8eA4BsqWKZ3w37xW4bK0Pk/CDDf4NMSvYhJ+fa6Gw8JaL2lqyLWJ"
    "3scdWVv76Ute1LwH2ACzMHlv2ontt3vgKUE2E5NU64zTdZFXj5xgDdm+jsYhn91Qet8zl+1NaHB7jROyTOTNj7IoUb/p1jJAfzHtb3yxYA3lbxdX"
    "Z0DOKjL8UUUDAUXPuX5j4OQdNUJ0oHnT5vsuFd9xXrlWNeARHekdW5eH8G7OxCi0mYd9/xiFOACtl0TjLqSPFGv4LzAZ"
)

_Answer = tuple[object, object]


def run() -> list[str]:
    """Run every part and return their names; raises SelfTestError, which names the first part that failed."""
    for name, part in _PARTS.items():
        try:
            given, expected = part()
        except (KeysError, ValueError, InvalidTag, InternalError, UnsupportedAlgorithm) as error:
            raise SelfTestError(_failed(name)) from error
        if given != expected:
            raise SelfTestError(_failed(name))
    return list(_PARTS)


def _failed(name: str) -> str:
    return f"self-test of {name} failed: the cryptography library of this machine is not sound, install it again"


def _digest() -> _Answer:
    return sha256(b"a", b"bc"), _SHA256_ABC


def _derivation() -> _Answer:
    return hkdf(b"\x0b" * 22, "", len(_HKDF_A3)), _HKDF_A3


def _signing() -> _Answer:
    key = SigningKey.from_seed(_ED25519_SEED)
    key.public.verify(_ED25519_SIGNATURE, b"")
    return (key.public.raw, key.sign(b"")), (_ED25519_PUBLIC, _ED25519_SIGNATURE)


def _refusal() -> _Answer:
    """A verifier that accepts everything would pass every other part."""
    try:
        SigningKey.from_seed(_ED25519_SEED).public.verify(_ED25519_SIGNATURE, b"another message")
    except BadSignatureError:
        return "refused", "refused"
    return "accepted", "refused"


def _encryption() -> _Answer:
    return AESGCM(bytes(32)).encrypt(bytes(12), bytes(16), None), _GCM_14


def _sealing_key() -> _Answer:
    return SealingKey.from_seed(_XWING_SEED).public.kid, _XWING_KID


def _opening() -> _Answer:
    return SealingKey.from_seed(_XWING_SEED).open(_SEAL, _SEAL_INFO), _SEAL_CONTENT


def _round_trip() -> _Answer:
    key = SealingKey.generate()
    first, second = (key.public.seal(_SEAL_CONTENT, _SEAL_INFO) for _ in range(2))
    # Two seals of one content that are equal would mean that the random numbers are not random.
    return (key.open(first, _SEAL_INFO), key.open(second, _SEAL_INFO), first != second), (
        _SEAL_CONTENT,
        _SEAL_CONTENT,
        True,
    )


_PARTS: Final[dict[str, Callable[[], _Answer]]] = {
    "SHA-256": _digest,
    "HKDF-SHA256": _derivation,
    "Ed25519": _signing,
    "Ed25519 refusal": _refusal,
    "AES-256-GCM": _encryption,
    "sealing key derivation": _sealing_key,
    "opening a known seal": _opening,
    "sealing and opening": _round_trip,
}
