"""Checks of the texts that the hub refused for positions that were used: evidence against who signed (section 4)."""

from collections.abc import Iterator
from typing import Final

from audit.entry_checks import read_items
from audit.findings import Check, Report
from audit.record import Logged, Record
from audit.source import Source
from keys import b64u
from protocol.directory import DirectoryHistory
from protocol.entry import MAX_ENTRY_BYTES, SignedEntry, read_entry
from protocol.errors import RemoteError
from protocol.merkle import MAX_SIZE
from protocol.party import time_of
from protocol.shape import integer, object_of, text

_DETAIL: Final = (
    "equivocation: its signer made two texts for one position of a link. It says two things, or it was set back and "
    "did not notice: ask it, and let it start anew behind a fence. Who is restored by the rules goes on at the next "
    "free position and never does this. That the second text came after the first was logged is the hub's word"
)


def check_equivocation(source: Source, record: Record, report: Report) -> None:
    """Judge every text below equivocations/; where there is none the check is left out of the report."""
    check, logged = report.checks["equivocation"], {each.index: each for each in record.entries}
    for path in source.equivocation_files(record.log.claimed):
        for at, index, raw in _read(source, path, check):
            place = f"{path} index {index}"
            with check.reading(place):
                first = logged.get(index)
                if first is None:
                    check.unjudged += 1
                else:
                    _tell(first, _proven(raw, first, record.history), at, place, check)
    if not check.checked and not check.findings:
        del report.checks["equivocation"]


def _read(source: Source, path: str, check: Check) -> Iterator[tuple[int, int, str]]:
    for place, item in read_items(source, path, check):
        with check.reading(place):
            check.checked -= 1  # It is counted where it is judged.
            found = object_of(item, ("at", "index", "jws"))
            raw = text(found["jws"], max_chars=MAX_ENTRY_BYTES)
            yield time_of(found["at"]), integer(found["index"], 0, MAX_SIZE), raw


def _proven(raw: str, first: Logged, history: DirectoryHistory) -> SignedEntry:
    """Return the other text; raise RemoteError where it is none, so that no hub accuses by a file alone."""
    unverified, logged = read_entry(raw), first.entry
    entry = unverified.entry
    try:
        key = history.signing_key(entry.sender, unverified.kid, first.index)
    except RemoteError:
        # It was never logged: its maker may have had a newer key by then.
        key = history.signing_key(entry.sender, unverified.kid)
    signed = unverified.verify(key)
    if (entry.sender, entry.recipient, entry.seq) != (logged.sender, logged.recipient, logged.seq):
        raise RemoteError("seq", "not a text for the position of the entry that it is to contradict", leaf=first.index)
    if signed.raw == first.signed.raw or entry.inc < logged.inc:
        raise RemoteError("seq", "the logged text itself, or one from before a restore: no contradiction")
    return signed


def _tell(first: Logged, second: SignedEntry, at: int, place: str, check: Check) -> None:
    entry = second.entry
    check.fail(
        place,
        "seq",
        _DETAIL,
        party=entry.sender,
        link=[entry.sender, entry.recipient],
        position=entry.seq,
        logged={"leaf": first.index, "h": b64u.encode(first.signed.digest)},
        refused={"at": at, "h": b64u.encode(second.digest)},
    )
