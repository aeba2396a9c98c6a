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
from typing import BinaryIO, Final, TypeVar

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
_T = TypeVar("_T")
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
def alone(data_dir: Path, keep_days: int = MAX_KEEP_DAYS) -> Iterator[None]:
    """Let no other backup or restore of a party run; raise BackupError where one does, or for days that cannot be."""
    if not 1 <= keep_days <= MAX_KEEP_DAYS:
        raise BackupError(f"backups are kept for 1 to {MAX_KEEP_DAYS} days")
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


@dataclass(frozen=True, slots=True)
class Run:
    """One backup: how its file is called and where it goes, when, and who watches. `data_dir` lends room for copies."""

    naming: Naming
    folder: Path
    data_dir: Path
    at: int
    told: Told


def write(
    run: Run,
    seal: Callable[[BinaryIO], Sink],
    unseal: Callable[[BinaryIO], Source],
    fill: Callable[[Packer], None],
    check: Callable[[Iterator[Member]], _T],
) -> tuple[Path, int, _T]:
    """Write a backup, read it back whole, and give it its name; return its path, its bytes, and what `check` found.

    `fill` puts the members in, `check` takes all of them as they are read back. Whatever fails leaves no file.
    """
    with new_file(run.folder, run.naming, run.at) as (file, path):
        packer = Packer(seal(file), lambda done: run.told("writing", done, 0))
        try:
            fill(packer)
            packer.finish()
        finally:
            packer.abandon()
        private.sync(file)
        counted = _Counted(packer.content_bytes, run.told)
        with path.open("rb") as again:
            found = check(counted.pass_on(members(unseal(again))))
        if (counted.members, counted.content_bytes) != (packer.members, packer.content_bytes):
            raise BackupError("what was read back is not what was written: check the disk of the backup")
        size = path.stat().st_size
    return run.folder / run.naming.name(run.at), size, found


class _Counted:
    """Counts members on their way."""

    def __init__(self, total: int, told: Told) -> None:
        self._total: Final = total
        self._told: Final = told
        self.members = 0
        self.content_bytes = 0

    def pass_on(self, found: Iterator[Member]) -> Iterator[Member]:
        for member in found:
            yield member
            self.members += 1
            self.content_bytes += member.size
            self._told("checking", self.content_bytes, self._total)


def write_data(
    run: Run, content: Content, seal: Callable[[BinaryIO], Sink], unseal: Callable[[BinaryIO], Source]
) -> tuple[Path, int, dict[str, str]]:
    """Write a data backup; return its path, its bytes, and the values that `content` wants, as the copy has them."""
    return write(
        run,
        seal,
        unseal,
        lambda packer: _pack(content, run, packer),
        lambda found: _checked_data(content, run, found),
    )


def _pack(content: Content, run: Run, packer: Packer) -> None:
    # The database first: whatever file its rows tell of is there now, and is in the backup unless it goes meanwhile.
    for name, path in content.texts.items():
        packer.add(name, path.read_bytes())
    _pack_database(content.database, run, packer)
    for folder, store in content.folders.items():
        for name in sorted(store.names()):
            packer.add_file(f"{folder}/{name}", store.path(name))


def _pack_database(database: Database, run: Run, packer: Packer) -> None:
    url = database.engine.url
    if url.get_backend_name() == "postgresql":
        packer.add_stream(DUMP, dump.dump(url.render_as_string(hide_password=False)))
        return
    with private.passing_file(run.data_dir) as copied:
        snapshot.copy(database, copied, lambda done, total: run.told("copying", done, total))
        packer.add_file(SQLITE, copied)


def _checked_data(content: Content, run: Run, found: Iterator[Member]) -> dict[str, str]:
    with private.passing_file(run.data_dir) as copied:
        for member in found:
            if member.name == SQLITE or member.name.startswith(f"{DUMP}/"):
                append(member, copied)
            else:
                member.skip()
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
    gone = naming.older(folder, now - int(timedelta(days=keep_days).total_seconds()))
    with private.disk_errors(f"cannot remove old backups from {folder}"):
        for path in gone:
            path.unlink(missing_ok=True)
        private.sync_folder(folder)
    return gone
