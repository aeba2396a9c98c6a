"""The log as static files: C2SP tlog-tiles, tiles of height 8 (256 hashes, 8,192 bytes).

Wire form: `tile/<level>/<N>[.p/<W>]` is W (256 if left out) consecutive 32-byte hashes; `tile/entries/<N>[.p/<W>]`
is as many leaves, each behind its length as 2 big-endian bytes. N is written in groups of three digits, all but
the last with an x before them. One code serves the hub, which stores tiles, and a follower, which fetched them.
A tile proves nothing by itself: whoever fetched it checks proofs or the root against a signed checkpoint.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from re import compile as pattern
from typing import Final, NamedTuple, TypeAlias

from protocol import merkle
from protocol.errors import LocalError, RemoteError
from protocol.merkle import HASH_BYTES

HEIGHT: Final = 8
WIDTH: Final = 256
TILE_BYTES: Final = WIDTH * HASH_BYTES
#: The level that stands for `tile/entries/`, as in other implementations.
ENTRIES: Final = -1
MAX_LEVEL: Final = 63
MAX_LEAF_BYTES: Final = 0xFFFF

_PATH: Final = pattern(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6})([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_GROUP: Final = 1000
_LENGTH_BYTES: Final = 2
_MEMO_TILES: Final = 64


class Tile(NamedTuple):
    """The `n`-th tile of a level, `width` hashes (or leaves, at level ENTRIES) wide; 256 is a full one."""

    level: int
    n: int
    width: int

    def path(self) -> str:
        """Return where the tile is published, relative to the log."""
        return tile_path(*self) if self.level != ENTRIES else entries_path(self.n, self.width)


#: (level, n, width) -> width × 32 bytes.
FetchTile: TypeAlias = Callable[[int, int, int], bytes]


def tile_path(level: int, n: int, width: int = WIDTH) -> str:
    """Return for example "tile/0/x001/234.p/5". Raises LocalError for what is no tile."""
    if not 0 <= level <= MAX_LEVEL:
        raise LocalError(f"no tile level {level}")
    return f"tile/{level}/{_numbered(n, width)}"


def entries_path(n: int, width: int = WIDTH) -> str:
    """Return for example "tile/entries/x001/234.p/5". Raises LocalError for what is no bundle of entries."""
    return f"tile/entries/{_numbered(n, width)}"


def parse_tile_path(path: str) -> Tile:
    """Read a path that tile_path or entries_path writes, and no other spelling of it. Raises RemoteError("tree")."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise RemoteError("tree", "not the path of a tile")
    level, groups, last, width = match.groups()
    n = int(groups.replace("x", "").replace("/", "") + last)
    tile = Tile(ENTRIES if level == "entries" else int(level), n, WIDTH if width is None else int(width))
    # Writing it again refuses what the pattern lets through: levels above 63, widths above 255, leading zero groups.
    if tile.level > MAX_LEVEL or tile.width > WIDTH or n > merkle.MAX_SIZE or tile.path() != path:
        raise RemoteError("tree", "not the path of a tile")
    return tile


def encode_entries(leaves: Sequence[bytes]) -> bytes:
    """Return the leaves, each behind its length as 2 big-endian bytes. Raises LocalError above 65,535 bytes a leaf."""
    if any(len(leaf) > MAX_LEAF_BYTES for leaf in leaves):
        raise LocalError(f"a leaf has at most {MAX_LEAF_BYTES} bytes")
    return b"".join(len(leaf).to_bytes(_LENGTH_BYTES, "big") + leaf for leaf in leaves)


def decode_entries(raw: bytes, count: int) -> list[bytes]:
    """Return exactly `count` leaves. Raises RemoteError("tree") if there are fewer, or bytes left over."""
    leaves, at = [], 0
    for _ in range(count):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(raw[at:begin], "big")
        leaves.append(raw[begin:at])
    # Once past the end, `at` never comes back: this one comparison finds what is cut short and what is left over.
    if at != len(raw):
        raise RemoteError("tree", "the entries do not end where the bundle ends", count=count)
    return leaves


def tiles_for(size: int) -> list[Tile]:
    """Return every tile of hashes that a tree of `size` leaves has, from level 0 up, left to right."""
    return new_tiles(0, size)


def new_tiles(old_size: int, new_size: int) -> list[Tile]:
    """Return the tiles that a tree of `new_size` leaves has and one of `old_size` has not, full or wider.

    The same list for level 0 names the bundles of entries. Raises LocalError if the tree shrinks.
    """
    if not 0 <= old_size <= new_size:
        raise LocalError(f"a log does not shrink from {old_size} to {new_size}")
    tiles, level, old, new = [], 0, old_size, new_size
    while old < new:
        tiles += [Tile(level, n, min(WIDTH, new - n * WIDTH)) for n in range(old // WIDTH, (new - 1) // WIDTH + 1)]
        level, old, new = level + 1, old // WIDTH, new // WIDTH
    return tiles


class TileHashes:
    """A merkle.HashReader over tiles: the hashes of perfect subtrees of a tree of `size` leaves.

    `fetch(level, n, width)` gives the tile as it is at that size; a follower may answer with the first `width`
    hashes of a wider tile. The last 64 tiles are remembered, as one proof reads the same tiles again and again.
    """

    def __init__(self, size: int, fetch: FetchTile) -> None:
        self.size: Final = size
        self._tile = lru_cache(maxsize=_MEMO_TILES)(fetch)

    def __call__(self, level: int, index: int) -> bytes:
        """Return the 32-byte hash of the subtree over leaves [index << level, (index + 1) << level).

        Raises LocalError when it reaches beyond the tree, RemoteError("tree") when a tile has a wrong length.
        """
        if level < 0 or index < 0 or (index + 1) << level > self.size:
            raise LocalError(f"subtree {index} of level {level} is not within {self.size} leaves")
        tile_level, height = divmod(level, HEIGHT)
        n, first = divmod(index << height, WIDTH)
        width = min(WIDTH, (self.size >> (HEIGHT * tile_level)) - n * WIDTH)
        hashes = _hashes(self._tile(tile_level, n, width), width)
        return merkle.root(hashes[first : first + (1 << height)])


def extend_tiles(size: int, read_tile: FetchTile, leaf_hashes: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Return the whole new content of every tile that changes when these leaf hashes follow a tree of `size` leaves.

    Keys are (level, n), values 1 to 256 hashes. `read_tile` is asked only for the partial tiles at the right edge.
    Raises LocalError for a leaf hash that has not 32 bytes, RemoteError("tree") for a stored tile of a wrong length.
    """
    if any(len(leaf) != HASH_BYTES for leaf in leaf_hashes):
        raise LocalError("leaves are appended by their 32-byte hashes")
    changed: dict[tuple[int, int], bytes] = {}
    level, begin, fresh = 0, size, list(leaf_hashes)
    while fresh:
        n, width = divmod(begin, WIDTH)
        hashes = (_hashes(read_tile(level, n, width), width) if width else []) + fresh
        fresh = []
        for start in range(0, len(hashes), WIDTH):
            tile = hashes[start : start + WIDTH]
            changed[level, n + start // WIDTH] = b"".join(tile)
            if len(tile) == WIDTH:
                # Only a full tile is one hash of the level above.
                fresh.append(merkle.root(tile))
        level, begin = level + 1, begin // WIDTH
    return changed


def _hashes(tile: bytes, width: int) -> list[bytes]:
    if len(tile) != width * HASH_BYTES:
        raise RemoteError("tree", f"a tile of {len(tile)} bytes instead of {width * HASH_BYTES}")
    return [tile[i : i + HASH_BYTES] for i in range(0, len(tile), HASH_BYTES)]


def _numbered(n: int, width: int) -> str:
    if n < 0 or not 1 <= width <= WIDTH:
        raise LocalError(f"no tile {n} of width {width}")
    text = f"{n % _GROUP:03d}"
    while n >= _GROUP:
        n //= _GROUP
        text = f"x{n % _GROUP:03d}/{text}"
    return text if width == WIDTH else f"{text}.p/{width}"
