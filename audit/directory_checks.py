"""Checks of the directory: every version that the log names, in its order (section 7)."""

import re
from typing import Final

from audit.findings import Check
from audit.log import ReadLog
from audit.source import Source
from keys.digest import sha256
from protocol.directory import MAX_DIRECTORY_BYTES, Directory, DirectoryHistory, read_directory
from protocol.enrol import Federation
from protocol.errors import RemoteError

_NAME: Final = re.compile(r"directory/[1-9][0-9]{0,9}\.jws")


def check_directories(source: Source, log: ReadLog, federation: Federation, check: Check) -> DirectoryHistory:
    """Return the history of what the registrar signed and the log names, gaps and all.

    A version that does not follow the one before is a finding, and still counts from its leaf on: entries are judged by
    what their readers had.
    """
    history, named = DirectoryHistory(), set()
    for index, leaf in sorted(log.leaves.items()):
        if leaf.directory is None:
            continue
        path = f"directory/{leaf.directory}.jws"
        named.add(path)
        with check.reading(path):
            raw = source.file(path, MAX_DIRECTORY_BYTES)
            if raw is None:
                check.fail(path, "missing", "a version that the log names is not there", leaf=index)
                continue
            if sha256(raw) != leaf.h:
                raise RemoteError("directory", "not the file whose hash stands in the log", leaf=index)
            directory = read_directory(raw, federation.registrar)
            history = _added(history, index, directory, path, check)
            _check_self(directory, leaf.directory, federation)
    if log.claimed and not named:
        check.fail("directory", "missing", "the log names no version of the directory")
    for path in source.listing():
        if _NAME.fullmatch(path) and path not in named:
            check.fail(path, "directory", "a version that stands in no leaf")
    return history


def _check_self(directory: Directory, version: int, federation: Federation) -> None:
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
