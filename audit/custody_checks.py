"""Checks of custody: slots, answers, what makers had read, and who held what when (section 8).

Which offers belong to one case is sealed: an offer's slot comes from a key that is never sent. What can be followed
from outside is custody as a whole. Every answered offer leaves one holder at one epoch; an offer above epoch 0 must use
up one of these, so nobody hands on what was not handed over, and nobody twice.
"""

from bisect import bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass, field

from audit.findings import Check
from audit.record import Logged, Record
from audit.thread_checks import check_threads
from keys import b64u
from protocol.content import read_receipt_seen
from protocol.custody import answer_slot, check_answer, check_head
from protocol.entry import Entry, TreeHead
from protocol.errors import RemoteError
from protocol.kinds import ANSWERS


def check_slots(record: Record, check: Check) -> None:
    """No slot stands on two leaves; this needs no entries at all."""
    first: dict[str, int] = {}
    for index, leaf in sorted(record.log.leaves.items()):
        if leaf.slot is None:
            continue
        check.checked += 1
        winner = first.setdefault(leaf.slot, index)
        if winner != index:
            place = record.log.place(index)
            check.fail(place, "slot-taken", "the slot was won by an earlier leaf", leaf=winner)


def check_answers(record: Record, check: Check) -> dict[int, Logged]:
    """Return the offer of every fitting answer, by the answer's leaf."""
    offers: dict[int, Logged] = {}
    # Also those behind a fence: what is no answer has nothing to do in such a slot either way.
    reserved = {answer_slot(each.signed.raw): each for each in record.entries if each.entry.kind == "offer"}
    for logged in record.counting:
        entry = logged.entry
        owner = reserved.get(entry.slot or "")
        if entry.kind not in ANSWERS:
            if owner is not None:
                check.fail(logged.file, "slot", "takes the slot of answers to an offer", leaf=owner.index)
            continue
        with check.reading(logged.file):
            offer = record.earlier(entry.re, logged.index)
            if offer is not None:
                check_answer(offer.signed, entry)
                if offer.index in record.void:
                    raise RemoteError("answer", "the offer stands behind a fence of its sender", leaf=offer.index)
                offers[logged.index] = offer
            elif not record.unseen_slots_before(logged.index):
                raise RemoteError("answer", "the offer does not stand before it in the log")
            else:
                check.unjudged += 1
    return offers


def check_all_seen(record: Record, check: Check) -> None:
    """Every tree head that a maker names, also in a receipt, is one of this log, and lies before its own leaf."""
    for logged in record.entries:
        seen = _seen(logged.entry)
        if seen is None:
            continue
        with check.reading(logged.file):
            if seen.size > logged.index:
                raise RemoteError("seen", "names leaves that came after it", leaves=logged.index)
            if seen.size > record.log.size:
                check.unjudged += 1
            else:
                check_head(seen, record.log)


def _seen(entry: Entry) -> TreeHead | None:
    if entry.kind != "receipt":
        return entry.seen
    try:
        return read_receipt_seen(entry.body)
    except RemoteError:
        # That the body is none is told where kinds are checked.
        return None


@dataclass(slots=True)
class _Tokens:
    """Custody at rest: for each holder the epochs at which it may act, ascending."""

    held: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    #: For each holder the epochs that were used up, with the offers that did, in the order of the log.
    used: defaultdict[str, list[tuple[int, Logged]]] = field(default_factory=lambda: defaultdict(list))
    #: How many unseen offers and answers were already taken to explain a holder.
    excused: int = 0

    def give(self, holder: str, epoch: int) -> None:
        insort(self.held[holder], epoch)

    def take(self, offer: Logged) -> bool:
        """Use up its sender's newest token that is not above its epoch: the older ones fit more offers to come."""
        sender, epoch = offer.entry.sender, offer.entry.epoch
        tokens = self.held[sender]
        at = bisect_right(tokens, epoch)
        # At epoch 0 the case was filed with the sender itself; the filing is no entry.
        if not at and epoch:
            return False
        self.used[sender].append((tokens.pop(at - 1) if at else 0, offer))
        return True

    def takers(self, offer: Logged) -> list[Logged]:
        """Return the offers that used up what this one would have needed."""
        return [other for epoch, other in self.used[offer.entry.sender] if epoch <= offer.entry.epoch]


def check_custody(record: Record, offers: dict[int, Logged], check: Check) -> None:
    """Follow custody through the log; `offers` are those of the fitting answers."""
    tokens = _Tokens()
    won: dict[str, tuple[Logged, Logged]] = {}
    granted: dict[str, Logged] = {}
    forks = _same_slots(record)
    for logged in record.counting:
        entry = logged.entry
        if entry.kind == "offer":
            with check.reading(logged.file):
                takers = tokens.takers(logged)
                if not _holds(logged, tokens, record, check):
                    forks.setdefault(logged.index, (logged, takers))
                    raise RemoteError("chain", "its sender holds no case at this epoch", epoch=entry.epoch)
        elif logged.index in offers:
            with check.reading(logged.file):
                if _wins(logged, record):
                    offer = offers[logged.index]
                    tokens.give(_holder_after(offer.entry, entry), offer.entry.epoch + 1)
                    won[entry.id] = (offer, logged)
        elif entry.kind == "grant":
            with check.reading(logged.file):
                _check_grant(logged, won, granted, record, check)
    accepted = {offer.index for offer, answer in won.values() if answer.entry.kind == "accept"}
    for second, others in forks.values():
        first = [other for other in others if other.index in accepted]
        if first and second.index in accepted:
            _tell_fork(first, second, check)
    check_threads(record, [pair for pair in won.values() if pair[1].entry.kind == "accept"], check)


#: By its leaf an offer of what its sender may not have held any more, with those that may have handed it on before.
_Forks = dict[int, tuple[Logged, list[Logged]]]


def _same_slots(record: Record) -> _Forks:
    """Return the offers that repeat a slot of their sender: that is one case at one epoch, whatever else they say."""
    first: dict[tuple[str, str | None], Logged] = {}
    found: _Forks = {}
    for logged in record.counting:
        if logged.entry.kind == "offer":
            other = first.setdefault((logged.entry.sender, logged.entry.slot), logged)
            if other is not logged:
                found[logged.index] = (logged, [other])
    return found


def _tell_fork(first: list[Logged], second: Logged, check: Check) -> None:
    """Tell of two accepted hand-overs of one case: of those that may be the first, the newest is named."""
    evidence = {
        name: {"leaf": one.index, "offer": one.entry.id, "to": one.entry.recipient, "h": b64u.encode(one.signed.digest)}
        for name, one in (("first", first[-1]), ("second", second))
    }
    detail = "custody was forked: its holder handed one case over twice, and both were accepted"
    if first[-1].entry.slot != second.entry.slot:
        detail = (
            "custody was forked: more hand-overs were accepted than their holder held cases, so one case went twice"
        )
    check.fail(second.file, "chain", detail, holder=second.entry.sender, **evidence, may_be_first=len(first))


def _wins(answer: Logged, record: Record) -> bool:
    first = record.log.first_with_slot(answer.entry.slot or "")
    # Losing is no fault of who answered: that both were logged is one, and told where slots are checked.
    return first is not None and first[0] == answer.index


def _holder_after(offer: Entry, answer: Entry) -> str:
    return offer.recipient if answer.kind == "accept" else offer.sender


def _holds(logged: Logged, tokens: _Tokens, record: Record, check: Check) -> bool:
    if tokens.take(logged):
        return True
    if record.unseen_slots_before(logged.index) > tokens.excused:
        tokens.excused += 1
        check.unjudged += 1
        return True
    return False


def _may_have_won(accept: Logged | None, record: Record) -> bool:
    """Whether an accept, or the offer behind it, may be among what was not given."""
    return accept is None or (accept.entry.kind in ANSWERS and record.earlier(accept.entry.re, accept.index) is None)


def _check_grant(
    logged: Logged,
    won: dict[str, tuple[Logged, Logged]],
    granted: dict[str, Logged],
    record: Record,
    check: Check,
) -> None:
    grant = logged.entry
    found = won.get(grant.re or "")
    if found is None:
        if _may_have_won(record.earlier(grant.re, logged.index), record) and record.unseen_slots_before(logged.index):
            check.unjudged += 1
            return
        raise RemoteError("chain", "no accept that had won stands before this grant")
    offer, accept = found
    if accept.entry.kind != "accept" or grant.ref != offer.entry.id:
        raise RemoteError("chain", "a grant follows the accept of its own offer", ref=offer.entry.id)
    if (grant.sender, grant.recipient) != (offer.entry.sender, offer.entry.recipient):
        parties = {"sender": offer.entry.sender, "recipient": offer.entry.recipient}
        raise RemoteError("chain", "a grant goes from the former holder to the winner", **parties)
    if grant.epoch != offer.entry.epoch + 1:
        raise RemoteError("chain", "the epoch of a grant is that of the new custody", epoch=offer.entry.epoch + 1)
    first = granted.setdefault(offer.entry.id, logged)
    if first is not logged:
        raise RemoteError("chain", "a second grant of one offer", leaf=first.index)
