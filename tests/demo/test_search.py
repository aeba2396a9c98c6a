"""The search that proves the demo's promise finds what is there, in every form, wherever it stands."""

import base64
import random
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.search import PIECE_CHARACTERS, NeedleError, Search, forms, needles_of, pieces, search_folder

NAME = "Nurul Á’in & Putri/+"
#: Bytes that hold no needle, the same every time.
NOISE = random.Random(7).randbytes(4_099)  # noqa: S311 - the same bytes every time, no secret


def found_forms(content: bytes, needle: str = NAME) -> set[str]:
    return {each.form for each in Search({"it": needle}).data("bytes", content)}


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (NAME.encode(), "plain"),
        (NAME.encode("utf-16-le"), "UTF-16LE"),
        (NAME.encode("utf-16-be"), "UTF-16BE"),
        (NAME.encode().hex().encode(), "hex"),
        (NAME.encode().hex().upper().encode(), "HEX"),
        (quote(NAME).encode(), "URL-encoded"),
        (quote_plus(NAME).encode(), "URL-encoded"),
        (b'{"name":"Nurul \\u00c1\\u2019in & Putri/+"}', "JSON"),
        ("Nurul Á’in &amp; Putri/+".encode(), "HTML"),
    ],
)
def test_each_form_is_found(written: bytes, form: str) -> None:
    assert found_forms(NOISE) == set()
    assert form in found_forms(NOISE + written + NOISE)


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode], ids=["standard", "url-safe"])
def test_base64_is_found_at_every_alignment_amid_other_content(encode: Callable[[bytes], bytes], before: int) -> None:
    written = encode(NOISE[:before] + NAME.encode() + NOISE[:11])
    assert any("base64" in form for form in found_forms(NOISE + written + NOISE))


def test_lower_case_escapes_are_found_as_well() -> None:
    escaped = quote(NAME, safe="")
    lower = "".join(c.lower() if escaped[max(0, at - 2) : at].count("%") else c for at, c in enumerate(escaped))
    assert "URL-encoded" in found_forms(lower.encode())


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_needle_is_found_wherever_it_stands(before: bytes, after: bytes) -> None:
    assert "plain" in found_forms(before + NAME.encode() + after)


@given(st.text(st.characters(codec="utf-8"), max_size=400), st.data())
def test_a_leak_of_part_of_a_text_holds_a_whole_piece(text: str, data: st.DataObject) -> None:
    """Sixty characters are enough, wherever they begin."""
    assert "".join(pieces(text)) == text
    if len(text) >= 3 * PIECE_CHARACTERS:
        start = data.draw(st.integers(0, len(text) - 3 * PIECE_CHARACTERS))
        leak = text[start : start + 3 * PIECE_CHARACTERS]
        assert any(piece in leak for piece in pieces(text))


def test_what_is_told_names_the_needle_but_never_quotes_it() -> None:
    (found,) = Search({"report 1: name": NAME}).data("hub.db", b"xx" + NAME.encode())
    assert (found.needle, found.form, found.where, found.position) == ("report 1: name", "plain", "hub.db", 2)


def test_a_needle_that_chance_would_find_is_refused() -> None:
    with pytest.raises(NeedleError):
        forms("Siti")


def test_short_fields_are_left_out_and_numbers_are_searched_without_blanks_too() -> None:
    needles = needles_of("r", ["Ani", "0899 0000 0123"], "Lampu mati di depan rumah.")
    assert set(needles.values()) == {"0899 0000 0123", "089900000123", "Lampu mati di depan rumah."}


def test_every_file_of_a_folder_is_searched_and_its_name_too(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "node.db-wal").write_bytes(NOISE + NAME.encode())
    (tmp_path / f"x{NAME.encode().hex()}").write_bytes(NOISE)
    (tmp_path / "link").symlink_to(tmp_path / "deep")
    searched = search_folder(Search({"it": NAME}), tmp_path)
    assert searched.files == 2
    assert searched.bytes == 2 * len(NOISE) + len(NAME.encode())
    assert {each.form for each in searched.found} == {"plain", "hex"}


def test_a_file_that_vanishes_is_passed_over(tmp_path: Path) -> None:
    assert list(Search({"it": NAME}).file(tmp_path / "gone")) == []
