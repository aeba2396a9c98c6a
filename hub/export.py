"""A folder of published files, for auditors (docs/audit-folder.md).

    federation.json            hub, log key (vkey), registrar's key: check these against what you were told elsewhere
    checkpoint                 the signed note
    tile/<level>/<N>[.p/<W>]   hashes (C2SP tlog-tiles), paths as the log's URLs have them
    tile/entries/<N>[.p/<W>]   the leaves themselves
    directory/<version>.jws    every version of the directory, from 1 on
    entries/<NNNNNNNNN>.json   `{"entries":[{"index":7,"jws":…},…]}`: the entries of the 256 leaves from N on, in the
                               order of the log; only with --entries, and absent where there is none

All of one snapshot: the tiles are exactly those of the checkpoint's size. Nothing else is in it, above all no part.
"""

from pathlib import Path

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.auditors.access import PAGE_ENTRIES, entries_page
from hub.log.published import published_tile, published_tiles
from hub.log.tree import read_head
from hub.models import DirectoryVersion
from protocol.enrol import Federation


def export_folder(session: Session, federation: Federation, folder: Path, *, entries: bool) -> int:
    """Write the folder and return the log's size. Files of an older export are overwritten, none is removed.

    The checkpoint is written last: where it stands, all that it covers stands too.
    """
    head = read_head(session)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "federation.json", federation.encode() + b"\n")
    for version in session.scalars(select(DirectoryVersion).order_by(DirectoryVersion.version)):
        _write(folder / "directory" / f"{version.version}.jws", version.raw.encode("ascii"))
    for tile in published_tiles(head.size):
        _write(folder / tile.path(), published_tile(session, tile) or b"")
    if entries:
        for first in range(0, head.size, PAGE_ENTRIES):
            page = entries_page(session, first, min(first + PAGE_ENTRIES, head.size))
            if page:
                _write(folder / "entries" / f"{first:09d}.json", orjson.dumps({"entries": page}) + b"\n")
    _write(folder / "checkpoint", head.note.encode())
    return head.size


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
