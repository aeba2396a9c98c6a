"""What a backup holds, as a stream of named members in the tar format; encryption is another's."""

import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, Final, Protocol

from service.errors import BackupError

#: What tarfile reads and writes at once: a multiple of its blocks of 512 bytes.
_BUFFER_BYTES: Final = 1 << 18
#: A stream of unknown length is kept in pieces of known length.
_PIECE_BYTES: Final = 8 << 20


class Sink(Protocol):
    """Takes the stream; keys.backup.SealedWriter."""

    def write(self, content: bytes, /) -> int:
        """Take the next bytes."""

    def finish(self) -> None:
        """Say that nothing more comes."""


class Source(Protocol):
    """Gives the stream; keys.backup.SealedReader."""

    def read(self, size: int = -1, /) -> bytes | None:
        """Give the next bytes."""

    def drain(self) -> None:
        """Read to the end, and raise unless the stream is whole."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member that is being read; `at` is its time, `open` its content, until the next one is asked for."""

    name: str
    at: int
    size: int
    open: IO[bytes]

    def chunks(self) -> Iterator[bytes]:
        """Give the content piece by piece."""
        while chunk := self.open.read(_BUFFER_BYTES):
            yield chunk

    def skip(self) -> None:
        """Read the content, and keep nothing of it."""
        for _ in self.chunks():
            pass


class Packer:
    """Writes members one after the other, and counts them."""

    def __init__(self, sink: Sink, told: Callable[[int], None]) -> None:
        """`told` hears how many bytes of content were written."""
        self._sink: Final = sink
        self._told: Final = told
        self._tar: Final = tarfile.open(  # noqa: SIM115  `finish` closes it, and nothing else may
            fileobj=_file(write=self._write), mode="w|", bufsize=_BUFFER_BYTES, format=tarfile.PAX_FORMAT
        )
        self._abandoned = False
        self.members = 0
        self.content_bytes = 0

    def add(self, name: str, content: bytes, at: int = 0) -> None:
        """Add a small member."""
        self._add(name, len(content), at, BytesIO(content))

    def add_file(self, name: str, path: Path) -> bool:
        """Add a file that nobody changes any more; return False where it is gone."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return False
        with file:
            status = os.fstat(file.fileno())
            self._add(name, status.st_size, int(status.st_mtime), file)
        return True

    def add_stream(self, name: str, chunks: Iterable[bytes]) -> None:
        """Add a stream as the members name/000000, name/000001, …; one at least."""
        waiting, n = bytearray(), 0
        for chunk in chunks:
            waiting += chunk
            while len(waiting) > _PIECE_BYTES:
                self.add(f"{name}/{n:06}", bytes(waiting[:_PIECE_BYTES]))
                del waiting[:_PIECE_BYTES]
                n += 1
        self.add(f"{name}/{n:06}", bytes(waiting))

    def finish(self) -> None:
        """End the archive and the stream."""
        self._tar.close()
        self._sink.finish()

    def abandon(self) -> None:
        """Write nothing more: tarfile would, when it is thrown away."""
        self._abandoned = True

    def _write(self, content: bytes) -> None:
        if not self._abandoned:
            self._sink.write(content)

    def _add(self, name: str, size: int, at: int, content: IO[bytes]) -> None:
        header = tarfile.TarInfo(name)
        header.size, header.mtime, header.mode = size, at, 0o600
        self._tar.addfile(header, content)
        self.members += 1
        self.content_bytes += size
        self._told(self.content_bytes)


def members(source: Source) -> Iterator[Member]:
    """Give the members of a stream; when all were taken, the stream is known to be whole.

    Raises BackupError for what no backup holds, and whatever `source` raises.
    """
    try:
        with tarfile.open(fileobj=_file(read=source.read), mode="r|", bufsize=_BUFFER_BYTES) as tar:
            for header in tar:
                content = tar.extractfile(header) if header.isreg() else None
                if content is None:
                    raise BackupError(f"the backup holds something that is no file: {header.name!r}")
                yield Member(header.name, int(header.mtime), header.size, content)
    except tarfile.TarError as error:
        raise BackupError(f"the backup cannot be read: {error}") from error
    source.drain()


def _file(**calls: object) -> Any:  # noqa: ANN401  tarfile asks for no more of a file than these
    """Return what tarfile takes for a file."""
    return SimpleNamespace(**calls)
