"""What Go's program refuses: a copy of a real log with one thing changed, and a log with two histories.

Without these, that it verifies our log would say little.
"""

from base64 import b64encode
from collections.abc import Callable
from typing import Final

import pytest

from keys.signing import SigningKey
from protocol import checkpoint, tiles
from protocol.checkpoint import Checkpoint
from protocol.leaf import leaf_of
from tests.oracles.grown import SIZE, Files, Grown, leaves_of, published_by, root_of
from tests.support.federation import seed

_FULL, _PARTIAL, _ABOVE = "tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2"
_LEAVES, _LAST_LEAVES = "tile/entries/000", "tile/entries/002.p/88"
_NOTE = "checkpoint"


@pytest.fixture(scope="module")
def files(grown: Grown) -> Files:
    """A copy of all that the log publishes."""
    return grown.files()


def flipped(content: bytes, at: int) -> bytes:
    """The same with one bit changed."""
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def hashes_swapped(content: bytes) -> bytes:
    return content[32:64] + content[:32] + content[64:]


def leaves_swapped(content: bytes) -> bytes:
    first, second, *others = tiles.decode_entries(content, tiles.WIDTH)
    return tiles.encode_entries([second, first, *others])


def last_leaf_replaced(content: bytes) -> bytes:
    """By a well-formed leaf of an entry that nobody pushed."""
    leaves = tiles.decode_entries(content, 88)
    return tiles.encode_entries([*leaves[:-1], flipped(leaves[-1], 10)])


#: What is done to which file, and the check by which it is refused.
_TAMPERED: Final[dict[str, tuple[str, Callable[[bytes], bytes], str]]] = {
    "one bit of a full tile": (_FULL, lambda raw: flipped(raw, 4_000), "tile"),
    "one bit of a partial tile": (_PARTIAL, lambda raw: flipped(raw, 87 * 32), "tile"),
    "one bit of the tile above": (_ABOVE, lambda raw: flipped(raw, 40), "tile"),
    "two hashes swapped in a tile": (_FULL, hashes_swapped, "tile"),
    "a tile cut short": (_PARTIAL, lambda raw: raw[:-32], "tile"),
    "a tile with a hash left over": (_PARTIAL, lambda raw: raw + bytes(32), "tile"),
    "an empty tile": (_ABOVE, lambda _raw: b"", "tile"),
    "one bit of a leaf": (_LEAVES, lambda raw: flipped(raw, 20), "leaves"),
    "two leaves swapped": (_LEAVES, leaves_swapped, "leaves"),
    "the last leaf replaced": (_LAST_LEAVES, last_leaf_replaced, "leaves"),
    "leaves cut short": (_LAST_LEAVES, lambda raw: raw[:-1], "entries"),
    "a leaf left over": (_LAST_LEAVES, lambda raw: raw + b"\x00\x02{}", "entries"),
    "a checkpoint of a smaller size": (_NOTE, lambda raw: raw.replace(b"\n600\n", b"\n599\n"), "checkpoint"),
    "one bit of the signature": (_NOTE, lambda raw: flipped(raw, len(raw) - 8), "checkpoint"),
    "a checkpoint without its signature": (_NOTE, lambda raw: raw[: raw.index("—".encode())], "checkpoint"),
    "a line more under the signature": (_NOTE, lambda raw: raw.replace(b"\n\n", b"\nlagi\n\n"), "checkpoint"),
}


@pytest.mark.parametrize("threat", _TAMPERED)
def test_a_log_that_was_tampered_with(grown: Grown, files: Files, threat: str) -> None:
    path, change, check = _TAMPERED[threat]
    tampered = files | {path: change(files[path])}
    assert tampered != files
    assert grown.verdict(tampered)["refused"] == check


@pytest.mark.parametrize("path", [_PARTIAL, _LEAVES, _NOTE])
def test_a_log_of_which_a_file_is_missing(grown: Grown, files: Files, path: str) -> None:
    held_back = {other: content for other, content in files.items() if other != path}
    assert grown.verdict(held_back)["refused"] == "fetch"


def test_a_checkpoint_of_another_key_or_name(grown: Grown, files: Files) -> None:
    own, stranger, other = grown.hub.keys.log, SigningKey.from_seed(seed("stranger")), "palsu.example/log1"
    root = root_of(leaves_of(files))
    assert files[_NOTE] == checkpoint.sign(Checkpoint(grown.origin, SIZE, root), grown.origin, own).encode()
    for name, key in ((grown.origin, stranger), (other, own), (other, stranger)):
        note = checkpoint.sign(Checkpoint(name, SIZE, root), name, key)
        assert grown.verdict(files | {_NOTE: note.encode()})["refused"] == "checkpoint"


def test_a_checkpoint_of_another_log_under_a_good_signature(grown: Grown, files: Files) -> None:
    """The right name and key signed it, but its first line names another log."""
    own = grown.hub.keys.log
    body = Checkpoint("palsu.example/log1", SIZE, root_of(leaves_of(files))).body()
    signature = b64encode(checkpoint.key_id(grown.origin, own.public) + own.sign(body)).decode()
    note = f"{body.decode()}\n— {grown.origin} {signature}\n"
    assert grown.verdict(files | {_NOTE: note.encode()}) == {
        "refused": "checkpoint",
        "why": f"not a checkpoint of {grown.origin}",
    }


@pytest.mark.parametrize("at", [0, 255, 256, 511])
def test_a_fork_though_each_side_of_it_is_whole(grown: Grown, files: Files, at: int) -> None:
    """The log's own key signed both; only who remembers a checkpoint notices, and only one from after the fork."""
    leaves = leaves_of(files)
    leaves[at] = leaf_of(grown.said[300]).encode()
    forked = published_by(grown.hub.keys.log, grown.origin, leaves)
    assert forked.keys() == files.keys()
    before, after = ([size for size in sorted(grown.notes) if (size > at) == later] for later in (False, True))
    assert "refused" not in grown.verdict(forked, *before)
    for size in (after[0], SIZE):
        assert grown.verdict(forked, *before, size)["refused"] == "consistency"


def test_a_log_that_went_back(grown: Grown) -> None:
    """What was published at 512 leaves is whole, but who has seen 513 is not to be shown it again."""
    older = grown.files(512)
    assert "refused" not in grown.verdict(older, 511, 512)
    assert grown.verdict(older, 512, 513)["refused"] == "consistency"
