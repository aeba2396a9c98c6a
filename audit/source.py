"""Where the published files come from: a folder here, an address in audit.remote. Nothing read is trusted."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from audit.errors import SourceError, UnreadableFileError
from protocol.errors import RemoteError
from protocol.tiles import ENTRIES, MAX_LEAF_BYTES, TILE_BYTES, WIDTH, Tile

#: No published file is larger: a full tile of the longest leaves, or 256 entries of the longest kind in JSON.
MAX_TILE_BYTES: Final = WIDTH * (MAX_LEAF_BYTES + 2)
MAX_FILE_BYTES: Final = 96 * 1024 * 1024
_MARKS: Final = ("checkpoint", "federation.json", "tile")
_MAX_LISTED: Final = 1_000_000


class Source(Protocol):
    """What an audit reads from. Paths are those of the audit folder (docs/audit-folder.md)."""

    @property
    def name(self) -> str:
        """Where it is, for the report."""

    def file(self, path: str, max_bytes: int = MAX_FILE_BYTES) -> bytes | None:
        """Return a file's bytes, or None if it is not there.

        Raises RemoteError("too-large"), UnreadableFileError, or SourceError if nothing can be read at all.
        """

    def entry_files(self, size: int) -> Iterator[str]:
        """Return the paths of the files of entries of a log of `size` leaves, in order."""

    def equivocation_files(self, size: int) -> Iterator[str]:
        """Return the paths of the files of refused second texts of a log of `size` leaves, in order."""

    def notes(self) -> Iterator[str]:
        """Return the paths of the checkpoints that others were given, in order."""

    def listing(self) -> Iterator[str]:
        """Return every file that is there beyond question, in order; none where only single files can be asked for."""


def read_tile(source: Source, tile: Tile) -> tuple[str, bytes | None]:
    """Return (path, bytes) of a tile; a full one where the partial one is gone, as tlog-tiles allows.

    Whoever gets a full tile for a partial one takes its first `width` items.
    """
    limit = MAX_TILE_BYTES if tile.level == ENTRIES else TILE_BYTES
    path = tile.path()
    content = source.file(path, limit)
    if content is None and tile.width < WIDTH:
        full = tile._replace(width=WIDTH).path()
        found = source.file(full, limit)
        if found is not None:
            return full, found
    return path, content


class FolderSource:
    """An audit folder on a disk."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder

    @property
    def name(self) -> str:
        """The folder's path."""
        return str(self._folder)

    def file(self, path: str, max_bytes: int = MAX_FILE_BYTES) -> bytes | None:
        """Return the bytes of a regular file below the folder."""
        target = self._folder / path
        try:
            # A device or a pipe in a folder from elsewhere would block or never end.
            if not stat.S_ISREG(target.stat().st_mode):
                raise UnreadableFileError("not a regular file")
            with target.open("rb") as opened:
                content = opened.read(max_bytes + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise UnreadableFileError(error.strerror or "the system refuses to read it") from error
        if len(content) > max_bytes:
            raise RemoteError("too-large", "a file over the limit", max_bytes=max_bytes)
        return content

    def entry_files(self, size: int) -> Iterator[str]:
        """Return every JSON file below entries/."""
        del size
        return (path for path in self._room("entries") if path.endswith(".json"))

    def equivocation_files(self, size: int) -> Iterator[str]:
        """Return every JSON file below equivocations/."""
        del size
        return (path for path in self._room("equivocations") if path.endswith(".json"))

    def notes(self) -> Iterator[str]:
        """Return every note below checkpoints/."""
        return (path for path in self._room("checkpoints") if path.endswith(".note"))

    def listing(self) -> Iterator[str]:
        """Return every file below tile/, directory/ and entries/."""
        for room in ("directory", "entries", "tile"):
            yield from self._room(room)

    def _room(self, room: str) -> Iterator[str]:
        found = sorted(path for path in (self._folder / room).rglob("*") if not path.is_dir())
        if len(found) > _MAX_LISTED:
            raise SourceError(f"{self._folder / room} holds more files than an audit folder of one log can have")
        return (path.relative_to(self._folder).as_posix() for path in found)


def find_folder(path: Path) -> Path:
    """Return the audit folder at `path`, or the only one in the rooms below it; raise SourceError otherwise."""
    if not path.is_dir():
        raise SourceError(f"{path} is no folder: give an audit folder, or the address of a hub")
    try:
        below = sorted(child for child in path.iterdir() if child.is_dir())
        below += [child / "audit" for child in below if (child / "audit").is_dir()]
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if _is_audit_folder(path):
        return path
    found = [each for each in below if _is_audit_folder(each)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SourceError(f"{path} holds several audit folders: give one of {', '.join(map(str, found))}")
    raise SourceError(f"{path} holds no audit folder (checkpoint, federation.json, tile/): see docs/audit-folder.md")


def _is_audit_folder(path: Path) -> bool:
    # Two of three: an audit folder from which one was removed is still one, and the removal a finding.
    return sum((path / mark).exists() for mark in _MARKS) >= 2  # noqa: PLR2004
