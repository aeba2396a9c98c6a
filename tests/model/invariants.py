"""What must be true in every state, whoever fails or attacks; and which states are good, so that no case is stuck."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from protocol.custody import Phase, Stance
from protocol.kinds import ANSWERS
from tests.model.entries import ORIGIN_CASE, PARTIES, Kind, Slot, answer_slot
from tests.model.reading import Copy
from tests.model.world import FIRST_NODE, LOG, State, World

TWO: Final = "two parties may act on the case"
NOT_BY_LOG: Final = "a party may act though the log gives the case to another"
LOSER: Final = "the identity is granted to one whose accept did not win"
ERASED: Final = "a copy is destroyed though its recipient has none"
OFFER_LOST: Final = "an honest offer lost its slot to a member that could not know it"
NO_ROW: Final = "something happens to the case for which the table of protocol.custody has no step"
STUCK: Final = "the case is stuck: nobody can ever act on it again"

#: What a dishonest party can do, and what then proves it.
FORK: Final = "two may act, and two offers that C signed for one custody prove why"
CONTRADICTION: Final = "two may act, and two checkpoints contradict each other"


class Custody(NamedTuple):
    """Who has the case by one log, for a reader who knows everything."""

    holder: int
    forked: bool  # a dishonest custodian offered the same custody twice


class Invariants:
    """The checks of one setting."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._custody: dict[int, Custody] = {}
        self._acting: dict[tuple[int, int, int], Copy | None] = {}

    def broken(self, state: State) -> Iterator[str]:
        """Yield what is not as it must be in this state."""
        acting = [(who, copy) for who in self._world.honest if (copy := self.acting(state, who)) is not None]
        faults = self._world.faults
        if len(acting) > 1:
            yield self._explained(state, [copy for _, copy in acting])
        if not faults.dishonest:
            custody = self.custody(state[LOG])
            if not custody.forked and any(who != custody.holder for who, _ in acting):
                yield NOT_BY_LOG
            if faults.squats and not faults.courier and self._has_lost_an_offer(state):
                yield OFFER_LOST
        if faults.grants:
            yield from self._grants(state)

    def is_good(self, state: State) -> bool:
        """Whether the holder by the log acts, alone; or nobody is owed that, because a dishonest party has the case."""
        if self._world.faults.dishonest:
            return True
        custody = self.custody(state[LOG])
        if custody.forked or custody.holder not in self._world.honest:
            return True
        return [who for who in self._world.honest if self.acting(state, who) is not None] == [custody.holder]

    def acting(self, state: State, who: int) -> Copy | None:
        """Return the copy on which a party may act now."""
        log = state[self._world.log_of(who)]
        node = self._world.node(state, who)
        key = (who, state[FIRST_NODE + who], self._world.book.prefix(log, node.pos))
        if key not in self._acting:
            may = (copy for copy in node.copies if self._world.reader.may_act(who, node, log, copy))
            self._acting[key] = next(may, None)
        return self._acting[key]

    def _explained(self, state: State, copies: list[Copy]) -> str:
        """Whether two signatures of one dishonest party prove why two may act."""
        world = self._world
        if world.faults.split:
            read = [world.book.prefix(state[world.log_of(who)], world.node(state, who).pos) for who in world.honest]
            agree = all(world.book.agree(one, other) for one in read for other in read)
            return TWO if agree else CONTRADICTION
        ways = [list(world.book.chain(copy.case))[::-1] for copy in copies[:2]]
        while ways[0] and ways[1] and ways[0][0] == ways[1][0]:
            ways = [way[1:] for way in ways]
        senders = {world.book.entries[way[0]].sender if way else None for way in ways}
        return FORK if len(senders) == 1 and not senders & {None, *world.honest} else TWO

    def custody(self, log: int) -> Custody:
        """Return who has the case by this log."""
        found = self._custody.get(log)
        if found is None:
            found = self._custody[log] = Custody(self._holder(log), self._is_forked(log))
        return found

    def _holder(self, log: int) -> int:
        book = self._world.book
        holder, epoch, case = 0, 0, ORIGIN_CASE
        open_offers: set[int] = set()
        taken: set[Slot] = set()
        for number in book.logs[log]:
            entry = book.entries[number]
            if entry.slot is None or entry.slot in taken:
                continue
            taken.add(entry.slot)
            if entry.kind is Kind.OFFER and (entry.sender, entry.ref) == (holder, case) and entry.epoch >= epoch:
                open_offers.add(number)
            elif entry.kind in ANSWERS and entry.ref in open_offers:
                epoch = max(epoch, entry.epoch + 1)
                open_offers.discard(entry.ref)
                if entry.kind is Kind.ACCEPT:
                    holder, case, open_offers = entry.sender, entry.ref, set()
        return holder

    def _is_forked(self, log: int) -> bool:
        """Whether a dishonest custodian gave one custody twice: offered it again while an offer was open, or after."""
        book, honest = self._world.book, self._world.honest
        index, leaves = book.index(log), book.logs[log]
        given: dict[int, int] = {}  # case -> the last offer of it by a dishonest party
        for at, number in enumerate(leaves):
            entry = book.entries[number]
            won = index.first.get(answer_slot(entry.ref), at)
            if entry.kind is not Kind.OFFER or entry.sender in honest or won >= at:
                continue  # it did not have the case when it said so: nobody follows that
            back = index.first.get(answer_slot(given[entry.ref]), at) if entry.ref in given else None
            if back is not None and (back >= at or book.entries[leaves[back]].kind is Kind.ACCEPT):
                return True
            given[entry.ref] = number
        return False

    def _has_lost_an_offer(self, state: State) -> bool:
        world = self._world
        index, leaves = world.book.index(state[LOG]), world.book.logs[state[LOG]]
        for who in world.honest:
            for number in world.node(state, who).out:
                entry = world.book.entries[number]
                at = index.first.get(entry.slot) if entry.slot is not None else None
                if entry.kind is Kind.OFFER and at is not None and world.book.entries[leaves[at]].sender != who:
                    return True
        return False

    def _grants(self, state: State) -> Iterator[str]:
        world = self._world
        index, leaves = world.book.index(state[LOG]), world.book.logs[state[LOG]]
        queued = (one for who in world.honest for one in world.node(state, who).out)
        for number in (*leaves, *queued):
            entry = world.book.entries[number]
            if entry.kind is Kind.GRANT:
                won = index.first.get(answer_slot(entry.ref))
                accept = None if won is None else world.book.entries[leaves[won]]
                if accept is None or accept.kind is not Kind.ACCEPT or accept.sender != entry.recipient:
                    yield LOSER
        for who in world.honest:
            for copy in world.node(state, who).copies:
                if copy.token.stance is Stance.ERASED and not self._has_case(state, copy):
                    yield ERASED

    def _has_case(self, state: State, erased: Copy) -> bool:
        """Whether the recipient holds the case or held it; one that was set back first reads again."""
        recipient = self._world.book.entries[erased.grant].recipient
        if recipient not in self._world.honest:
            return True
        node = self._world.node(state, recipient)
        ours = {Stance.HELD, Stance.OFFERED, Stance.PASSED, Stance.ERASED}
        return node.phase is not Phase.ACTING or any(
            copy.case == erased.offer and copy.token.stance in ours for copy in node.copies
        )


def describe(world: World, state: State) -> str:
    """Return a state in words: each party's stance."""
    lines = []
    for who in world.honest:
        node = world.node(state, who)
        stances = ", ".join(f"{copy.token.stance} at epoch {copy.token.epoch}" for copy in node.copies)
        lines.append(f"{PARTIES[who]}: {stances or 'no copy'}; {node.phase}; {node.pos} leaves read")
    return "\n".join(lines)
