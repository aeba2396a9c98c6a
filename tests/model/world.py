"""The whole: three parties, the hub, the network, whoever attacks; every state, and every step from it."""

from collections.abc import Hashable, Iterator
from typing import Final, Generic, NamedTuple, TypeVar

from protocol.custody import Phase, Stance, Step
from tests.model.attacker import EVIL, Attacker
from tests.model.entries import PARTIES, Book, Kind, Slot, answer_slot, offer_slot
from tests.model.hub import Hub
from tests.model.moves import Move, Party, started
from tests.model.reading import Node, Reader
from tests.model.rules import Faults, Rules

#: The two logs (the second is only used by a hub that shows two), the nodes of A, B and C, what is under way and in no
#: outbox any more, and the budget: each by its number, so that millions of states fit into memory.
State = tuple[int, ...]
LOG, OTHER, FIRST_NODE, LATE, BUDGET = 0, 1, 2, 5, 6

OPEN, CLOSED, OPEN_AGAIN = 0, 1, 2

Value = TypeVar("Value", bound=Hashable)


class Numbered(Generic[Value]):
    """Values with a number each, in the order in which they were met."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._numbers: dict[Value, int] = {}

    def number(self, value: Value) -> int:
        """Return the number of this value."""
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
        return found


class Budget(NamedTuple):
    """Which faults are left, and what was kept for them."""

    restores: int
    crashes: int
    squats: int
    door: int  # C is open to offers, closed, or open again
    backups: tuple[int, ...]  # party -> backups that may still be taken
    kept: tuple[int, ...]  # party -> number of the node in its backup


class Successor(NamedTuple):
    """One step from a state. `progress`: an honest party, or the hub, takes it without a fault."""

    words: str
    progress: bool
    state: State


class Successors(NamedTuple):
    """Every step from a state; `cut` where the bound of the log's length left out one of an honest party."""

    steps: list[Successor]
    cut: bool


class _PartyStep(NamedTuple):
    words: str
    progress: bool
    crash: bool
    node: int
    let_go: tuple[int, ...]  # entries that left the outbox, and are in no log that this party has read


class World:
    """All steps of one setting. What was worked out once for a party and a log is kept."""

    def __init__(self, rules: Rules, faults: Faults) -> None:
        self.rules, self.faults = rules, faults
        self.book = Book()
        self.reader = Reader(self.book, rules, grants=faults.grants, every_leaf=faults.split)
        self.honest: Final = tuple(who for who in range(len(PARTIES)) if not (faults.evil and who == EVIL))
        self._hub = Hub(self.book, rules, faults)
        self._party = Party(self.book, rules, faults, self._hub, self.reader)
        self._attacker = Attacker(self.book, rules, faults)
        self._nodes: Numbered[Node] = Numbered()
        self._lates: Numbered[tuple[int, ...]] = Numbered()
        self._budgets: Numbered[Budget] = Numbered()
        self._steps: dict[tuple[int, int, int, bool], list[_PartyStep]] = {}
        self._taken: dict[tuple[int, int, bool], bool] = {}
        self._alive: dict[tuple[int, tuple[int, ...], int, int], int] = {}

    def first_state(self) -> State:
        """Return the state in which A holds the case and nothing was said."""
        holder = self._nodes.number(self.reader.origin())
        empty = self._nodes.number(Node())
        kept = tuple(holder if who == 0 else empty for who in range(len(PARTIES)))
        backups = tuple(int(who in self.faults.restored) for who in range(len(PARTIES)))
        budget = Budget(self.faults.restores, self.faults.crashes, self.faults.squats, OPEN, backups, kept)
        return (0, 0, holder, empty, empty, self._lates.number(()), self._budgets.number(budget))

    def node(self, state: State, who: int) -> Node:
        """Return what is durable at a party."""
        return self._nodes.values[state[FIRST_NODE + who]]

    def log_of(self, who: int) -> int:
        """Return which of the logs a party is shown: its place in a state."""
        return OTHER if self.faults.split and who != 0 else LOG

    def has_been_restored(self, state: State) -> bool:
        """Whether any disk was set back so far."""
        return self._budgets.values[state[BUDGET]].restores < self.faults.restores

    def successors(self, state: State) -> Successors:
        """Return every step from a state."""
        steps: list[Successor] = []
        for who in self.honest:
            self._party_steps(state, who, steps)
            if self.faults.grants:
                steps += self._receipts(state, who)
        budget = self._budgets.values[state[BUDGET]]
        if budget.restores:
            for who in self.faults.restored:
                steps += self._restores(state, who, budget)
        if self.faults.suspends and budget.door != OPEN_AGAIN:
            words = "the hub admits C again" if budget.door else "the hub suspends C: it takes no offers"
            steps.append(Successor(words, False, self._spent(state, budget._replace(door=budget.door + 1))))
        cut = self._hub_steps(state, budget, steps)
        if self.faults.evil:
            steps += self._attacks(state, budget)
        return Successors(steps, cut)

    # Parties

    def _party_steps(self, state: State, who: int, steps: list[Successor]) -> None:
        place = FIRST_NODE + who
        budget = self._budgets.values[state[BUDGET]]
        for step in self._steps_of(who, state[place], state[self.log_of(who)], budget.door == CLOSED):
            after = (*state[:place], step.node, *state[place + 1 :])
            if step.let_go:
                after = self._under_way(after, step.let_go)
            if step.crash:
                if not budget.crashes:
                    continue
                after = self._spent(after, budget._replace(crashes=budget.crashes - 1))
            steps.append(Successor(step.words, step.progress, after))

    def _steps_of(self, who: int, number: int, log: int, suspended: bool) -> list[_PartyStep]:
        key = (who, number, log, suspended)
        found = self._steps.get(key)
        if found is None:
            node = self._nodes.values[number]
            moves = self._party.moves(who, node, log, suspended=suspended)
            found = self._steps[key] = [self._numbered(node, move, log) for move in moves]
        return found

    def _numbered(self, node: Node, move: Move, log: int) -> _PartyStep:
        known = self.book.index(self.book.prefix(log, move.node.pos)).where
        let_go = tuple(one for one in node.out if one not in move.node.out and one not in known)
        return _PartyStep(move.words, move.progress, move.crash, self._nodes.number(move.node), let_go)

    def _receipts(self, state: State, who: int) -> Iterator[Successor]:
        """A receipt comes at any time after the recipient has read the grant, and the copy's keys are destroyed."""
        place, node = FIRST_NODE + who, self.node(state, who)
        for copy in node.copies:
            at = self.book.index(state[LOG]).where.get(copy.grant)
            if copy.token.stance is not Stance.PASSED or at is None or at >= node.pos:
                continue
            recipient = self.book.entries[copy.grant].recipient
            reader = self.node(state, recipient)
            if recipient not in self.honest or (reader.phase is Phase.ACTING and reader.pos > at):
                erased = copy._replace(token=copy.token.take(Step.GRANT_RECEIVED))
                copies = tuple(erased if one == copy else one for one in node.copies)
                number = self._nodes.number(node._replace(copies=copies))
                words = f"{PARTIES[who]} has the receipt for its grant, and destroys the keys of its copy"
                yield Successor(words, True, (*state[:place], number, *state[place + 1 :]))

    def _restores(self, state: State, who: int, budget: Budget) -> Iterator[Successor]:
        place, node = FIRST_NODE + who, self.node(state, who)
        if budget.backups[who] and state[place] != budget.kept[who]:
            left = _at(budget.backups, who, budget.backups[who] - 1)
            kept = _at(budget.kept, who, state[place])
            words = f"a backup of {PARTIES[who]} is taken"
            yield Successor(words, False, self._spent(state, budget._replace(backups=left, kept=kept)))
        backup = self._nodes.values[budget.kept[who]]
        number = self._nodes.number(started(backup)._replace(life=node.life + 1))
        lost = tuple(one for one in node.out if one not in backup.out)
        after = self._under_way((*state[:place], number, *state[place + 1 :]), lost)
        spent = budget._replace(restores=budget.restores - 1)
        if not spent.restores:
            spent = spent._replace(backups=(0,) * len(PARTIES), kept=(0,) * len(PARTIES))
        words = f"the backup of {PARTIES[who]}, with {backup.pos} leaves read, is put back, and it starts"
        yield Successor(words, False, self._spent(after, spent))

    # Hub, network, attacker

    def _hub_steps(self, state: State, budget: Budget, steps: list[Successor]) -> bool:
        """Append whatever is under way, in any order. Return whether the bound left out what an honest party says."""
        queued = dict.fromkeys(one for who in self.honest for one in self.node(state, who).out)
        suspended, cut = budget.door == CLOSED, False
        for place in (LOG, OTHER) if self.faults.split else (LOG,):
            log = state[place]
            full = len(self.book.logs[log]) >= self.faults.leaves
            hub = "the hub" if not self.faults.split else f"the hub's log for {'A' if place == LOG else 'B and C'}"
            for number in (*queued, *(one for one in self._lates.values[state[LATE]] if one not in queued)):
                if not self._takes(log, number, suspended):
                    continue
                if full:
                    cut = cut or number in queued
                    continue
                words = f"{hub} takes {self.book.words(number)}" + ("" if number in queued else ", late")
                steps.append(Successor(words, number in queued, self._logged(state, place, number)))
        return cut

    def _takes(self, log: int, number: int, suspended: bool) -> bool:
        key = (log, number, suspended)
        found = self._taken.get(key)
        if found is None:
            found = self._taken[key] = self._hub.takes(log, number, suspended=suspended)
        return found

    def _logged(self, state: State, place: int, number: int) -> State:
        after = (*state[:place], self.book.append(state[place], number), *state[place + 1 :])
        return self._under_way(after, ())

    def _under_way(self, state: State, more: tuple[int, ...]) -> State:
        """Return the state with `more` under way, and without what can no longer matter to any log."""
        late = state[LATE]
        if not more and not self._lates.values[late]:
            return state
        key = (late, more, state[LOG], state[OTHER])
        found = self._alive.get(key)
        if found is None:
            logs = (state[LOG], state[OTHER]) if self.faults.split else (state[LOG],)
            every = {*self._lates.values[late], *more}
            alive = tuple(sorted(one for one in every if not all(self._hub.never(log, one) for log in logs)))
            found = self._alive[key] = self._lates.number(alive)
        return state if found == late else (*state[:LATE], found, *state[LATE + 1 :])

    def _attacks(self, state: State, budget: Budget) -> Iterator[Successor]:
        log = state[LOG]
        if len(self.book.logs[log]) >= self.faults.leaves:
            return
        for number in self._attacker.entries(log):
            if self._takes(log, number, budget.door == CLOSED):
                words = f"dishonest: the hub takes {self.book.words(number)}"
                yield Successor(words, False, self._logged(state, LOG, number))
        if budget.squats:
            spent = self._spent(state, budget._replace(squats=budget.squats - 1))
            for number in self._attacker.squats(log, tuple(self._seen_by_courier(state))):
                if self._takes(log, number, False):
                    words = f"dishonest: the hub takes {self.book.words(number)}"
                    yield Successor(words, False, self._logged(spent, LOG, number))

    def _seen_by_courier(self, state: State) -> Iterator[Slot]:
        """Whoever carries bundles knows the slots that a holder says next, and the offers that wait."""
        for who in self.honest if self.faults.courier else ():
            node = self.node(state, who)
            for copy in node.copies:
                if copy.token.stance in {Stance.HELD, Stance.OFFERED}:
                    yield offer_slot(who, copy.case, copy.token.epoch)
            for number in node.out:
                if self.book.entries[number].kind is Kind.OFFER:
                    yield answer_slot(number)

    def _spent(self, state: State, budget: Budget) -> State:
        return (*state[:BUDGET], self._budgets.number(budget))


def _at(values: tuple[int, ...], place: int, value: int) -> tuple[int, ...]:
    return (*values[:place], value, *values[place + 1 :])
