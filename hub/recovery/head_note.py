"""`head.note`: the newest checkpoint beside the database, so that a database that is put back alone is noticed.

It is worth what the place is worth: keep it where no backup of the database is put back with it.
"""

import logging
import os
from pathlib import Path
from typing import Final

from hub.errors import LogError
from hub.log.tree import read_head
from hub.recovery.proof import claim, is_ours
from hub.recovery.state import enter, is_recovering
from protocol import checkpoint as checkpoints
from protocol.checkpoint import MAX_NOTE_BYTES, Verified
from protocol.enrol import Federation
from protocol.errors import RemoteError
from service.database import Database

_LOGGER: Final = logging.getLogger(__name__)


class HeadNote:
    """One process's view of the file; several may write it, each what it has read last."""

    def __init__(self, path: Path, federation: Federation) -> None:
        self._path: Final = path
        self._federation: Final = federation

    def check(self, database: Database, now: int) -> None:
        """Stop logging if the database is behind the file. For the start of a server, before it takes connections.

        Raises LogError for a file that is none of this log: nothing can be said then, and somebody must look.
        """
        shown = self._read()
        if shown is None:
            return
        with database.transaction() as session:
            head = read_head(session, lock=True)
            if is_ours(session, head, shown):
                return
            size = shown.checkpoint.size
            enter(session, now, f"head.note has a checkpoint of {size} leaves")
            claim(session, shown, "", now, contradicts=size <= head.size)
        _LOGGER.critical("ALARM this hub was set back: %d leaves, and head.note has %d", head.size, size)

    def write(self, database: Database) -> None:
        """Put the newest checkpoint into the file, durably, if it is not there yet; never an older one."""
        with database.reading() as session:
            head = read_head(session)
            if is_recovering(session):
                return
        shown = self._read()
        if shown is not None and shown.checkpoint.size >= head.size:
            return
        waiting = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with waiting.open("w", encoding="utf-8") as file:
            file.write(head.note)
            file.flush()
            os.fsync(file.fileno())
        waiting.replace(self._path)
        _sync_folder(self._path.parent)

    def _read(self) -> Verified | None:
        try:
            with self._path.open("rb") as file:
                raw = file.read(MAX_NOTE_BYTES + 1)
            return checkpoints.read(raw, self._federation.log_origin, self._federation.log_key)
        except FileNotFoundError:
            return None
        except RemoteError as error:
            raise LogError(f"{self._path} is no checkpoint of this log: look why before you remove it") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
