"""A whole sync: exchange until nothing is left to push or to pull. No transaction is open during the network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import func, select

from keys import b64u
from node.context import Node
from node.files.transfer import fetch_waiting, upload_waiting
from node.models.sync import OutboxEntry, SyncState
from node.sync.client import Hub, HubRefusedError, HubUnreachableError, Source
from node.sync.directory import Known, fetch_version, read_known
from node.sync.exchange import Opened, Prepared, apply_answer, open_answer, prepare, pushable
from node.sync.giveback import answer_notice
from node.sync.links import watch_links
from node.sync.log import LogNews, extend_log, read_history
from node.sync.refresh import keep_fresh, note_staleness
from node.sync.rows import alarm, sync_state
from node.sync.start import begin_in
from protocol import checkpoint as checkpoints
from protocol import jws
from protocol.bundle import read_conflict
from protocol.custody import Phase
from protocol.errors import RemoteError
from protocol.leaf import read_leaf

_MAX_ROUNDS: Final = 50
_CONFLICT: Final = 409
_MAX_CONFLICT_BYTES: Final = 65_536
#: The second request knows what the first one learned; more than that, and two of us are speaking.
_MAX_CONFLICTS: Final = 2
#: No node makes as many requests, or starts as often, between two exchanges.
_MAX_JUMP: Final = 1 << 40
_MAX_INC_JUMP: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did: how many exchanges, entries pushed and pulled; `trouble` is None when the hub was believed."""

    rounds: int
    pushed: int
    pulled: int
    trouble: str | None = None


def sync(node: Node, hub: Hub, clock: Callable[[], int]) -> Synced:
    """Exchange with the hub until both sides are done. A failure leaves everything queued and is told in `trouble`."""
    done = _sync(node, hub, clock)
    if done.trouble is None:
        keep_fresh(node, hub, clock())
        watch_links(node, clock())
    else:
        note_staleness(node, clock())
    return done


def _sync(node: Node, hub: Hub, clock: Callable[[], int]) -> Synced:
    rounds = pushed = pulled = 0
    try:
        _follow_first(node, hub)
        more = True
        while more and rounds < _MAX_ROUNDS:
            upload_waiting(node, hub, clock)
            rounds += 1
            try:
                prepared, opened = _exchange(node, hub, clock)
            except HubRefusedError as error:
                # A hub that was set back asks for what it lost; with the last of it, it goes on.
                if not answer_notice(node, hub, error, clock()):
                    raise
                continue
            fetch_waiting(node, hub, clock)
            pushed += len(prepared.request.entries)
            pulled += len(opened.answer.pull)
            # What the hub will not take is told in alarms and tried again at the next sync, not in a circle here.
            stuck = bool(opened.answer.push) and not any(p.state in {"ok", "dup"} for p in opened.answer.push)
            more = opened.answer.more or ((not stuck or _is_fencing(node)) and _has_queued(node))
    except (HubUnreachableError, HubRefusedError, RemoteError) as error:
        trouble = _trouble(error)
        _note_trouble(node, trouble, clock())
        return Synced(rounds, pushed, pulled, trouble)
    return Synced(rounds, pushed, pulled)


def _exchange(node: Node, hub: Hub, clock: Callable[[], int]) -> tuple[Prepared, Opened]:
    prepared, raw = _post(node, hub, clock)
    with node.database.reading() as session:
        opened = open_answer(session, node, raw, prepared.asked)
        known = read_known(session, node.federation)
    news = fetch_news(hub, prepared.request.seen.size, opened.checkpoint.size, known)
    with node.database.transaction() as session:
        apply_answer(session, node, opened, news, clock())
    return prepared, opened


def _post(node: Node, hub: Hub, clock: Callable[[], int]) -> tuple[Prepared, bytes]:
    """Send the next request; where the hub knows more of us than we do, learn it and ask again."""
    for left in reversed(range(_MAX_CONFLICTS)):
        with node.database.transaction() as session:
            prepared = prepare(session, node)
        try:
            return prepared, hub.post_sync(prepared.raw)
        except HubRefusedError as error:
            if error.status != _CONFLICT:
                raise
            learn_counter(node, error, clock())
            if not left:
                raise
    raise AssertionError("unreachable: the last attempt raises")


def fetch_news(hub: Source, start: int, end: int, known: Known) -> LogNews:
    """Fetch the leaves [start, end) and every version of the directory that they announce."""
    leaves = hub.leaves(start, end) if end > start else []
    directories = {}
    for leaf in map(read_leaf, leaves):
        if leaf.directory is not None:
            directories[leaf.directory] = news = fetch_version(hub, leaf, known)
            known = known.with_news(news)
    return LogNews(start, leaves, directories)


def _follow_first(node: Node, hub: Hub) -> None:
    """Read the log once before the first exchange: without a directory nobody's signature can be checked."""
    with node.database.transaction() as session:
        size = sync_state(session).log_size
        if read_history(session, node.federation).versions:
            return
        known = read_known(session, node.federation)
    note = checkpoints.read(hub.checkpoint(), node.federation.log_origin, node.federation.log_key)
    news = fetch_news(hub, size, note.checkpoint.size, known)
    with node.database.transaction() as session:
        extend_log(session, news, note.checkpoint, node.federation)
        sync_state(session).checkpoint = note.note


def learn_counter(node: Node, refused: HubRefusedError, now: int) -> None:
    """Take over the counter of a signed 409. One that we never reached means that this disk was rolled back: alarm."""
    raw = _conflict_of(refused.problem)
    with node.database.transaction() as session:
        history = read_history(session, node.federation)
        token = jws.read(raw, jws.ANSWER, max_bytes=_MAX_CONFLICT_BYTES)
        conflict = read_conflict(raw, history.signing_key(node.federation.hub, token.kid))
        if (conflict.hub, conflict.node) != (node.federation.hub, node.member_id):
            raise RemoteError("addressed", "a conflict notice for somebody else")
        state = sync_state(session)
        if conflict.ctr > state.ctr + _MAX_JUMP or conflict.inc > state.inc + _MAX_INC_JUMP:
            # Taken over, it would jam this node for good.
            raise RemoteError("counter", "a conflict notice with a counter that nobody can have reached")
        if conflict.inc > state.inc or (
            conflict.ctr >= state.ctr and conflict.known != b64u.decode(state.request_h or "")
        ):
            # Something spoke in this node's name that this disk knows nothing of: it was set back, or copied.
            detail = f"the hub knows request {conflict.ctr} of incarnation {conflict.inc}, this disk {state.ctr} of"
            alarm(session, "counter", f"{detail} {state.inc}: was it set back, or does a copy of it run?", now)
            begin_in(session, now)
        state.ctr, state.inc = max(state.ctr, conflict.ctr), max(state.inc, conflict.inc)


def _conflict_of(problem: bytes) -> str:
    try:
        document = orjson.loads(problem)
    except orjson.JSONDecodeError as error:
        raise RemoteError("counter", "a 409 without a problem document") from error
    found = document.get("conflict") if isinstance(document, dict) else None
    if not isinstance(found, str):
        raise RemoteError("counter", "a 409 that is not signed")
    return found


def _has_queued(node: Node) -> bool:
    """Whether there is something to push; what waits for an upload that failed is for the next sync."""
    with node.database.reading() as session:
        query = select(func.count()).select_from(OutboxEntry).where(*pushable(session))
        return bool(session.scalar(query))


def _is_fencing(node: Node) -> bool:
    """Whether a fence waits: what was refused just now may have asked for it, and it goes at once."""
    with node.database.reading() as session:
        state = session.get(SyncState, 1)
        return state is not None and state.phase == Phase.FENCING


def _trouble(error: HubUnreachableError | HubRefusedError | RemoteError) -> str:
    if isinstance(error, RemoteError):
        return f"rule:{error.rule.name}"
    if isinstance(error, HubRefusedError):
        return f"refused:{error.status}"
    return f"unreachable:{error}"


def _note_trouble(node: Node, trouble: str, now: int) -> None:
    with node.database.transaction() as session:
        state = sync_state(session)
        if state.trouble != trouble and trouble.startswith("rule:"):
            alarm(
                session,
                trouble.removeprefix("rule:"),
                "the hub's answer breaks this rule; nothing of it was stored",
                now,
            )
        state.trouble = trouble
