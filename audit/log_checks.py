"""Checks of the log itself: checkpoint, leaves, tiles, and what an earlier run remembered (section 6)."""

import re
from collections.abc import Callable
from typing import Final

from audit.findings import Check, Report
from audit.log import ReadLog
from audit.source import Source, read_tile
from protocol import checkpoint, merkle, tiles
from protocol.enrol import Federation
from protocol.errors import RemoteError
from protocol.leaf import Leaf, read_leaf
from protocol.tiles import ENTRIES, WIDTH, Tile

#: A log beyond this is not audited by one command that holds it in memory.
MAX_LEAVES: Final = 2**26
_CLAIMED: Final = re.compile(rb"[^\n]*\n([0-9]{1,8})\n")
#: (what is being done, how much is done, how much there is).
Progress = Callable[[str, int, int], None]


def check_checkpoint(source: Source, federation: Federation, check: Check) -> tuple[str | None, int, bytes | None]:
    """Return (note, size, root) of the checkpoint; note and root are None if it is not the log's.

    Then the size is what it claims, so that the other checks have something to look at.
    """
    raw: bytes | None = None
    with check.reading("checkpoint"):
        raw = source.file("checkpoint", checkpoint.MAX_NOTE_BYTES)
        if raw is None:
            check.fail("checkpoint", "missing", "the log's signed head is not there")
        else:
            verified = checkpoint.read(raw, federation.log_origin, federation.log_key)
            found = verified.checkpoint
            if found.size > MAX_LEAVES:
                raise RemoteError("too-large", "a log of more leaves than one audit takes", max_leaves=MAX_LEAVES)
            return verified.note, found.size, found.root
    claimed = None if raw is None else _CLAIMED.match(raw)
    return None, 0 if claimed is None else min(int(claimed[1]), MAX_LEAVES), None


def read_log(source: Source, size: int, root: bytes | None, check: Check, progress: Progress) -> ReadLog:
    """Read and parse every leaf; the tree over all of them must have the signed root."""
    raws: dict[int, bytes] = {}
    leaves: dict[int, Leaf] = {}
    files: dict[int, str] = {}
    for first in range(0, size, WIDTH):
        tile = Tile(ENTRIES, first // WIDTH, min(WIDTH, size - first))
        progress("leaves", first, size)
        path = files[tile.n] = tile.path()
        with check.reading(path):
            files[tile.n], content = read_tile(source, tile)
            if content is None:
                check.fail(path, "missing", "leaves that the checkpoint covers are not there", leaves=tile.width)
                continue
            # A full tile in the place of a partial one holds leaves beyond the checkpoint, which are cut off.
            width = tiles.parse_tile_path(files[tile.n]).width
            raws.update(enumerate(tiles.decode_entries(content, width)[: tile.width], first))
    for index, raw in raws.items():
        with check.reading(f"{files[index // WIDTH]} leaf {index}"):
            leaves[index] = read_leaf(raw)
    log = ReadLog(size, raws, leaves, files)
    if root is not None and log.whole and log.root_at(size) != root:
        check.fail("checkpoint", "tree", "the leaves do not give the signed root", size=size)
    return log


def check_tiles(source: Source, log: ReadLog, report: Report, progress: Progress) -> None:
    """Compare every tile that the log must have, and every other one that is there, with what the leaves give."""
    check = report.checks["tiles"]
    made = tiles.extend_tiles(0, _no_tile, log.hashes)
    wanted = tiles.tiles_for(log.claimed)
    for done, tile in enumerate(wanted):
        progress("tiles", done, len(wanted))
        with check.reading(tile.path()):
            path, content = read_tile(source, tile)
            if content is None:
                check.fail(path, "missing", "hashes that the checkpoint covers are not there", hashes=tile.width)
                continue
            _compare(check, path, tile, content, made)
    known = {tile.path() for tile in wanted}
    known |= {Tile(ENTRIES, tile.n, tile.width).path() for tile in wanted if tile.level == 0}
    _check_others(source, log, report, made, known)


def _check_others(
    source: Source, log: ReadLog, report: Report, made: dict[tuple[int, int], bytes], known: set[str]
) -> None:
    """Look at the tiles that nobody needs: older partial ones, and what is none at all."""
    check, beyond, foreign = report.checks["tiles"], 0, 0
    for path in source.listing():
        if not path.startswith("tile/") or path in known:
            continue
        try:
            tile = tiles.parse_tile_path(path)
        except RemoteError:
            foreign += 1
            continue
        covered = log.claimed >> (tiles.HEIGHT * max(tile.level, 0))
        if tile.n * WIDTH + tile.width > covered:
            beyond += 1
            continue
        with check.reading(path):
            content = source.file(path) or b""
            if tile.level == ENTRIES:
                _compare_entries(check, path, tile, content, log)
            else:
                _compare(check, path, tile, content, made)
    if beyond:
        report.warnings.append(f"{beyond} tiles reach beyond the checkpoint and were not judged")
    if foreign:
        report.warnings.append(f"{foreign} files below tile/ are none of the log's")


def _compare(check: Check, path: str, tile: Tile, content: bytes, made: dict[tuple[int, int], bytes]) -> None:
    """Compare the file at `path`, which may be a wider tile than the one wanted, as far as that one goes."""
    width, size = tiles.parse_tile_path(path).width * merkle.HASH_BYTES, tile.width * merkle.HASH_BYTES
    wanted, found = made.get((tile.level, tile.n), b"")[:size], content[:size]
    if len(content) != width:
        check.fail(path, "tree", "a tile of another length", bytes=width)
    elif len(wanted) < len(found):
        # Leaves below it are missing, which is a finding of its own.
        check.unjudged += 1
    elif wanted != found:
        check.fail(path, "tree", "hashes that are not those of the leaves", first_wrong=_first_wrong(wanted, found))


def _compare_entries(check: Check, path: str, tile: Tile, content: bytes, log: ReadLog) -> None:
    leaves = tiles.decode_entries(content, tile.width)
    for index, raw in enumerate(leaves, tile.n * WIDTH):
        if log.raws.get(index, raw) != raw:
            check.fail(path, "tree", "another leaf than the one in the log", index=index)


def _first_wrong(wanted: bytes, content: bytes) -> int:
    width = merkle.HASH_BYTES
    starts = range(0, len(wanted), width)
    return next(at // width for at in starts if wanted[at : at + width] != content[at : at + width])


def check_remembered(raw: bytes, federation: Federation, log: ReadLog, check: Check) -> None:
    """The log must extend the one of the checkpoint `raw`, which an earlier run kept."""
    name = "the remembered checkpoint"
    with check.reading(name):
        old = checkpoint.read(raw, federation.log_origin, federation.log_key).checkpoint
        if old.size > log.claimed:
            raise RemoteError("tree", "the log became smaller: it was rolled back, or another is shown", size=old.size)
        if old.size > log.size:
            check.unjudged += 1
        elif log.root_at(old.size) != old.root:
            raise RemoteError("tree", "the log that was seen before is no beginning of this one", size=old.size)


def _no_tile(level: int, n: int, width: int) -> bytes:
    del level, n, width
    return b""
