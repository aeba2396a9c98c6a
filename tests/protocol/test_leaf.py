"""Leaves: what the public sees of an entry."""

from typing import Any

import pytest

from protocol.leaf import MAX_LEAF_BYTES, Fence, Leaf, leaf_of, read_leaf
from tests.support.federation import HUB, World, seed, signing
from tests.support.outcome import outcome_of, vectors


@pytest.mark.parametrize("vector", vectors("entry/leaves.json"))
def test_each_text_meets_its_rule(vector: dict[str, Any]) -> None:
    raw = vector["leaf"].encode()
    assert outcome_of(lambda: read_leaf(raw)) == vector["outcome"]
    if vector["outcome"] == "ok":
        assert read_leaf(raw).encode() == raw


@pytest.mark.parametrize(
    ("kind", "recipient", "expected"),
    [
        ("offer", "kemnaker", {"slot"}),
        ("consult", "kemnaker", set()),
        ("fence", HUB, {"fence"}),
    ],
)
def test_a_leaf_tells_hash_slot_and_fence_and_nothing_else(kind: str, recipient: str, expected: set[str]) -> None:
    signed = World.founded().draft(kind, "jabar", recipient, inc=3).sign(signing("jabar"))
    leaf = leaf_of(signed)
    assert leaf.h == signed.digest
    assert leaf.slot == signed.entry.slot
    assert leaf.fence == (Fence("jabar", 3) if kind == "fence" else None)
    assert {name for name in ("slot", "fence", "directory") if getattr(leaf, name) is not None} == expected
    assert read_leaf(leaf.encode()) == leaf


def test_the_largest_leaf_is_far_below_the_limit() -> None:
    assert len(Leaf(seed("h"), fence=Fence("a" * 63, 2**32 - 1)).encode()) < MAX_LEAF_BYTES
