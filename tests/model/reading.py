"""What an honest party knows of the case, and how it reads on: by the leaves, and by the table of protocol.custody."""

from typing import NamedTuple

from protocol import custody
from protocol.custody import Phase, Stance, Step, Token
from protocol.kinds import ANSWERS
from tests.model.entries import NONE, ORIGIN_CASE, Book, Entry, Kind, answer_slot, offer_slot
from tests.model.rules import Rules


class Copy(NamedTuple):
    """One copy of the case: known by `case`, the offer that brought it, and at the origin by ORIGIN_CASE."""

    case: int
    token: Token
    offer: int = NONE  # the own offer that is open, or whose accept has won
    refused: bool = False  # the hub has said that it will not log that offer
    grant: int = NONE


class Node(NamedTuple):
    """What is durable at one party. A crash loses nothing of it; a restore sets it back as a whole."""

    pos: int = 0  # leaves read
    copies: tuple[Copy, ...] = ()
    out: tuple[int, ...] = ()  # queued, or under way, and not yet read in the log
    phase: Phase = Phase.ACTING
    inc: int = 0
    life: int = 0
    missing: frozenset[int] = frozenset()  # leaves that were read without their entries
    fence: int = NONE


class Reader:
    """Reading, for one set of rules. Every method returns a new Node and changes nothing."""

    def __init__(self, book: Book, rules: Rules, *, grants: bool, every_leaf: bool) -> None:
        self._book = book
        self._rules = rules
        self._grants = grants
        self._every_leaf = every_leaf

    def origin(self) -> Node:
        """Return the party where the case was filed: it holds it, and nothing was said yet."""
        return Node(copies=(Copy(ORIGIN_CASE, Token(Stance.HELD, 0)),))

    def next_leaf(self, who: int, node: Node, log: int) -> int | None:
        """Return the next leaf that concerns this party. Those between change nothing here: they are read with it."""
        leaves = self._book.logs[log]
        for index in range(node.pos, len(leaves)):
            if self._every_leaf or self._concerns(who, self._book.entries[leaves[index]]):
                return index
        return None

    def _concerns(self, who: int, entry: Entry) -> bool:
        if entry.kind is Kind.SQUAT and entry.slot is not None:
            return entry.slot[0] == "offer" and entry.slot[1] == who
        return who in {entry.sender, entry.recipient}

    def read(self, who: int, node: Node, log: int, index: int, *, withheld: bool = False) -> Node:
        """Read on to the leaf at `index`, and its entry unless the hub withholds it."""
        node = node._replace(pos=index + 1)
        if withheld:
            return node._replace(missing=node.missing | {index})
        return self.take(who, node, log, index)

    def take(self, who: int, node: Node, log: int, index: int) -> Node:
        """Take in the entry of a leaf that was read."""
        prefix = self._book.prefix(log, node.pos)
        number = self._book.logs[log][index]
        entry = self._book.entries[number]
        if who not in {entry.sender, entry.recipient} or entry.kind is Kind.SQUAT:
            return node
        forgotten = entry.sender == who and not self._knows(node, number)
        if (forgotten and not self._rules.sent) or not self._same_log(entry, prefix):
            return node._replace(missing=node.missing | {index})
        node = node._replace(missing=node.missing - {index})
        if entry.kind is Kind.OFFER and self._book.index(prefix).first.get(entry.slot or ()) == index:
            behind = self._rules.readers and index in self._book.index(prefix).behind
            if entry.sender == who:
                node = self._take_own_offer(node, number, behind=behind)
            elif not behind and (not self._rules.chain or self.is_proven(entry, prefix)):
                node = _with(node, Copy(number, Token(Stance.INVITED, entry.epoch)))
        elif entry.kind is Kind.GRANT:
            node = self._take_grant(who, node, number)
        node = node._replace(out=tuple(other for other in node.out if other != number))
        return self.settle(who, node, prefix)

    def _knows(self, node: Node, number: int) -> bool:
        return number in node.out or any(number in {copy.offer, copy.grant} for copy in node.copies)

    def _same_log(self, entry: Entry, prefix: int) -> bool:
        """Whether the maker had read what this reader has read: protocol.custody.check_seen."""
        return entry.seen == NONE or (
            len(self._book.logs[entry.seen]) <= len(self._book.logs[prefix]) and self._book.agree(entry.seen, prefix)
        )

    def _take_own_offer(self, node: Node, number: int, *, behind: bool) -> Node:
        """The slot is won by this offer, so it is the one that locks, whatever this disk remembers."""
        entry = self._book.entries[number]
        for copy in node.copies:
            if copy.case != entry.ref or copy.token.stance not in {Stance.HELD, Stance.OFFERED}:
                continue
            if entry.epoch < copy.token.epoch and self._rules.past:
                return node
            if behind:
                return self.lose(node, copy) if copy.token.epoch == entry.epoch else node
            if copy.offer == number and copy.token.stance is Stance.OFFERED:
                return _with(node, copy._replace(refused=False))
            step = Step.OFFER if number in node.out else Step.OFFER_FOUND
            stance = copy.token.take(step).stance
            out = tuple(other for other in node.out if other != copy.offer)
            return _with(node._replace(out=out), Copy(copy.case, Token(stance, entry.epoch), number))
        return node

    def lose(self, node: Node, copy: Copy) -> Node:
        """Go on at the next epoch: the slot of this one is used up, and not by an offer that counts."""
        out = tuple(other for other in node.out if other != copy.offer)
        return _with(node._replace(out=out), Copy(copy.case, copy.token.take(Step.OFFER_LOST)))

    def _take_grant(self, who: int, node: Node, number: int) -> Node:
        entry = self._book.entries[number]
        for copy in node.copies:
            if entry.sender == who and copy.offer == entry.ref and copy.token.stance is Stance.PASSED:
                return _with(node, copy._replace(grant=number))
        return node

    def is_proven(self, offer: Entry, prefix: int) -> bool:
        """Whether the case came to this offer's sender hop by hop: protocol.custody.prove_chain."""
        if offer.ref == ORIGIN_CASE:
            return offer.sender == 0
        book, index = self._book, self._book.index(prefix)
        hop, at = book.entries[offer.ref], index.where.get(offer.ref)
        won = index.first.get(answer_slot(offer.ref))
        if at is None or won is None or index.first.get(hop.slot or ()) != at:
            return False
        if self._rules.readers and self._rules.hops and {at, won} & index.behind:
            return False
        accept = book.entries[book.logs[prefix][won]]
        fits = accept.kind is Kind.ACCEPT and accept.sender == offer.sender == hop.recipient
        return fits and offer.epoch > hop.epoch and self.is_proven(hop, prefix)

    def settle(self, who: int, node: Node, prefix: int) -> Node:
        """Take every step that the leaves allow, by the answers that won."""
        for copy in node.copies:
            stance = copy.token.stance
            if stance not in {Stance.INVITED, Stance.OFFERED}:
                continue
            offer = copy.case if stance is Stance.INVITED else copy.offer
            answer = self._winner(who, node, prefix, offer)
            if answer is not None:
                step = custody.answer_step(self._book.entries[answer].kind)
                node = self._answered(node, copy, offer, copy.token.take(step))
        return node

    def _answered(self, node: Node, copy: Copy, offer: int, token: Token) -> Node:
        """Leave what is over: only a grant that is due or given keeps a copy that is another's."""
        entries = self._book.entries
        out = tuple(one for one in node.out if entries[one].kind not in ANSWERS or entries[one].ref != offer)
        node = _with(node._replace(out=out), Copy(copy.case, token))
        if token.stance is Stance.PASSED and self._grants:
            return _with(node, Copy(copy.case, token, copy.offer))
        if token.stance in {Stance.PASSED, Stance.DECLINED}:
            return node._replace(copies=tuple(other for other in node.copies if other.case != copy.case))
        return node

    def _winner(self, who: int, node: Node, prefix: int, offer: int) -> int | None:
        """Return the answer that decides for this party, if it holds it: the first leaf with the slot, and no other."""
        book, index = self._book, self._book.index(prefix)
        if offer not in index.where:
            return None
        if not (self._rules.order and self._rules.leaves):
            return self._believed(who, node, prefix, offer)
        won = index.first.get(answer_slot(offer))
        if won is None or won in node.missing or (self._rules.readers and won in index.behind):
            return None
        number = book.logs[prefix][won]
        return number if book.entries[number].kind in ANSWERS else None

    def _believed(self, who: int, node: Node, prefix: int, offer: int) -> int | None:
        """Without an order that all have read: each believes its own answer once the log holds it, else the other's."""
        entries = self._book.entries
        queued = any(entries[one].ref == offer and entries[one].kind in ANSWERS for one in node.out)
        logged = [one for one in self._book.logs[prefix] if entries[one].slot == answer_slot(offer)]
        own = [one for one in logged if entries[one].sender == who]
        if own:
            return own[0]
        return logged[0] if logged and not queued else None

    def may_act(self, who: int, node: Node, log: int, copy: Copy) -> bool:
        """Whether this party may act on this copy now: protocol.custody.may_act."""
        prefix = self._book.prefix(log, node.pos)
        taken = self._book.index(prefix).first.get(offer_slot(who, copy.case, copy.token.epoch))
        if taken is None or not self._rules.ownslot:
            return custody.may_act(node.phase, copy.token.stance, slot_taken=False, taker_held=False)
        held = taken not in node.missing and self._book.entries[self._book.logs[log][taken]].sender == who
        return custody.may_act(node.phase, copy.token.stance, slot_taken=True, taker_held=held)


def _with(node: Node, copy: Copy) -> Node:
    """Put a copy in the place of the one of the same case, or beside the others."""
    others = tuple(other for other in node.copies if other.case != copy.case)
    return node._replace(copies=tuple(sorted((*others, copy), key=lambda one: one.case)))
