"""The log as the auditor has read it: leaf by leaf, hashed again from the first to the last."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from protocol import merkle
from protocol.errors import LocalError
from protocol.leaf import Leaf
from protocol.tiles import WIDTH


class ReadLog:
    """Leaves by index, with the roots of every tree up to the first leaf that is missing; a custody.CustodyView."""

    def __init__(self, size: int, raws: dict[int, bytes], leaves: dict[int, Leaf], files: dict[int, str]) -> None:
        """`size` is what the checkpoint says; `raws` what was read, `leaves` those that parsed.

        `files` names the tile of each 256 leaves.
        """
        self.claimed: Final = size
        self.raws: Final = raws
        self.leaves: Final = leaves
        self._files: Final = files
        self.size = 0
        while self.size in raws:
            self.size += 1
        self._levels: Final = _levels([merkle.leaf_hash(raws[index]) for index in range(self.size)])
        self._slots: Final[dict[str, int]] = {}
        for index in sorted(leaves):
            slot = leaves[index].slot
            if slot is not None:
                self._slots.setdefault(slot, index)
        self._fences: Final = _fences(leaves)

    @property
    def whole(self) -> bool:
        """Whether every leaf was read."""
        return self.size == self.claimed

    @property
    def hashes(self) -> Sequence[bytes]:
        """The hashes of the leaves up to the first that is missing."""
        return self._levels[0]

    def root_at(self, size: int) -> bytes:
        """Return the root of the first `size` leaves; raise LocalError beyond those that were read."""
        if size > self.size:
            raise LocalError(f"{size} leaves were not read")
        return merkle.tree_root(size, lambda level, index: self._levels[level][index])

    def first_with_slot(self, slot: str) -> tuple[int, bytes] | None:
        """Return (index, h) of the first leaf with this slot, or None."""
        index = self._slots.get(slot)
        return None if index is None else (index, self.leaves[index].h)

    def fence_before(self, party: str, index: int) -> int:
        """Return the highest incarnation that a fence of `party` before the leaf at `index` shows; 0 without one."""
        fences = self._fences[party]
        at = bisect_left(fences, index, key=lambda fence: fence[0])
        return fences[at - 1][1] if at else 0

    def place(self, index: int) -> str:
        """Say where the leaf stands, for a finding."""
        return f"{self._files.get(index // WIDTH, 'tile/entries')} leaf {index}"


def _fences(leaves: Mapping[int, Leaf]) -> defaultdict[str, list[tuple[int, int]]]:
    """Return for each party (leaf, highest incarnation up to it) of its fences, in the order of the log."""
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for index in sorted(leaves):
        fence = leaves[index].fence
        if fence is not None:
            fences = found[fence.node]
            fences.append((index, max(fence.inc, fences[-1][1] if fences else 0)))
    return found


def _levels(hashes: list[bytes]) -> list[list[bytes]]:
    """Return the hashes of all perfect subtrees, from leaves up."""
    levels = [hashes]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([merkle.node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)])
    return levels
