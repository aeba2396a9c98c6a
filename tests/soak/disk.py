"""A simulated disk: one party's database file in memory, and what may go wrong at its commits.

The transactions are SQLite's own. What is simulated is the end of the process before or after a commit, a commit of
which only the first bytes reached the write-ahead log, and a disk that is full.
"""

import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from service.database import Database

#: What may befall a commit.
BEFORE: Final = "before the commit"
AFTER: Final = "after the commit"
TORN: Final = "within the commit"
FULL: Final = "the disk is full"
_SECTOR: Final = 512
MISHAPS: Final = (BEFORE, AFTER, TORN, FULL)


class KilledError(BaseException):
    """The process of `party` has ended in the middle of what it did; nothing of it may catch this."""

    def __init__(self, party: str, mishap: str) -> None:
        super().__init__(f"{party}: killed {mishap}")
        self.party: Final = party
        self.mishap: Final = mishap


@dataclass(slots=True)
class _Armed:
    mishap: str
    commits_left: int
    cut: float


class Disk:
    """The database file of one party."""

    def __init__(self, party: str, database: Database, file: Path) -> None:
        self.party: Final = party
        self.database: Final = database
        self.file: Final = file
        #: Rises whenever the file is another one: whoever has it open must open it again.
        self.generation = 0
        self.commits = 0
        self._armed: _Armed | None = None
        self._torn: tuple[bytes, bytes] | None = None
        dialect = database.engine.dialect
        self._commit: Final = dialect.do_commit
        dialect.do_commit = self._do_commit  # type: ignore[method-assign,assignment]

    def arm(self, mishap: str, commits: int, chance: random.Random) -> None:
        """Let `mishap` befall the commit after `commits` others; a crash is told by KilledError."""
        self._armed = _Armed(mishap, commits, chance.random())

    def disarm(self) -> bool:
        """Take back what has not happened yet; return whether there was something."""
        found, self._armed = self._armed is not None, None
        return found

    def lose_memory(self) -> None:
        """Drop every connection, as the end of the process does, and let the disk be what the crash made of it."""
        self._armed = None
        self.database.engine.dispose()
        torn, self._torn = self._torn, None
        if torn is not None:
            self._remove()
            self.file.write_bytes(torn[0])
            self._wal.write_bytes(torn[1])
        self.generation += 1

    def replace(self, with_file: Path) -> None:
        """Put another file in this one's place. No process may be running."""
        self.lose_memory()
        self._remove()
        shutil.copyfile(with_file, self.file)

    def copy(self, to: Path) -> None:
        """Copy the database as it is, under whoever uses it."""
        to.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.file)) as source, closing(sqlite3.connect(to)) as target:
            source.backup(target)

    def dump(self) -> bytes:
        """Return all that the database holds, as SQL."""
        with closing(sqlite3.connect(self.file)) as source:
            return "\n".join(source.iterdump()).encode()

    @property
    def _wal(self) -> Path:
        return self.file.with_name(f"{self.file.name}-wal")

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)

    def _do_commit(self, connection: Any) -> None:  # noqa: ANN401  the driver's own type
        self.commits += 1
        armed = self._armed
        if armed is None:
            self._commit(connection)
            return
        if armed.commits_left:
            armed.commits_left -= 1
            self._commit(connection)
            return
        self._armed = None
        if armed.mishap == FULL:
            raise sqlite3.OperationalError("database or disk is full")
        if armed.mishap == TORN:
            self._tear(connection, armed.cut)
        elif armed.mishap == AFTER:
            self._commit(connection)
        raise KilledError(self.party, armed.mishap)

    def _tear(self, connection: Any, cut: float) -> None:  # noqa: ANN401  the driver's own type
        """Commit, and keep what the files would be had only the first part of the log's new bytes been written."""
        before = (self.file.read_bytes(), self._wal.read_bytes() if self._wal.exists() else b"")
        self._commit(connection)
        old, new = before[1], self._wal.read_bytes()
        changed = [at for at in range(0, len(new), _SECTOR) if new[at : at + _SECTOR] != old[at : at + _SECTOR]]
        # Never the last sector that changed: the frame that commits is never whole.
        upto = changed[0] + int(cut * (changed[-1] - changed[0])) if changed else 0
        self._torn = before[0], new[:upto] + old[upto:]
