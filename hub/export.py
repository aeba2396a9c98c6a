"""A folder of published files, for auditors (docs/audit-folder.md).

    federation.json            hub, log key (vkey), first root: check these against what you were told elsewhere
    checkpoint                 the signed note
    tile/<level>/<N>[.p/<W>]   hashes (C2SP tlog-tiles), paths as the log's URLs have them
    tile/entries/<N>[.p/<W>]   the leaves themselves
    directory/metadata/        the directory's metadata (TUF): every root, every version of targets, and the newest
                               snapshot and timestamp
    directory/targets/         every file that a version names, under its hash
    entries/<NNNNNNNNN>.json   `{"entries":[{"index":7,"jws":…},…]}`: the entries of the 256 leaves from N on, in the
                               order of the log; only with --entries, and absent where there is none
    equivocations/<N>.json     `{"entries":[{"at":…,"index":7,"jws":…},…]}`: texts that were refused because the entry
                               of that leaf stands at their position; also only with --entries

All of one snapshot: the tiles are exactly those of the checkpoint's size. Nothing else is in it, above all no part.
"""

from pathlib import Path

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.auditors.access import PAGE_ENTRIES, entries_page, equivocations_page
from hub.log.published import published_tile, published_tiles
from hub.log.tree import read_head
from hub.members.store import newest
from hub.models import DirectoryFile, DirectoryMetadata, DirectoryVersion
from protocol.enrol import Federation
from protocol.metadata import FileName


def export_folder(session: Session, federation: Federation, folder: Path, *, entries: bool) -> int:
    """Write the folder and return the log's size. Files of an older export are overwritten, none is removed.

    The checkpoint is written last: where it stands, all that it covers stands too.
    """
    head = read_head(session)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "federation.json", federation.encode() + b"\n")
    _export_directory(session, folder / "directory")
    for tile in published_tiles(head.size):
        _write(folder / tile.path(), published_tile(session, tile) or b"")
    if entries:
        for first in range(0, head.size, PAGE_ENTRIES):
            for room, read in (("entries", entries_page), ("equivocations", equivocations_page)):
                page = read(session, first, min(first + PAGE_ENTRIES, head.size))
                if page:
                    _write(folder / room / f"{first:09d}.json", orjson.dumps({"entries": page}) + b"\n")
    _write(folder / "checkpoint", head.note.encode())
    return head.size


def _export_directory(session: Session, folder: Path) -> None:
    for file in session.scalars(select(DirectoryFile)):
        _write(folder / "targets" / FileName(file.path, file.h, len(file.raw)).url, file.raw)
    metadata = folder / "metadata"
    for version in session.scalars(select(DirectoryVersion)):
        _write(metadata / f"{version.version}.targets.json", version.raw)
    for row in session.scalars(select(DirectoryMetadata).where(DirectoryMetadata.role == "root")):
        _write(metadata / f"{row.version}.root.json", row.raw)
    snapshot = newest(session, "snapshot")
    _write(metadata / f"{snapshot.version}.snapshot.json", snapshot.raw)
    _write(metadata / "timestamp.json", newest(session, "timestamp").raw)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
