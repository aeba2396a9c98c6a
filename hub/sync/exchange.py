"""One exchange: a request bundle in, durable effects, the signed answer out."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from hub.errors import LogError
from hub.log.tree import Head, LogWriter, StoredLog, consistency, read_head
from hub.members.roster import Roster, Rosters, newest_version
from hub.recovery.service import Recovery
from hub.sync.counters import check_counter, count
from hub.sync.evidence import keep_evidence
from hub.sync.examine import Candidate, examine
from hub.sync.judge import judge
from hub.sync.ledger import load_ledger
from hub.sync.pull import collect
from hub.sync.record import record
from hub.sync.strangers import Strangers
from keys.signing import SigningKey
from protocol import jws
from protocol.bundle import (
    Answer,
    Bundle,
    Pushed,
    Request,
    check_manifest_entries,
    read_bundle,
    read_request,
)
from protocol.entry import SignedEntry
from protocol.errors import RemoteError
from service.database import Database

_LOGGER: Final = logging.getLogger(__name__)
#: A directory that changes under every attempt means that something else is wrong.
_ATTEMPTS: Final = 5
#: The states of what stands in the log.
_LOGGED: Final = ("ok", "dup")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose signature, address and manifest were checked, and the candidates that it brought."""

    bundle: Bundle
    request: Request
    digest: bytes
    roster: Roster
    candidates: tuple[Candidate, ...]


class Exchange:
    """The hub's side of `POST /sync/v1`. Several threads and processes may use one database through it."""

    def __init__(
        self, database: Database, log: LogWriter, rosters: Rosters, key: SigningKey, recovery: Recovery
    ) -> None:
        self._database: Final = database
        self._log: Final = log
        self._rosters: Final = rosters
        self._key: Final = key
        self._recovery: Final = recovery
        self._strangers: Final = Strangers()

    def run(self, raw: bytes, now: int) -> bytes:
        """Return the answer bundle's bytes.

        Raises RemoteError for a request that breaks a rule as a whole, ConflictError for its counter, RecoveringError
        while this hub recovers; then nothing was changed. Everything that the answer acknowledges is durable before
        this returns.
        """
        bundle = read_bundle(raw)
        request, token = read_request(bundle.manifest)
        self._recovery.turn_away(request, token, jws.digest(bundle.manifest), now)
        for _ in range(_ATTEMPTS):
            with self._database.reading() as session:
                asked = self._checked(session, bundle, request, token)
            push = self._store(asked, now)
            if push is not None:
                return self._answer(asked, push, now)
        raise LogError("the directory changed under every attempt")

    def _checked(self, session: Session, bundle: Bundle, request: Request, token: jws.Unverified) -> _Asked:
        roster = self._rosters.current(session)
        token.verify(roster.signing_key(request.node, token.kid))
        roster.member(request.node)
        if request.hub != roster.hub:
            raise RemoteError("addressed", "the request is addressed to another hub", hub=roster.hub)
        check_manifest_entries(request.entries, bundle.entries)
        digest = jws.digest(bundle.manifest)
        check_counter(session, request, digest, self._key)
        log = StoredLog(session)
        self._check_seen(session, request, digest, log)
        # A bundle's parts were checked against their ids; the rest is judged entry by entry.
        candidates = tuple(examine(entry, request, roster, bundle.parts, log) for entry in bundle.entries)
        return _Asked(bundle, request, digest, roster, candidates)

    def _check_seen(self, session: Session, request: Request, digest: bytes, log: StoredLog) -> None:
        """Raise RemoteError("tree") if the member has seen another log; it is asked to show a checkpoint of ours."""
        try:
            log.check_head(request.seen)
        except RemoteError as error:
            # Either this hub was set back, or somebody showed the node another log: a person must look.
            _LOGGER.critical("ALARM %s has seen a log that is not ours, at size %d", request.node, request.seen.size)
            notice = self._recovery.ask(session, request, digest)
            shown = {} if notice is None else {"recovering": notice}
            raise RemoteError("tree", error.detail, **error.expected, **shown) from error

    def _store(self, asked: _Asked, now: int) -> tuple[Pushed, ...] | None:
        """Log what keeps the rules and count the request, in one transaction; None if the directory has changed."""
        with self._database.transaction() as session:
            head = read_head(session, lock=bool(asked.candidates))
            if newest_version(session) != asked.roster.directory.version:
                return None
            count(session, asked.request, asked.digest, self._key, now)
            ledger = load_ledger(session, asked.request.node, head.size, asked.candidates)
            push = tuple(judge(candidate, ledger) for candidate in asked.candidates)
            record(session, self._log, head, ledger, asked.bundle.parts, now)
            refused = [signed for verdict, signed in _signed(asked.candidates, push) if verdict.state not in _LOGGED]
            contradictions = keep_evidence(session, ledger, refused, now)
        node = asked.request.node
        for verdict in push:
            _note(node, verdict)
        for entry in contradictions:
            # Two signed texts for one position: the node was set back without noticing, or says two things.
            _LOGGER.warning("ALARM %s signed another entry for position %d to %s", node, entry.seq, entry.recipient)
        return push

    def _answer(self, asked: _Asked, push: tuple[Pushed, ...], now: int) -> bytes:
        """Read boxes and log in one snapshot, so that the checkpoint covers all that is handed out."""
        request = asked.request
        with self._database.reading() as session:
            head: Head = read_head(session)
            told = {verdict.index for verdict in push if verdict.state in _LOGGED and verdict.index is not None}
            winners = self._strangers.shown(session, request.node, _winners(asked.candidates, push), now)
            delivery = collect(session, request.node, request.pull, told, winners)
            proof = consistency(session, request.seen.size, head)
        answer = Answer(
            hub=request.hub,
            node=request.node,
            req=asked.digest,
            push=push,
            pull=delivery.pulled,
            more=delivery.more,
            checkpoint=head.note,
            consistency=proof,
        )
        return Bundle(answer.sign(self._key), delivery.entries, delivery.parts).encode()


def _winners(candidates: Sequence[Candidate], push: Sequence[Pushed]) -> set[int]:
    """Return the leaves that hold the slot of an offer that this bundle brought and that was lost.

    Its maker is to see whether the winner is its own. Answers need no such proof: it gets them in a box of its own.
    """
    return {
        verdict.index
        for verdict, signed in _signed(candidates, push)
        if verdict.state == "lost" and verdict.index is not None and signed.entry.kind == "offer"
    }


def _signed(candidates: Sequence[Candidate], push: Sequence[Pushed]) -> Iterator[tuple[Pushed, SignedEntry]]:
    """Return the verdicts on what is the node's own word, with it."""
    for candidate, verdict in zip(candidates, push, strict=True):
        if candidate.signed is not None:
            yield verdict, candidate.signed


def _note(node: str, verdict: Pushed) -> None:
    """Write down a refusal by its name."""
    if verdict.state in _LOGGED:
        return
    _LOGGER.info("%s: refused %s %s by %s", node, verdict.id, verdict.state, verdict.reason)
    if verdict.reason == "seen":
        _LOGGER.critical("ALARM %s made an entry over a log that is not ours: %s", node, verdict.id)
