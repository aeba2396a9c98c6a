"""Receipt codes: what a person may type, what a typing mistake does, and that no message repeats a code."""

import json
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import ReceiptCodeError
from keys.receipt import ALPHABET, CODE_CHARACTERS, ReceiptCode

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/keys/receipt.json").read_text())
CODE = ReceiptCode.parse(VECTORS["codes"][0]["text"])
PLACES = st.integers(0, CODE_CHARACTERS - 1)


@pytest.mark.parametrize("case", VECTORS["codes"], ids=["mixed", "all ones", "decimal"])
def test_everything_is_derived_from_the_code(case: dict[str, str]) -> None:
    code = ReceiptCode.parse(case["text"])
    assert code.text == case["text"]
    assert code.lookup.hex() == case["lookup"]
    assert code.lookup_hash.hex() == case["lookup_hash"]
    assert code.mailbox_seed.hex() == case["mailbox_seed"]
    assert code.mailbox().public.kid == case["mailbox_kid"]


@pytest.mark.parametrize("case", VECTORS["typed"], ids=lambda case: case["how"])
def test_a_code_is_read_as_people_type_it(case: dict[str, str]) -> None:
    assert ReceiptCode.parse(case["typed"]).text == case["text"]


@pytest.mark.parametrize("case", VECTORS["bad"], ids=lambda case: case["why"])
def test_a_wrong_code_is_explained_and_never_repeated(case: dict[str, str]) -> None:
    with pytest.raises(ReceiptCodeError) as raised:
        ReceiptCode.parse(case["typed"])
    message = str(raised.value)
    assert case["message"] in message
    typed = case["typed"].replace("-", "")
    assert not any(typed[at : at + 4] in message for at in range(len(typed) - 3))
    assert raised.value.__cause__ is None


@given(PLACES, PLACES, st.integers(1, 31), st.integers(0, 31))
def test_any_two_wrong_characters_are_found(first: int, second: int, change: int, other: int) -> None:
    values = [ALPHABET.index(character) for character in CODE.compact]
    values[first] ^= change
    if second != first:
        values[second] ^= other
    with pytest.raises(ReceiptCodeError, match="one or two characters are wrong"):
        ReceiptCode.parse("".join(ALPHABET[value] for value in values))


def test_every_single_wrong_character_is_found() -> None:
    for at in range(CODE_CHARACTERS):
        for character in set(ALPHABET) - {CODE.compact[at]}:
            with pytest.raises(ReceiptCodeError):
                ReceiptCode.parse(CODE.compact[:at] + character + CODE.compact[at + 1 :])


def test_every_pair_of_places_tells_its_errors_apart() -> None:
    """Two errors cancel only if they are equal and their places have one weight: the 22 weights all differ."""
    weight, weights = 1, []
    for _ in range(CODE_CHARACTERS):
        weights.append(weight)
        weight = (weight << 1) ^ (0b100101 if weight & 0b10000 else 0)
    assert len(set(weights)) == CODE_CHARACTERS


def test_every_transposition_is_found() -> None:
    for first, second in combinations(range(CODE_CHARACTERS), 2):
        characters = list(CODE.compact)
        characters[first], characters[second] = characters[second], characters[first]
        if characters != list(CODE.compact):
            with pytest.raises(ReceiptCodeError):
                ReceiptCode.parse("".join(characters))


def test_fresh_codes_differ_and_come_back() -> None:
    codes = [ReceiptCode.generate() for _ in range(200)]
    assert len({code.compact[:20] for code in codes}) == 200
    assert all(ReceiptCode.parse(code.text.lower()) == code for code in codes)
    # Every place uses the whole alphabet: 100 bits, not fewer.
    assert all(len({code.compact[at] for code in codes}) > 24 for at in range(CODE_CHARACTERS))


@given(st.text(max_size=40))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        code = ReceiptCode.parse(text)
    except ReceiptCodeError:
        return
    assert ReceiptCode.parse(code.text) == code


def test_only_the_normal_form_is_taken_as_it_is() -> None:
    with pytest.raises(ReceiptCodeError, match="normal form"):
        ReceiptCode(CODE.compact.lower())


def test_the_lookup_tells_nothing_of_the_mailbox() -> None:
    assert len({CODE.lookup, CODE.lookup_hash, CODE.mailbox_seed}) == 3


def test_the_mailbox_opens_what_is_sealed_to_it() -> None:
    sealed = CODE.mailbox().public.seal(b"jawaban", b"info")
    assert ReceiptCode.parse(CODE.text).mailbox().open(sealed, b"info") == b"jawaban"


def test_the_code_is_never_shown_by_accident() -> None:
    shown = repr(CODE) + str(CODE) + f"{[CODE]}"
    assert CODE.compact not in shown
    assert CODE.text not in shown


def test_a_secret_makes_one_code_and_every_code_can_be_made() -> None:
    made = ReceiptCode.from_secret(bytes(range(13)))
    assert made == ReceiptCode.from_secret(bytes(range(13)) + b"more")
    assert made != ReceiptCode.from_secret(bytes(range(1, 14)))
    assert ReceiptCode.parse(made.text) == made
    assert set(ReceiptCode.from_secret(bytes(13)).compact) == {"0"}
    with pytest.raises(ReceiptCodeError):
        ReceiptCode.from_secret(bytes(12))
