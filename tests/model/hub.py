"""What the hub takes into its log: by its rules, or, where it is dishonest, whatever suits it."""

from protocol.kinds import ANSWERS
from tests.model.entries import Book, Kind, answer_slot, is_behind
from tests.model.rules import Faults, Rules

SUSPENDED = 2


class Hub:
    """The hub's judgement of an entry, for one setting."""

    def __init__(self, book: Book, rules: Rules, faults: Faults) -> None:
        self._book = book
        self._rules = rules
        self._dishonest = faults.dishonest

    def takes(self, log: int, number: int, *, suspended: bool) -> bool:
        """Whether it may append this entry now."""
        index, entry = self._book.index(log), self._book.entries[number]
        if number in index.where or (entry.kind in ANSWERS and entry.ref not in index.where):
            return False
        if self._dishonest:
            return True
        if entry.kind is Kind.OFFER and self.refuses_offer(log, number, suspended=suspended):
            return False
        if entry.kind is Kind.SQUAT and self._rules.reserve and self._is_reserved(log, number):
            return False
        return not self.never(log, number)

    def never(self, log: int, number: int) -> bool:
        """Whether this entry can never be logged any more, or would change nothing for any reader."""
        index, entry = self._book.index(log), self._book.entries[number]
        if number in index.where:
            return True
        # Readers go by the first leaf with a slot, so that a second one is nothing even from a dishonest hub.
        late = entry.slot is not None and entry.slot in index.first and self._rules.order and self._rules.leaves
        if self._dishonest:
            return late
        fenced = self._rules.fence and self._is_behind(log, number)
        return late or fenced

    def _is_behind(self, log: int, number: int) -> bool:
        entry = self._book.entries[number]
        fenced = self._book.index(log).fenced[entry.sender]
        if entry.kind is Kind.FENCE and not self._rules.incarnation:
            return entry.inc < fenced
        return is_behind(entry, fenced)

    def refuses_offer(self, log: int, number: int, *, suspended: bool) -> bool:
        """Whether the recipient takes no offers, or the slot of this offer's answers is gone already."""
        entry, index = self._book.entries[number], self._book.index(log)
        if self._dishonest or number in index.where:
            return False
        squatted = answer_slot(number) in index.first
        return squatted or (suspended and entry.recipient == SUSPENDED)

    def _is_reserved(self, log: int, number: int) -> bool:
        slot = self._book.entries[number].slot
        return slot is not None and slot[0] == "answer" and slot[1] in self._book.index(log).where
