"""Checks of single entries: form, signature, leaf; and from whom to whom each kind may go (section 4)."""

from collections.abc import Iterator
from typing import Final

import orjson

from audit.findings import Check
from audit.log import ReadLog
from audit.log_checks import Progress
from audit.record import Logged, Record
from audit.source import Source
from protocol.canonical import JsonValue
from protocol.content import read_receipt_body, read_ruling_body
from protocol.directory import Directory, DirectoryHistory, Kind, Use
from protocol.entry import MAX_ENTRY_BYTES, Entry, SignedEntry, read_entry
from protocol.errors import RemoteError
from protocol.kinds import Way
from protocol.leaf import Leaf, leaf_of
from protocol.merkle import MAX_SIZE
from protocol.shape import array, integer, object_of, text

_MAX_ITEMS: Final = 65_536
#: Which key of the recipient a part is sealed to; `reply` and `file` are sealed to a mailbox that nobody else knows.
_USES: Final = {"case": Use.CASE, "message": Use.CASE, "identity": Use.IDENTITY}


def check_entries(
    source: Source, log: ReadLog, history: DirectoryHistory, check: Check, progress: Progress
) -> list[Logged]:
    """Return the entries that proved to be their leaves', in the order of the log."""
    found: dict[int, Logged] = {}
    for path in source.entry_files(log.claimed):
        progress("entries", len(found), log.claimed)
        for index, raw in _read_file(source, path, check):
            place = f"{path} index {index}"
            with check.reading(place):
                logged = Logged(index, _proven(index, raw, log, history), place)
                if index not in found:
                    found[index] = logged
    return [found[index] for index in sorted(found)]


def _read_file(source: Source, path: str, check: Check) -> Iterator[tuple[int, str]]:
    for place, item in read_items(source, path, check):
        try:
            entry = object_of(item, ("index", "jws"))
            yield integer(entry["index"], 0, MAX_SIZE), text(entry["jws"], max_chars=MAX_ENTRY_BYTES)
        except RemoteError as error:
            check.checked += 1
            check.fail(place, error.rule.name, error.detail, **error.expected)


def read_items(source: Source, path: str, check: Check) -> Iterator[tuple[str, JsonValue]]:
    """Return the items of a file `{"entries":[…]}`, each with its place; what is wrong with the file is a finding."""
    items: list[JsonValue] = []
    with check.reading(path):
        check.checked -= 1  # A file is no entry; only its own faults are told here.
        raw = source.file(path)
        if raw is None:
            check.fail(path, "missing", "entries that were announced are not there")
            return
        items = array(object_of(_json(raw), ("entries",))["entries"], _MAX_ITEMS)
    for at, item in enumerate(items):
        yield f"{path} item {at}", item


def _json(raw: bytes) -> JsonValue:
    """Parse JSON of any form: the entries inside are what is signed."""
    try:
        value: JsonValue = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RemoteError("members", f"not JSON, at character {error.pos}") from None
    return value


def _proven(index: int, raw: str, log: ReadLog, history: DirectoryHistory) -> SignedEntry:
    """Return the entry; raise RemoteError where form, key, signature or leaf is wrong."""
    unverified = read_entry(raw)
    signed = unverified.verify(history.signing_key(unverified.entry.sender, unverified.kid, index))
    leaf, own = log.leaves.get(index), leaf_of(signed)
    if leaf is None:
        raise RemoteError("tree", "no leaf that was read and that the checkpoint covers has this index")
    if leaf != own:
        raise RemoteError("tree", "the leaf is not this entry's", differs=_difference(leaf, own))
    return signed


def _difference(leaf: Leaf, own: Leaf) -> list[str]:
    pairs = {
        "h": (leaf.h, own.h),
        "slot": (leaf.slot, own.slot),
        "dir": (leaf.directory, own.directory),
        "fence": (leaf.fence, own.fence),
    }
    return [name for name, (one, other) in pairs.items() if one != other]


def check_all_given(record: Record, check: Check) -> None:
    """Every leaf of an entry must have its entry: for who was promised all of them."""
    for index in record.unseen:
        check.fail(record.log.place(index), "missing", "the entry of this leaf was not given, or is not proven")


def check_kinds(record: Record, check: Check) -> None:
    """Look at sender, recipient, clear body and sealing keys of every entry, by the directory in force at its leaf."""
    for logged in record.entries:
        with check.reading(logged.file):
            directory = record.directory_at(logged.index)
            _check_way(logged.entry, directory)
            _check_body(logged.entry, directory)
            _check_parts(logged.entry, directory)


def _check_way(entry: Entry, directory: Directory) -> None:
    if entry.rule.way is Way.FROM_HUB:
        if entry.sender != directory.hub:
            raise RemoteError("kind", "only the hub says this", sender=directory.hub)
        directory.member(entry.recipient)
        return
    sender = directory.member(entry.sender)
    if entry.rule.way is Way.TO_HUB:
        # A plan goes to the parent as well.
        if entry.recipient != directory.hub and not (entry.kind == "plan" and entry.recipient == sender.parent):
            raise RemoteError("kind", "this kind is addressed to the hub", to=directory.hub)
        return
    recipient = directory.member(entry.recipient)
    if entry.rule.way is Way.TO_TRIAGE and recipient.kind is not Kind.TRIAGE:
        raise RemoteError("kind", "this kind is addressed to triage")
    if entry.rule.way is Way.FROM_TRIAGE and sender.kind is not Kind.TRIAGE:
        raise RemoteError("kind", "only triage says this")
    if entry.kind == "offer" and not recipient.takes_offers:
        raise RemoteError("closed", "the recipient takes no offers")


def _check_body(entry: Entry, directory: Directory) -> None:
    if entry.kind == "ruling":
        directory.member(read_ruling_body(entry.body))
    elif entry.kind == "receipt":
        read_receipt_body(entry.body)


def _check_parts(entry: Entry, directory: Directory) -> None:
    for purpose, name in entry.parts.items():
        use = _USES.get(purpose)
        if use is not None and not directory.member(entry.recipient).has_key(name.kid, use):
            raise RemoteError("part-key", "sealed to no key that was open for the recipient and this use", part=purpose)
