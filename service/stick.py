"""Files on a stick, or in any folder that others write to: written whole or not at all, read whoever made them.

A name that a stranger chose is never followed: only a plain file that lies in the folder itself is opened.
"""

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from service import private

#: What other files, and the file system's own tables, may need of a stick.
_SPARE_BYTES: Final = 1_048_576
_MAX_NAMES: Final = 100_000


class StickError(Exception):
    """A folder that cannot be used; the message is one line that says why."""


def names(folder: Path) -> list[str]:
    """Return the names of the plain files in a folder; links, pipes and folders are none."""
    with _told(f"cannot read {folder}"), os.scandir(folder) as entries:
        found = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    if len(found) > _MAX_NAMES:
        raise StickError(f"{folder} holds more files than can be looked through: use an empty stick")
    return sorted(found)


@contextmanager
def opened(folder: Path, name: str) -> Iterator[tuple[int, Callable[[int, int], bytes]]]:
    """Give a file's size and a function that reads `length` bytes of it at an offset; raise StickError for no file."""
    path = folder / name
    with _told(f"cannot read {path}"):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise StickError(f"{path} is no plain file")

        def read_at(offset: int, length: int) -> bytes:
            with _told(f"cannot read {path}"):
                return os.pread(handle, length, offset)

        yield status.st_size, read_at
    finally:
        os.close(handle)


def check_room(folder: Path, length: int) -> None:
    """Raise StickError unless `length` bytes more fit into the folder."""
    if not folder.is_dir():
        raise StickError(f"{folder} is no folder: is the stick mounted?")
    with _told(f"cannot write into {folder}"):
        free = shutil.disk_usage(folder).free
    if free < length + _SPARE_BYTES:
        raise StickError(f"{folder} has {_mib(free)} MiB free and needs {_mib(length + _SPARE_BYTES)}: make room on it")


def room(folder: Path) -> int:
    """Return how many bytes may still be written into a folder."""
    with _told(f"cannot write into {folder}"):
        return max(0, shutil.disk_usage(folder).free - _SPARE_BYTES)


def write(folder: Path, name: str, chunks: Iterable[bytes]) -> None:
    """Write a file durably, aside and then under its name; what it had before is replaced. Raises StickError."""
    target, aside = folder / name, folder / f".{name}.tmp"
    with _told(f"cannot write {target}"):
        try:
            # What a stick that was pulled out left behind; a link is removed, never followed.
            aside.unlink(missing_ok=True)
            with _create(aside) as file:
                for chunk in chunks:
                    file.write(chunk)
                private.sync(file)
            # Not a link, as elsewhere: sticks know none.
            aside.replace(target)
            private.sync_folder(folder)
        finally:
            _forget(aside)


def remove(folder: Path, name: str) -> None:
    """Remove a file; one that is gone already does no harm."""
    with _told(f"cannot write into {folder}"):
        (folder / name).unlink(missing_ok=True)


def _create(path: Path) -> BinaryIO:
    # Whoever it is carried to has another name on another machine: the seals guard what is in it, not its mode.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    return os.fdopen(handle, "w+b")


def _forget(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        # The stick is gone: with it went the file.
        if error.errno not in {errno.EIO, errno.ENOENT, errno.ENODEV, errno.EROFS, errno.ENOTDIR}:
            raise


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StickError(f"{what}: {error.strerror}") from error


def _mib(length: int) -> str:
    return f"{length / 1_048_576:.1f}"
