"""What the parts endpoint does: admits by pass, takes pieces, tells how far they are, gives parts to their readers."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from hub.errors import TryLaterError
from hub.members.roster import Rosters
from hub.parts.rows import bundled_part, note_upload, sender_of, uploaded_length, waiting_bytes
from hub.parts.store import PartStore
from protocol.errors import RemoteError
from protocol.part_pass import MAX_PIECE_BYTES, PartPass, check_part_pass, read_part_pass
from service.database import Database


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes [start, start + length) of a part of `total` bytes, as they come."""

    start: int
    length: int
    total: int
    chunks: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Progress:
    """How many bytes of a part are here, and whether that is all of it."""

    offset: int
    complete: bool


class Parts:
    """The hub's side of `/parts/v1`. Several threads and processes may use one database and folder through it."""

    def __init__(self, database: Database, rosters: Rosters, store: PartStore, max_waiting_bytes: int) -> None:
        """`max_waiting_bytes` limits what one member may have here that no entry names yet, unfinished included."""
        self._database: Final = database
        self._rosters: Final = rosters
        self._store: Final = store
        self._max_waiting_bytes: Final = max_waiting_bytes

    def admit(self, raw: str, method: str, part: str, now: int) -> PartPass:
        """Return the verified pass; raise RemoteError for one that is not this member's, for this, and of now."""
        shown, token = read_part_pass(raw)
        with self._database.reading() as session:
            roster = self._rosters.current(session)
        token.verify(roster.signing_key(shown.node, token.kid))
        roster.member(shown.node)
        check_part_pass(shown, hub=roster.hub, method=method, part=part, now=now)
        return shown

    def progress(self, shown: PartPass) -> Progress:
        """Return how far a part of this member is: a member is told of its own alone."""
        with self._database.reading() as session:
            length = uploaded_length(session, shown.node, shown.id)
        if length is not None:
            return Progress(length, complete=True)
        return Progress(self._store.received(shown.node, shown.id), complete=False)

    def take(self, shown: PartPass, piece: Piece, now: int) -> Progress:
        """Store a piece; the last one makes the part whole, durably, before this returns.

        Raises RemoteError: "too-large", "members" (it does not fit its part), "piece" (not the next one; its `offset`
        says which is), "part-id" (the whole is not what was named; all of it is dropped); TryLaterError where there is
        no room, too much waits already, or the part is being received by another request.
        """
        self._check(shown, piece)
        self._check_quota(shown)
        self._store.check_room(piece.length)
        with self._store.receiving(shown.node, shown.id) as receiving:
            known = self.progress(shown)
            if known.complete:
                return known
            # All of it may be here already: then only the row was missing.
            if receiving.offset < piece.total:
                if piece.start != receiving.offset:
                    raise RemoteError("piece", "not the next bytes of the part", offset=receiving.offset)
                receiving.append(piece.chunks, piece.length)
            if receiving.offset < piece.total:
                return Progress(receiving.offset, complete=False)
            self._store.finish(receiving, shown.node)
            with self._database.transaction() as session:
                note_upload(session, shown.node, shown.id, piece.total, now)
            receiving.done()
        return Progress(piece.total, complete=True)

    def open(self, shown: PartPass) -> Path | bytes | None:
        """Return where a part is, or its bytes if it came in a bundle; None if no entry from or to this node names it.

        Whether it exists for others is not told.
        """
        with self._database.reading() as session:
            sender = sender_of(session, shown.node, shown.id)
            if sender is None:
                return bundled_part(session, shown.node, shown.id)
            gone = uploaded_length(session, sender, shown.id) is None
        return None if gone else self._store.path(sender, shown.id)

    def _check(self, shown: PartPass, piece: Piece) -> None:
        if not 0 < piece.length <= MAX_PIECE_BYTES:
            raise RemoteError("too-large", "a piece of a part has 1 byte at least", max_bytes=MAX_PIECE_BYTES)
        if piece.total != shown.len or piece.start + piece.length > piece.total:
            raise RemoteError("members", "the piece does not fit the part that the pass is for", len=shown.len)

    def _check_quota(self, shown: PartPass) -> None:
        with self._database.reading() as session:
            waiting = waiting_bytes(session, shown.node)
        waiting += sum(size for part, size in self._store.unfinished(shown.node).items() if part != shown.id)
        if waiting + (shown.len or 0) > self._max_waiting_bytes:
            detail = "too much of this member waits for entries that name it: push them first"
            raise TryLaterError(HTTPStatus.TOO_MANY_REQUESTS, detail)
