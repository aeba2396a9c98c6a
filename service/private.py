"""Files for their owner alone, on the way to or from a backup, and gone again whatever happens."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from service.errors import BackupError

_PREFIX: Final = ".backup-"
_SUFFIX: Final = ".tmp"
#: What SQLite puts beside a database.
BESIDE: Final = ("-wal", "-shm", "-journal")


def create(path: Path) -> BinaryIO:
    """Open a new file (0600) for writing; raise FileExistsError where there is one."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    return os.fdopen(handle, "w+b")


def write(path: Path, content: bytes) -> None:
    """Write a new file, durably; its folder is not synced."""
    with create(path) as file:
        file.write(content)
        sync(file)


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents for the owner alone (0700); one that is there keeps its mode."""
    with disk_errors(f"cannot make {folder}"):
        if not folder.is_dir():
            make_folder(folder.parent)
            folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(folder.parent)


def sync(file: BinaryIO) -> None:
    """Make what was written to a file durable, and have whoever reads it next read from the disk itself."""
    file.flush()
    os.fsync(file.fileno())
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sync_folder(folder: Path) -> None:
    """Make what was put into or taken from a folder durable, as far as its file system (a network share) can tell."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(handle)


@contextmanager
def passing_file(folder: Path) -> Iterator[Path]:
    """Give the path of a file that is not there yet; whatever is there in the end is removed."""
    path = folder / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
    try:
        yield path
    finally:
        _remove(path)


def clear_passing(folder: Path) -> None:
    """Remove what runs left that were killed; only where no other is running."""
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}*"):
        path.unlink(missing_ok=True)


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn what a disk refuses into a BackupError that names it."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise BackupError(f"{what}: {error.strerror}{where}; nothing was changed") from error


def _remove(path: Path) -> None:
    for each in (path, *(Path(f"{path}{end}") for end in BESIDE)):
        each.unlink(missing_ok=True)
