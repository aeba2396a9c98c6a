"""Ed25519: what verifies, what must not, and which keys are none."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import b64u
from keys.errors import BadKeyError, BadSignatureError
from keys.signing import SigningKey, VerifyKey, thumbprint

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/keys/ed25519.json").read_text())
RFC8037 = VECTORS["rfc8037"]
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


@pytest.mark.parametrize("case", VECTORS["good"], ids=lambda case: case["name"])
def test_rfc_8032_keys_and_signatures(case: dict[str, str]) -> None:
    key = SigningKey.from_seed(bytes.fromhex(case["seed"]))
    message = bytes.fromhex(case["message"])
    assert key.public.raw.hex() == case["public"]
    assert key.sign(message).hex() == case["signature"]
    VerifyKey(bytes.fromhex(case["public"])).verify(bytes.fromhex(case["signature"]), message)


def test_rfc_8037_key_thumbprint_and_jws() -> None:
    key = SigningKey.from_seed(b64u.decode(RFC8037["d"], size=32))
    assert b64u.encode(key.public.raw) == RFC8037["x"]
    assert key.public.kid == RFC8037["thumbprint"]
    signed, _, signature = RFC8037["jws"].rpartition(".")
    assert b64u.encode(key.sign(signed.encode())) == signature
    key.public.verify(b64u.decode(signature), signed.encode())


def test_rfc_7638_example_thumbprint() -> None:
    assert thumbprint(VECTORS["rfc7638"]["members"]) == VECTORS["rfc7638"]["thumbprint"]


@pytest.mark.parametrize("case", VECTORS["bad_signatures"]["cases"], ids=lambda case: case["why"])
def test_a_signature_has_no_second_form(case: dict[str, str]) -> None:
    good = VECTORS["bad_signatures"]
    key, message = VerifyKey(bytes.fromhex(good["public"])), bytes.fromhex(good["message"])
    key.verify(bytes.fromhex(good["good"]), message)
    with pytest.raises(BadSignatureError, match="no signature of key"):
        key.verify(bytes.fromhex(case["signature"]), message)


def test_a_signature_is_of_one_key_over_one_message() -> None:
    key, other = SigningKey.generate(), SigningKey.generate()
    signature = key.sign(b"text")
    for verifier, message in ((other.public, b"text"), (key.public, b"texts"), (key.public, b"")):
        with pytest.raises(BadSignatureError):
            verifier.verify(signature, message)


@pytest.mark.parametrize(
    "case", [case for cases in VECTORS["bad_keys"].values() for case in cases], ids=lambda case: case["why"]
)
def test_bytes_that_are_no_acceptable_key(case: dict[str, str]) -> None:
    with pytest.raises(BadKeyError):
        VerifyKey(bytes.fromhex(case["raw"]))


def test_the_small_order_points_are_all_eight() -> None:
    """Each refused point times eight is the neutral element, and a curve of cofactor eight has no ninth."""
    raws = {bytes.fromhex(case["raw"]) for case in VECTORS["bad_keys"]["small_order"]}
    assert len(raws) == 8
    for raw in raws:
        assert times_eight(decompress(raw)) == (0, 1)


@given(st.integers(min_value=0, max_value=2**256 - 1))
def test_a_key_loads_exactly_when_decompression_finds_a_point_of_large_order(number: int) -> None:
    """Against the plain decompression of RFC 8032 section 5.1.3, not the shortcut that the package takes."""
    raw = number.to_bytes(32, "little")
    try:
        acceptable = times_eight(decompress(raw)) != (0, 1)
    except ValueError:
        acceptable = False
    if acceptable:
        assert VerifyKey(raw).raw == raw
    else:
        with pytest.raises(BadKeyError):
            VerifyKey(raw)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80))
def test_what_a_key_signs_verifies(seed: bytes, message: bytes) -> None:
    key = SigningKey.from_seed(seed)
    VerifyKey(key.public.raw).verify(key.sign(message), message)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_seed_of_another_length_is_no_seed(size: int) -> None:
    with pytest.raises(BadKeyError, match=f"this has {size}"):
        SigningKey.from_seed(bytes(size))


def test_keys_are_values() -> None:
    key = SigningKey.generate()
    again = VerifyKey(key.public.raw)
    assert again == key.public
    assert len({again, key.public}) == 1
    assert SigningKey.from_seed(key.seed) == key
    assert SigningKey.generate() != key
    with pytest.raises(AttributeError):
        again.raw = b""  # type: ignore[misc]


def test_the_seed_is_never_shown() -> None:
    key = SigningKey.generate()
    shown = repr(key) + str(key) + repr([key]) + repr(key.public)
    assert key.public.kid in shown
    for form in (key.seed.hex(), b64u.encode(key.seed), repr(key.seed)[2:-1]):
        assert form not in shown


def decompress(raw: bytes) -> tuple[int, int]:
    """RFC 8032 section 5.1.3, step by step; ValueError where it says that decoding fails."""
    number = int.from_bytes(raw, "little")
    sign, y = number >> 255, number % 2**255
    if y >= P:
        raise ValueError("y")
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        raise ValueError("x")
    return (P - x if x % 2 != sign else x) % P, y


def times_eight(point: tuple[int, int]) -> tuple[int, int]:
    for _ in range(3):
        point = add(point, point)
    return point


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Affine addition on the twisted Edwards curve -x² + y² = 1 + dx²y² (RFC 8032 section 5.1.4)."""
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2
    return (
        (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P,
    )
