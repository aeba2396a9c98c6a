"""Files too large for a row: each is whole, durable and under its name, or it is not there."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

_CHUNK_BYTES: Final = 65_536
#: A hash as base64url, and perhaps whose file it is. Nothing else ever becomes a path.
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{43}(\.[a-z0-9-]{2,63})?")
_UNFINISHED: Final = "unfinished"


class BlobNameError(Exception):
    """A name that no file of the store has: our own bug."""


class Writing:
    """A file that is being written; it is kept only if `keep` is called."""

    def __init__(self, store: "BlobStore", path: Path, file: BinaryIO) -> None:
        self._store: Final = store
        self._path: Final = path
        self._file: Final = file

    def write(self, chunk: bytes) -> None:
        """Append; raise OSError where the disk refuses."""
        self._file.write(chunk)

    def keep(self, name: str) -> None:
        """Put the file under its name, durably before this returns; raise OSError where the disk refuses."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._store.adopt(self._path, name)


class BlobStore:
    """Files below one directory, spread over folders by the beginning of their names.

    Layout: `<first 2 characters>/<name>`, and `unfinished/` for what is being written. All are the owner's alone.
    """

    def __init__(self, directory: Path) -> None:
        self.directory: Final = directory

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Give a file to write; what was not kept when the block ends is gone."""
        folder = self.folder(_UNFINISHED)
        path = folder / secrets.token_hex(16)
        try:
            with _create(path) as file:
                yield Writing(self, path, file)
        finally:
            path.unlink(missing_ok=True)

    def adopt(self, path: Path, name: str, *, keep: bool = False) -> None:
        """Put a finished, synced file under its name (too, if `keep`); one that has the name already is replaced."""
        target = self.path(name)
        folder = self.folder(target.parent.name)
        if keep:
            target.unlink(missing_ok=True)
            target.hardlink_to(path)
        else:
            path.rename(target)
            path.unlink(missing_ok=True)  # renaming one of two names of a file to the other changes nothing
        sync_directory(folder)

    def path(self, name: str) -> Path:
        """Return where a file is, or would be; raise BlobNameError."""
        if _NAME.fullmatch(name) is None:
            raise BlobNameError("no name of a stored file")
        return self.directory / name[:2] / name

    def chunks(self, name: str) -> Iterator[bytes]:
        """Give a file in chunks of 64 KiB; raise FileNotFoundError at the first where there is none."""
        with self.path(name).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    def remove(self, name: str) -> None:
        """Remove a file. One that is gone already does no harm."""
        self.path(name).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """Give the name of every file, in no order."""
        for path in self.directory.glob("??/*"):
            if _NAME.fullmatch(path.name):
                yield path.name

    def clear_unfinished(self, before: int) -> None:
        """Remove what a crash left unfinished: files last written before a time in seconds since 1970."""
        for path in (self.directory / _UNFINISHED).glob("*"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def folder(self, *names: str) -> Path:
        """Return a folder below the directory, made durably for the owner alone if it is missing."""
        found = self.directory.joinpath(*names)
        _make_folder(found)
        return found


def sync_directory(directory: Path) -> None:
    """Make what was linked into or unlinked from a directory durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_directory(folder.parent)


def _create(path: Path) -> BinaryIO:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    return os.fdopen(handle, "wb")
