"""The readers of wire members: exact names, types and sizes, and nothing of the values in an error."""

import re
from collections.abc import Callable

import pytest

from keys import b64u
from protocol import shape
from protocol.errors import RemoteError


def rule_of(read: Callable[[], object]) -> str:
    with pytest.raises(RemoteError) as caught:
        read()
    assert "rahasia" not in str(caught.value)
    return caught.value.rule.name


def test_an_object_has_all_required_members_and_perhaps_the_optional_ones() -> None:
    assert shape.object_of({"a": 1, "b": 2}, ("a", "b")) == {"a": 1, "b": 2}
    assert shape.object_of({"a": 1}, ("a",), ("c",)) == {"a": 1}
    assert shape.object_of({"a": 1, "c": None}, ("a",), ("c",)) == {"a": 1, "c": None}
    assert shape.object_of({}, ()) == {}


@pytest.mark.parametrize("value", [{}, {"b": 1}, {"a": 1, "rahasia": 1}, [], "a", None, 1])
def test_an_object_with_other_members_is_refused(value: object) -> None:
    assert rule_of(lambda: shape.object_of(value, ("a",), ("c",))) == "members"  # type: ignore[arg-type]


def test_the_error_says_which_members_were_expected_and_which_are_missing() -> None:
    with pytest.raises(RemoteError, match="the seen lacks root, size") as caught:
        shape.object_of({"x": 1}, ("size", "root"), ("at",), name="the seen")
    assert caught.value.expected == {"members": ["root", "size"], "optional": ["at"]}


def test_text_is_measured_in_characters_and_matched_whole() -> None:
    assert shape.text("éé", max_chars=2) == "éé"
    assert shape.text("ab-1", max_chars=4, pattern=re.compile("[a-z0-9-]+")) == "ab-1"


@pytest.mark.parametrize("value", ["rahasia", "ab\n", "AB", "", None, 1, ["a"]])
def test_text_too_long_of_another_form_or_type_is_refused(value: object) -> None:
    pattern = re.compile("[a-z]+")
    assert rule_of(lambda: shape.text(value, max_chars=3, pattern=pattern)) == "members"  # type: ignore[arg-type]


def test_an_integer_may_be_either_bound() -> None:
    assert [shape.integer(value, 1, 3) for value in (1, 2, 3)] == [1, 2, 3]


@pytest.mark.parametrize("value", [0, 4, -1, True, False, "2", None, 2.0])
def test_an_integer_out_of_range_or_a_truth_value_is_refused(value: object) -> None:
    assert rule_of(lambda: shape.integer(value, 1, 3)) == "members"  # type: ignore[arg-type]


def test_bytes_have_the_size_that_was_asked_for() -> None:
    assert shape.b64u_bytes(b64u.encode(b"1234"), 4) == b"1234"
    assert shape.b64u_bytes("", None) == b""


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("MTIzNA==", "base64url"),
        ("MTIzNB", "base64url"),
        ("MTIz", "base64url"),
        ("MTIzNDU", "base64url"),
        (1, "members"),
    ],
)
def test_bytes_of_another_size_or_spelling_are_refused(value: object, rule: str) -> None:
    assert rule_of(lambda: shape.b64u_bytes(value, 4)) == rule  # type: ignore[arg-type]


def test_an_array_has_at_most_the_items_that_were_allowed() -> None:
    assert shape.array([1, 2], 2) == [1, 2]
    assert rule_of(lambda: shape.array([1, 2, 3], 2)) == "too-large"
    assert rule_of(lambda: shape.array({}, 2)) == "members"
