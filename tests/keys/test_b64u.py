"""base64url: one text for each bytes, and no other."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import b64u
from keys.errors import EncodingError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/keys/b64u.json").read_text())


@pytest.mark.parametrize("case", VECTORS["good"], ids=lambda case: case["text"])
def test_published_vectors_go_both_ways(case: dict[str, str]) -> None:
    assert b64u.encode(bytes.fromhex(case["hex"])) == case["text"]
    assert b64u.decode(case["text"]) == bytes.fromhex(case["hex"])


@pytest.mark.parametrize("case", VECTORS["bad"], ids=lambda case: case["why"])
def test_any_other_text_is_refused_and_not_quoted(case: dict[str, str]) -> None:
    with pytest.raises(EncodingError) as raised:
        b64u.decode(case["text"])
    assert case["text"].strip("=") not in str(raised.value) or len(case["text"].strip("=")) < 2


@pytest.mark.parametrize("case", VECTORS["sizes"], ids=lambda case: f"{case['text']!r} as {case['size']}")
def test_a_size_is_exact(case: dict[str, object]) -> None:
    text, size = case["text"], case["size"]
    assert isinstance(text, str)
    assert isinstance(size, int)
    if case["outcome"] == "ok":
        assert len(b64u.decode(text, size=size)) == size
    else:
        with pytest.raises(EncodingError, match=f"where {size} are needed"):
            b64u.decode(text, size=size)


@given(st.binary(max_size=100))
def test_all_bytes_come_back(raw: bytes) -> None:
    assert b64u.decode(b64u.encode(raw), size=len(raw)) == raw


@given(st.text(alphabet="ABCDwxyz0189-_+/= \n", max_size=12))
def test_whatever_decodes_is_what_encoding_gives(text: str) -> None:
    """Sixteen texts of one signature would be sixteen entries: decoding is injective."""
    try:
        raw = b64u.decode(text)
    except EncodingError:
        return
    assert b64u.encode(raw) == text
