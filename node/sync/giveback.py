"""Giving a hub that was set back what it signed: hashes, entries, parts and the directory, as this node has them.

The hub says in a signed notice what it lacks. No transaction is open during the network, and nothing here changes what
this node has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
from sqlalchemy import or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from keys import b64u
from node.context import Node
from node.files.transfer import upload_for
from node.models.sync import DirectoryVersion, InboxEntry, OutboxEntry
from node.sync.client import Hub, HubRefusedError
from node.sync.log import NodeLog, read_history, read_log
from node.sync.retold import Retold, retell_entry, retell_queued, retell_version
from node.sync.rows import sync_state
from protocol import checkpoint as checkpoints
from protocol import jws
from protocol.errors import RemoteError
from protocol.merkle import EMPTY_ROOT, HASH_BYTES, consistency_proof
from protocol.recovery import (
    MAX_PIECE_DOCUMENTS,
    MAX_PIECE_ENTRIES,
    MAX_PIECE_HASHES,
    GiveBack,
    Given,
    Recovering,
    Span,
    encode_piece,
    read_recovering,
)
from protocol.tiles import WIDTH, TileHashes

#: Of entries, parts and documents in one piece; base64 and the manifest take the rest of 8 MiB.
_ROOM_BYTES: Final = 5 * 1024 * 1024
#: No honest hub asks more often: each time it asks for what lies further on.
_MAX_LISTS: Final = 4_096
_MAX_NOTICE_BYTES: Final = 262_144


@dataclass(frozen=True, slots=True)
class _Own:
    """What this node says of itself: counters, and the tree of its newest checkpoint (size 0 if it has none)."""

    inc: int
    ctr: int
    req: bytes | None
    note: str | None
    size: int
    root: bytes


def notice_in(problem: bytes) -> str | None:
    """Return the notice that a problem document carries, unverified; None if it carries none."""
    try:
        document = orjson.loads(problem)
    except orjson.JSONDecodeError:
        return None
    found = document.get("recovering") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


def answer_notice(node: Node, hub: Hub, refused: HubRefusedError, now: int) -> bool:
    """Give back what a refusal asks for, if it does; return whether the hub has gone on and may be asked again."""
    notice = notice_in(refused.problem)
    return notice is not None and give_back(node, hub, notice, now)


def give_back(node: Node, hub: Hub, notice_raw: str, now: int) -> bool:
    """Answer a notice with what this node has, piece by piece; return whether the hub has gone on since.

    Raises RemoteError for a notice that is not the hub's, or a hub whose log is not the one that was read here (then it
    is told so, with the proof); HubUnreachableError and HubRefusedError as they come. All of it may be done again.
    """
    giving = _giving(node, hub, notice_raw, now)
    giving.check_log()
    serving = giving.notice.serving
    giving.give_hashes()
    if serving and giving.notice.serving:
        return False
    giving.give_the_rest()
    return giving.notice.serving


def _giving(node: Node, hub: Hub, notice_raw: str, now: int) -> "_Giving":
    with node.database.transaction() as session:
        state = sync_state(session)
        req = None if state.request_h is None else b64u.decode(state.request_h)
        note, size, root = None, 0, EMPTY_ROOT
        if state.checkpoint is not None:
            note = state.checkpoint
            found = checkpoints.read(note, node.federation.log_origin, node.federation.log_key).checkpoint
            size, root = found.size, found.root
        own = _Own(state.inc, state.ctr, req, note, size, root)
        notice = _read_notice(session, node, notice_raw, req)
    return _Giving(node, hub, own, notice, now)


def _read_notice(session: Session, node: Node, raw: str, req: bytes | None) -> Recovering:
    token = jws.read(raw, jws.ANSWER, max_bytes=_MAX_NOTICE_BYTES)
    key = read_history(session, node.federation).signing_key(node.federation.hub, token.kid)
    notice = read_recovering(raw, key)
    if (notice.hub, notice.node, notice.req) != (node.federation.hub, node.member_id, req):
        raise RemoteError("addressed", "a notice to somebody else, or of another request")
    return notice


@dataclass(slots=True)
class _Giving:
    """One conversation with the hub; `notice` is the newest."""

    node: Node
    hub: Hub
    own: _Own
    notice: Recovering
    now: int

    def check_log(self) -> None:
        """Raise RemoteError("tree") if the hub's log is none that ours grew from; show the hub that it is not."""
        size = self.notice.size
        if size > self.own.size:
            return
        with self.node.database.reading() as session:
            log = read_log(session)
            root = log.root_at(size)
            proof = self._proof(log, size)
        if root == self.notice.root:
            return
        try:
            self._say(Given(), start=size, root=root, consistency=proof)
        except HubRefusedError as error:
            raise RemoteError("tree", "the hub's log is not the one that was read here", size=size) from error
        raise RemoteError("tree", "the hub was shown that it signed another log, and goes on", size=size)

    def give_hashes(self) -> None:
        """Give the hashes of leaves up to our checkpoint, with the proof that they lead to it."""
        while self.notice.proven < self.own.size:
            start = self.notice.proven
            end = min(start + MAX_PIECE_HASHES, self.own.size)
            with self.node.database.reading() as session:
                log = read_log(session)
                hashes, root, proof = _leaf_hashes(log, start, end), log.root_at(start), self._proof(log, end)
            self._say(Given(hashes=hashes), start=start, root=root, consistency=proof)
            if self.notice.proven <= start:
                raise RemoteError("tree", "the hub takes no hashes that are proven", proven=start)

    def give_the_rest(self) -> None:
        """Give what the hub lacks and this node has; the last piece says that there is nothing more."""
        for _ in range(_MAX_LISTS):
            listed = self.notice
            for given in _packed(self._logged(listed)):
                self._say(given)
            if listed.upto >= listed.proven:
                break
            self._say(Given(), after=listed.upto)
            if self.notice.upto <= listed.upto:
                raise RemoteError("recovering", "the hub asks for the same again", upto=listed.upto)
        self._give_queued()
        self._say(Given(), done=True)

    def _logged(self, notice: Recovering) -> Iterator[Retold]:
        """Give what stands at the places that were asked for; each row is read when its turn comes."""
        both = (*notice.entries, *notice.parts)
        with self.node.database.reading() as session:
            came = _numbers(session, InboxEntry.pos, InboxEntry.log_index, notice.entries)
            went = _numbers(session, OutboxEntry.place, OutboxEntry.log_index, both)
            versions = _numbers(session, DirectoryVersion.version, DirectoryVersion.log_index, both)
        for version in versions:
            with self.node.database.reading() as session:
                told = list(retell_version(session, self.node.federation, version))
            yield from told
        for pos in came:
            with self.node.database.reading() as session:
                raw = session.get_one(InboxEntry, pos).raw
            yield Retold(entry=raw)
        yield from self._sent(went)

    def _give_queued(self) -> None:
        """Give what was never confirmed: it may have been logged all the same. Parts follow only where they are wanted.

        We cannot tell which of them the hub lacks, as it cannot tell us which are ours.
        """
        with self.node.database.reading() as session:
            # What was queued while reading again after a start was never said in this form.
            said = OutboxEntry.state == "queued", OutboxEntry.replayed.is_(False)
            places = list(session.scalars(select(OutboxEntry.place).where(*said).order_by(OutboxEntry.place)))
        if not places:
            return
        self._say(Given())
        if not self.notice.entries:
            return
        before = set(self.notice.parts)
        for given in _packed(self._sent(places, parts=False)):
            self._say(given)
        if set(self.notice.parts) - before:
            for given in _packed(self._sent(places)):
                self._say(given)

    def _sent(self, places: Sequence[int], *, parts: bool = True) -> Iterator[Retold]:
        for place in places:
            if parts:
                # Large files first: once the entry is logged again, nobody is asked for them.
                upload_for(self.node, self.hub, place, lambda: self.now)
            with self.node.database.reading() as session:
                one = retell_entry(session, place) if parts else retell_queued(session, place)
            yield one

    def _say(
        self,
        given: Given,
        *,
        start: int | None = None,
        root: bytes | None = None,
        consistency: Sequence[bytes] = (),
        after: int = 0,
        done: bool = False,
    ) -> None:
        """Send one piece, and take the notice that answers it."""
        own = self.own
        manifest = GiveBack(
            hub=self.node.federation.hub,
            node=self.node.member_id,
            at=self.now,
            recovery=self.notice.recovery,
            inc=own.inc,
            ctr=own.ctr,
            req=own.req,
            checkpoint=own.note,
            start=own.size if start is None else start,
            root=own.root if root is None else root,
            consistency=tuple(consistency),
            after=after,
            done=done,
        ).sign(given, self.node.keyring.signing)
        answer = notice_in(self.hub.post_recovery(encode_piece(manifest, given)))
        if answer is None:
            raise RemoteError("recovering", "the hub answers a give-back with a notice")
        with self.node.database.reading() as session:
            self.notice = _read_notice(session, self.node, answer, jws.digest(manifest))

    def _proof(self, log: NodeLog, size: int) -> Sequence[bytes]:
        return consistency_proof(size, self.own.size, TileHashes(self.own.size, log.tile))


def _leaf_hashes(log: NodeLog, start: int, end: int) -> tuple[bytes, ...]:
    """Return the hashes of the leaves [start, end) as this node read them."""
    found: list[bytes] = []
    for n in range(start // WIDTH, -(-end // WIDTH)):
        tile = log.tile(0, n, min(WIDTH, end - n * WIDTH))
        first = max(0, start - n * WIDTH)
        found += [tile[i : i + HASH_BYTES] for i in range(first * HASH_BYTES, len(tile), HASH_BYTES)]
    return tuple(found)


def _numbers(
    session: Session,
    number: InstrumentedAttribute[int],
    index: InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
    spans: Sequence[Span],
) -> list[int]:
    """Return the keys of the rows that stand at one of these places of the log, in its order."""
    if not spans:
        return []
    within = or_(*(index.between(span.first, span.after - 1) for span in spans))
    return list(session.scalars(select(number).where(within).order_by(index)))


@dataclass(slots=True)
class _Packing:
    """A piece that is being filled."""

    given: list[Retold] = field(default_factory=list)
    room: int = _ROOM_BYTES

    def takes(self, one: Retold) -> bool:
        """Whether there is room; an empty piece takes whatever there is."""
        entries = sum(each.entry is not None for each in self.given)
        documents = sum(len(each.files) for each in self.given)
        return not self.given or (
            one.size_bytes <= self.room
            and entries < MAX_PIECE_ENTRIES
            and documents + len(one.files) <= MAX_PIECE_DOCUMENTS
            and len(self.given) < MAX_PIECE_DOCUMENTS
        )

    def take(self, one: Retold) -> None:
        """Put one more in."""
        self.given.append(one)
        self.room -= one.size_bytes

    def given_back(self) -> Given:
        """Return all of it as one piece."""
        return Given(
            entries=tuple(each.entry for each in self.given if each.entry is not None),
            parts={name: content for each in self.given for name, content in each.parts.items()},
            roots=tuple(dict.fromkeys(raw for each in self.given for raw in each.roots)),
            targets=tuple(dict.fromkeys(each.targets for each in self.given if each.targets is not None)),
            files=tuple(dict.fromkeys(raw for each in self.given for raw in each.files)),
        )


def _packed(retold: Iterator[Retold]) -> Iterator[Given]:
    packing = _Packing()
    for one in retold:
        if not packing.takes(one):
            yield packing.given_back()
            packing = _Packing()
        packing.take(one)
    if packing.given:
        yield packing.given_back()
