"""Evidence of equivocation: a second signed text for a position of a link at which another entry is logged.

A party that was restored reads what it said and goes on at the next free positions, so it gives none of this. One that
was set back without noticing may; a person must tell it from one that says two things.
"""

from collections.abc import Iterable

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from hub.models import Equivocation, LoggedEntry
from hub.sync.ledger import Ledger
from protocol.entry import Entry, SignedEntry


def keep_evidence(session: Session, ledger: Ledger, refused: Iterable[SignedEntry], now: int) -> list[Entry]:
    """Store what contradicts the log, one text a position, and return the entries that did; for the write lock.

    A copy from before a fence, or of an older incarnation than the logged entry, contradicts nothing: what was never
    logged was made afresh since.
    """
    found = []
    for signed in refused:
        entry = signed.entry
        if entry.seq < ledger.next_seq(entry.recipient) and entry.inc >= max(ledger.fenced, _inc_at(session, entry)):
            found.append(entry)
            _keep(session, signed, now)
    return found


def _inc_at(session: Session, entry: Entry) -> int:
    """Return the incarnation of the entry that is logged at the same position."""
    place = (
        LoggedEntry.sender == entry.sender,
        LoggedEntry.recipient == entry.recipient,
        LoggedEntry.seq == entry.seq,
    )
    return session.scalars(select(LoggedEntry.inc).where(*place)).one()


def _keep(session: Session, signed: SignedEntry, now: int) -> None:
    entry = signed.entry
    place = {"sender": entry.sender, "recipient": entry.recipient, "seq": entry.seq}
    if session.scalars(select(Equivocation.h).filter_by(**place)).one_or_none() is None:
        session.execute(insert(Equivocation).values(h=signed.digest, jws=signed.raw, at=now, **place))
