"""Canonical JSON: one value, one form; whatever else arrives is refused, never mended."""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from protocol import canonical
from protocol.canonical import MAX_DEPTH, MAX_INTEGER, JsonInput, JsonValue
from protocol.errors import LocalError, RemoteError

VECTORS = Path(__file__).parents[1] / "vectors" / "rfc8785"


def vectors(file: str) -> list[Any]:
    found = json.loads((VECTORS / file).read_text("utf-8"))["vectors"]
    return [pytest.param(vector, id=vector.get("name", vector.get("text"))) for vector in found]


def outcome_of_decoding(raw: bytes) -> str:
    try:
        value = canonical.decode(raw, max_bytes=100_000)
    except RemoteError as error:
        return error.rule.name
    assert canonical.encode(value) == raw
    return "ok"


@pytest.mark.parametrize("vector", vectors("published.json"))
def test_published_examples_have_the_expected_outcome(vector: dict[str, str]) -> None:
    """Our profile is a subset: what it accepts has the published form, what it does not is refused and not mended."""
    published = vector["canonical"].encode()
    assert rfc8785.dumps(json.loads(vector["input"])) == published
    assert outcome_of_decoding(published) == vector["outcome"]
    if vector["outcome"] == "ok":
        assert canonical.encode(json.loads(published)) == published


@pytest.mark.parametrize("vector", vectors("numbers.json"))
def test_published_numbers_are_refused_unless_they_are_our_integers(vector: dict[str, str]) -> None:
    number = struct.unpack(">d", bytes.fromhex(vector["bits"]))[0]
    assert rfc8785.dumps(number) == vector["text"].encode()
    assert outcome_of_decoding(vector["text"].encode()) == vector["outcome"]


@pytest.mark.parametrize("vector", vectors("decode.json"))
def test_received_bytes_have_the_expected_outcome(vector: dict[str, str]) -> None:
    assert outcome_of_decoding(bytes.fromhex(vector["hex"])) == vector["outcome"]


def test_bytes_above_the_limit_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(RemoteError) as caught:
        canonical.decode(b"[" * 101, max_bytes=100)
    assert caught.value.rule.name == "too-large"
    assert caught.value.expected == {"max_bytes": 100}
    assert canonical.decode(b'"' + b"x" * 98 + b'"', max_bytes=100) == "x" * 98


def test_the_caller_names_the_rule_that_is_broken() -> None:
    for raw in (b"{", b"1.5", b" 1"):
        with pytest.raises(RemoteError) as caught:
            canonical.decode(raw, max_bytes=100, rule="jws-form")
        assert caught.value.rule.name == "jws-form"


@pytest.mark.parametrize("raw", [b'{"nama":"Siti Rahayu"', b'{"nama":"Siti Rahayu","x":1.5}', b'["Siti Rahayu", 1]'])
def test_an_error_never_quotes_what_was_received(raw: bytes) -> None:
    with pytest.raises(RemoteError) as caught:
        canonical.decode(raw, max_bytes=100)
    assert "Siti" not in str(caught.value)


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


@dataclass
class Record:
    a: int = 1


def nested(depth: int) -> JsonValue:
    value: JsonValue = 1
    for _ in range(depth):
        value = [value]
    return value


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        MAX_INTEGER + 1,
        -MAX_INTEGER - 1,
        2**70,
        "\ud800",
        {"a": "\udc00"},
        {"\ud800": 1},
        {"é": 1},
        {1: 1},
        {None: 1},
        {Colour.RED: 1},
        b"bytes",
        {1, 2},
        Decimal(1),
        Colour.RED,
        Level.LOW,
        Record(),
        datetime(2026, 1, 1, tzinfo=UTC),
        UUID(int=1),
        nested(MAX_DEPTH + 1),
        {"a": nested(MAX_DEPTH)},
        endless(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_canonical_form_is_our_own_bug(value: JsonInput) -> None:
    with pytest.raises(LocalError):
        canonical.encode(value)


def test_tuples_are_written_as_arrays() -> None:
    assert canonical.encode({"b": (1, True), "a": None}) == b'{"a":null,"b":[1,true]}'


names = st.text(st.characters(max_codepoint=127), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
).filter(lambda value: _depth(value) <= MAX_DEPTH)


def _depth(value: JsonValue) -> int:
    if not isinstance(value, list | dict):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, inner), default=0)


@given(values)
def test_inside_the_profile_every_value_is_written_as_rfc_8785_says_and_read_back(value: JsonValue) -> None:
    raw = canonical.encode(value)
    assert raw == rfc8785.dumps(value)
    assert canonical.decode(raw, max_bytes=len(raw)) == value


spellings = st.sampled_from(
    [
        partial(json.dumps, ensure_ascii=False, separators=(",", ":")),
        partial(json.dumps, ensure_ascii=True, separators=(",", ":"), sort_keys=True),
        partial(json.dumps, ensure_ascii=False, sort_keys=True),
        partial(json.dumps, ensure_ascii=False, separators=(",", ":"), sort_keys=True, indent=1),
    ]
)


@given(values, spellings)
def test_other_spellings_of_a_value_are_refused(value: JsonValue, spell: Callable[[JsonValue], str]) -> None:
    raw = spell(value).encode()
    assert outcome_of_decoding(raw) == ("ok" if raw == rfc8785.dumps(value) else "canonical")


@given(st.binary(max_size=40) | st.text('[]{}",:0123456789.-eE\\u \n', max_size=40).map(str.encode))
def test_any_bytes_are_either_the_one_form_or_refused(raw: bytes) -> None:
    assert outcome_of_decoding(raw) in {"ok", "canonical"}
