"""What can be judged of a pushed entry before the write lock: form, signature, kind, parties, parts, the log it saw.

Signatures are the costly half of the work, and nothing here can change until the entry is logged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hub.members.roster import Roster
from protocol import jws
from protocol.bundle import Request
from protocol.content import read_receipt_body, read_receipt_seen, read_ruling_body
from protocol.custody import LogView, check_head
from protocol.directory import Kind, Status, Use
from protocol.entry import Entry, SignedEntry, TreeHead, read_entry
from protocol.errors import RemoteError
from protocol.kinds import Way
from protocol.seal import check_part

#: Which key a part must be sealed to. The mailbox that `reply` and `file` are sealed to is unknown here.
_USES: Final = {"case": Use.CASE, "message": Use.CASE, "identity": Use.IDENTITY}

#: What is still on its way to a retired member comes, is confirmed, and goes after its case; each start is fenced.
_OF_RETIRED: Final = frozenset({"receipt", "message", "fence"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pushed entry: its hash, and either the entry, verified, or the rule that it broke.

    `refusal` may stand beside `signed`: whether the entry is logged already counts first.
    """

    h: bytes
    signed: SignedEntry | None = None
    refusal: RemoteError | None = None


def examine(raw: str, request: Request, roster: Roster, parts: Mapping[str, bytes], log: LogView) -> Candidate:
    """Return the candidate; never raises for what a peer wrote, so that one bad entry stops no other."""
    h = jws.digest(raw)
    try:
        signed = _verified(raw, request.node, roster)
    except RemoteError as refusal:
        return Candidate(h, None, refusal)
    try:
        _check(signed.entry, request.inc, roster, parts)
        seen = _seen(signed.entry)
        if seen is not None:
            # Leaves are never taken back, so what the log was before the write lock it is under it.
            check_head(seen, log)
    except RemoteError as refusal:
        return Candidate(h, signed, refusal)
    return Candidate(h, signed)


def _seen(entry: Entry) -> TreeHead | None:
    return read_receipt_seen(entry.body) if entry.kind == "receipt" else entry.seen


def _verified(raw: str, node: str, roster: Roster) -> SignedEntry:
    unverified = read_entry(raw)
    if unverified.entry.sender != node:
        raise RemoteError("party", "an entry is pushed by the party that it is from")
    return unverified.verify(roster.signing_key(node, unverified.kid))


def _check(entry: Entry, inc: int, roster: Roster, parts: Mapping[str, bytes]) -> None:
    if entry.inc != inc:
        raise RemoteError("incarnation", "the entry was made under another incarnation than the request", inc=inc)
    if roster.member(entry.sender).status is Status.RETIRED and entry.kind not in _OF_RETIRED:
        raise RemoteError("member", "the sender is retired: it confirms and passes on what it gets, and no more")
    _check_way(entry, roster)
    _check_body(entry, roster)
    if entry.kind == "offer" and not roster.member(entry.recipient).takes_offers:
        raise RemoteError("closed", "the recipient takes no offers")
    for file in entry.files:
        # What does not travel in bundles is looked for when the entry is logged.
        if file.bundled:
            check_part(file, _bundled(file.id, parts))
    for purpose, name in entry.parts.items():
        check_part(name, _bundled(name.id, parts))
        use = _USES.get(purpose)
        if use is not None and not roster.member(entry.recipient).has_key(name.kid, use):
            raise RemoteError("part-key", "the part is not sealed to an open key of the recipient for this use")


def _bundled(part: str, parts: Mapping[str, bytes]) -> bytes:
    content = parts.get(part)
    if content is None:
        raise RemoteError("part-missing", "a part that the entry names is not in the bundle", id=part)
    return content


def _check_way(entry: Entry, roster: Roster) -> None:
    way = entry.rule.way
    to_hub = entry.recipient == roster.hub
    if way is Way.FROM_HUB:
        raise RemoteError("kind", "only the hub says this")
    if way is Way.TO_HUB:
        # A plan goes to the parent as well, in an entry of its own.
        to_parent = entry.kind == "plan" and entry.recipient == roster.member(entry.sender).parent
        if not to_hub and not to_parent:
            raise RemoteError("kind", "this kind is addressed to the hub", to=roster.hub)
        return
    if to_hub:
        raise RemoteError("kind", "the hub is no party to this kind")
    recipient = roster.member(entry.recipient)
    if way is Way.TO_TRIAGE and recipient.kind is not Kind.TRIAGE:
        raise RemoteError("kind", "this kind is addressed to triage")
    if way is Way.FROM_TRIAGE and roster.member(entry.sender).kind is not Kind.TRIAGE:
        raise RemoteError("kind", "only triage says this")


def _check_body(entry: Entry, roster: Roster) -> None:
    if entry.kind == "ruling":
        roster.member(read_ruling_body(entry.body))
    elif entry.kind == "receipt":
        read_receipt_body(entry.body)
