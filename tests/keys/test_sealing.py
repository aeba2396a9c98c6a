"""Seals: who opens them, in which context, and nobody else."""

import hmac
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from keys import b64u
from keys.digest import sha256
from keys.errors import BadKeyError, CannotOpenError
from keys.sealing import SEAL_OVERHEAD_BYTES, SealingKey, SealingPublicKey

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/keys/sealing.json").read_text())
SEAL = VECTORS["seal"]
KEY = SealingKey.from_seed(bytes.fromhex(SEAL["seed"]))
INFO, CONTENT, SEALED = (bytes.fromhex(SEAL[name]) for name in ("info", "content", "seal"))


@pytest.mark.parametrize("case", VECTORS["xwing"], ids=["vector 1"])
def test_a_seed_gives_the_public_key_of_the_x_wing_draft(case: dict[str, str]) -> None:
    public = SealingKey.from_seed(bytes.fromhex(case["seed"])).public
    assert public.raw.hex() == case["public"]
    assert public.kid == b64u.encode(sha256(bytes.fromhex(case["public"])))


@pytest.mark.parametrize("case", VECTORS["xwing_ends"], ids=["vector 2", "vector 3"])
def test_further_seeds_of_the_x_wing_draft(case: dict[str, str]) -> None:
    raw = SealingKey.from_seed(bytes.fromhex(case["seed"])).public.raw.hex()
    assert raw.startswith(case["begins"])
    assert raw.endswith(case["ends"])


@pytest.mark.parametrize("case", VECTORS["xwing"], ids=["vector 1"])
def test_the_suite_is_rfc_9180_over_the_draft(case: dict[str, str]) -> None:
    """The published shared secret, carried on by a key schedule written here, makes a seal that opens."""
    made = bytes.fromhex(case["ciphertext"]) + seal_by_hand(bytes.fromhex(case["shared_secret"]), INFO, CONTENT)
    assert made == SEALED
    assert KEY.open(made, INFO) == CONTENT
    assert SEAL["kid"] == KEY.public.kid


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_what_is_sealed_opens_at_its_key(content: bytes, info: bytes) -> None:
    sealed = KEY.public.seal(content, info)
    assert len(sealed) == len(content) + SEAL_OVERHEAD_BYTES
    assert KEY.open(sealed, info) == content


def test_the_largest_padded_part_is_sealed_and_opened() -> None:
    content = bytes(65_536)
    assert KEY.open(KEY.public.seal(content, INFO), INFO) == content


def test_two_seals_of_one_content_share_nothing() -> None:
    first, second = KEY.public.seal(CONTENT, INFO), KEY.public.seal(CONTENT, INFO)
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 40


@pytest.mark.parametrize("at", range(len(INFO)))
def test_no_byte_of_the_context_may_differ(at: int) -> None:
    with pytest.raises(CannotOpenError, match=KEY.public.kid):
        KEY.open(SEALED, flipped(INFO, at))


@pytest.mark.parametrize(
    "info", [b"", INFO[:-1], INFO + b"\0", b"\0" + INFO], ids=["none", "shorter", "longer", "moved"]
)
def test_a_context_of_another_length_does_not_open(info: bytes) -> None:
    with pytest.raises(CannotOpenError):
        KEY.open(SEALED, info)


def test_no_byte_of_a_seal_may_differ() -> None:
    for at in range(len(SEALED)):
        with pytest.raises(CannotOpenError):
            KEY.open(flipped(SEALED, at), INFO)


def test_a_truncated_or_extended_seal_does_not_open() -> None:
    for size in (*range(0, len(SEALED), 31), 1088, 1119, 1120, 1121, SEAL_OVERHEAD_BYTES - 1, len(SEALED) - 1):
        with pytest.raises(CannotOpenError):
            KEY.open(SEALED[:size], INFO)
    for tail in (b"\0", b"x" * 16, SEALED):
        with pytest.raises(CannotOpenError):
            KEY.open(SEALED + tail, INFO)


def test_a_seal_with_a_low_order_share_does_not_open() -> None:
    """The X25519 half of the encapsulation is all zeros: the exchange itself refuses, and so do we, in one way."""
    with pytest.raises(CannotOpenError):
        KEY.open(SEALED[:1088] + bytes(32) + SEALED[1120:], INFO)


def test_no_other_key_opens_a_seal() -> None:
    with pytest.raises(CannotOpenError):
        SealingKey.generate().open(SEALED, INFO)


@pytest.mark.parametrize("case", VECTORS["keys_that_do_not_load"], ids=lambda case: case["why"])
def test_a_malformed_public_key_is_refused_before_anyone_seals_to_it(case: dict[str, str]) -> None:
    with pytest.raises(BadKeyError):
        SealingPublicKey(bytes.fromhex(case["raw"]))


@pytest.mark.parametrize("case", VECTORS["keys_that_load"], ids=lambda case: case["why"])
def test_an_unusual_but_well_formed_public_key_loads(case: dict[str, str]) -> None:
    raw = bytes.fromhex(case["raw"])
    assert SealingPublicKey(raw).raw == raw


@pytest.mark.parametrize("size", [0, 31, 33, 96])
def test_a_seed_of_another_length_is_no_seed(size: int) -> None:
    with pytest.raises(BadKeyError, match=f"this has {size}"):
        SealingKey.from_seed(bytes(size))


def test_keys_are_values_and_hide_their_seed() -> None:
    key = SealingKey.generate()
    assert SealingKey.from_seed(key.seed) == key
    assert len({key.public, SealingPublicKey(key.public.raw)}) == 1
    shown = repr(key) + str([key]) + repr(key.public)
    assert key.public.kid in shown
    for form in (key.seed.hex(), b64u.encode(key.seed), repr(key.seed)[2:-1]):
        assert form not in shown


def flipped(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def seal_by_hand(shared_secret: bytes, info: bytes, content: bytes) -> bytes:
    """RFC 9180 sections 4 and 5.1, mode base, with HMAC alone: the ciphertext and tag of the first message."""
    suite = b"HPKE" + bytes.fromhex("647a00010002")

    def extract(salt: bytes, label: bytes, key: bytes) -> bytes:
        return hmac.digest(salt, b"HPKE-v1" + suite + label + key, "sha256")

    def expand(key: bytes, label: bytes, context: bytes, size: int) -> bytes:
        labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
        return hmac.digest(key, labelled + b"\x01", "sha256")[:size]

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared_secret, b"secret", b"")
    key, nonce = expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)
    return AESGCM(key).encrypt(nonce, content, b"")
