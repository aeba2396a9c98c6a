"""Breadth first through every state of a setting: what is broken first, and by which steps."""

import gc
import time
from array import array
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from protocol.errors import LocalError
from tests.model.invariants import NO_ROW, STUCK, Invariants, describe
from tests.model.rules import Faults, Rules
from tests.model.world import State, World

_REPORT_EVERY = 1 << 14
_CUT = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What is broken, and the shortest way there."""

    what: str
    steps: tuple[str, ...]
    parties: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one search came to. `seconds` are those of the processor, so that others' work does not count.

    `stuck` counts the states from which nobody can ever act; None: not looked for.
    """

    states: int
    depth: int
    seconds: float
    exhausted: bool
    findings: dict[str, Finding] = field(default_factory=dict)
    stuck: int | None = None
    cut: int = 0  # states in which the bound of the log left out a step


def search(
    rules: Rules,
    faults: Faults,
    *,
    tolerated: Collection[str] = (),
    most_states: int = 20_000_000,
    progress: Callable[[int, int, int], None] = lambda *_: None,
) -> Outcome:
    """Walk through every state; stop early at the first finding that is not tolerated.

    `progress` is called now and then with (states found, states done, depth).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return _Search(World(rules, faults), tolerated, most_states).run(progress)
    finally:
        if was_on:
            gc.enable()


class _Search:
    def __init__(self, world: World, tolerated: Collection[str], most_states: int) -> None:
        self._world = world
        self._invariants = Invariants(world)
        self._tolerated = tolerated
        self._most_states = most_states
        first = world.first_state()
        self._order: list[State] = [first]
        self._number: dict[State, int] = {first: 0}
        self._parent = array("i", [0])
        self._good = bytearray()
        self._edges = array("i")
        self._edges_end = array("q")
        self._findings: dict[str, Finding] = {}

    def run(self, progress: Callable[[int, int, int], None]) -> Outcome:
        began = time.process_time()
        done, depth, level_end, stopped = 0, 0, 1, False
        while done < len(self._order) and not stopped:
            if done == level_end:
                depth, level_end = depth + 1, len(self._order)
            if done % _REPORT_EVERY == 0:
                progress(len(self._order), done, depth)
            stopped = self._visit(done) or len(self._order) > self._most_states
            done += 1
        exhausted = done == len(self._order)
        stuck = None
        if exhausted and not stopped and not self._world.faults.dishonest:
            stuck = self._stuck()
        seconds = time.process_time() - began
        cut = sum(good >= _CUT for good in self._good)
        return Outcome(len(self._order), depth, seconds, exhausted, self._findings, stuck, cut)

    def _visit(self, number: int) -> bool:
        """Check one state and find what follows it; return whether the search is over."""
        state = self._order[number]
        for what in self._invariants.broken(state):
            if what not in self._findings:
                self._findings[what] = self._finding(what, number)
        if any(what not in self._tolerated for what in self._findings):
            return True
        numbers, order, parent, edges = self._number, self._order, self._parent, self._edges
        try:
            steps, cut = self._world.successors(state)
        except LocalError as error:
            found = self._finding(NO_ROW, number)
            self._findings[NO_ROW] = replace(found, parties=f"{found.parties}\n{error}")
            return True
        for _, is_progress, after in steps:
            known = numbers.get(after)
            if known is None:
                known = numbers[after] = len(order)
                order.append(after)
                parent.append(number)
            if is_progress:
                edges.append(known)
        self._edges_end.append(len(edges))
        self._good.append(int(self._invariants.is_good(state)) | (_CUT if cut else 0))
        return False

    def _stuck(self) -> int:
        """Count the states from which no good one can be reached by progress alone. A cut one is no evidence."""
        reached = bytearray(map(bool, self._good))
        edges, ends = self._edges, self._edges_end
        changed = True
        while changed:
            changed = False
            for number in range(len(reached) - 1, -1, -1):
                if not reached[number]:
                    start = ends[number - 1] if number else 0
                    if any(reached[after] for after in edges[start : ends[number]]):
                        reached[number] = changed = True
        first = reached.find(0)
        if first >= 0:
            self._findings[STUCK] = self._finding(STUCK, first)
        return reached.count(0)

    def _finding(self, what: str, number: int) -> Finding:
        state, steps = self._order[number], []
        at = number
        while at:
            before = self._parent[at]
            taken = self._world.successors(self._order[before]).steps
            steps.append(next(one.words for one in taken if one.state == self._order[at]))
            at = before
        return Finding(what, tuple(reversed(steps)), describe(self._world, state))
