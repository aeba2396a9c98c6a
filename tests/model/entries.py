"""What parties say in the model, and the logs in which it stands: numbered once each, so that a state is a few numbers.

A log is known by its prefixes: number 0 is the empty log, and every longer one is its parent and one entry more.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

PARTIES = "ABC"
HUB = -1
#: The origin's own number for the case; later holders know it by the offer that brought it.
ORIGIN_CASE = -1
NONE = -2

#: ("offer", holder, case, epoch[, recipient]) or ("answer", offer): what may be won only once.
Slot = tuple[str | int, ...]


class Kind(StrEnum):
    """The kinds of entries that move custody, and the attacker's: an offer only in name, with a slot of its choice."""

    OFFER = "offer"
    ACCEPT = "accept"
    REJECT = "reject"
    RECALL = "recall"
    GRANT = "grant"
    FENCE = "fence"
    SQUAT = "squat"


class Entry(NamedTuple):
    """One entry. `ref` is the case of an offer, and the offer of everything else.

    `life` counts how often the sender's disk was set back: the same words of two lives are two entries, because ids
    are random. `seen` is the prefix that the maker had read, where a setting carries it.
    """

    kind: Kind
    sender: int
    recipient: int
    epoch: int
    inc: int
    ref: int
    slot: Slot | None = None
    life: int = 0
    seen: int = NONE


def offer_slot(holder: int, case: int, epoch: int) -> Slot:
    """Return the slot that every offer of this case by this holder at this epoch shares."""
    return ("offer", holder, case, epoch)


def answer_slot(offer: int) -> Slot:
    """Return the slot that every answer to this offer shares."""
    return ("answer", offer)


class LogIndex(NamedTuple):
    """What can be looked up in one prefix: each mapping gives the index of a leaf."""

    first: dict[Slot, int]
    where: dict[int, int]
    fenced: tuple[int, ...]  # party -> the highest incarnation that a fence of it shows
    behind: frozenset[int]  # leaves behind a fence of their own sender


class Book:
    """Every entry and every log that a search has met, each with its number."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.logs: list[tuple[int, ...]] = [()]
        self._numbers: dict[Entry, int] = {}
        self._longer: dict[tuple[int, int], int] = {}
        self._prefixes: list[tuple[int, ...]] = [(0,)]
        self._index: list[LogIndex] = [LogIndex({}, {}, (0,) * len(PARTIES), frozenset())]

    def number(self, entry: Entry) -> int:
        """Return the number of this entry."""
        found = self._numbers.get(entry)
        if found is None:
            found = self._numbers[entry] = len(self.entries)
            self.entries.append(entry)
        return found

    def append(self, log: int, number: int) -> int:
        """Return the log with one leaf more."""
        longer = self._longer.get((log, number))
        if longer is None:
            longer = self._longer[log, number] = len(self.logs)
            self.logs.append((*self.logs[log], number))
            self._prefixes.append((*self._prefixes[log], longer))
            self._index.append(self._extended(self._index[log], number, len(self.logs[log])))
        return longer

    def _extended(self, index: LogIndex, number: int, at: int) -> LogIndex:
        entry = self.entries[number]
        first, fenced, behind = index.first, index.fenced, index.behind
        if entry.slot is not None and entry.slot not in first:
            first = {**first, entry.slot: at}
        if is_behind(entry, fenced[entry.sender]):
            behind |= {at}
        if entry.kind is Kind.FENCE:
            fenced = tuple(max(old, entry.inc) if who == entry.sender else old for who, old in enumerate(fenced))
        return LogIndex(first, {**index.where, number: at}, fenced, behind)

    def prefix(self, log: int, size: int) -> int:
        """Return the first `size` leaves of a log."""
        return self._prefixes[log][size]

    def index(self, log: int) -> LogIndex:
        """Return what can be looked up in this log."""
        return self._index[log]

    def agree(self, log: int, other: int) -> bool:
        """Whether one of two logs is a prefix of the other."""
        size = min(len(self.logs[log]), len(self.logs[other]))
        return self.prefix(log, size) == self.prefix(other, size)

    def chain(self, case: int) -> Iterator[int]:
        """Yield the offers that brought a case here, the last one first."""
        while case != ORIGIN_CASE:
            yield case
            case = self.entries[case].ref

    def words(self, number: int) -> str:
        """Return an entry in words, for a person."""
        entry = self.entries[number]
        who = PARTIES[entry.sender]
        if entry.kind is Kind.FENCE:
            return f"the fence of {who}, incarnation {entry.inc}"
        if entry.kind is Kind.SQUAT:
            return f"an entry of {who} with {_slot_words(entry.slot)}"
        to = f" to {PARTIES[entry.recipient]}"
        inc = f", incarnation {entry.inc}" if entry.inc else ""
        return f"{who}'s {entry.kind}{to}, epoch {entry.epoch}{inc}"


def is_behind(entry: Entry, fenced: int) -> bool:
    """Whether an entry counts for nobody: custody.check_incarnation, for entries of this model."""
    return entry.inc < fenced or (entry.kind is Kind.FENCE and entry.inc == fenced)


def _slot_words(slot: Slot | None) -> str:
    if slot is None or slot[0] == "answer":
        return "the slot of answers to an offer"
    return f"the slot of {PARTIES[int(slot[1])]}'s offers at epoch {slot[3]}"
