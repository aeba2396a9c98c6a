"""Seals: open under their own key and context and nowhere else; their length tells one of four sizes."""

import json
from typing import Any

import pytest

from keys import b64u
from keys.sealing import SealingKey
from protocol import seal
from protocol.errors import LocalError
from protocol.seal import MAX_CONTENT_BYTES, PADDED_BYTES, PURPOSES, SEALED_BYTES, SealContext
from tests.support.federation import made_id, sealing, seed
from tests.support.outcome import outcome_of, vectors

KEY = sealing("kemnaker")


def context(*, kid: str = KEY.public.kid, purpose: str = "case", epoch: int = 0) -> SealContext:
    return SealContext("jabar", "kemnaker", made_id("entry"), made_id("thread"), kid, purpose, epoch)


@pytest.mark.parametrize("vector", vectors("seal/seals.json"))
def test_a_seal_opens_only_where_it_belongs(vector: dict[str, Any]) -> None:
    """Each seal that was moved to another party, entry, thread, epoch or purpose, or touched, stays shut."""
    there = vector["context"]
    moved = SealContext(
        there["from"], there["to"], there["id"], there["ref"], there["kid"], there["purpose"], there["epoch"]
    )
    key = SealingKey.from_seed(bytes.fromhex(vector["seed"]))
    assert outcome_of(lambda: seal.open_part(b64u.decode(vector["sealed"]), key, moved)) == vector["outcome"]


@pytest.mark.parametrize("vector", vectors("seal/padding.json"))
def test_a_length_shows_as_one_of_four(vector: dict[str, Any]) -> None:
    content = b"x" * vector["content_bytes"]
    assert outcome_of(lambda: seal.pad(content)) == vector["outcome"]
    if vector["outcome"] == "ok":
        padded = seal.pad(content)
        assert len(padded) == vector["padded_bytes"]
        assert seal.unpad(padded) == content


@pytest.mark.parametrize("vector", vectors("seal/unpadding.json"))
def test_padding_has_one_form(vector: dict[str, Any]) -> None:
    """Otherwise the bytes after the content would carry what nobody checks."""
    assert outcome_of(lambda: seal.unpad(bytes.fromhex(vector["padded"]))) == vector["outcome"]


@pytest.mark.parametrize("size", [0, 33, *(padded - 4 for padded in PADDED_BYTES)])
def test_what_was_sealed_is_opened_whole(size: int) -> None:
    content = seed("content") * (size // 32 + 1)
    part = seal.seal(content[:size], KEY.public, context())
    assert len(part.ciphertext) in SEALED_BYTES
    assert part.name == seal.PartName(seal.part_id(part.ciphertext), len(part.ciphertext), KEY.public.kid)
    assert seal.open_part(part.ciphertext, KEY, context()) == content[:size]


def test_no_two_seals_of_one_content_are_alike() -> None:
    assert len({seal.seal(b"ya", KEY.public, context()).name.id for _ in range(4)}) == 4


def test_the_context_is_all_seven_members_behind_the_label() -> None:
    label, _, rest = context(epoch=7).info().partition(b"\0")
    assert label == b"simpul/seal/v1"
    assert json.loads(rest).keys() == {"epoch", "from", "id", "kid", "purpose", "ref", "to"}
    assert json.loads(context().info().partition(b"\0")[2])["epoch"] == 0


@pytest.mark.parametrize("wrong", [context(kid=sealing("jateng").public.kid), context(purpose="gossip")])
def test_nothing_is_sealed_under_a_context_that_cannot_be_opened(wrong: SealContext) -> None:
    with pytest.raises(LocalError):
        seal.seal(b"x", KEY.public, wrong)


def test_content_that_fits_no_seal_is_our_own_bug() -> None:
    with pytest.raises(LocalError):
        seal.seal(bytes(MAX_CONTENT_BYTES + 1), KEY.public, context())


def test_the_purposes_are_a_closed_set() -> None:
    assert {"case", "identity", "message", "reply", "file"} == PURPOSES


def test_a_part_is_known_by_its_hash_and_length() -> None:
    part = seal.seal(b"x", KEY.public, context())
    seal.check_part(part.name, part.ciphertext)
    for other in (
        part.ciphertext[:-1],
        part.ciphertext + b"\0",
        b"",
        seal.seal(b"x", KEY.public, context()).ciphertext,
    ):
        assert outcome_of(lambda other=other: seal.check_part(part.name, other)) == "part-id"  # type: ignore[misc]
    assert seal.read_part_name(part.name.wire()) == part.name
