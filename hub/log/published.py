"""What the log publishes (C2SP tlog-tiles), the same bytes over HTTP and in an exported folder."""

from sqlalchemy.orm import Session

from hub.log.tree import read_head, read_leaves, read_tile
from protocol import tiles
from protocol.merkle import HASH_BYTES
from protocol.tiles import Tile


def published_tile(session: Session, tile: Tile) -> bytes | None:
    """Return the tile's bytes, or None beyond the tree that was signed."""
    level = max(tile.level, 0)
    available = read_head(session).size >> (tiles.HEIGHT * level)
    first = tile.n * tiles.WIDTH
    if first + tile.width > available:
        return None
    if tile.level == tiles.ENTRIES:
        return tiles.encode_entries(read_leaves(session, first, tile.width))
    return read_tile(session, tile.level, tile.n)[: tile.width * HASH_BYTES]


def published_tiles(size: int) -> list[Tile]:
    """Return every tile of a tree of `size` leaves, those of the leaves themselves included."""
    hashes = tiles.tiles_for(size)
    return hashes + [Tile(tiles.ENTRIES, tile.n, tile.width) for tile in hashes if tile.level == 0]
