"""The Merkle tree of the log: hashed as RFC 6962 section 2.1 says, proofs verified as RFC 9162 section 2.1 says.

A tree of `size` leaves is never held whole: proofs are made over a reader of perfect subtrees, and `Frontier` is
the few hashes that are needed to append and to give the root. Nothing here knows how hashes are stored (tiles.py).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from keys.digest import sha256
from protocol.errors import LocalError, RemoteError

HASH_BYTES: Final = 32
#: The root of no leaves: the hash of no bytes.
EMPTY_ROOT: Final = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
#: Larger trees do not fit the signed 64-bit integers of databases and of other implementations.
MAX_SIZE: Final = 2**63 - 1

#: (level, index) -> the 32-byte hash of the perfect subtree over leaves [index << level, (index + 1) << level).
HashReader: TypeAlias = Callable[[int, int], bytes]

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"
_SIZE_BYTES: Final = 8


def leaf_hash(data: bytes) -> bytes:
    """Return the 32-byte hash of a leaf: H(00 ‖ data)."""
    return sha256(_LEAF, data)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of an inner node: H(01 ‖ left ‖ right)."""
    return sha256(_NODE, left, right)


def root(hashes: Sequence[bytes]) -> bytes:
    """Return the root of the tree over these leaf hashes, in order."""
    return Frontier.empty().extend(hashes).root()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: enough to append leaves and to give the root, at most 63 hashes.

    `peaks` are the perfect subtrees from left to right, one for each bit that is set in `size`.
    """

    size: int
    peaks: tuple[bytes, ...]

    @classmethod
    def empty(cls) -> "Frontier":
        """Return the frontier of no leaves."""
        return cls(0, ())

    def append(self, leaf_hash: bytes) -> "Frontier":
        """Return the frontier with one leaf more."""
        return self.extend((leaf_hash,))

    def extend(self, hashes: Iterable[bytes]) -> "Frontier":
        """Return the frontier with these leaf hashes appended in order. Raises LocalError if one has not 32 bytes."""
        size, peaks = self.size, list(self.peaks)
        for leaf in hashes:
            if len(leaf) != HASH_BYTES:
                raise LocalError("leaves are appended by their 32-byte hashes")
            node, carry = leaf, size
            # Like adding one in binary: each trailing 1 is a finished subtree that the new one completes.
            while carry & 1:
                node, carry = node_hash(peaks.pop(), node), carry >> 1
            peaks.append(node)
            size += 1
        return Frontier(size, tuple(peaks))

    def root(self) -> bytes:
        """Return the 32-byte root of the tree."""
        return _fold(self.peaks)

    def to_bytes(self) -> bytes:
        """Return size as 8 big-endian bytes ‖ peaks of 32 bytes from left to right."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Frontier":
        """Read what `to_bytes` wrote. Raises RemoteError("tree") when the peaks do not fit the size."""
        size, rest = int.from_bytes(raw[:_SIZE_BYTES], "big"), raw[_SIZE_BYTES:]
        if len(raw) < _SIZE_BYTES or size > MAX_SIZE or len(rest) != size.bit_count() * HASH_BYTES:
            raise RemoteError("tree", "the stored frontier does not fit its size")
        return cls(size, tuple(rest[i : i + HASH_BYTES] for i in range(0, len(rest), HASH_BYTES)))


def tree_root(size: int, read: HashReader) -> bytes:
    """Return the root of the first `size` leaves."""
    return _range_hash(0, size, read)


def inclusion_proof(index: int, size: int, read: HashReader) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of `size` leaves, nearest sibling first (RFC 6962, 2.1.1).

    Raises LocalError when there is no such leaf.
    """
    if not 0 <= index < size:
        raise LocalError(f"no leaf {index} in a tree of {size}")
    begin, end, proof = 0, size, []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            proof.append(_range_hash(middle, end, read))
            end = middle
        else:
            proof.append(_range_hash(begin, middle, read))
            begin = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, read: HashReader) -> list[bytes]:
    """Return the proof that the tree of `old` leaves is a prefix of that of `new` (RFC 6962, 2.1.2).

    Empty when `old` is 0 or `new`: there is nothing to show. Raises LocalError when `old` is larger than `new`.
    """
    if not 0 <= old <= new:
        raise LocalError(f"no tree of {old} leaves is a prefix of one of {new}")
    if old == 0:
        return []
    begin, end, proof = 0, new, []
    while old < end:
        middle = begin + _split(end - begin)
        if old <= middle:
            proof.append(_range_hash(middle, end, read))
            end = middle
        else:
            proof.append(_range_hash(begin, middle, read))
            begin = middle
    if begin > 0:
        # The verifier knows the old root, which is this very subtree unless something was split off its left.
        proof.append(_range_hash(begin, end, read))
    return proof[::-1]


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf stands at `index` in the tree of `size` leaves with this root (RFC 9162, 2.1.3.2).

    Raises RemoteError("tree").
    """
    _check_hashes(leaf_hash, root, *proof)
    if not 0 <= index < size <= MAX_SIZE:
        raise RemoteError("tree", "the index is not in the tree")
    position, last, result = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise RemoteError("tree", "the inclusion proof is too long")
        if position & 1 or position == last:
            result = node_hash(sibling, result)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise RemoteError("tree", "the inclusion proof is too short")
    if result != root:
        raise RemoteError("tree", "the inclusion proof leads to another root")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `old` leaves is a prefix of the tree of `new` leaves (RFC 9162, 2.1.4.2).

    Raises RemoteError("tree"), also when `new` is smaller than `old`.
    """
    _check_hashes(old_root, new_root, *proof)
    if not 0 <= old <= new <= MAX_SIZE:
        raise RemoteError("tree", "the tree became smaller")
    if old in (0, new):
        if proof:
            raise RemoteError("tree", "a proof where there is nothing to prove")
        if (old == new and old_root != new_root) or (old == 0 and old_root != EMPTY_ROOT):
            raise RemoteError("tree", "two roots for one size")
        return
    old_result, new_result = _climb(old, old_root, new, proof)
    if old_result != old_root or new_result != new_root:
        raise RemoteError("tree", "the consistency proof leads to other roots")


def _climb(old: int, old_root: bytes, new: int, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the (old, new) roots to which a consistency proof leads, for 0 < old < new."""
    # An old tree that is one perfect subtree is a node of the new one, so the proof leaves it out.
    path = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if not path:
        raise RemoteError("tree", "the consistency proof is empty")
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_result = new_result = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise RemoteError("tree", "the consistency proof is too long")
        if position & 1 or position == last:
            old_result, new_result = node_hash(sibling, old_result), node_hash(sibling, new_result)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_result = node_hash(new_result, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise RemoteError("tree", "the consistency proof is too short")
    return old_result, new_result


def _check_hashes(*hashes: bytes) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise RemoteError("tree", "leaf, roots and proof are 32-byte hashes")


def _split(size: int) -> int:
    """Return the largest power of two below `size` (RFC 6962, 2.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_hash(begin: int, end: int, read: HashReader) -> bytes:
    """Return the hash over leaves [begin, end), where `begin` is a multiple of a power of two not below end - begin."""
    peaks = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        peaks.append(read(level, begin >> level))
        begin += 1 << level
    return _fold(peaks)


def _fold(peaks: Sequence[bytes]) -> bytes:
    """Return the root over perfect subtrees of falling size; the smallest are joined first."""
    if not peaks:
        return EMPTY_ROOT
    result = peaks[-1]
    for peak in reversed(peaks[:-1]):
        result = node_hash(peak, result)
    return result
