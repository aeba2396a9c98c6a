"""SHA-256 and HKDF against published answers and against HMAC alone."""

import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.digest import hkdf, sha256

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/keys/digest.json").read_text())


@pytest.mark.parametrize("case", VECTORS["sha256"])
def test_chunks_hash_as_their_concatenation(case: dict[str, Any]) -> None:
    assert sha256(*(bytes.fromhex(chunk) for chunk in case["chunks"])).hex() == case["hex"]


@pytest.mark.parametrize("case", VECTORS["hkdf"])
def test_hkdf_gives_the_answer_of_rfc_5869(case: dict[str, Any]) -> None:
    assert hkdf(bytes.fromhex(case["key"]), case["label"], case["size"]).hex() == case["hex"]


@given(st.binary(min_size=1, max_size=64), st.text(st.characters(max_codepoint=127), max_size=30))
def test_hkdf_is_one_extract_and_one_expand(key: bytes, label: str) -> None:
    extracted = hmac.digest(bytes(32), key, "sha256")
    assert hkdf(key, label) == hmac.digest(extracted, label.encode() + b"\x01", "sha256")


def test_a_label_outside_ascii_is_our_own_mistake() -> None:
    with pytest.raises(UnicodeEncodeError):
        hkdf(b"key", "café")
