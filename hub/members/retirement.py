"""What keeps a member from being retired: custody that the log shows with it, and what it still owes to others.

Which offers belong to one case is sealed, so custody is followed as a whole, as the audit does: an offer that the
member accepted, or one of its own that came back, is a case that it holds at the next epoch, until an offer of its own
at that epoch or above takes it on. The number is right among honest members; which of several cases went is a guess.
"""

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from typing import Final, cast

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from hub.errors import EnrolmentError
from hub.models import LoggedEntry, LogLeaf
from protocol.entry import Entry, read_entry


@dataclass(slots=True)
class Ties:
    """Ids of offers, in the order of the log."""

    #: Offers that brought the cases which the member holds, or that came back to it.
    held: list[str] = field(default_factory=list)
    #: Offers to it without an answer.
    unanswered: list[str] = field(default_factory=list)
    #: Its own offers without an answer: the case is still its own.
    offered: list[str] = field(default_factory=list)
    #: Its own offers that were accepted, and whose grant is not in the log: the identity is still with it.
    ungranted: list[str] = field(default_factory=list)


_WORDS: Final = {
    "held": "it holds {} cases (they came by the offers {})",
    "unanswered": "{} offers to it are unanswered ({})",
    "offered": "{} of its own offers are unanswered ({})",
    "ungranted": "{} of its own offers were accepted, and their grants are not in the log ({})",
}


def check_untied(session: Session, party: str) -> None:
    """Raise EnrolmentError, which tells how many and which, if anything ties the member to a case."""
    ties = ties_of(session, party)
    words = []
    for name, form in _WORDS.items():
        ids: list[str] = getattr(ties, name)
        if ids:
            words.append(form.format(len(ids), ", ".join(ids)))
    if words:
        raise EnrolmentError(f"{party} cannot be retired: {'; '.join(words)}")


def ties_of(session: Session, party: str) -> Ties:
    """Return what the log shows of a member's cases. Reads all its offers: for an operator, not for a request."""
    ties, events = Ties(), []
    granted = set(session.scalars(select(LoggedEntry.ref).filter_by(kind="grant", sender=party)))
    offer, answer = aliased(LoggedEntry), aliased(LoggedEntry)
    query = (
        select(offer.index, offer.jws, answer.index, answer.kind)
        .outerjoin(LogLeaf, LogLeaf.slot == offer.answer_slot)
        .outerjoin(answer, answer.index == LogLeaf.index)
        .where(offer.kind == "offer", or_(offer.sender == party, offer.recipient == party))
        .order_by(offer.index)
    )
    # The outer join gives no answer where there is none, which the types of its columns do not say.
    rows = cast("list[tuple[int, str, int | None, str | None]]", session.execute(query).all())
    for index, raw, answered_at, kind in rows:
        entry = read_entry(raw).entry
        own = entry.sender == party
        if own:
            events.append((index, entry, False))
        if answered_at is None:
            (ties.offered if own else ties.unanswered).append(entry.id)
        elif own == (kind != "accept"):
            events.append((answered_at, entry, True))
        elif own and entry.id not in granted:
            ties.ungranted.append(entry.id)
    ties.held = _held(events)
    return ties


def _held(events: list[tuple[int, Entry, bool]]) -> list[str]:
    """Return the offers of the cases that are left when each `(leaf, offer, comes)` was followed in order."""
    tokens: list[tuple[int, int, str]] = []
    for index, entry, comes in sorted(events, key=lambda event: event[0]):
        if comes:
            insort(tokens, (entry.epoch + 1, index, entry.id))
        elif entry.epoch:
            # The newest that is not above this epoch: the older ones fit more offers to come. At epoch 0 it is a case
            # of the member's own, of whose filing no entry tells.
            at = bisect_right(tokens, entry.epoch, key=lambda token: token[0])
            del tokens[max(at - 1, 0) : at]
    return [entry_id for _, _, entry_id in sorted(tokens, key=lambda token: token[1])]
