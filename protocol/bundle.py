"""Bundles: the sync exchange as bytes (docs/protocol.md section 5). The same bytes may travel over HTTP or by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from keys import b64u
from keys.errors import EncodingError
from keys.signing import SigningKey, VerifyKey
from protocol import canonical, jws
from protocol.canonical import JsonValue
from protocol.entry import TreeHead, read_tree_head
from protocol.errors import LocalError, RemoteError
from protocol.party import HASH_BYTES, MAX_U32, hash_of, party_of, position_of
from protocol.seal import part_id
from protocol.shape import array, integer, object_of, text

MAX_BUNDLE_BYTES: Final = 8 * 1024 * 1024
MAX_BUNDLE_ENTRIES: Final = 256
_MAX_MANIFEST_BYTES: Final = 262_144
_MAX_NOTE_CHARS: Final = 65_536
_MAX_REASON_CHARS: Final = 32
_MAX_PROOF_HASHES: Final = 64
REQUEST_TYPE: Final = "simpul-request+jws"
ANSWER_TYPE: Final = "simpul-answer+jws"

Box = Literal["inbox", "sent", "slot"]
BOXES: Final[tuple[Box, ...]] = ("inbox", "sent", "slot")
PushState = Literal["ok", "dup", "gap", "bad", "part", "rekey", "lost", "closed"]
PUSH_STATES: Final[tuple[PushState, ...]] = ("ok", "dup", "gap", "bad", "part", "rekey", "lost", "closed")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What travels, unchecked inside: `{"entries":[JWS…],"manifest":JWS,"parts":{id:b64u}}`, canonical."""

    manifest: str
    entries: tuple[str, ...]
    parts: Mapping[str, bytes]

    def encode(self) -> bytes:
        """Return the wire bytes; raise LocalError over the limits."""
        raw = canonical.encode(
            {
                "manifest": self.manifest,
                "entries": list(self.entries),
                "parts": {name: b64u.encode(content) for name, content in self.parts.items()},
            }
        )
        if len(raw) > MAX_BUNDLE_BYTES or len(self.entries) > MAX_BUNDLE_ENTRIES:
            raise LocalError("a bundle over 8 MiB or 256 entries")
        return raw


def read_bundle(raw: bytes) -> Bundle:
    """Parse a bundle; raise RemoteError("too-large", "canonical", "members", "jws-form", "base64url" or "part-id").

    Each part is checked against its id here, so that no later code can mistake one for another. What stands in an entry
    is not read, but it is ASCII: everything else has no hash by which manifest and verdict could name it.
    """
    if len(raw) > MAX_BUNDLE_BYTES:
        raise RemoteError("too-large", "a bundle is at most 8 MiB", max_bytes=MAX_BUNDLE_BYTES)
    found = object_of(canonical.decode(raw, max_bytes=MAX_BUNDLE_BYTES), ("entries", "manifest", "parts"))
    entries = array(found["entries"], max_items=MAX_BUNDLE_ENTRIES)
    parts = found["parts"]
    if not isinstance(parts, dict):
        raise RemoteError("members", "parts is an object")
    return Bundle(
        manifest=text(found["manifest"], max_chars=_MAX_MANIFEST_BYTES),
        entries=tuple(_read_jws_text(entry) for entry in entries),
        parts={name: _read_part(name, value) for name, value in parts.items()},
    )


def _read_jws_text(value: JsonValue) -> str:
    entry = text(value, max_chars=MAX_BUNDLE_BYTES)
    if not entry.isascii():
        raise RemoteError("jws-form", "an entry is not ASCII")
    return entry


def _read_part(name: str, value: JsonValue) -> bytes:
    try:
        content = b64u.decode(text(value, max_chars=MAX_BUNDLE_BYTES))
    except EncodingError as error:
        raise RemoteError("base64url", "a part is not base64url") from error
    if part_id(content) != name:
        raise RemoteError("part-id", "a part does not hash to its id", id=name)
    return content


@dataclass(frozen=True, slots=True)
class Pull:
    """How far the node has each box, and how much it wants: `{"inbox":0,"max":256,"sent":0}`."""

    inbox: int
    sent: int
    max: int


@dataclass(frozen=True, slots=True)
class Request:
    """A node's manifest.

    Wire form: `{"cosig":null,"ctr":1,"entries":[H…],"floor":0,"hub":…,"inc":1,"node":…,"pull":{…},"seen":{…},"v":1}`.
    `floor` is the inbox position that the node's last verified backup covers; `cosig` a witness's note (a later step).
    """

    hub: str
    node: str
    inc: int
    ctr: int
    entries: tuple[bytes, ...]
    pull: Pull
    floor: int
    seen: TreeHead
    cosig: str | None = None

    def sign(self, key: SigningKey) -> str:
        """Return the manifest's JWS."""
        return jws.sign(
            key,
            REQUEST_TYPE,
            {
                "v": 1,
                "hub": self.hub,
                "node": self.node,
                "inc": self.inc,
                "ctr": self.ctr,
                "entries": [b64u.encode(h) for h in self.entries],
                "pull": {"inbox": self.pull.inbox, "sent": self.pull.sent, "max": self.pull.max},
                "floor": self.floor,
                "seen": self.seen.wire(),
                "cosig": self.cosig,
            },
        )


def read_request(manifest: str) -> tuple[Request, jws.Unverified]:
    """Parse a request manifest; the caller finds the key of `node` and verifies."""
    token = jws.read(manifest, REQUEST_TYPE, max_bytes=_MAX_MANIFEST_BYTES)
    names = ("v", "hub", "node", "inc", "ctr", "entries", "pull", "floor", "seen", "cosig")
    found = object_of(token.payload, names)
    _check_version(found["v"])
    pull = object_of(found["pull"], ("inbox", "sent", "max"))
    request = Request(
        hub=party_of(found["hub"]),
        node=party_of(found["node"]),
        inc=integer(found["inc"], 1, MAX_U32),
        ctr=integer(found["ctr"], 1, 2**53 - 1),
        entries=_hashes(found["entries"], MAX_BUNDLE_ENTRIES),
        pull=Pull(position_of(pull["inbox"]), position_of(pull["sent"]), integer(pull["max"], 0, MAX_BUNDLE_ENTRIES)),
        floor=position_of(found["floor"]),
        seen=read_tree_head(found["seen"]),
        cosig=None if found["cosig"] is None else text(found["cosig"], max_chars=_MAX_NOTE_CHARS),
    )
    return request, token


@dataclass(frozen=True, slots=True)
class Pushed:
    """The hub's word on one pushed entry: `{"id":…,"index":7,"pos":3,"reason":"","state":"ok"}`.

    `id` is b64u(H(entry JWS)): also an entry that cannot be parsed has one. `index` is the leaf (with `lost` the
    winning one), `pos` the position in the sender's own `sent` box; both null unless the hub knows them. `reason` is
    the name of the broken rule, or empty.
    """

    id: str
    state: PushState
    index: int | None = None
    pos: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pulled:
    """One entry of a box: `{"box":"inbox","h":…,"index":7,"pos":3}`; its JWS stands at the same place in `entries`.

    The entries of `inbox` and `sent` come in the order of the log. In `slot`, with `pos` 0, is what holds the slot of
    an offer that the same answer calls lost.
    """

    box: Box
    pos: int
    index: int
    h: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The hub's manifest.

    Wire form: `{"checkpoint":note,"consistency":[H…],"hub":…,"more":false,"node":…,"pull":[…],"push":[…],"req":H,
    "v":1}`.
    `consistency` proves the checkpoint from the request's `seen`.
    """

    hub: str
    node: str
    req: bytes
    push: tuple[Pushed, ...]
    pull: tuple[Pulled, ...]
    more: bool
    checkpoint: str
    consistency: tuple[bytes, ...]

    def sign(self, key: SigningKey) -> str:
        """Return the manifest's JWS."""
        return jws.sign(
            key,
            ANSWER_TYPE,
            {
                "v": 1,
                "hub": self.hub,
                "node": self.node,
                "req": b64u.encode(self.req),
                "push": [
                    {"id": p.id, "state": p.state, "index": p.index, "pos": p.pos, "reason": p.reason}
                    for p in self.push
                ],
                "pull": [{"box": p.box, "pos": p.pos, "index": p.index, "h": b64u.encode(p.h)} for p in self.pull],
                "more": self.more,
                "checkpoint": self.checkpoint,
                "consistency": [b64u.encode(h) for h in self.consistency],
            },
        )


def read_answer(manifest: str, key: VerifyKey) -> Answer:
    """Verify and parse the hub's manifest."""
    token = jws.read(manifest, ANSWER_TYPE, max_bytes=_MAX_MANIFEST_BYTES).verify(key)
    names = ("v", "hub", "node", "req", "push", "pull", "more", "checkpoint", "consistency")
    found = object_of(token.payload, names)
    _check_version(found["v"])
    if not isinstance(found["more"], bool):
        raise RemoteError("members", "more is true or false")
    return Answer(
        hub=party_of(found["hub"]),
        node=party_of(found["node"]),
        req=_hash(found["req"]),
        push=tuple(_pushed(item) for item in array(found["push"], max_items=MAX_BUNDLE_ENTRIES)),
        pull=tuple(_pulled(item) for item in array(found["pull"], max_items=MAX_BUNDLE_ENTRIES)),
        more=found["more"],
        checkpoint=text(found["checkpoint"], max_chars=_MAX_NOTE_CHARS),
        consistency=_hashes(found["consistency"], _MAX_PROOF_HASHES),
    )


def _pushed(value: JsonValue) -> Pushed:
    found = object_of(value, ("id", "state", "index", "pos", "reason"))
    state = next((known for known in PUSH_STATES if known == found["state"]), None)
    if state is None:
        raise RemoteError("members", "no such push state", states=list(PUSH_STATES))
    return Pushed(
        id=hash_of(found["id"]),
        state=state,
        index=None if found["index"] is None else position_of(found["index"]),
        pos=None if found["pos"] is None else position_of(found["pos"]),
        reason=text(found["reason"], max_chars=_MAX_REASON_CHARS),
    )


def _pulled(value: JsonValue) -> Pulled:
    found = object_of(value, ("box", "pos", "index", "h"))
    box = next((known for known in BOXES if known == found["box"]), None)
    if box is None:
        raise RemoteError("members", "no such box", boxes=list(BOXES))
    return Pulled(box, position_of(found["pos"]), position_of(found["index"]), _hash(found["h"]))


@dataclass(frozen=True, slots=True)
class Conflict:
    """A signed 409: what the hub knows of this node.

    Wire form: `{"ctr":9,"hub":…,"inc":1,"known":H,"node":…,"req":H,"v":1}`.
    `req` is H of the refused request, `known` H of the last one that counted (null if none).
    """

    hub: str
    node: str
    req: bytes
    ctr: int
    inc: int
    known: bytes | None

    def sign(self, key: SigningKey) -> str:
        """Return the JWS (typ simpul-answer+jws)."""
        known = None if self.known is None else b64u.encode(self.known)
        return jws.sign(
            key,
            ANSWER_TYPE,
            {
                "v": 1,
                "hub": self.hub,
                "node": self.node,
                "req": b64u.encode(self.req),
                "ctr": self.ctr,
                "inc": self.inc,
                "known": known,
            },
        )


def read_conflict(raw: str, key: VerifyKey) -> Conflict:
    """Verify and parse a signed 409."""
    token = jws.read(raw, ANSWER_TYPE, max_bytes=_MAX_MANIFEST_BYTES).verify(key)
    found = object_of(token.payload, ("v", "hub", "node", "req", "ctr", "inc", "known"))
    _check_version(found["v"])
    return Conflict(
        hub=party_of(found["hub"]),
        node=party_of(found["node"]),
        req=_hash(found["req"]),
        ctr=position_of(found["ctr"]),
        inc=position_of(found["inc"]),
        known=None if found["known"] is None else _hash(found["known"]),
    )


def check_manifest_entries(expected: Sequence[bytes], entries: Sequence[str]) -> None:
    """Raise RemoteError("manifest") unless the entries are the ones that the manifest signs, in order."""
    if [jws.digest(entry) for entry in entries] != list(expected):
        raise RemoteError("manifest", "the entries are not those that the manifest names, in its order")


def _check_version(value: JsonValue) -> None:
    if integer(value, 1, MAX_U32) != 1:
        raise RemoteError("members", "a version that this party does not speak", v=1)


def _hash(value: JsonValue) -> bytes:
    return b64u.decode(hash_of(value), size=HASH_BYTES)


def _hashes(value: JsonValue, most: int) -> tuple[bytes, ...]:
    return tuple(_hash(item) for item in array(value, max_items=most))
