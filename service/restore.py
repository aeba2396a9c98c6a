"""Restores: everything is made and checked in a folder beside what is there; then names are changed, the last one last.

All happens below the data directory itself, which may be a mount point. The file without which there is no party goes
first and comes last: until it has gone the old party is as it was; from then on nothing serves, and a run that was cut
short is finished by the next one, after the plan that it left.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from service import dump, private, snapshot
from service.archive import Member, Source, members
from service.backup import DUMP, SQLITE, append
from service.blobs import BlobNameError, BlobStore
from service.database import Database
from service.errors import BackupError
from service.turn import FileTurn, Turn

STAGING: Final = "restoring"
_PLAN: Final = "plan.json"
_STAMP: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a party has in its data directory: small files, folders of ciphertexts, its database, and what marks it.

    `mark` is the one of `texts` without which there is no party. `kept` stays where it is, unless a restore brings it.
    """

    texts: Sequence[str]
    folders: Sequence[str]
    database: str
    mark: str
    kept: Sequence[str]

    def owned(self, data_dir: Path) -> list[str]:
        """Return what is there of it."""
        names = (*self.texts, *self.folders, self.database, *(f"{self.database}{end}" for end in private.BESIDE))
        return [name for name in names if os.path.lexists(data_dir / name)]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is moved: `old` into the folder `before`, then `new` from the staging folder into the data directory."""

    before: str
    old: list[str]
    new: list[str]
    mark: str


@contextmanager
def staging(data_dir: Path) -> Iterator[Path]:
    """Give an empty private folder in which the restored party is made; it is gone if the block fails."""
    folder = data_dir / STAGING
    if is_cut_short(data_dir):
        raise BackupError(f"a restore of {data_dir} was cut short: finish it first")
    with private.disk_errors(f"cannot restore into {data_dir}"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        except BaseException:
            if not is_cut_short(data_dir):
                shutil.rmtree(folder, ignore_errors=True)
            raise


def unpack(source: Source, layout: Layout, folder: Path, told: Callable[[int], None]) -> tuple[Path, bool]:
    """Write a data backup's members into a staging folder; return where the copy of the database is, and if a dump.

    Raises BackupError for a member that such a backup does not have, and whatever `source` raises.
    """
    stores = {name: BlobStore(folder / name) for name in layout.folders}
    found: set[str] = set()
    size = 0
    for member in members(source):
        found.add(_put(member, layout, folder, stores))
        size += member.size
        told(size)
    if len(found & {SQLITE, DUMP}) != 1 or not found.issuperset(layout.texts):
        raise BackupError("the backup lacks what it should hold")
    return folder / layout.database, DUMP in found


def _put(member: Member, layout: Layout, folder: Path, stores: dict[str, BlobStore]) -> str:
    head, _, rest = member.name.partition("/")
    if member.name == SQLITE or head == DUMP:
        append(member, folder / layout.database)
    elif member.name in layout.texts:
        append(member, folder / member.name)
    elif head in stores:
        try:
            _store(member, stores[head], rest)
        except BlobNameError as error:
            raise BackupError(f"the backup holds a file that has no place: {member.name!r}") from error
    else:
        raise BackupError(f"the backup holds a file that has no place: {member.name!r}")
    return head


def _store(member: Member, store: BlobStore, name: str) -> None:
    with store.writing() as file:
        for chunk in member.chunks():
            file.write(chunk)
        file.keep(name)


def check_copy(copied: Path, *, dumped: bool) -> None:
    """Raise BackupError unless the copy of the database is sound."""
    if dumped:
        dump.values(copied, {})
    else:
        snapshot.check(copied)


def check_target(url: str, layout: Layout, data_dir: Path, *, dumped: bool) -> None:
    """Raise BackupError unless a copy of this kind can be put where a database URL points."""
    made = make_url(url)
    if dumped != (made.get_backend_name() == "postgresql"):
        kinds = ("PostgreSQL", "SQLite") if dumped else ("SQLite", "PostgreSQL")
        raise BackupError(f"the backup is of a {kinds[0]} database, and the URL names a {kinds[1]} one: name another")
    if not dumped and Path(made.database or "").absolute() != (data_dir / layout.database).absolute():
        raise BackupError(f"a SQLite database is restored to {data_dir / layout.database} alone: name no other")


def revive(copied: Path, url: str, migrations: str, mark: Callable[[Session], None], *, dumped: bool) -> None:
    """Make a database of the copy, at the newest version of its schema and marked, all in one transaction.

    Where it was dumped it goes to the database that `url` names, which must be empty, and is so again if this fails;
    else it stays the file that it is. Raises BackupError for a copy that this version cannot take.
    """
    database = Database(url if dumped else f"sqlite:///{copied}", migrations)
    try:
        if dumped:
            _revive_dump(copied, url, database, mark)
        else:
            _migrate(database, None, mark)
    finally:
        database.close()


def _revive_dump(copied: Path, url: str, database: Database, mark: Callable[[Session], None]) -> None:
    dump.check_empty(database)
    version = dump.values(copied, {dump.VERSION_TABLE: "version_num"}).get(dump.VERSION_TABLE, "")
    try:
        dump.load(copied, url)
        _migrate(database, lambda session: dump.put_version(session, version), mark)
    except BaseException:
        dump.make_empty(database)
        raise
    copied.unlink()


def _migrate(database: Database, before: Callable[[Session], None] | None, mark: Callable[[Session], None]) -> None:
    try:
        database.migrate(before=before, after=mark)
    except CommandError as error:
        raise BackupError(f"the backup was made by another version of Simpul: install that one ({error})") from error


@contextmanager
def nobody_serving(lock: Path, url: str | None) -> Iterator[None]:
    """Hold the turn of a party's scheduler; raise BackupError while one of its processes has it.

    `lock` is the file by which processes on one machine share it, `url` its database, None if nobody knows it any more.
    """
    turns: list[Turn] = [FileTurn(lock)]
    if url is not None and make_url(url).get_backend_name() == "postgresql":
        database = Database(url, "")
        # Where the server cannot be asked, nobody serves from it.
        with suppress(DBAPIError), database.reading() as session:
            session.execute(text("SELECT 1"))
            turns.append(database.turn(lock))
    try:
        if not all(turn.take() for turn in turns):
            raise BackupError("it is being served: stop it first")
        yield
    finally:
        for turn in turns:
            turn.close()


def place(data_dir: Path, layout: Layout, at: int) -> Path | None:
    """Put what was staged in the place of what is there; return where that is now, if there was any.

    `at` names the folder, in seconds since 1970.
    """
    folder = data_dir / STAGING
    new = sorted(path.name for path in folder.iterdir())
    old = layout.owned(data_dir) + [name for name in layout.kept if name in new and os.path.lexists(data_dir / name)]
    before = f"before-{datetime.fromtimestamp(at, UTC).strftime(_STAMP)}"
    if (data_dir / before).exists():
        raise BackupError(f"{data_dir / before} exists already: wait a second")
    _check_movable(data_dir, old)
    _sync_tree(folder)
    plan = _Plan(before, old, new, layout.mark)
    written = folder / f"{_PLAN}.tmp"
    private.write(written, json.dumps(asdict(plan)).encode())
    written.rename(folder / _PLAN)
    private.sync_folder(folder)
    _carry_out(data_dir, plan)
    return data_dir / before if old else None


def finish(data_dir: Path) -> bool:
    """Finish a restore that was cut short while things were moved; return whether there was one."""
    plan = _begun(data_dir)
    if plan is None:
        return False
    with private.disk_errors(f"cannot finish the restore in {data_dir}"):
        _carry_out(data_dir, plan)
    return True


def is_cut_short(data_dir: Path) -> bool:
    """Whether a restore waits for being finished."""
    return _begun(data_dir) is not None


def _begun(data_dir: Path) -> _Plan | None:
    """Return the plan that is there, unless nothing was moved after it: then the old party may have gone on since."""
    try:
        plan = _Plan(**json.loads((data_dir / STAGING / _PLAN).read_text()))
    except FileNotFoundError:
        return None
    return None if plan.mark in plan.old and not os.path.lexists(data_dir / plan.before / plan.mark) else plan


def _check_movable(data_dir: Path, names: Sequence[str]) -> None:
    """Raise BackupError for what could not be renamed within the data directory, before anything is."""
    device = data_dir.stat().st_dev
    for path in (data_dir / name for name in names):
        if path.lstat().st_dev != device or path.is_mount():
            raise BackupError(f"{path} is a disk of its own, and cannot be moved aside: unmount it for the restore")


def _carry_out(data_dir: Path, plan: _Plan) -> None:
    folder, before = data_dir / STAGING, data_dir / plan.before
    if plan.old:
        before.mkdir(mode=0o700, exist_ok=True)
    # Who has been moved aside already stays there: what bears its name now is the new one.
    _move(data_dir, before, sorted(plan.old, key=lambda name: name != plan.mark), unless_there=True)
    _move(folder, data_dir, sorted(plan.new, key=lambda name: name == plan.mark))
    (folder / _PLAN).unlink()
    folder.rmdir()
    private.sync_folder(data_dir)


def _move(source: Path, target: Path, names: Sequence[str], *, unless_there: bool = False) -> None:
    for name in names:
        if os.path.lexists(source / name) and not (unless_there and os.path.lexists(target / name)):
            (source / name).rename(target / name)
            private.sync_folder(target)
            private.sync_folder(source)


def _sync_tree(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for name in files:
            with (Path(root) / name).open("rb") as file:
                os.fsync(file.fileno())
        private.sync_folder(Path(root))
