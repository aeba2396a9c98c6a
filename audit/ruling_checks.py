"""Checks of threads that bind: asks and rulings, consults and opinions, offers under a ruling (section 8)."""

from collections import defaultdict

from audit.findings import Check
from audit.record import Logged, Record
from protocol.content import read_ruling_body
from protocol.errors import RemoteError

#: kind -> the kind that it answers.
_REPLIES = {"ruling": "ask", "opinion": "consult"}


def check_rulings(record: Record, offers: dict[int, Logged], check: Check) -> None:
    """Look at every ruling, opinion and offer under a ruling; `offers` are those of the fitting answers, by leaf."""
    answered: dict[str, str] = {}
    under: defaultdict[str, list[Logged]] = defaultdict(list)
    for logged in record.counting:
        entry = logged.entry
        if logged.index in offers:
            answered.setdefault(offers[logged.index].entry.id, entry.kind)
        elif entry.kind in _REPLIES:
            with check.reading(logged.file):
                _check_reply(logged, record, check)
        elif entry.kind == "offer" and entry.re is not None:
            with check.reading(logged.file):
                _check_obeys(logged, record, check)
                _check_alone(under[entry.re], answered)
            under[entry.re].append(logged)


def _check_reply(logged: Logged, record: Record, check: Check) -> None:
    entry, kind = logged.entry, _REPLIES[logged.entry.kind]
    asked = record.earlier(entry.ref, logged.index)
    if asked is None and record.unseen_before(logged.index):
        check.unjudged += 1
    elif (
        asked is None
        or asked.entry.kind != kind
        or (asked.entry.sender, asked.entry.recipient) != (entry.recipient, entry.sender)
    ):
        raise RemoteError("thread", f"ref names the {kind} that came from the recipient")


def _check_obeys(logged: Logged, record: Record, check: Check) -> None:
    entry = logged.entry
    ruling = record.earlier(entry.re, logged.index)
    if ruling is None and record.unseen_before(logged.index):
        check.unjudged += 1
        return
    if ruling is None or ruling.entry.kind != "ruling" or ruling.entry.recipient != entry.sender:
        raise RemoteError("binding", "re names no ruling that was given to the sender before")
    named = read_ruling_body(ruling.entry.body)
    if named != entry.recipient:
        raise RemoteError("binding", "the ruling names another member", to=named)


def _check_alone(earlier: list[Logged], answered: dict[str, str]) -> None:
    for other in earlier:
        # A recall takes the offer back, and with it the use of the ruling; an accept uses it up.
        if answered.get(other.entry.id) != "recall":
            raise RemoteError("binding", "another offer stands under this ruling already", leaf=other.index)
