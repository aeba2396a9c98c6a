"""Backups: written beside a running service, read back whole, and only then given their names; old ones go.

A file is under its name only if every byte of it was read back and its copy of the database found sound. The caller
says what is in it, and how it is encrypted.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

from service import dump, private, snapshot
from service.archive import Member, Packer, Sink, Source, members
from service.blobs import BlobStore
from service.database import Database
from service.errors import BackupError
from service.turn import FileTurn

#: What docs/protocol.md section 0 promises: no backup is older.
MAX_KEEP_DAYS: Final = 35
SQLITE: Final = "database.sqlite"
DUMP: Final = "database.dump"

_STAMP: Final = "%Y%m%dT%H%M%SZ"
#: Stage and amounts, for whoever watches: ("copying", 4, 10).
Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Content:
    """What a data backup holds: the database, small files by name, and folders of ciphertexts by name."""

    database: Database
    texts: Mapping[str, Path]
    folders: Mapping[str, BlobStore]
    #: Table → column of the one value that says how far the copy goes, and of others that are asked for.
    wanted: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Naming:
    """How one party's files of one kind are called: `simpul-node-jabar-20261122T013000Z.backup`."""

    party: str  # node-jabar
    ending: str  # backup | keys

    def name(self, at: int) -> str:
        """Return the name of the file of a time in seconds since 1970."""
        return f"simpul-{self.party}-{datetime.fromtimestamp(at, UTC).strftime(_STAMP)}.{self.ending}"

    def older(self, folder: Path, before: int) -> list[Path]:
        """Return this party's files of this kind that were made before a time."""
        form = re.compile(rf"simpul-{re.escape(self.party)}-(\d{{8}}T\d{{6}}Z)\.{re.escape(self.ending)}")
        found = []
        for path in sorted(folder.iterdir()):
            match = form.fullmatch(path.name)
            if match and _time(match[1]) < before:
                found.append(path)
        return found


def _time(stamp: str) -> float:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        # No file of ours bears a time that is none.
        return float("inf")


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Let no other backup or restore of a party run; raise BackupError where one does."""
    turn = FileTurn(data_dir / "backup.lock")
    if not turn.take():
        raise BackupError(f"another backup or restore of {data_dir} is running: wait until it has ended")
    try:
        private.clear_passing(data_dir)
        yield
    finally:
        turn.close()


@contextmanager
def new_file(folder: Path, naming: Naming, at: int) -> Iterator[tuple[BinaryIO, Path]]:
    """Give a private file that gets its name, durably, when the block ends well; else it is gone.

    The block must have synced it. Raises BackupError where the folder is none, or the name is taken.
    """
    if not folder.is_dir():
        raise BackupError(f"{folder} is no folder: make it first, or mount what it stands for")
    target = folder / naming.name(at)
    if target.exists():
        raise BackupError(f"{target} exists already: wait a second")
    for left in folder.glob(f".simpul-{naming.party}-*.{naming.ending}.tmp"):
        left.unlink(missing_ok=True)
    path = folder / f".{target.name}.tmp"
    with private.disk_errors(f"cannot write into {folder}"):
        try:
            with private.create(path) as file:
                yield file, path
            # Not a link, as elsewhere: backups go to sticks and shares that know none.
            path.rename(target)
            private.sync_folder(folder)
        finally:
            path.unlink(missing_ok=True)


def pack(content: Content, data_dir: Path, sink: Sink, told: Told) -> tuple[int, int]:
    """Write the archive; return how many members it has and how many bytes. `data_dir` lends room for a copy.

    The database first: whatever file its rows tell of is there, and is in the archive unless it has gone since.
    """
    packer = Packer(sink, lambda done: told("writing", done, 0))
    for name, path in content.texts.items():
        packer.add(name, path.read_bytes())
    _pack_database(content.database, data_dir, packer, told)
    for folder, store in content.folders.items():
        for name in sorted(store.names()):
            packer.add_file(f"{folder}/{name}", store.path(name))
    packer.finish()
    return packer.members, packer.content_bytes


def _pack_database(database: Database, data_dir: Path, packer: Packer, told: Told) -> None:
    url = database.engine.url
    if url.get_backend_name() == "postgresql":
        packer.add_stream(DUMP, dump.dump(url.render_as_string(hide_password=False)))
        return
    with private.passing_file(data_dir) as copied:
        snapshot.copy(database, copied, lambda done, total: told("copying", done, total))
        packer.add_file(SQLITE, copied)


def verify(content: Content, data_dir: Path, source: Source, written: tuple[int, int], told: Told) -> dict[str, str]:
    """Read a data backup back whole, check its database, and return the values that `content` wants of it.

    Raises BackupError, and whatever `source` raises.
    """
    count = size = 0
    with private.passing_file(data_dir) as copied:
        for member in members(source):
            if member.name == SQLITE or member.name.startswith(f"{DUMP}/"):
                append(member, copied)
            else:
                for _ in member.chunks():
                    pass
            # Pieces of a dump are members of their own, as they were counted when written.
            count, size = count + 1, size + member.size
            told("checking", size, written[1])
        if (count, size) != written:
            raise BackupError("what was read back is not what was written: check the disk of the backup")
        return checked(copied, content.database, content.wanted)


def checked(copied: Path, database: Database, wanted: Mapping[str, str]) -> dict[str, str]:
    """Check a copy that was made of a database of this kind, and return the values that are wanted of it."""
    if database.engine.url.get_backend_name() == "postgresql":
        return dump.values(copied, wanted)
    snapshot.check(copied)
    return snapshot.values(copied, wanted)


def append(member: Member, path: Path) -> None:
    """Put a member behind what a private file holds already, durably."""
    with private.disk_errors(f"cannot write into {path.parent}"):
        if not path.exists():
            private.write(path, b"")
        with path.open("ab") as file:
            for chunk in member.chunks():
                file.write(chunk)
            private.sync(file)


def remove_old(folder: Path, naming: Naming, now: int, keep_days: int) -> list[Path]:
    """Remove this party's files of this kind that are older than `keep_days`, and return which."""
    if not 1 <= keep_days <= MAX_KEEP_DAYS:
        raise BackupError(f"backups are kept for 1 to {MAX_KEEP_DAYS} days")
    gone = naming.older(folder, now - int(timedelta(days=keep_days).total_seconds()))
    with private.disk_errors(f"cannot remove old backups from {folder}"):
        for path in gone:
            path.unlink(missing_ok=True)
        private.sync_folder(folder)
    return gone
