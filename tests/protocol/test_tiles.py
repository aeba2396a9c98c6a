"""Tiles: paths and sizes of C2SP tlog-tiles, and trees that are only ever seen through tiles."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import merkle, tiles
from protocol.errors import LocalError, RemoteError
from protocol.tiles import Tile, TileHashes

VECTORS = Path(__file__).parents[1] / "vectors" / "tiles"


def vectors(file: str, name: str) -> list[Any]:
    found = json.loads((VECTORS / file).read_text("utf-8"))["vectors"]
    return [pytest.param(vector, id=repr(vector[name])) for vector in found]


class Store:
    """Tiles as the hub keeps them: one blob a tile, replaced when it becomes wider."""

    def __init__(self) -> None:
        self.size = 0
        self.blobs: dict[tuple[int, int], bytes] = {}
        self.reads: list[tuple[int, int, int]] = []

    def read(self, level: int, n: int, width: int) -> bytes:
        self.reads.append((level, n, width))
        return self.blobs[level, n][: width * 32]

    def append(self, hashes: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
        changed = tiles.extend_tiles(self.size, self.read, hashes)
        self.blobs |= changed
        self.size += len(hashes)
        return changed


def hashes(begin: int, end: int) -> list[bytes]:
    return [merkle.leaf_hash(b"%d" % i) for i in range(begin, end)]


def grown(*sizes: int) -> Store:
    store = Store()
    for size in sizes:
        store.append(hashes(store.size, size))
    return store


@pytest.mark.parametrize("vector", vectors("paths.json", "path"))
def test_a_path_has_the_expected_outcome(vector: dict[str, Any]) -> None:
    if vector["outcome"] == "ok":
        tile = Tile(vector["level"], vector["n"], vector["width"])
        assert tiles.parse_tile_path(vector["path"]) == tile
        assert tile.path() == vector["path"]
        return
    with pytest.raises(RemoteError) as caught:
        tiles.parse_tile_path(vector["path"])
    assert caught.value.rule.name == vector["outcome"]


@given(st.integers(-1, 63), st.integers(0, merkle.MAX_SIZE), st.integers(1, 256))
def test_every_tile_has_one_path(level: int, n: int, width: int) -> None:
    tile = Tile(level, n, width)
    assert tiles.parse_tile_path(tile.path()) == tile


@pytest.mark.parametrize(("level", "n", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_what_is_no_tile_has_no_path(level: int, n: int, width: int) -> None:
    with pytest.raises(LocalError):
        tiles.tile_path(level, n, width)


def test_a_path_names_a_full_tile_unless_told_otherwise() -> None:
    assert tiles.tile_path(0, 1234) == "tile/0/x001/234"
    assert tiles.entries_path(1234, 5) == "tile/entries/x001/234.p/5"


@pytest.mark.parametrize("vector", vectors("sizes.json", "size"))
def test_a_tree_has_the_tiles_of_the_specification(vector: dict[str, Any]) -> None:
    wanted = []
    for level, (full, partial) in enumerate(vector["levels"]):
        wanted += [Tile(level, n, 256) for n in range(full)]
        wanted += [Tile(level, full, partial)] if partial else []
    assert tiles.tiles_for(vector["size"]) == wanted


@given(st.integers(0, 70_000), st.integers(0, 70_000))
@settings(max_examples=30, deadline=None)
def test_new_tiles_are_those_that_were_not_there_before(one: int, other: int) -> None:
    old, new = sorted((one, other))
    before = set(tiles.tiles_for(old))
    assert tiles.new_tiles(old, new) == [tile for tile in tiles.tiles_for(new) if tile not in before]


def test_a_log_does_not_shrink() -> None:
    with pytest.raises(LocalError):
        tiles.new_tiles(2, 1)


@pytest.mark.parametrize("vector", vectors("entries.json", "name"))
def test_a_bundle_of_entries_has_the_expected_outcome(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["hex"])
    if vector["outcome"] == "ok":
        leaves = [bytes.fromhex(leaf) for leaf in vector["leaves"]]
        assert tiles.decode_entries(raw, vector["count"]) == leaves
        assert tiles.encode_entries(leaves) == raw
        return
    with pytest.raises(RemoteError) as caught:
        tiles.decode_entries(raw, vector["count"])
    assert caught.value.rule.name == vector["outcome"]


def test_an_entry_has_at_most_65535_bytes() -> None:
    longest = bytes(65_535)
    assert tiles.decode_entries(tiles.encode_entries([longest]), 1) == [longest]
    with pytest.raises(LocalError):
        tiles.encode_entries([bytes(65_536)])


@given(st.lists(st.integers(0, 700), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_however_leaves_arrive_the_tiles_are_the_same(sizes: list[int]) -> None:
    sizes.sort()
    store = grown(*sizes)
    assert store.blobs == grown(sizes[-1]).blobs
    widths = {(level, n): width for level, n, width in tiles.tiles_for(sizes[-1])}
    assert {place: len(blob) // 32 for place, blob in store.blobs.items()} == widths


@given(st.integers(0, 700), st.integers(0, 700))
@settings(max_examples=25, deadline=None)
def test_what_an_append_changes_is_what_is_new(one: int, other: int) -> None:
    old, new = sorted((one, other))
    changed = grown(old).append(hashes(old, new))
    assert sorted(changed) == sorted((tile.level, tile.n) for tile in tiles.new_tiles(old, new))


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 300, 511, 512, 513, 700])
def test_proofs_read_from_tiles_verify_against_the_root(size: int) -> None:
    store, leaves = grown(size), hashes(0, size)
    reader = TileHashes(size, store.read)
    root = merkle.root(leaves)
    assert merkle.tree_root(size, reader) == root
    for index in {0, 1, 254, 255, 256, 257, 511, size - 1} & set(range(size)):
        merkle.verify_inclusion(leaves[index], index, size, merkle.inclusion_proof(index, size, reader), root)
    for old in {1, 255, 256, 257, 512, size} & set(range(size + 1)):
        proof = merkle.consistency_proof(old, size, reader)
        merkle.verify_consistency(old, merkle.root(leaves[:old]), size, root, proof)


def test_a_tree_of_three_tile_levels_is_read_through_few_tiles() -> None:
    size = 65_536 + 300
    leaves, store = hashes(0, size), grown(65_000, size)
    root = merkle.root(leaves)
    reader = TileHashes(size, store.read)
    store.reads.clear()
    for index in (0, 65_535, 65_536, size - 1):
        proof = merkle.inclusion_proof(index, size, reader)
        merkle.verify_inclusion(leaves[index], index, size, proof, root)
    old_root = merkle.root(leaves[:300])
    merkle.verify_consistency(300, old_root, size, root, merkle.consistency_proof(300, size, reader))
    assert len(store.reads) == len(set(store.reads)) <= 9
    assert set(store.reads) <= set(tiles.tiles_for(size))


def test_a_follower_reads_an_older_tree_from_wider_tiles() -> None:
    """The hub may drop a partial tile once a wider one exists; its first hashes are the partial one."""
    store = grown(700)
    assert merkle.tree_root(300, TileHashes(300, store.read)) == merkle.root(hashes(0, 300))


def test_a_subtree_beyond_the_tree_is_never_read() -> None:
    store = grown(300)
    reader = TileHashes(300, store.read)
    store.reads.clear()
    for level, index in ((0, 300), (8, 1), (9, 0), (-1, 0), (0, -1)):
        with pytest.raises(LocalError):
            reader(level, index)
    assert store.reads == []


@pytest.mark.parametrize("size", [0, 31, 33, 32 * 300])
def test_a_tile_of_a_wrong_length_is_refused(size: int) -> None:
    reader = TileHashes(5, lambda *_: bytes(size))
    with pytest.raises(RemoteError) as caught:
        reader(0, 0)
    assert caught.value.rule.name == "tree"
    with pytest.raises(RemoteError):
        tiles.extend_tiles(5, lambda *_: bytes(size), hashes(5, 6))


def test_a_hash_of_another_length_is_never_appended() -> None:
    with pytest.raises(LocalError):
        tiles.extend_tiles(0, lambda *_: b"", [bytes(31)])


def test_appending_nothing_changes_nothing() -> None:
    store = grown(300)
    store.reads.clear()
    assert store.append([]) == {}
    assert store.reads == []


def test_a_forged_tile_does_not_lead_to_the_root() -> None:
    store = grown(300)
    root = merkle.root(hashes(0, 300))
    store.blobs[0, 0] = bytes(32) + store.blobs[0, 0][32:]
    reader = TileHashes(300, store.read)
    with pytest.raises(RemoteError):
        merkle.verify_inclusion(bytes(32), 0, 300, merkle.inclusion_proof(0, 300, reader), root)
