"""Weakened variants: one rule is left out of the running code, and the simulator must see what then breaks.

Only in a simulation. Each weakening says what it replaces, and which faults make the rule matter.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest.mock import patch

from sqlalchemy.orm import Session

import node.cases.desk
import node.cases.lifecycle
import node.sync.exchange
import node.sync.start
from node.cases.lifecycle import State
from node.custody.standing import standing
from node.models.sync import SyncState
from node.sync.afresh import make_afresh
from node.sync.log import read_log
from node.sync.rows import step_phase
from protocol import custody
from protocol.custody import Event, Stance, Step
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


WEAKENINGS: Final[Mapping[str, Weakening]] = {
    "lock": Weakening(_lock, {"hand over again": 12}, {}),
    "fence": Weakening(_fence, {"back up": 10, "restore": 10, "start": 14}, {"roughness": 0.4, "steps": 24}),
    "sent": Weakening(_sent, {"back up": 10, "restore": 10}, {}),
}
