"""The parties of a simulated country: hubs and offices that run the product's own code over simulated disks.

A process is made once a worker and starts from the template for every seed. What it keeps in memory beyond the
database is made anew at each start, as in real life; only SQLAlchemy's compiled statements outlive it.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson
from flask import Response
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from hub.errors import ConflictError, LogError, RecoveringError
from hub.founding import log_writer
from hub.log.tree import check_stored_tree, read_head, read_leaves
from hub.members.online import Online, fresh_timestamp
from hub.members.roster import Rosters
from hub.models import DirectoryFile, DirectoryMetadata, DirectoryVersion
from hub.parts.service import Parts
from hub.parts.store import PartStore
from hub.problems import busy, conflict_problem, recovering_problem, rule_problem
from hub.recovery.report import go_on_without, read_report
from hub.recovery.service import Recovery
from hub.recovery.state import is_recovering, mark_restored
from hub.sync.exchange import Exchange
from node.backup.make import snapshot
from node.backup.restored import begin_restored
from node.serving import sweep
from node.sync.client import HubRefusedError, HubUnreachableError
from node.sync.rows import sync_state
from node.sync.start import begin
from protocol.errors import RULES, RemoteError
from protocol.metadata import parse_file_url
from protocol.party import hash_of
from service.errors import is_temporary
from tests.soak.disk import Disk
from tests.support.hub import FoundedHub
from tests.support.nodes import Office

_RETRY_SECONDS: Final = 5
_NOT_FOUND: Final = 404


def _refused(told: Response) -> HubRefusedError:
    """Return what a node sees of a problem document."""
    return HubRefusedError(told.status_code, told.get_data(), told.headers.get("Retry-After"))


@dataclass(slots=True)
class HubParty:
    """A hub's process on its disk."""

    name: str
    founded: FoundedHub
    disk: Disk
    now: Callable[[], int]
    down: bool = False
    exchange: Exchange = field(init=False)
    recovery: Recovery = field(init=False)
    parts: Parts = field(init=False)
    saved: "Saved | None" = None

    def __post_init__(self) -> None:
        self._begin()

    def start(self) -> None:
        """Begin as `simpul-hub serve` does: nothing is kept of an earlier life, and the tree is checked."""
        self._begin()
        with self.founded.database.reading() as session:
            check_stored_tree(session)
        self.down = False

    def crash(self) -> None:
        """Lose all that is not on the disk."""
        self.disk.lose_memory()
        self.down = True

    def post(self, bundle: bytes) -> bytes:
        """Answer as the route does, refusals included."""
        self._up()
        try:
            return self.exchange.run(bundle, self.now())
        except ConflictError as error:
            raise _refused(conflict_problem(RULES[error.rule], str(error), error.conflict)) from error
        except RemoteError as error:
            raise _refused(rule_problem(error)) from error
        except RecoveringError as error:
            raise _refused(recovering_problem(error.notice, _RETRY_SECONDS)) from error
        except LogError as error:
            raise _refused(busy(_RETRY_SECONDS)) from error
        except SQLAlchemyError as error:
            if not is_temporary(error):
                raise
            raise _refused(busy(_RETRY_SECONDS)) from error

    def recover(self, piece: bytes) -> bytes:
        """Take what a member gives back, as the route does."""
        self._up()
        try:
            return orjson.dumps({"recovering": self.recovery.take(piece, self.now())})
        except RemoteError as error:
            raise _refused(rule_problem(error)) from error
        except RecoveringError as error:
            raise _refused(recovering_problem(error.notice, _RETRY_SECONDS)) from error
        except SQLAlchemyError as error:
            if not is_temporary(error):
                raise
            raise _refused(busy(_RETRY_SECONDS)) from error

    def recovering(self) -> bool:
        """Whether it was set back and has not been given back all that it signed."""
        with self.founded.database.reading() as session:
            return is_recovering(session)

    def save(self, to: Path) -> None:
        """Back up the database as it is now."""
        self.disk.copy(to)
        self.saved = Saved(to, to, self.now())

    def restore(self, without: Sequence[str]) -> None:
        """Put the backup back; the operator goes on without members that have no node here, and starts the hub."""
        saved = self.saved
        assert saved is not None
        self.disk.replace(saved.database)
        with self.founded.database.transaction() as session:
            mark_restored(session, self.now(), saved.made_at)
            go_on_without(session, read_report(session, self.founded.federation), list(without), self.now())
        self.start()

    def note(self) -> bytes:
        """Return the newest checkpoint."""
        self._up()
        with self.founded.database.reading() as session:
            return read_head(session).note.encode()

    def leaves(self, start: int, end: int) -> list[bytes]:
        """Return the leaves [start, end); refuse beyond the tree."""
        self._up()
        with self.founded.database.reading() as session:
            if end > read_head(session).size:
                raise HubRefusedError(_NOT_FOUND, b"{}", None)
            return read_leaves(session, start, end - start)

    def part(self, part: str, shown: str) -> bytes:
        """Return a sealed part to whom an entry names it, as the route does."""
        self._up()
        try:
            found = self.parts.open(self.parts.admit(shown, "GET", hash_of(part), self.now()))
        except RemoteError as error:
            raise _refused(rule_problem(error)) from error
        if not isinstance(found, bytes):
            raise HubRefusedError(_NOT_FOUND, b"{}", None)
        return found

    def file(self, path: str) -> bytes:
        """Return a file of the directory's repository; refuse one that is not there."""
        self._up()
        database = self.founded.database
        if path == "metadata/timestamp.json":
            online = Online(self.founded.keys.online, self.founded.federation)
            return fresh_timestamp(database, online, self.now())
        room, _, name = path.partition("/")
        version, _, role = name.removesuffix(".json").partition(".")
        with database.reading() as session:
            if room == "targets":
                where, h = parse_file_url(name)
                query = select(DirectoryFile.raw).where(DirectoryFile.h == h, DirectoryFile.path == where)
            elif role == "targets":
                query = select(DirectoryVersion.raw).where(DirectoryVersion.version == int(version))
            else:
                known = (DirectoryMetadata.role == role, DirectoryMetadata.version == int(version))
                query = select(DirectoryMetadata.raw).where(*known)
            found: bytes | None = session.scalar(query)
        if found is None:
            raise HubRefusedError(_NOT_FOUND, b"{}", None)
        return found

    def _begin(self) -> None:
        founded, rosters = self.founded, Rosters(self.founded.federation)
        writer = log_writer(founded.federation, founded.keys.log)
        store = PartStore(founded.settings.parts_dir, founded.settings.min_free_bytes)
        online = Online(founded.keys.online, founded.federation)
        self.parts = Parts(founded.database, rosters, store, founded.settings.max_waiting_bytes)
        self.recovery = Recovery(founded.database, writer, rosters, founded.keys.hub, online, store)
        self.exchange = Exchange(founded.database, writer, rosters, founded.keys.hub, self.recovery)

    def _up(self) -> None:
        if self.down:
            raise HubUnreachableError("the hub is down")


@dataclass(slots=True)
class Saved:
    """A backup: the database, and the cases' keys where the operator copied these too."""

    database: Path
    keys: Path
    made_at: int


@dataclass(slots=True)
class Post:
    """An office's process on its disk, and its backups."""

    name: str
    office: Office
    disk: Disk
    folder: Path
    down: bool = False
    saved: Saved | None = None
    #: It was put back from a backup and has not caught up yet.
    set_back: bool = False
    #: How often it was put back, and the line of the story at which it last was.
    restores: int = 0
    restored_at: int = -1

    def start(self) -> None:
        """Do what a start does before the first request."""
        sweep(self.office.node)
        begin(self.office.node, self.office.clock.now())
        self.down = False

    def crash(self) -> None:
        """Lose all that is not on the disk."""
        self.disk.lose_memory()
        self.down = True

    def save(self) -> None:
        """Back up database and keys as they are now, and note how far the backup goes."""
        node, now = self.office.node, self.office.clock.now()
        saved = Saved(self.folder / "saved.db", self.folder / "saved-keys", now)
        saved.database.unlink(missing_ok=True)
        floor = snapshot(node, saved.database)
        with node.database.transaction() as session:
            state = sync_state(session)
            state.floor, state.backup_at = floor, now
        shutil.rmtree(saved.keys, ignore_errors=True)
        if self._keys.exists():
            shutil.copytree(self._keys, saved.keys)
        self.saved = saved

    def restore(self, *, keys: bool) -> None:
        """Put the backup back, with its own copy of the cases' keys or with those that live on."""
        saved = self.saved
        assert saved is not None
        self.disk.replace(saved.database)
        if keys:
            shutil.rmtree(self._keys, ignore_errors=True)
            if saved.keys.exists():
                shutil.copytree(saved.keys, self._keys)
        with self.office.node.database.transaction() as session:
            begin_restored(session, self.office.node, self.office.clock.now(), saved.made_at)
        self.disk.lose_memory()
        self.set_back, self.down = True, True
        self.restores += 1

    def wipe(self, template: Path) -> None:
        """Be as on the first day."""
        self.disk.replace(template)
        for name in ("case-keys", "saved-keys", "files", "outgoing", "incoming", "tuf"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self.down, self.saved, self.set_back, self.restores, self.restored_at = False, None, False, 0, -1

    @property
    def _keys(self) -> Path:
        return self.office.node.settings.case_keys_dir
