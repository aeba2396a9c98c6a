"""Checks of the directory: its roots, every version that the log names in its order, nothing beside (section 7)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from audit.findings import Check
from audit.log import ReadLog
from audit.source import Source
from keys.digest import sha256
from protocol.directory import Directory, DirectoryHistory, read_directory
from protocol.enrol import Federation
from protocol.errors import RemoteError
from protocol.leaf import Leaf
from protocol.metadata import (
    MAX_ROOT_BYTES,
    MAX_ROOTS,
    MAX_SMALL_BYTES,
    MAX_TARGETS_BYTES,
    FileName,
    Roots,
    read_contents,
    read_snapshot,
    read_timestamp,
)

_METADATA: Final = "directory/metadata"
_TARGETS: Final = "directory/targets"
_TIMESTAMP: Final = f"{_METADATA}/timestamp.json"
#: Snapshots of other days are the hub's own key's word, which no version of the directory rests on.
_PASSED_OVER: Final = ".snapshot.json"


@dataclass(slots=True)
class _Reading:
    """What was read so far: the history, each file by its SHA-256, and every path that something signed names."""

    source: Source
    check: Check
    federation: Federation
    roots: Roots
    history: DirectoryHistory = field(default_factory=DirectoryHistory)
    files: dict[bytes, bytes] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)


def check_directories(source: Source, log: ReadLog, federation: Federation, check: Check) -> DirectoryHistory:
    """Return the history of what the registrar signed and the log names, gaps and all.

    A version that does not follow the one before is a finding, and still counts from its leaf on: entries are judged by
    what their readers had.
    """
    reading = _Reading(source, check, federation, federation.roots())
    _read_roots(reading)
    announced = [(index, leaf) for index, leaf in sorted(log.leaves.items()) if leaf.directory is not None]
    for index, leaf in announced:
        _read_version(reading, index, leaf)
    if log.claimed and not announced:
        check.fail("directory", "missing", "the log names no version of the directory")
    if announced:
        _check_newest(reading, announced[-1][1])
    for path in _beside(reading):
        check.fail(path, "directory", "a file of the directory that stands in no leaf")
    return reading.history


def _read_roots(reading: _Reading) -> None:
    """Follow the chain from the root that was trusted by hand as far as it goes."""
    first = reading.roots.newest
    path = f"{_METADATA}/{first.version}.root.json"
    reading.named.add(path)
    with reading.check.reading(path):
        # Beside the log it is a copy of what the auditor was given; where it is another, somebody was given another.
        beside = reading.source.file(path, MAX_ROOT_BYTES)
        if beside is not None and beside != first.raw:
            raise RemoteError("directory", "not the root that was trusted by hand")
    for version in range(first.version + 1, first.version + MAX_ROOTS):
        path = f"{_METADATA}/{version}.root.json"
        with reading.check.reading(path):
            raw = reading.source.file(path, MAX_ROOT_BYTES)
            if raw is not None:
                reading.roots = reading.roots.added(raw)
        if reading.roots.newest.version != version:
            return
        reading.named.add(path)


def _read_version(reading: _Reading, index: int, leaf: Leaf) -> None:
    path, check = f"{_METADATA}/{leaf.directory}.targets.json", reading.check
    reading.named.add(path)
    with check.reading(path):
        raw = reading.source.file(path, MAX_TARGETS_BYTES)
        if raw is None:
            check.fail(path, "missing", "a version that the log names is not there", leaf=index)
            return
        if sha256(raw) != leaf.h:
            raise RemoteError("directory", "not the file whose hash stands in the log", leaf=index)
        for name in read_contents(raw, reading.roots).files.values():
            _read_file(reading, name, index)
        directory = read_directory(raw, lambda name: reading.files.get(name.h, b""), reading.roots)
        reading.history = _added(reading.history, index, directory, path, check)
        _check_self(directory, leaf.directory, reading.federation)


def _read_file(reading: _Reading, name: FileName, index: int) -> None:
    """Read a file once for all versions that name it: most name the same ones."""
    path = f"{_TARGETS}/{name.url}"
    reading.named.add(path)
    if name.h not in reading.files:
        raw = reading.source.file(path, name.length)
        if raw is None:
            reading.check.fail(path, "missing", "a file that a version names is not there", leaf=index)
        else:
            reading.files[name.h] = raw


def _check_newest(reading: _Reading, last: Leaf) -> None:
    """Check that what the hub vouched for is the newest version that the log names, or one that came after it."""
    with reading.check.reading(_TIMESTAMP):
        root = reading.roots.newest
        raw = reading.source.file(_TIMESTAMP, MAX_SMALL_BYTES)
        if raw is None:
            reading.check.fail(_TIMESTAMP, "missing", "nothing says which version is the newest")
            return
        timestamp = read_timestamp(raw, root)
        raw = reading.source.file(f"{_METADATA}/{timestamp.names}.snapshot.json", MAX_SMALL_BYTES)
        if raw is None or sha256(raw) != timestamp.h:
            raise RemoteError("directory", "not the snapshot that the timestamp names", snapshot=timestamp.names)
        snapshot = read_snapshot(raw, root)
        if snapshot.names < (last.directory or 0) or (snapshot.names == last.directory and snapshot.h != last.h):
            raise RemoteError("directory", "another version than the newest in the log", version=last.directory)


def _beside(reading: _Reading) -> Iterator[str]:
    for path in reading.source.listing():
        published = path.startswith((f"{_METADATA}/", f"{_TARGETS}/")) and path.endswith(".json")
        if published and path not in reading.named and path != _TIMESTAMP and not path.endswith(_PASSED_OVER):
            yield path


def _check_self(directory: Directory, version: int | None, federation: Federation) -> None:
    if directory.version != version:
        raise RemoteError("directory", "the leaf names another version", version=directory.version)
    if directory.hub != federation.hub:
        raise RemoteError("directory", "a directory of another hub", hub=federation.hub)


def _added(history: DirectoryHistory, index: int, directory: Directory, path: str, check: Check) -> DirectoryHistory:
    try:
        return history.added(index, directory)
    except RemoteError as error:
        check.fail(path, error.rule.name, error.detail, **error.expected)
        return DirectoryHistory((*history.versions, (index, directory)))
