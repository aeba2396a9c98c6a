"""An answer file in the place of the line: whatever the sync would ask the hub for is read from the file."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from node.sync.client import HubOversizedError, HubRefusedError, Sink
from protocol.carried import DIRECTORY, LEAVES, PARTS, CarriedFile
from protocol.leaf import MAX_LEAF_BYTES
from protocol.tiles import decode_entries

_LENGTH_BYTES: Final = 2


class CarriedSource:
    """Everything beside the answer itself. node.sync.client.Source; what is not in the file is answered like a 404."""

    def __init__(self, file: CarriedFile, note: str, first: int, parts: Mapping[str, bytes]) -> None:
        """`note` is the answer's checkpoint, `first` the leaf at which the file begins, `parts` are the bundle's."""
        self._file: Final = file
        self._note: Final = note
        self._first: Final = first
        self._parts: Final = parts

    def checkpoint(self) -> bytes:
        """Return the answer's checkpoint."""
        return self._note.encode()

    def leaves(self, start: int, end: int) -> list[bytes]:
        """Return the leaves [start, end); raise HubRefusedError where the file begins behind `start`."""
        if start < self._first:
            raise _missing()
        count = end - self._first
        raw = self._file.content(LEAVES, count * (MAX_LEAF_BYTES + _LENGTH_BYTES))
        return decode_entries(raw, count)[start - self._first :]

    def directory(self, path: str, max_bytes: int) -> bytes:
        """Return a file of the directory."""
        found = self._file.members.get(DIRECTORY + path)
        if found is None:
            raise _missing()
        if found.length > max_bytes:
            raise HubOversizedError("longer than it may be")
        return self._file.content(DIRECTORY + path, max_bytes)

    def get_part(self, part: str, shown: str, start: int, sink: Sink) -> None:
        """Give a part, whole: of one that was begun over the line nothing is assumed."""
        del shown, start
        sink.begin(0)
        if part in self._parts:
            sink.write(self._parts[part])
            return
        if PARTS + part not in self._file.members:
            raise _missing()
        for chunk in self._file.chunks(PARTS + part):
            sink.write(chunk)


def _missing() -> HubRefusedError:
    return HubRefusedError(HTTPStatus.NOT_FOUND, b"", None)
