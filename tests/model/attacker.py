"""C as a dishonest member: what it may sign and send, with its own key alone."""

from collections.abc import Iterator

from tests.model.entries import HUB, NONE, PARTIES, Book, Entry, Kind, LogIndex, Slot, answer_slot, offer_slot
from tests.model.rules import Faults, Rules

EVIL = 2


class Attacker:
    """The steps of a dishonest C. It reads the whole log, and keeps no rule."""

    def __init__(self, book: Book, rules: Rules, faults: Faults) -> None:
        self._book = book
        self._rules = rules
        self._faults = faults

    def entries(self, log: int) -> tuple[int, ...]:
        """Return what it may say, by this log: answers, recalls, forks, forgeries."""
        index, leaves = self._book.index(log), self._book.logs[log]
        asked = [one for one in leaves if self._is(one, Kind.OFFER, recipient=EVIL)]
        own = [one for one in leaves if self._is(one, Kind.OFFER, sender=EVIL)]
        accepts = [one for one in leaves if self._is(one, Kind.ACCEPT, sender=EVIL)]
        won = [one for one in accepts if leaves[index.first[answer_slot(self._book.entries[one].ref)]] == one]
        said: list[Entry] = []
        for offer in asked:
            if answer_slot(offer) not in index.first:
                said += [self._answer(Kind.ACCEPT, offer), self._answer(Kind.REJECT, offer)]
        for offer in own:
            if answer_slot(offer) not in index.first:
                said.append(self._answer(Kind.RECALL, offer))
        for accept in won:
            said += self._offers(self._book.entries[accept].ref, index, own)
        if self._faults.forge:
            for offer in asked[:1]:
                said += self._offers(offer, index, own)
        numbers = (self._book.number(entry) for entry in said)
        return tuple(dict.fromkeys(one for one in numbers if one not in index.where))

    def squats(self, log: int, seen: tuple[Slot, ...]) -> Iterator[int]:
        """Yield entries for slots that are not its own, of those that it can name; `seen` are those that it saw."""
        index = self._book.index(log)
        for slot in dict.fromkeys((*self._known(log), *seen)):
            if slot not in index.first:
                yield self._book.number(Entry(Kind.SQUAT, EVIL, HUB, 0, 0, NONE, slot))

    def _known(self, log: int) -> Iterator[Slot]:
        for number in self._book.logs[log]:
            if self._is(number, Kind.OFFER, recipient=EVIL):
                offer = self._book.entries[number]
                yield answer_slot(number)
                # A slot key that travels with the case is known to everyone whom the case was ever offered.
                for ahead in () if self._rules.slotkey else range(3):
                    yield offer_slot(offer.sender, offer.ref, offer.epoch + ahead)

    def _is(self, number: int, kind: Kind, *, sender: int | None = None, recipient: int | None = None) -> bool:
        entry = self._book.entries[number]
        return entry.kind is kind and sender in {None, entry.sender} and recipient in {None, entry.recipient}

    def _answer(self, kind: Kind, offer: int) -> Entry:
        asked = self._book.entries[offer]
        to = asked.recipient if kind is Kind.RECALL else asked.sender
        return Entry(kind, EVIL, to, asked.epoch, 0, offer, answer_slot(offer))

    def _offers(self, case: int, index: LogIndex, own: list[int]) -> Iterator[Entry]:
        """Offer a case to each of the others, under slots of its own choice: a second offer is a fork."""
        entries = self._book.entries
        answered = sum(entries[one].ref == case and answer_slot(one) in index.first for one in own)
        epoch = entries[case].epoch + 1 + answered
        for to in range(len(PARTIES)):
            if to != EVIL:
                yield Entry(Kind.OFFER, EVIL, to, epoch, 0, case, (*offer_slot(EVIL, case, epoch), to))
