"""Checks of links: positions, forks, receipts and incarnations (sections 4 and 8)."""

from collections import defaultdict

from audit.findings import Check
from audit.record import Logged, Record
from keys import b64u
from protocol.content import read_receipt_body
from protocol.custody import check_incarnation
from protocol.errors import RemoteError

_Link = tuple[str, str]


def check_links(record: Record, check: Check) -> None:
    """Look at every link from position 1 on, in the order of the log."""
    _check_ids(record, check)
    for entries in _by_link(record).values():
        _check_positions(entries, record, check)
    _check_receipts(record, check)
    _check_incarnations(record, check)


def _by_link(record: Record) -> dict[_Link, list[Logged]]:
    links: defaultdict[_Link, list[Logged]] = defaultdict(list)
    for logged in record.entries:
        links[logged.entry.sender, logged.entry.recipient].append(logged)
    return links


def _check_positions(entries: list[Logged], record: Record, check: Check) -> None:
    """Each position once and in turn; a gap must fit into the unseen leaves between its two sides."""
    taken: dict[int, Logged] = {}
    last, last_index = 0, -1
    for logged in entries:
        check.checked += 1
        seq = logged.entry.seq
        first = taken.setdefault(seq, logged)
        if first is not logged:
            _tell_fork(first, logged, check)
            continue
        missing = seq - last - 1
        if missing < 0:
            check.fail(logged.file, "seq", "logged after a later position of its link", last=last)
        elif missing > record.unseen_before(logged.index, last_index):
            check.fail(logged.file, "seq", "positions before this one are not in the log", next=last + 1)
        elif missing:
            check.unjudged += missing
        if missing >= 0:
            last, last_index = seq, logged.index


def _tell_fork(first: Logged, second: Logged, check: Check) -> None:
    evidence = {
        "first": {"leaf": first.index, "file": first.file, "h": b64u.encode(first.signed.digest)},
        "second": {"leaf": second.index, "file": second.file, "h": b64u.encode(second.signed.digest)},
    }
    same = first.signed.raw == second.signed.raw
    detail = "the same entry was logged twice" if same else "equivocation: two signed entries at one position of a link"
    check.fail(second.file, "seq", detail, **evidence)


def _check_ids(record: Record, check: Check) -> None:
    for logged in record.entries:
        first = record.by_id[logged.entry.id]
        if first.index != logged.index and first.signed.raw != logged.signed.raw:
            check.fail(logged.file, "id-reused", "the id stands already on another entry", leaf=first.index)


def _check_receipts(record: Record, check: Check) -> None:
    """A receipt confirms only what stood on the link before it."""
    highest: defaultdict[_Link, int] = defaultdict(int)
    for logged in record.entries:
        entry = logged.entry
        highest[entry.sender, entry.recipient] = max(highest[entry.sender, entry.recipient], entry.seq)
        if entry.kind != "receipt":
            continue
        with check.reading(logged.file):
            known = highest[entry.recipient, entry.sender]
            upto = read_receipt_body(entry.body)
            if upto > known + record.unseen_before(logged.index):
                raise RemoteError("seq", "a receipt for more than was sent", upto=known)
            check.unjudged += upto > known


def _check_incarnations(record: Record, check: Check) -> None:
    """After a fence its node speaks under no older incarnation, and fences rise, which the leaves alone tell."""
    for index, leaf in sorted(record.log.leaves.items()):
        if leaf.fence is not None:
            fenced = record.log.fence_before(leaf.fence.node, index)
            if leaf.fence.inc <= fenced:
                place = record.log.place(index)
                check.fail(place, "incarnation", "a fence that is not above the last", above=fenced)
    for logged in record.entries:
        if logged.entry.kind != "fence":
            with check.reading(logged.file):
                check_incarnation(logged.entry, logged.index, record.log)
