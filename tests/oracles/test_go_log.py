"""A running hub's log, read by Go's packages for transparency logs: x/mod's sumdb/note and sumdb/tlog.

The program is tests/oracles/go. It has the hub's address and the log's key, verifies the signed note, makes the tree
again from the leaves alone, and proves every leaf and every earlier checkpoint.
"""

from base64 import b64decode

from protocol import checkpoint, merkle, tiles
from protocol.leaf import leaf_of
from tests.oracles.asking import AskGo
from tests.oracles.grown import SIZE, STOPS, Grown, unbase64


def test_go_verifies_a_running_hubs_log_and_every_leaf_of_it(grown: Grown) -> None:
    """Every entry that a member pushed stands where the hub said, and Go's proof of it is the one that ours takes."""
    found = grown.verdict(grown.url)
    head = checkpoint.read(grown.notes[SIZE], grown.origin, grown.hub.federation.log_key).checkpoint
    assert (found.get("origin"), found.get("size")) == (head.origin, SIZE), found
    assert b64decode(found["root"]) == head.root
    leaves = unbase64(found["leaves"])
    assert len(leaves) == len(found["inclusion"]) == SIZE
    assert len(grown.said) > SIZE - 10  # the others are versions of the directory
    for index, signed in grown.said.items():
        assert leaves[index] == leaf_of(signed).encode()
    for index, proof in enumerate(found["inclusion"]):
        merkle.verify_inclusion(merkle.leaf_hash(leaves[index]), index, SIZE, unbase64(proof), head.root)


def test_go_makes_the_tiles_that_the_hub_publishes(grown: Grown) -> None:
    """Two full ones, a partial one, and a level above; and a copy of the files is as good as the hub."""
    files = grown.files()
    found = grown.verdict(files)
    assert found.get("tiles") == ["tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"], found
    assert set(found["tiles"]) == {path for path in files if path != "checkpoint" and "entries" not in path}


def test_go_finds_each_state_consistent_with_all_before_it_by_the_proofs_that_the_hub_gave(grown: Grown) -> None:
    """The log is read at every size at which it stopped, each time beside all checkpoints up to then."""
    told = 0
    for size in STOPS:
        earlier = [old for old in sorted(grown.notes) if old <= size]
        found = grown.verdict(grown.files(size), *earlier)
        assert found.get("size") == size, found
        for old, proof in zip(earlier, found["consistency"], strict=True):
            if (old, size) in grown.proofs:
                assert unbase64(proof) == list(grown.proofs[old, size])
                told += 1
    assert told == len(STOPS)


def test_a_tile_of_any_log_has_the_same_path_to_both(ask_go: AskGo) -> None:
    """Logs of a test are small; a nation's has tiles by the million, whose paths have groups of digits."""
    numbers = (0, 1, 999, 1_000, 1_234, 1_000_000, 1_234_067, 2**40)
    levels, widths = (tiles.ENTRIES, 0, 3, 7), (1, 255, 256)
    wanted = [tiles.Tile(level, n, width) for level in levels for n in numbers for width in widths]
    status, paths = ask_go("paths", [tile._asdict() for tile in wanted])
    assert status == 0
    assert paths == [tile.path() for tile in wanted]
    assert [tiles.parse_tile_path(path) for path in paths] == wanted
