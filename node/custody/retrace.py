"""An origin that lost the record of a complaint makes it again, of what its present custodian reports."""

from sqlalchemy import select

from node.cases.tracked import UNCLAIMED, hops_json
from node.custody.arrival import Arrival
from node.models.cases import Case, Tracked
from node.models.sync import LostCase, OutboxEntry
from node.sync.rows import alarm
from protocol.content import Progress
from protocol.entry import read_entry
from protocol.errors import RemoteError


def retrace(arrival: Arrival, progress: Progress) -> Tracked:
    """Return the record made again; raise RemoteError("thread") unless the chain begins with an offer we forgot.

    The chain must be proven. Content and mailbox are not known any more; the reporter's receipt code brings the
    mailbox, and by its return reference claims this record and no other (docs/adr/0013).
    """
    session, return_ref = arrival.session, arrival.entry.ref or ""
    first = read_entry(progress.hops[0].offer).entry if progress.hops else None
    ours = None if first is None else session.scalar(select(OutboxEntry).where(OutboxEntry.entry_id == first.id))
    known = None if first is None else session.scalar(select(Case).where(Case.offer_id == first.id))
    if first is None or ours is None or known is not None:
        raise RemoteError("thread", "no complaint was filed here under this return reference")
    if session.get(Tracked, progress.number) is not None:
        raise RemoteError("id-reused", "the number stands on another complaint of this office")
    found = Tracked(
        number=progress.number,
        form_id=first.id,
        lookup_h=UNCLAIMED + return_ref,
        return_ref=return_ref,
        mailbox=b"",
        own_file=b"",
        filed_at=first.at,
        custodian=arrival.entry.sender,
        hops=hops_json(progress.hops),
        state=progress.state,
        due_at=progress.due_at,
    )
    session.add(found)
    lost = session.scalar(select(LostCase).where(LostCase.number == progress.number))
    if lost is not None:
        lost.found = arrival.entry.sender
    alarm(
        session, "chain", f"the lost record of {progress.number} was made again: {found.custodian} has it", arrival.now
    )
    session.flush()
    return found
