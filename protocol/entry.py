"""Entries: what one party says to another (docs/protocol.md section 4)."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from keys import b64u
from keys.signing import SigningKey, VerifyKey
from protocol import jws
from protocol.attachment import FileName, read_file_names
from protocol.canonical import JsonValue
from protocol.errors import LocalError, RemoteError
from protocol.kinds import KINDS, KindRule, Thread
from protocol.party import HASH_BYTES, ID_BYTES, MAX_U32, hash_of, id_of, party_of, position_of, time_of
from protocol.seal import PartName, read_part_name
from protocol.shape import integer, object_of, text

TYPE: Final = "simpul-entry+jws"
#: Bytes of one entry's JWS. Plans are the largest; everything with content travels as parts.
MAX_ENTRY_BYTES: Final = 262_144
_COMMON: Final = ("v", "id", "from", "to", "seq", "inc", "at", "kind", "ref")


def new_id() -> str:
    """Return a fresh id: b64u of 16 random bytes."""
    return b64u.encode(secrets.token_bytes(ID_BYTES))


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A log's size and root that a party had read: `{"root":b64u,"size":n}`."""

    size: int
    root: bytes

    def wire(self) -> dict[str, JsonValue]:
        """Return the wire form."""
        return {"root": b64u.encode(self.root), "size": self.size}


def read_tree_head(value: JsonValue) -> TreeHead:
    """Parse a tree head; raise RemoteError("members")."""
    found = object_of(value, ("root", "size"))
    return TreeHead(position_of(found["size"]), b64u.decode(hash_of(found["root"]), size=HASH_BYTES))


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, unsigned.

    Wire form (the payload of a `simpul-entry+jws`), with the members of its kind and no others:
    `{"at":…,"epoch":0,"from":"jabar","id":…,"inc":1,"kind":"offer","parts":{"case":{…}},"re":null,"ref":…,
    "seen":{"root":…,"size":7},"seq":1,"slot":…,"to":"kemnaker","v":1}`.
    """

    id: str
    sender: str
    recipient: str
    seq: int
    inc: int
    at: int
    kind: str
    ref: str | None
    parts: Mapping[str, PartName]
    epoch: int = 0
    slot: str | None = None
    re: str | None = None
    seen: TreeHead | None = None
    body: Mapping[str, JsonValue] | None = None
    #: Attachments; the member is left out where there are none, so that one statement has one form.
    files: tuple[FileName, ...] = ()

    @property
    def rule(self) -> KindRule:
        """The row of the kinds table."""
        return KINDS[self.kind]

    def at_position(self, seq: int, inc: int, now: int, seen: "TreeHead | None" = None) -> Self:
        """Return the same statement at another position of its link, or made afresh under another incarnation.

        `seen` is what its maker has read by now; only custody kinds tell it.
        """
        return replace(self, seq=seq, inc=inc, at=now, seen=(seen or self.seen) if self.rule.custody else None)

    def payload(self) -> dict[str, JsonValue]:
        """Return the wire form."""
        rule = self.rule
        wire: dict[str, JsonValue] = {
            "v": 1,
            "id": self.id,
            "from": self.sender,
            "to": self.recipient,
            "seq": self.seq,
            "inc": self.inc,
            "at": self.at,
            "kind": self.kind,
            "ref": self.ref,
        }
        if rule.custody:
            if self.seen is None:
                raise LocalError("a custody entry says which log its maker had read")
            wire |= {"epoch": self.epoch, "seen": self.seen.wire(), "re": self.re}
        if rule.slot:
            wire["slot"] = self.slot
        if rule.parts:
            wire["parts"] = {purpose: name.wire() for purpose, name in self.parts.items()}
        if rule.body:
            wire["body"] = dict(self.body or {})
        if self.files:
            wire["files"] = [name.wire() for name in self.files]
        return wire

    def sign(self, key: SigningKey) -> "SignedEntry":
        """Sign, and read back what was signed: nothing leaves that our own reader would refuse (LocalError)."""
        raw = jws.sign(key, TYPE, self.payload())
        try:
            return read_entry(raw).verify(key.public)
        except RemoteError as error:
            raise LocalError(f"an entry that no reader would take: {error}") from error


@dataclass(frozen=True, slots=True)
class SignedEntry:
    """An entry whose signature was verified, with the received bytes. Whose key it was is the caller's check."""

    entry: Entry
    raw: str
    kid: str

    @property
    def digest(self) -> bytes:
        """H(entry JWS), 32 bytes: what the log's leaf holds."""
        return jws.digest(self.raw)


@dataclass(frozen=True, slots=True)
class UnverifiedEntry:
    """A well-formed entry; nothing is known yet about who made it."""

    entry: Entry
    token: jws.Unverified

    @property
    def kid(self) -> str:
        """The key that it claims."""
        return self.token.kid

    def verify(self, key: VerifyKey) -> SignedEntry:
        """Return the entry with its signature verified under `key`; raise RemoteError("signature")."""
        verified = self.token.verify(key)
        return SignedEntry(self.entry, verified.raw, verified.kid)


def read_entry(raw: str | bytes) -> UnverifiedEntry:
    """Parse an entry; raise RemoteError naming the rule that its form breaks."""
    token = jws.read(raw, TYPE, max_bytes=MAX_ENTRY_BYTES)
    return UnverifiedEntry(_parse(token.payload), token)


def _parse(payload: JsonValue) -> Entry:
    if not isinstance(payload, dict):
        raise RemoteError("members", "an entry is an object")
    kind = payload.get("kind")
    rule = KINDS.get(kind) if isinstance(kind, str) else None
    if rule is None:
        raise RemoteError("kind", "no such kind of entry", kinds=sorted(KINDS))
    found = object_of(payload, _COMMON + _own_members(rule), optional=("files",) if rule.files else ())
    if integer(found["v"], 1, MAX_U32) != 1:
        raise RemoteError("members", "a version that this party does not speak", v=1)
    entry = Entry(
        id=id_of(found["id"]),
        sender=party_of(found["from"]),
        recipient=party_of(found["to"]),
        seq=integer(found["seq"], 1, MAX_U32),
        inc=integer(found["inc"], 1, MAX_U32),
        at=time_of(found["at"]),
        kind=text(found["kind"], max_chars=16),
        ref=None if found["ref"] is None else id_of(found["ref"]),
        parts=_parts(found.get("parts", {}), rule),
        epoch=integer(found.get("epoch", 0), 0, MAX_U32),
        slot=id_of(found["slot"]) if rule.slot else None,
        re=None if found.get("re") is None else id_of(found["re"]),
        seen=read_tree_head(found["seen"]) if rule.custody else None,
        body=_body(found["body"]) if rule.body else None,
        files=read_file_names(found["files"]) if "files" in found else (),
    )
    _check_threads(entry)
    return entry


def _own_members(rule: KindRule) -> tuple[str, ...]:
    return (
        (("epoch", "seen", "re") if rule.custody else ())
        + (("slot",) if rule.slot else ())
        + (("parts",) if rule.parts else ())
        + (("body",) if rule.body else ())
    )


def _parts(value: JsonValue, rule: KindRule) -> dict[str, PartName]:
    if not rule.parts:
        return {}
    found = object_of(value, sorted(rule.parts), optional=sorted(rule.optional_parts))
    return {purpose: read_part_name(name) for purpose, name in found.items()}


def _body(value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise RemoteError("members", "body is an object")
    return value


def _check_threads(entry: Entry) -> None:
    """Raise RemoteError where parties, `ref` or `re` cannot be right whatever else is known."""
    thread = entry.rule.thread
    if entry.sender == entry.recipient:
        raise RemoteError("kind", "nobody writes to itself")
    if (entry.ref is None) != (thread is Thread.NONE):
        raise RemoteError("thread", f"{entry.kind} refers to: {thread}")
    if thread is Thread.OWN and entry.ref != entry.id:
        raise RemoteError("thread", f"an {entry.kind} opens its own thread: ref is its id")
    if entry.kind in {"accept", "reject", "recall"} and entry.re != entry.ref:
        raise RemoteError("answer", "an answer names its offer in ref and in re")
    if entry.kind == "grant" and entry.re is None:
        raise RemoteError("thread", "a grant names the accept that it follows in re")
