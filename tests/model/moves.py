"""Everything that one honest party may do next, with its phases as protocol.custody has them."""

from collections.abc import Iterator
from typing import NamedTuple

from protocol import custody
from protocol.custody import Event, Phase, Stance, Step
from protocol.kinds import ANSWERS
from tests.model.entries import HUB, NONE, PARTIES, Book, Entry, Kind, answer_slot, offer_slot
from tests.model.hub import Hub
from tests.model.reading import Copy, Node, Reader
from tests.model.rules import Faults, Rules


class Move(NamedTuple):
    """One step of one party. `progress` marks what it does by itself, without fault or attacker."""

    words: str
    node: Node
    progress: bool = True
    crash: bool = False


class Party:
    """The steps of an honest party, for one setting."""

    def __init__(self, book: Book, rules: Rules, faults: Faults, hub: Hub, reader: Reader) -> None:
        self._book = book
        self._rules = rules
        self._faults = faults
        self._hub = hub
        self._reader = reader

    def moves(self, who: int, node: Node, log: int, *, suspended: bool) -> Iterator[Move]:
        """Yield every step that is open to `who` while its hub has this log."""
        if node.phase is Phase.ACTING:
            for copy in node.copies:
                yield from self._act(who, node, log, copy, suspended=suspended)
        elif node.phase is Phase.READING:
            yield from self._fence(who, node, log)
        else:
            yield from self._resume(who, node, log)
        yield from self._read(who, node, log)
        if self._faults.crashes and node.phase is not Phase.READING:
            yield Move(f"{PARTIES[who]} crashes and starts", started(node), progress=False, crash=True)

    # What moves custody, while acting

    def _act(self, who: int, node: Node, log: int, copy: Copy, *, suspended: bool) -> Iterator[Move]:
        if self._reader.may_act(who, node, log, copy):
            yield from self._offer(who, node, log, copy)
        if copy.token.stance is Stance.INVITED and not self._has_said(who, node, log, copy.case):
            for kind in (Kind.ACCEPT, Kind.REJECT):
                yield self._answer(who, node, log, kind, copy.case)
        if copy.token.stance is Stance.OFFERED:
            yield from self._wait(who, node, log, copy, suspended=suspended)
        if copy.token.stance in {Stance.HELD, Stance.OFFERED}:
            yield from self._lose(who, node, log, copy)
        if copy.token.stance is Stance.PASSED and copy.grant == NONE:
            offer = self._book.entries[copy.offer]
            draft = Entry(Kind.GRANT, who, offer.recipient, copy.token.epoch, node.inc, copy.offer, life=node.life)
            grant = self._book.number(draft)
            queued = self._queue(_replaced(node, copy, copy._replace(grant=grant)), grant)
            yield Move(f"{PARTIES[who]} queues the grant of the identity to {PARTIES[offer.recipient]}", queued)

    def _offer(self, who: int, node: Node, log: int, copy: Copy) -> Iterator[Move]:
        for to in range(len(PARTIES)):
            draft = Entry(Kind.OFFER, who, to, copy.token.epoch, node.inc, copy.case, life=node.life)
            offer = self._signed(node, log, draft._replace(slot=offer_slot(who, copy.case, copy.token.epoch)))
            if to == who or offer in node.out:
                continue
            if self._rules.lock:
                locked = Copy(copy.case, copy.token.take(Step.OFFER), offer)
                words = f"{PARTIES[who]} locks the case and queues {self._book.words(offer)}"
                yield Move(words, self._queue(_replaced(node, copy, locked), offer))
            else:
                yield Move(f"{PARTIES[who]} queues {self._book.words(offer)}, without a lock", self._queue(node, offer))

    def _answer(self, who: int, node: Node, log: int, kind: Kind, offer: int) -> Move:
        asked = self._book.entries[offer]
        to = asked.recipient if kind is Kind.RECALL else asked.sender
        draft = Entry(kind, who, to, asked.epoch, node.inc, offer, answer_slot(offer), node.life)
        number = self._signed(node, log, draft)
        return Move(f"{PARTIES[who]} queues {self._book.words(number)}", self._queue(node, number))

    def _wait(self, who: int, node: Node, log: int, copy: Copy, *, suspended: bool) -> Iterator[Move]:
        """What may happen to an own open offer: it is taken back, or the hub will not log it."""
        read = copy.offer in self._book.index(self._book.prefix(log, node.pos)).where
        if read and not self._has_said(who, node, log, copy.offer):
            yield self._answer(who, node, log, Kind.RECALL, copy.offer)
        refused = self._hub.refuses_offer(log, copy.offer, suspended=suspended) or self._faults.lies
        if refused and not read and not copy.refused and copy.offer in node.out:
            yield self._refused(who, node, copy)

    def _refused(self, who: int, node: Node, copy: Copy) -> Move:
        told = f"{PARTIES[who]} is told that its offer is refused"
        rest = node._replace(out=tuple(one for one in node.out if one != copy.offer))
        if not self._rules.closed:
            freed = Copy(copy.case, copy.token.take(Step.OFFER_FENCED))
            return Move(f"{told}, and frees the case", _replaced(rest, copy, freed))
        kept = copy._replace(token=copy.token.take(Step.OFFER_CLOSED), refused=True)
        phase = custody.moved(node.phase, Event.OFFER_REFUSED)
        return Move(f"{told}, keeps the lock and starts anew", _replaced(rest._replace(phase=phase), copy, kept))

    def _lose(self, who: int, node: Node, log: int, copy: Copy) -> Iterator[Move]:
        """The hub shows the entry that took the slot of the next offer, and it is another's."""
        prefix = self._book.prefix(log, node.pos)
        taken = self._book.index(prefix).first.get(offer_slot(who, copy.case, copy.token.epoch))
        if taken is not None and self._book.entries[self._book.logs[log][taken]].sender != who:
            words = f"{PARTIES[who]} is shown that another took its slot, and goes on at the next epoch"
            yield Move(words, self._reader.lose(node, copy))

    # From a start to acting again

    def _fence(self, who: int, node: Node, log: int) -> Iterator[Move]:
        name = PARTIES[who]
        queued = node._replace(phase=custody.moved(node.phase, Event.BOXES_READ))
        if not self._rules.fence:
            if self._reader.next_leaf(who, node, log) is None:
                acting = queued._replace(phase=custody.moved(queued.phase, Event.FENCE_READ))
                yield Move(f"{name} has read both boxes, and acts again without a fence", acting)
            return
        shown = self._book.index(self._book.prefix(log, node.pos)).fenced[who] if self._rules.incarnation else 0
        inc = custody.next_incarnation(node.inc, shown)
        fence = self._signed(node, log, Entry(Kind.FENCE, who, HUB, 0, inc, NONE, life=node.life))
        out = tuple(one for one in node.out if self._book.entries[one].kind is not Kind.FENCE)
        queued = self._queue(queued._replace(inc=inc, out=out, fence=fence), fence)
        yield Move(f"{name} has read its boxes, {node.pos} leaves far, and queues {self._book.words(fence)}", queued)

    def _resume(self, who: int, node: Node, log: int) -> Iterator[Move]:
        name, index = PARTIES[who], self._book.index(log)
        at = index.where.get(node.fence)
        if at is None:
            if self._hub.never(log, node.fence):
                yield Move(f"{name} is told that its fence is refused", self._again(node))
        elif node.pos > at or not self._rules.resume:
            if self._rules.readers and self._rules.incarnation and at in index.behind:
                yield Move(f"{name} reads that an earlier fence of its own is as high", self._again(node))
            else:
                acting = node._replace(phase=custody.moved(node.phase, Event.FENCE_READ), fence=NONE)
                acting = acting._replace(out=tuple(one for one in acting.out if one != node.fence))
                yield Move(f"{name} makes its outbox afresh and acts again", self._afresh(who, acting, log))

    def _again(self, node: Node) -> Node:
        out = tuple(one for one in node.out if one != node.fence)
        return node._replace(phase=custody.moved(node.phase, Event.FENCE_REFUSED), out=out, fence=NONE)

    def _afresh(self, who: int, node: Node, log: int) -> Node:
        """Sign again what is in no log, and free what was refused: no copy of it can be logged behind the fence."""
        taken = self._book.index(self._book.prefix(log, node.pos)).first
        for number in node.out if self._rules.afresh else ():
            entry = self._book.entries[number]
            copy = next((one for one in node.copies if number in {one.offer, one.grant}), None)
            out = tuple(one for one in node.out if one != number)
            if (entry.kind in ANSWERS and entry.slot in taken) or (entry.kind not in ANSWERS and copy is None):
                node = node._replace(out=out)
                continue
            again = self._signed(node, log, entry._replace(inc=node.inc, life=node.life))
            node = self._queue(node._replace(out=out), again)
            if copy is not None:
                as_grant = entry.kind is Kind.GRANT
                node = _replaced(node, copy, copy._replace(grant=again) if as_grant else copy._replace(offer=again))
        for copy in node.copies:
            if copy.refused and offer_slot(who, copy.case, copy.token.epoch) not in taken:
                node = _replaced(node, copy, Copy(copy.case, copy.token.take(Step.OFFER_FENCED)))
        return node

    # Reading

    def _read(self, who: int, node: Node, log: int) -> Iterator[Move]:
        name, leaves = PARTIES[who], self._book.logs[log]
        index = self._reader.next_leaf(who, node, log)
        if index is not None:
            words = f"{name} reads leaf {index}: {self._book.words(leaves[index])}"
            yield Move(words, self._reader.read(who, node, log, index))
            if len(node.missing) < self._faults.withholds and self._may_be_withheld(who, node, leaves[index]):
                withheld = self._reader.read(who, node, log, index, withheld=True)
                yield Move(f"{words}, but the hub withholds the entry", withheld, progress=False)
        for late in node.missing if self._faults.withholds else ():
            words = f"{name} is given what was withheld: {self._book.words(leaves[late])}"
            yield Move(words, self._reader.take(who, node, log, late), progress=False)

    def _may_be_withheld(self, who: int, node: Node, number: int) -> bool:
        """What another said, or what this disk has forgotten saying."""
        entry = self._book.entries[number]
        known = number in node.out or any(number in {copy.offer, copy.grant} for copy in node.copies)
        return entry.recipient == who or (entry.sender == who and entry.kind is not Kind.SQUAT and not known)

    # Small matters

    def _has_said(self, who: int, node: Node, log: int, offer: int) -> bool:
        """Whether this party knows of an answer of its own to this offer."""
        said = (*node.out, *(one for at, one in enumerate(self._book.logs[log][: node.pos]) if at not in node.missing))
        entries = self._book.entries
        return any(entries[one].slot == answer_slot(offer) and entries[one].sender == who for one in said)

    def _signed(self, node: Node, log: int, draft: Entry) -> int:
        seen = self._book.prefix(log, node.pos) if self._faults.split and self._rules.seen else NONE
        return self._book.number(draft._replace(seen=seen))

    def _queue(self, node: Node, number: int) -> Node:
        return node._replace(out=tuple(sorted((*node.out, number))))


def started(node: Node) -> Node:
    """Return the party as a process begins on its disk."""
    return node._replace(phase=custody.moved(node.phase, Event.START))


def _replaced(node: Node, old: Copy, new: Copy) -> Node:
    return node._replace(copies=tuple(new if copy == old else copy for copy in node.copies))
