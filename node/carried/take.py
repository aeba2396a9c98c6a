"""Answers from a stick: verified and applied by the code of the sync, whatever came over the line since."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy.orm import Session

from keys import b64u
from node.carried.line import CarriedSource
from node.context import Node
from node.files.transfer import fetch_waiting
from node.models.sync import ExportedRequest
from node.sync.client import HubRefusedError
from node.sync.directory import read_known
from node.sync.engine import fetch_news, learn_counter
from node.sync.exchange import Asked, Opened, apply_answer, open_answer
from node.sync.log import LogNews, extend_log, read_history
from node.sync.refresh import take_word
from node.sync.rows import alarm, sync_state
from protocol import checkpoint as checkpoints
from protocol import jws
from protocol.bundle import MAX_BUNDLE_BYTES, Bundle, read_bundle
from protocol.canonical import JsonValue
from protocol.carried import BUNDLE, PROBLEM, CarriedFile, CarriedKind, CarriedName, DamagedFileError, read_name
from protocol.entry import TreeHead
from protocol.errors import RULES, RemoteError
from protocol.party import hash_of
from service import stick

_MAX_PROBLEM_BYTES: Final = 65_536
_CONFLICT: Final = 409


class UnknownRequestError(Exception):
    """An answer to a request that this disk does not know."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file: `applied` of an answer; `pulled` entries came, `logged` of ours are in the log.

    `refused`: the rule by which the hub refused the whole request ("" if it named none). `trouble`: why nothing of the
    file was used.
    """

    name: str
    applied: bool = False
    pulled: int = 0
    logged: int = 0
    more: bool = False
    refused: str | None = None
    trouble: str | None = None


def find_answers(node: Node, folder: Path) -> list[CarriedName]:
    """Return the files for this node, those of the oldest request first; raise StickError for an unusable folder."""
    found = [read_name(name) for name in stick.names(folder)]
    mine = [name for name in found if name is not None and name.node == node.member_id]
    return sorted((name for name in mine if name.kind is not CarriedKind.REQUEST), key=lambda name: name.ctr)


def take_file(node: Node, folder: Path, name: CarriedName, clock: Callable[[], int]) -> Taken:
    """Take a file in; whatever is wrong with it is told in `trouble`, and nothing of it was used then.

    Raises StickError where it cannot be read. Taking it again does no harm.
    """
    try:
        with stick.opened(folder, str(name)) as (size, read_at):
            return _taken(node, _checked(CarriedFile(size, read_at), name.kind), str(name), clock)
    except DamagedFileError as error:
        return Taken(str(name), trouble=str(error))
    except UnknownRequestError:
        return Taken(str(name), trouble="it answers no request that this node knows of: export anew")
    except RemoteError as error:
        with node.database.transaction() as session:
            alarm(session, error.rule.name, f"{name}, carried by hand, breaks this rule; it was not used", clock())
        return Taken(str(name), trouble=f"it breaks the rule {error.rule.name}: {error.detail}")


def _checked(file: CarriedFile, kind: CarriedKind) -> CarriedFile:
    file.check()
    if file.kind is not kind:
        raise DamagedFileError(f"the file is no {kind}")
    return file


def _taken(node: Node, file: CarriedFile, name: str, clock: Callable[[], int]) -> Taken:
    if file.kind is CarriedKind.REFUSED:
        return Taken(name, refused=_learn(node, file.content(PROBLEM, _MAX_PROBLEM_BYTES), clock()))
    raw = file.content(BUNDLE, MAX_BUNDLE_BYTES)
    bundle = read_bundle(raw)
    with node.database.reading() as session:
        asked = _asked(session, bundle)
    note = _note_of(bundle)
    line = CarriedSource(file, note, asked.seen.size, bundle.parts)
    _follow_first(node, line, note)
    opened = _apply(node, line, raw, asked, clock)
    fetch_waiting(node, line, clock)
    take_word(node, line, clock())
    logged = sum(verdict.state in {"ok", "dup"} for verdict in opened.answer.push)
    return Taken(name, applied=True, pulled=len(opened.answer.pull), logged=logged, more=opened.answer.more)


def _payload(bundle: Bundle, member: str) -> JsonValue:
    """Return a member of the answer's manifest that nobody has verified yet."""
    token = jws.read(bundle.manifest, jws.ANSWER, max_bytes=MAX_BUNDLE_BYTES)
    found = token.payload if isinstance(token.payload, dict) else {}
    return found.get(member)


def _asked(session: Session, bundle: Bundle) -> Asked:
    row = session.get(ExportedRequest, hash_of(_payload(bundle, "req")))
    if row is None:
        raise UnknownRequestError
    return Asked(b64u.decode(row.h), TreeHead(row.seen_size, b64u.decode(row.seen_root)), row.made_at)


def _note_of(bundle: Bundle) -> str:
    note = _payload(bundle, "checkpoint")
    if not isinstance(note, str):
        raise RemoteError("members", "an answer without a checkpoint")
    return note


def _follow_first(node: Node, line: CarriedSource, note: str) -> None:
    """Read the log before anything else where none was read: without a directory nobody's signature can be checked."""
    with node.database.reading() as session:
        if read_history(session, node.federation).versions:
            return
    checkpoint = checkpoints.read(note, node.federation.log_origin, node.federation.log_key).checkpoint
    news = _news(node, line, checkpoint.size)
    with node.database.transaction() as session:
        extend_log(session, news, checkpoint, node.federation)


def _apply(node: Node, line: CarriedSource, raw: bytes, asked: Asked, clock: Callable[[], int]) -> Opened:
    with node.database.reading() as session:
        opened = open_answer(session, node, raw, asked)
    news = _news(node, line, opened.checkpoint.size)
    with node.database.transaction() as session:
        apply_answer(session, node, opened, news, clock())
    return opened


def _news(node: Node, line: CarriedSource, end: int) -> LogNews:
    """Return what the file holds of the log beyond what was read; nothing where that has gone further since."""
    with node.database.transaction() as session:
        start = sync_state(session).log_size
        known = read_known(session, node.federation)
    try:
        return fetch_news(line, start, max(start, end), known)
    except HubRefusedError as error:
        raise RemoteError("tree", "the file does not hold the leaves that follow what was read") from error


def _learn(node: Node, problem: bytes, now: int) -> str:
    """Take over what a refusal tells of our counter; return the rule that it names, if there is one of this name."""
    try:
        found = orjson.loads(problem)
    except orjson.JSONDecodeError as error:
        raise DamagedFileError("a refusal that is no document") from error
    document = found if isinstance(found, dict) else {}
    rule, status = document.get("rule"), document.get("status")
    if status == _CONFLICT:
        learn_counter(node, HubRefusedError(_CONFLICT, problem, None), now)
    # Words that a stranger may have written are not shown.
    return rule if isinstance(rule, str) and rule in RULES else ""
