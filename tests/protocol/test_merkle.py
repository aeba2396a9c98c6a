"""The Merkle tree against RFC 6962 written out naively, and against the published vectors."""

import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.digest import sha256
from protocol import merkle
from protocol.errors import LocalError, RemoteError
from protocol.merkle import EMPTY_ROOT, Frontier

VECTORS = Path(__file__).parents[1] / "vectors" / "rfc6962"
TREE = json.loads((VECTORS / "tree.json").read_text("utf-8"))
SMALL = 70
LARGE = [255, 256, 257, 511, 513, 65_535, 65_536, 65_537, 66_049]


def leaf(index: int) -> bytes:
    return b"leaf %d" % index


@cache
def mth(begin: int, end: int) -> bytes:
    """MTH(D[begin:end]) straight from RFC 6962 section 2.1."""
    n = end - begin
    if n == 0:
        return sha256()
    if n == 1:
        return sha256(b"\x00", leaf(begin))
    k = split(n)
    return sha256(b"\x01", mth(begin, begin + k), mth(begin + k, end))


def split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def path(m: int, begin: int, end: int) -> list[bytes]:
    """PATH(m, D[begin:end]) straight from RFC 6962 section 2.1.1."""
    if end - begin == 1:
        return []
    k = split(end - begin)
    if m < k:
        return [*path(m, begin, begin + k), mth(begin + k, end)]
    return [*path(m - k, begin + k, end), mth(begin, begin + k)]


def subproof(m: int, begin: int, end: int, *, whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[begin:end], whole) straight from RFC 6962 section 2.1.2."""
    if m == end - begin:
        return [] if whole else [mth(begin, end)]
    k = split(end - begin)
    if m <= k:
        return [*subproof(m, begin, begin + k, whole=whole), mth(begin + k, end)]
    return [*subproof(m - k, begin + k, end, whole=False), mth(begin, begin + k)]


def read(level: int, index: int) -> bytes:
    return mth(index << level, (index + 1) << level)


def outcome_of(check: Callable[[], object]) -> str:
    try:
        check()
    except RemoteError as error:
        return error.rule.name
    return "ok"


def unhex(values: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


def vectors(file: str) -> list[Any]:
    found = json.loads((VECTORS / file).read_text("utf-8"))["vectors"]
    return [pytest.param(vector, id=vector["name"]) for vector in found]


def published_reader(level: int, index: int) -> bytes:
    leaves = unhex(TREE["leaves"])[index << level : (index + 1) << level]
    return merkle.root([merkle.leaf_hash(data) for data in leaves])


def test_published_roots_are_those_of_the_published_leaves() -> None:
    frontier = Frontier.empty()
    for size, (data, root) in enumerate(zip(unhex(TREE["leaves"]), unhex(TREE["roots"]), strict=True), start=1):
        frontier = frontier.append(merkle.leaf_hash(data))
        assert frontier.root() == root == merkle.tree_root(size, published_reader)


def test_published_proofs_are_the_ones_we_make() -> None:
    for proof in TREE["inclusion"]:
        assert merkle.inclusion_proof(proof["index"], proof["size"], published_reader) == unhex(proof["proof"])
    for proof in TREE["consistency"]:
        assert merkle.consistency_proof(proof["old"], proof["new"], published_reader) == unhex(proof["proof"])


@pytest.mark.parametrize("vector", vectors("inclusion.json"))
def test_inclusion_proofs_have_the_expected_outcome(vector: dict[str, Any]) -> None:
    leaf_hash, root = unhex([vector["leaf_hash"], vector["root"]])
    proof = unhex(vector["proof"])
    outcome = outcome_of(partial(merkle.verify_inclusion, leaf_hash, vector["index"], vector["size"], proof, root))
    assert outcome == vector["outcome"]


@pytest.mark.parametrize("vector", vectors("consistency.json"))
def test_consistency_proofs_have_the_expected_outcome(vector: dict[str, Any]) -> None:
    old_root, new_root = unhex([vector["old_root"], vector["new_root"]])
    proof = unhex(vector["proof"])
    outcome = outcome_of(partial(merkle.verify_consistency, vector["old"], old_root, vector["new"], new_root, proof))
    assert outcome == vector["outcome"]


def test_leaves_and_nodes_are_hashed_apart() -> None:
    """Without the prefixes an inner node could be passed off as a leaf (RFC 6962, 2.1)."""
    left, right = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)
    assert sha256() == EMPTY_ROOT == merkle.root([]) == merkle.tree_root(0, read)


@pytest.mark.parametrize("size", range(SMALL + 1))
def test_every_small_tree_has_the_root_and_the_proofs_of_the_rfc(size: int) -> None:
    root = mth(0, size)
    assert merkle.root([mth(i, i + 1) for i in range(size)]) == root
    assert merkle.tree_root(size, read) == root
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, read)
        assert proof == path(index, 0, size)
        merkle.verify_inclusion(mth(index, index + 1), index, size, proof, root)
    for old in range(size + 1):
        proof = merkle.consistency_proof(old, size, read)
        assert proof == (subproof(old, 0, size, whole=True) if old else [])
        merkle.verify_consistency(old, mth(0, old), size, root, proof)


@pytest.mark.parametrize("size", range(1, 18))
def test_no_proof_serves_another_leaf_or_another_size(size: int) -> None:
    root = mth(0, size)
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, read)
        for other in range(size + 2):
            wanted = "ok" if other == index else "tree"
            assert (
                outcome_of(partial(merkle.verify_inclusion, mth(index, index + 1), other, size, proof, root)) == wanted
            )
    for old in range(1, size):
        proof = merkle.consistency_proof(old, size, read)
        for other in range(1, size):
            wanted = "ok" if other == old else "tree"
            assert outcome_of(partial(merkle.verify_consistency, other, mth(0, other), size, root, proof)) == wanted


def test_a_proof_of_a_larger_tree_does_not_pass_under_a_smaller_size() -> None:
    """Hashes that follow once the claimed tree is used up are refused, even when they lead to the root."""
    inclusion = partial(merkle.verify_inclusion, mth(1, 2), 0, 1, [mth(0, 1)], mth(0, 2))
    proof = merkle.consistency_proof(7, 8, read)
    consistency = partial(merkle.verify_consistency, 3, mth(0, 7), 4, mth(0, 8), proof)
    assert (outcome_of(inclusion), outcome_of(consistency)) == ("tree", "tree")
    merkle.verify_consistency(7, mth(0, 7), 8, mth(0, 8), proof)


@pytest.mark.parametrize("size", LARGE)
def test_trees_across_the_tile_boundaries_have_the_proofs_of_the_rfc(size: int) -> None:
    root = mth(0, size)
    assert merkle.tree_root(size, read) == root
    for index in {0, 1, 254, 255, 256, size // 2, size - 2, size - 1} & set(range(size)):
        proof = merkle.inclusion_proof(index, size, read)
        assert proof == path(index, 0, size)
        merkle.verify_inclusion(mth(index, index + 1), index, size, proof, root)
    for old in {1, 255, 256, 257, 511, 65_535, 65_536, size // 2, size - 1} & set(range(size)):
        proof = merkle.consistency_proof(old, size, read)
        assert proof == subproof(old, 0, size, whole=True)
        merkle.verify_consistency(old, mth(0, old), size, root, proof)


@given(st.integers(0, 600), st.integers(0, 600))
@settings(deadline=None)
def test_a_frontier_goes_on_from_any_size(first: int, more: int) -> None:
    frontier = Frontier.empty().extend(mth(i, i + 1) for i in range(first))
    again = Frontier.from_bytes(frontier.to_bytes())
    assert again == frontier
    grown = again.extend(mth(i, i + 1) for i in range(first, first + more))
    assert (grown.size, grown.root()) == (first + more, mth(0, first + more))
    assert len(grown.peaks) == grown.size.bit_count()


@given(st.data())
@settings(deadline=None)
def test_a_proof_with_one_bit_changed_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 600))
    old = data.draw(st.integers(1, size - 1))
    included, consistent = merkle.inclusion_proof(old, size, read), merkle.consistency_proof(old, size, read)
    for proof, check in (
        (
            included,
            lambda: merkle.verify_inclusion(mth(old, old + 1), old, size, included, mth(0, size)),
        ),
        (
            consistent,
            lambda: merkle.verify_consistency(old, mth(0, old), size, mth(0, size), consistent),
        ),
    ):
        at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        proof[at] = (int.from_bytes(proof[at], "big") ^ 1 << bit).to_bytes(32, "big")
        assert outcome_of(check) == "tree"


def test_appending_makes_a_new_frontier_and_leaves_the_old_one() -> None:
    before = Frontier.empty().append(mth(0, 1))
    after = before.append(mth(1, 2))
    assert (before.size, before.root()) == (1, mth(0, 1))
    assert (after.size, after.root()) == (2, mth(0, 2))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        bytes(7),
        bytes(9),
        bytes(7) + b"\x01",
        bytes(7) + b"\x03" + bytes(32),
        bytes(8) + bytes(32),
        b"\x80" + bytes(39),
    ],
    ids=bytes.hex,
)
def test_a_damaged_frontier_is_refused(raw: bytes) -> None:
    assert outcome_of(lambda: Frontier.from_bytes(raw)) == "tree"


def test_what_cannot_be_asked_for_is_our_own_bug() -> None:
    for ask in (
        lambda: Frontier.empty().append(b"short"),
        lambda: merkle.inclusion_proof(5, 5, read),
        lambda: merkle.inclusion_proof(-1, 5, read),
        lambda: merkle.consistency_proof(6, 5, read),
        lambda: merkle.consistency_proof(-1, 5, read),
    ):
        with pytest.raises(LocalError):
            ask()
