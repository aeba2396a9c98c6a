"""Small private files, written so that a crash leaves the old one or the new one, and read by their owner alone.

A write is acknowledged only when the file and its directory entry are on the disk.
"""

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from keys.errors import ExposedKeyFileError, KeyFileError

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def sync_directory(directory: Path) -> None:
    """Make what was linked into or unlinked from `directory` durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_private_directory(directory: Path) -> None:
    """Make `directory` and its missing parents, for the owner alone (0700), durably.

    One that exists keeps its mode, for it may serve others too (/tmp, /etc); but where others may replace files,
    ExposedKeyFileError refuses it: they could put their own key in place of ours.
    """
    if not directory.is_dir():
        make_private_directory(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
        sync_directory(directory.parent)
    mode = directory.stat().st_mode
    if mode & _OTHERS_WRITE and not mode & stat.S_ISVTX:
        raise ExposedKeyFileError(f"others may replace files in {directory}: run chmod go-w on it, or use another")


def write_private(path: Path, content: bytes, *, replace: bool) -> None:
    """Write `content` to `path` (mode 0600) whole or not at all, durably before returning.

    Raises FileExistsError when the path is taken and `replace` is False, OSError when the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.rename(path)
        else:
            # A link, unlike a rename, fails when the name is taken, even by another process in this instant.
            path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def write_new_private(files: Mapping[Path, bytes]) -> None:
    """Write new files of one directory (mode 0600), each whole or not at all, durably before returning.

    Raises FileExistsError when a path is taken (others may be written then), OSError when the disk refuses.
    """
    temporaries: dict[Path, Path] = {}
    handles: list[int] = []
    try:
        for path, content in files.items():
            temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
            handles.append(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
            temporaries[path] = temporary
            _write_whole(handles[-1], content)
        # Only now: what the first one waits for, the others find done.
        for handle in handles:
            os.fsync(handle)
        for path, temporary in temporaries.items():
            path.hardlink_to(temporary)
    finally:
        for handle in handles:
            os.close(handle)
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)
    sync_directory(next(iter(files)).parent)


def _write_whole(handle: int, content: bytes) -> None:
    """Write all of `content`: a nearly full disk may take a part first, and refuse the rest."""
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]


def read_private(path: Path, max_bytes: int) -> bytes:
    """The content of a file that its owner alone can reach; checked on the open file, so that no swap slips between.

    Raises FileNotFoundError; ExposedKeyFileError for a symbolic link, a foreign owner or a mode that lets others in;
    KeyFileError for what is no regular file or is larger than `max_bytes`.
    """
    if path.is_symlink():
        raise ExposedKeyFileError(f"{path} is a symbolic link, whose end others may move: name the file itself")
    # Non-blocking, or a named pipe put here would hold the start for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileError(f"{path} is no regular file: name the key file itself")
        if status.st_uid != os.geteuid():
            raise ExposedKeyFileError(
                f"{path} belongs to another user: run chown on it, and replace the keys if unsure"
            )
        if status.st_mode & _OTHERS:
            raise ExposedKeyFileError(
                f"others may read or change {path}: run chmod 600 on it, and replace the keys if they may have"
            )
        if status.st_size > max_bytes:
            raise KeyFileError(f"{path} has {status.st_size} bytes, more than a key file ever has: restore it")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(max_bytes)
    finally:
        os.close(handle)
