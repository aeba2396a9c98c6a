"""Weakened variants: one rule is left out of the running code, and the simulator must see what then breaks.

Only in a simulation. Each weakening says what it replaces, and which faults make the rule matter.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest.mock import patch

from sqlalchemy import select
from sqlalchemy.orm import Session

import node.cases.desk
import node.cases.lifecycle
import node.sync.exchange
import node.sync.start
from keys import b64u
from node.cases.lifecycle import State
from node.custody.standing import standing
from node.models.sync import InboxEntry, LogSlot, OutboxEntry, SyncState
from node.sync.afresh import make_afresh
from node.sync.log import LogNews, NodeLog, extend_log, read_log
from node.sync.rows import step_phase
from protocol import custody
from protocol.custody import Event, Stance, Step, offer_slot
from protocol.entry import read_entry
from protocol.kinds import ANSWERS
from protocol.leaf import read_leaf
from tests.soak.world import Plan


@dataclass(frozen=True, slots=True)
class Weakening:
    """A rule that is left out: how, and what a seed must be like for it to matter."""

    apply: Callable[[ExitStack], None]
    weights: Mapping[str, int]
    changes: Mapping[str, Any]


@contextmanager
def weakened(name: str) -> Iterator[None]:
    """Leave a rule out while the block runs."""
    with ExitStack() as stack:
        WEAKENINGS[name].apply(stack)
        yield


def plan_for(name: str, plan: Plan) -> Plan:
    """Return a plan whose faults make the rule matter."""
    weakening = WEAKENINGS[name]
    return replace(plan, weights={**plan.weights, **weakening.weights}, **weakening.changes)


def _lock(stack: ExitStack) -> None:
    """A second offer is allowed while one is open."""
    stack.enter_context(patch.dict(custody.TRANSITIONS, {(Stance.OFFERED, Step.OFFER): (Stance.OFFERED, 1)}))
    both = frozenset({Stance.HELD, Stance.OFFERED})
    stack.enter_context(patch.object(node.cases.desk, "ACTING", both))
    table = node.cases.lifecycle.TRANSITIONS
    stack.enter_context(patch.dict(table, {State.OFFERED: table[State.OFFERED] | {State.OFFERED}}))
    whole = standing

    def free(session: Session, at: Any, case: Any) -> Any:  # noqa: ANN401  the product's own types
        return replace(whole(session, at, case), moves=True)

    stack.enter_context(patch("node.cases.desk.standing", free))


def _fence(stack: ExitStack) -> None:
    """Starts and restores skip the fence: who has read both boxes acts, under the incarnation that it had."""

    def no_fence(session: Session, at: Any, state: SyncState, now: int) -> None:  # noqa: ANN401
        del state
        step_phase(session, Event.BOXES_READ, now)
        step_phase(session, Event.FENCE_READ, now)
        make_afresh(session, at, read_log(session), now)

    stack.enter_context(patch.object(node.sync.start, "_fence", no_fence))


def _sent(stack: ExitStack) -> None:
    """Restored nodes do not take up again what they said: an own entry that they do not know has no effect."""

    def forgotten(session: Session, _node: Any, signed: Any, index: int, now: int) -> None:  # noqa: ANN401
        del session, signed, index, now

    stack.enter_context(patch.object(node.sync.exchange, "recover", forgotten))


def _order(stack: ExitStack) -> None:
    """The hub logs a second leaf with a taken slot, and readers take the last one."""

    def taking_the_last(session: Session, news: LogNews, checkpoint: Any, federation: Any) -> NodeLog:  # noqa: ANN401
        log = extend_log(session, news, checkpoint, federation)
        for index, raw in enumerate(news.leaves, start=news.start):
            leaf = read_leaf(raw)
            if leaf.slot is not None:
                row = session.get_one(LogSlot, leaf.slot)
                row.log_index, row.h = index, b64u.encode(leaf.h)
        session.flush()
        return log

    for module in ("exchange", "engine"):
        stack.enter_context(patch(f"node.sync.{module}.extend_log", taking_the_last))


def _leaves(stack: ExitStack) -> None:
    """A node believes an answer that is in the log, whether or not it is the first leaf with its slot."""
    first = NodeLog.first_with_slot

    def believing(log: NodeLog, slot: str) -> tuple[int, bytes] | None:
        session = log._session
        sent = session.execute(select(OutboxEntry.log_index, OutboxEntry.h, OutboxEntry.raw).where(_LOGGED))
        came = session.execute(select(InboxEntry.log_index, InboxEntry.h, InboxEntry.raw).where(_ANSWER))
        for index, h, raw in (*sent, *came):
            if read_entry(raw).entry.slot == slot:
                return index, b64u.decode(h)
        return first(log, slot)

    stack.enter_context(patch.object(NodeLog, "first_with_slot", believing))


def _slot_key(stack: ExitStack) -> None:
    """All nodes share one slot key, and the crook knows it."""

    def shared(_key: bytes, case_id: str, epoch: int) -> str:
        return offer_slot(SHARED_SLOT_KEY, case_id, epoch)

    for module in ("node.cases.desk", "node.custody.standing", "node.custody.recovered", "tests.soak.observer"):
        stack.enter_context(patch(f"{module}.offer_slot", shared))


SHARED_SLOT_KEY: Final = bytes(32)
_LOGGED: Final = (OutboxEntry.state == "logged") & OutboxEntry.kind.in_(ANSWERS)
_ANSWER: Final = InboxEntry.kind.in_(ANSWERS)
#: A hub that logs whatever comes, and offices that take back what was just accepted.
_RACES: Final = {"recall": 16, "hand over": 16, "crash": 1, "power cut": 0, "restore": 0, "cut off": 0}
#: What a disk forgets while the hub keeps it back.
_FORGETFUL: Final = ("file", "back up", "hand over", "sync", "restore", "start", "sync", "sync", "lie", "sync", "sync")

WEAKENINGS: Final[Mapping[str, Weakening]] = {
    "fence": Weakening(
        _fence,
        {"back up": 10, "restore": 10, "start": 16, "lie": 12, "crash": 2, "cut off": 0},
        {"liar": "hoards", "steps": 24, "roughness": 0.0, "opening": _FORGETFUL},
    ),
    "leaves": Weakening(_leaves, _RACES, {"liar": "doubles"}),
    "lock": Weakening(_lock, {"hand over again": 12}, {}),
    "order": Weakening(_order, _RACES, {"liar": "doubles"}),
    "sent": Weakening(_sent, {"back up": 10, "restore": 10}, {}),
    "slotkey": Weakening(_slot_key, {"cheat": 14}, {"crook": True, "shared_slot_key": SHARED_SLOT_KEY}),
}
