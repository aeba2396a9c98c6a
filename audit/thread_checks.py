"""Who reports on one thread must have had the case one after the other (section 8).

A filing has no entry, so an origin that hands one filing over twice, each time in a slot of its own, looks like one
that had two. But both custodians report on the return reference of the one filing; and no accepted hand-over leads from
one of them to the other.
"""

from collections import defaultdict
from typing import Final

from audit.findings import Check
from audit.record import Logged, Record
from keys import b64u

_REPORTS: Final = frozenset({"progress", "reply"})
#: An offer and its accept.
_Hop = tuple[Logged, Logged]
_Thread = tuple[str, str]


def check_threads(record: Record, hops: list[_Hop], check: Check) -> None:
    """Look at every thread on which several parties report to its origin; `hops` are all accepted hand-overs."""
    ways = _Ways(hops)
    for reports in _first_reports(record).values():
        for at, later in enumerate(reports):
            for earlier in reports[:at]:
                check.checked += 1
                if ways.joined(earlier, later):
                    continue
                if record.unseen_slots:
                    check.unjudged += 1
                else:
                    _tell(ways, earlier, later, check)


def _first_reports(record: Record) -> dict[_Thread, list[Logged]]:
    """Return by (origin, return reference) the first report of each party, in the order of the log."""
    found: defaultdict[_Thread, dict[str, Logged]] = defaultdict(dict)
    # An ombudsman that was referred to has the reporter's own file, and no custody.
    referred = {
        (e.entry.sender, e.entry.ref or "", e.entry.recipient) for e in record.entries if e.entry.kind == "refer"
    }
    for logged in record.counting:
        entry = logged.entry
        thread = (entry.recipient, entry.ref or "")
        if entry.kind in _REPORTS and (*thread, entry.sender) not in referred:
            found[thread].setdefault(entry.sender, logged)
    return {thread: list(parties.values()) for thread, parties in found.items()}


class _Ways:
    """How a case may have come from one party to another by hand-overs that follow on in the log."""

    def __init__(self, hops: list[_Hop]) -> None:
        self._hops: Final = sorted(hops, key=lambda hop: hop[0].index)
        self._reached: Final[dict[str, dict[str, int]]] = {}

    def joined(self, one: Logged, other: Logged) -> bool:
        """Whether a case may have gone from the maker of either report to that of the other before it reported."""
        return self._leads(one, other) or self._leads(other, one)

    def brought(self, report: Logged) -> Logged | None:
        """Return the newest accepted offer to the maker of a report before it."""
        to = report.entry.sender
        found = [offer for offer, accept in self._hops if offer.entry.recipient == to and accept.index < report.index]
        return found[-1] if found else None

    def _leads(self, one: Logged, other: Logged) -> bool:
        reached = self._reached.get(one.entry.sender)
        if reached is None:
            reached = self._reached[one.entry.sender] = self._from(one.entry.sender)
        return reached.get(other.entry.sender, other.index) < other.index

    def _from(self, party: str) -> dict[str, int]:
        """Return who can have had a case after `party`, each with the leaf of the earliest accept."""
        reached = {party: -1}
        for offer, accept in self._hops:
            since = reached.get(offer.entry.sender)
            if since is not None and since < offer.index:
                to = offer.entry.recipient
                reached[to] = min(accept.index, reached.get(to, accept.index))
        return reached


def _tell(ways: _Ways, earlier: Logged, later: Logged, check: Check) -> None:
    first, second = ways.brought(earlier), ways.brought(later)
    if first is None or second is None:
        # Who reports and never took anything over made no second custodian; it is nobody's custody.
        return
    evidence = {
        name: {"leaf": one.index, "offer": one.entry.id, "to": one.entry.recipient, "h": b64u.encode(one.signed.digest)}
        for name, one in (("first", first), ("second", second))
    }
    detail = "custody was forked: two that did not get the case from each other report on one thread"
    reports = [earlier.index, later.index]
    check.fail(later.file, "chain", detail, origin=later.entry.recipient, reports=reports, **evidence)
