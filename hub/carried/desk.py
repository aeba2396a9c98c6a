"""Requests from a stick: each is answered like one that came over the line, and the answer is written beside it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Response

from hub.carried.package import answer_members, encode, part_members, small
from hub.errors import ConflictError, TryLaterError
from hub.founding import HubKeys, log_writer
from hub.log.tree import read_head
from hub.members.online import Online, fresh_timestamp
from hub.members.roster import Rosters
from hub.members.store import stored_roots
from hub.parts.service import Parts, Piece
from hub.parts.store import PartStore
from hub.problems import conflict_problem, rule_problem
from hub.recovery.service import Recovery
from hub.settings import Settings
from hub.sync.counters import check_counter
from hub.sync.exchange import Exchange
from protocol import checkpoint as checkpoints
from protocol import jws
from protocol.attachment import FileName
from protocol.bundle import (
    MAX_BUNDLE_BYTES,
    Bundle,
    Request,
    check_manifest_entries,
    read_answer,
    read_bundle,
    read_conflict,
    read_request,
)
from protocol.carried import (
    BUNDLE,
    MAX_HEAD_BYTES,
    PARTS,
    PROBLEM,
    WANTED,
    CarriedFile,
    CarriedKind,
    CarriedName,
    DamagedFileError,
    read_name,
    read_wanted,
)
from protocol.enrol import Federation
from protocol.entry import read_entry
from protocol.errors import RULES, RemoteError
from protocol.part_pass import PartPass
from service import stick
from service.database import Database

#: Room that an answer has before anything is logged for it: the bundle, and the newest of the directory.
_ANSWER_BYTES: Final = 2 * MAX_BUNDLE_BYTES
#: What a leaf takes, generously.
_LEAF_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a file with a request.

    `written` is the name of the file that was written for it, `pushed` and `pulled` count entries, `left_out` files for
    which there was no room, `more` says that the hub has more for the node. `refused` names the rule by which the whole
    request was refused, `known` that this very request was answered before. `trouble`: nothing was done, and why.
    """

    name: str
    written: str | None = None
    pushed: int = 0
    pulled: int = 0
    left_out: int = 0
    more: bool = False
    refused: str | None = None
    known: bool = False
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that was read and not judged yet."""

    name: str
    raw: bytes
    bundle: Bundle
    request: Request
    token: jws.Unverified

    @property
    def h(self) -> bytes:
        return jws.digest(self.bundle.manifest)

    def named(self, kind: CarriedKind) -> str:
        """Return what the file that answers it is called: by what was signed, not by what its file was called."""
        return str(CarriedName(self.request.node, self.request.ctr, kind))


class Desk:
    """Answers what lies in a folder. Safe beside every serving process of the hub: all share one database."""

    def __init__(self, settings: Settings, federation: Federation, keys: HubKeys, database: Database) -> None:
        self._federation: Final = federation
        self._database: Final = database
        self._key: Final = keys.hub
        self._rosters: Final = Rosters(federation)
        self._online: Final = Online(keys.online, federation)
        log, store = log_writer(federation, keys.log), PartStore(settings.parts_dir, settings.min_free_bytes)
        recovery = Recovery(database, log, self._rosters, keys.hub, self._online, store)
        self._parts: Final = Parts(database, self._rosters, store, settings.max_waiting_bytes)
        self._exchange: Final = Exchange(database, log, self._rosters, keys.hub, recovery)

    def answer(self, folder: Path, now: int) -> Iterator[Answered]:
        """Answer every request in a folder, each node's in the order in which it made them.

        Raises StickError where the folder cannot be used, HubError where this hub cannot answer anybody now; whatever
        was told of before is done.
        """
        found: list[tuple[str, int, str]] = []
        for name in stick.names(folder):
            known = read_name(name)
            if known is None or known.kind is not CarriedKind.REQUEST:
                continue
            try:
                request = _read(folder, name).request
            except (DamagedFileError, RemoteError) as error:
                yield Answered(name, trouble=str(error))
            else:
                found.append((request.node, request.ctr, name))
        for _, _, name in sorted(found):
            # Read again: a stick holds more than a memory.
            yield self._one(folder, name, now)

    def _one(self, folder: Path, name: str, now: int) -> Answered:
        try:
            return self._answered(folder, _read(folder, name), now)
        except (DamagedFileError, RemoteError) as error:
            return Answered(name, trouble=str(error))

    def _answered(self, folder: Path, asked: _Asked, now: int) -> Answered:
        if asked.request.hub != self._federation.hub:
            return Answered(asked.name, trouble="it is for another hub")
        if self._is_answered(folder, asked):
            return Answered(asked.name, written=asked.named(CarriedKind.ANSWER), known=True)
        try:
            self._admit(asked)
            # What is logged cannot be taken back, so its answer must have room first.
            stick.check_room(folder, _ANSWER_BYTES + self._behind(asked) * _LEAF_BYTES)
            with stick.opened(folder, asked.name) as (size, read_at):
                file = CarriedFile(size, read_at)
                self._take_parts(file, asked, now)
                wanted = read_wanted(file.content(WANTED, MAX_HEAD_BYTES))
            raw = self._exchange.run(asked.raw, now)
        except ConflictError as error:
            document = conflict_problem(RULES[error.rule], str(error), error.conflict)
            known = read_conflict(error.conflict, self._key.public).known == asked.h
            return self._refuse(folder, asked, error.rule, document, known=known)
        except RemoteError as error:
            return self._refuse(folder, asked, error.rule.name, rule_problem(error))
        return self._write(folder, asked, raw, wanted, now)

    def _is_answered(self, folder: Path, asked: _Asked) -> bool:
        """Whether a good answer to this very request lies beside it."""
        name = asked.named(CarriedKind.ANSWER)
        if name not in stick.names(folder):
            return False
        try:
            with stick.opened(folder, name) as (size, read_at):
                file = CarriedFile(size, read_at)
                file.check()
                bundle = read_bundle(file.content(BUNDLE, MAX_BUNDLE_BYTES))
            return read_answer(bundle.manifest, self._key.public).req == asked.h
        except (DamagedFileError, RemoteError):
            return False

    def _admit(self, asked: _Asked) -> None:
        """Raise what the exchange would for a request that is not this member's next: before its files are taken."""
        with self._database.reading() as session:
            roster = self._rosters.current(session)
            asked.token.verify(roster.signing_key(asked.request.node, asked.token.kid))
            roster.member(asked.request.node)
            check_counter(session, asked.request, asked.h, self._key)
        check_manifest_entries(asked.request.entries, asked.bundle.entries)

    def _behind(self, asked: _Asked) -> int:
        with self._database.reading() as session:
            return max(0, read_head(session).size - asked.request.seen.size)

    def _take_parts(self, file: CarriedFile, asked: _Asked, now: int) -> None:
        """Store the large files that entries of the request name. One that finds no room now is asked for again."""
        for name in _files_of(asked.bundle):
            member = file.members.get(PARTS + name.id)
            if member is None or member.length != name.len:
                continue
            shown = PartPass(asked.request.hub, asked.request.node, now, "PUT", name.id, name.len)
            try:
                self._take(file, shown, name, now)
            except TryLaterError:
                continue

    def _take(self, file: CarriedFile, shown: PartPass, name: FileName, now: int) -> None:
        """Store a large file, from where it was left over the line."""
        done, at = self._parts.progress(shown), 0
        for chunk in file.chunks(PARTS + name.id):
            # Where all bytes are here and no row of them, the last one is said again.
            start = max(at, min(done.offset, name.len - 1))
            if not done.complete and start < at + len(chunk):
                fresh = chunk[start - at :]
                done = self._parts.take(shown, Piece(start, len(fresh), name.len, [fresh]), now)
            at += len(chunk)

    def _refuse(self, folder: Path, asked: _Asked, rule: str, document: Response, *, known: bool = False) -> Answered:
        written = asked.named(CarriedKind.REFUSED)
        contents = [small(PROBLEM, document.get_data())]
        stick.write(folder, written, encode(CarriedKind.REFUSED, contents))
        return Answered(asked.name, written=written, refused=rule, known=known)

    def _write(self, folder: Path, asked: _Asked, raw: bytes, wanted: list[str], now: int) -> Answered:
        bundle = read_bundle(raw)
        answer = read_answer(bundle.manifest, self._key.public)
        note = checkpoints.read(answer.checkpoint, self._federation.log_origin, self._federation.log_key)
        stamp = fresh_timestamp(self._database, self._online, now)
        with self._database.reading() as session:
            roots = stored_roots(session, self._federation)
            contents = answer_members(session, raw, asked.request, note.checkpoint.size, roots, stamp)
        room = stick.room(folder) - sum(each.member.length for each in contents)
        node, hub = asked.request.node, asked.request.hub
        files, left_out = part_members(self._parts, node, hub, bundle, answer, wanted, room)
        written = asked.named(CarriedKind.ANSWER)
        stick.write(folder, written, encode(CarriedKind.ANSWER, [*contents, *files]))
        # It may have been refused before, and for a reason that is gone.
        stick.remove(folder, asked.named(CarriedKind.REFUSED))
        pulled = len(answer.pull)
        return Answered(
            asked.name, written, pushed=len(answer.push), pulled=pulled, left_out=left_out, more=answer.more
        )


def _read(folder: Path, name: str) -> _Asked:
    with stick.opened(folder, name) as (size, read_at):
        file = CarriedFile(size, read_at)
        file.check()
        if file.kind is not CarriedKind.REQUEST:
            raise DamagedFileError("the file is no request")
        raw = file.content(BUNDLE, MAX_BUNDLE_BYTES)
    bundle = read_bundle(raw)
    request, token = read_request(bundle.manifest)
    return _Asked(name, raw, bundle, request, token)


def _files_of(bundle: Bundle) -> Iterator[FileName]:
    """Give the large files that entries name; an entry that cannot be read has its verdict from the exchange."""
    for raw in bundle.entries:
        with suppress(RemoteError):
            yield from (name for name in read_entry(raw).entry.files if not name.bundled)
