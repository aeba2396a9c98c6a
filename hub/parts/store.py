"""Parts on the disk: received in pieces, checked against their ids, then whole under their names."""

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Final

from hub.errors import TryLaterError
from keys import b64u
from protocol.errors import RemoteError
from service.blobs import BlobStore

_RECEIVING: Final = "receiving"
_HASH_CHUNK_BYTES: Final = 1_048_576
#: The disk is full, the quota used up, or the file larger than this process may write.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class PartStore:
    """The files below `directory`: `<xx>/<id>.<node>` whole, `receiving/<node>/<id>` as far as they came."""

    def __init__(self, directory: Path, min_free_bytes: int) -> None:
        """`min_free_bytes` of the disk are never used for parts: the log must go on growing."""
        self._blobs: Final = BlobStore(directory)
        self._min_free_bytes: Final = min_free_bytes

    def path(self, node: str, part: str) -> Path:
        """Return where a whole part is."""
        return self._blobs.path(_name(node, part))

    def received(self, node: str, part: str) -> int:
        """Return how many bytes of an unfinished part came so far."""
        try:
            return self._receiving_path(node, part).stat().st_size
        except FileNotFoundError:
            return 0

    def unfinished(self, node: str) -> dict[str, int]:
        """Return part → bytes for everything unfinished of a member."""
        return {path.name: status.st_size for path, status in self._stats(node)}

    @contextmanager
    def receiving(self, node: str, part: str) -> Iterator["Receiving"]:
        """Give the unfinished part to whoever is the only one to write it; raise TryLaterError to any other."""
        self._blobs.folder(_RECEIVING, node)
        path = self._receiving_path(node, part)
        with _locked(path) as file:
            receiving = Receiving(file, path, part)
            try:
                yield receiving
            finally:
                receiving.leave()

    def check_room(self, length: int) -> None:
        """Raise TryLaterError unless a part of `length` bytes leaves enough of the disk to others."""
        if shutil.disk_usage(self._blobs.folder()).free - length < self._min_free_bytes:
            raise TryLaterError(HTTPStatus.INSUFFICIENT_STORAGE, "the hub has no room for this part now")

    def finish(self, receiving: "Receiving", node: str) -> None:
        """Put a part that came whole under its name, durably; raise RemoteError("part-id") for other bytes.

        What was received stays beside it until the row that tells of it is durable (`done`): whoever comes meanwhile
        meets the lock, and whoever comes after a crash need not send it again.
        """
        receiving.check()
        self._blobs.adopt(receiving.path, _name(node, receiving.part), keep=True)

    def remove(self, node: str, part: str) -> None:
        """Remove a whole part."""
        self._blobs.remove(_name(node, part))

    def whole(self) -> Iterator[tuple[str, str]]:
        """Give (node, part) for every file under a name."""
        for name in self._blobs.names():
            part, _, node = name.partition(".")
            yield node, part

    def abandoned(self, before: int) -> list[tuple[str, str]]:
        """Return (node, part) of what is unfinished and was last written before a time in seconds since 1970."""
        return [(path.parent.name, path.name) for path, status in self._stats("*") if status.st_mtime < before]

    def _stats(self, node: str) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self._blobs.directory.glob(f"{_RECEIVING}/{node}/*"):
            with suppress(FileNotFoundError):  # finished or given up since it was listed
                yield path, path.stat()

    def _receiving_path(self, node: str, part: str) -> Path:
        self._blobs.path(_name(node, part))  # for its check: nothing else becomes a path
        return self._blobs.directory / _RECEIVING / node / part


class Receiving:
    """An unfinished part under its lock."""

    def __init__(self, file: BinaryIO, path: Path, part: str) -> None:
        self._file: Final = file
        self.path: Final = path
        self.part: Final = part
        self._done = False

    @property
    def offset(self) -> int:
        """How many bytes are here."""
        return os.fstat(self._file.fileno()).st_size

    def append(self, chunks: Iterable[bytes], length: int) -> None:
        """Write the next `length` bytes, all of them or none.

        Raises RemoteError("piece") where fewer or more came, TryLaterError where the disk is full; then the whole of
        what was unfinished is given up, for its room may be what is needed.
        """
        start = self.offset
        try:
            self._write(chunks, start, length)
        except OSError as error:
            if error.errno not in _FULL:
                self._file.truncate(start)
                raise
            self.give_up()
            raise TryLaterError(HTTPStatus.INSUFFICIENT_STORAGE, "the hub has no room for this part now") from error
        except BaseException:
            self._file.truncate(start)
            raise

    def _write(self, chunks: Iterable[bytes], start: int, length: int) -> None:
        self._file.seek(start)
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._file.write(rest) :]
        if self.offset != start + length:
            raise RemoteError("piece", "other than the bytes that were announced", offset=start)

    def give_up(self) -> None:
        """Drop what came so far."""
        self._file.truncate(0)

    def check(self) -> None:
        """Raise RemoteError("part-id") unless the file, as it is on the disk, is the part; what is wrong is dropped."""
        os.fsync(self._file.fileno())
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while chunk := file.read(_HASH_CHUNK_BYTES):
                digest.update(chunk)
        if b64u.encode(digest.digest()) != self.part:
            self.give_up()
            raise RemoteError("part-id", "the bytes that came are not those of the part", id=self.part)

    def done(self) -> None:
        """Say that the part is whole, and that a row tells so."""
        self._done = True

    def leave(self) -> None:
        """Leave nothing behind that is empty or done."""
        if self._done or not self.offset:
            self.path.unlink(missing_ok=True)


def _name(node: str, part: str) -> str:
    return f"{part}.{node}"


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing, made if it is missing, under a lock that no other process or thread has."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        # Unbuffered: what a write could not store is not left in a buffer to fail again.
        with os.fdopen(handle, "r+b", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise TryLaterError(HTTPStatus.TOO_MANY_REQUESTS, "this part is being received already") from error
            # Whoever had the lock may have finished or removed the file since it was opened here.
            if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
                yield file
                return
