"""Giving a hub that was set back what it signed: its notice, and what members answer (docs/protocol.md section 5).

The hub asks with a `Recovering` notice. A member answers with pieces, each a signed `GiveBack` with what is `Given`.
Whether any of it is true is for the hub to find out: by its own log key, leaf by leaf.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from keys import b64u
from keys.digest import sha256
from keys.errors import EncodingError
from keys.signing import SigningKey, VerifyKey
from protocol import canonical, jws
from protocol.bundle import MAX_BUNDLE_BYTES, MAX_BUNDLE_ENTRIES
from protocol.canonical import JsonValue
from protocol.errors import LocalError, RemoteError
from protocol.merkle import HASH_BYTES
from protocol.party import MAX_U32, hash_of, id_of, party_of, position_of, time_of
from protocol.seal import part_id
from protocol.shape import array, b64u_bytes, integer, object_of, text

#: One piece, as bytes of its body.
MAX_PIECE_BYTES: Final = MAX_BUNDLE_BYTES
#: Hashes of leaves in one piece: 2 MiB.
MAX_PIECE_HASHES: Final = 65_536
MAX_PIECE_ENTRIES: Final = MAX_BUNDLE_ENTRIES
#: Files, versions or roots of the directory in one piece.
MAX_PIECE_DOCUMENTS: Final = 256
#: Spans of each kind in one notice.
MAX_SPANS: Final = 256
_MAX_MANIFEST_BYTES: Final = 262_144
_MAX_NOTE_CHARS: Final = 65_536
_MAX_PROOF_HASHES: Final = 64
_LISTS: Final = ("entries", "files", "roots", "targets")


class Span(NamedTuple):
    """Positions in the log from `first` on, before `after`: `[first,after]`."""

    first: int
    after: int


@dataclass(frozen=True, slots=True)
class Recovering:
    """A signed notice to one member: what the hub has, and what it lacks.

    Wire form: `{"entries":[[100,104]],"hub":…,"node":…,"parts":[],"proven":120,"recovery":id,"req":H,"root":H,
    "serving":false,"size":100,"target":120,"upto":120,"v":1}`.
    `req` is H of the request or give-back that it answers, `recovery` names this recovery, `size` and `root` are those
    of its log. It knows the hashes of the leaves before `proven`; leaves before `target` it has signed. `entries` are
    leaves of which it has nothing, `parts` entries of this node whose parts, or versions of the directory whose files,
    it lacks: all of those before `upto`. `serving` says that nothing is wanted any more.
    """

    hub: str
    node: str
    req: bytes
    recovery: str
    serving: bool
    size: int
    root: bytes
    proven: int
    target: int
    entries: tuple[Span, ...]
    parts: tuple[Span, ...]
    upto: int

    def sign(self, key: SigningKey) -> str:
        """Return the JWS (typ simpul-answer+jws)."""
        return jws.sign(
            key,
            jws.ANSWER,
            {
                "v": 1,
                "hub": self.hub,
                "node": self.node,
                "req": b64u.encode(self.req),
                "recovery": self.recovery,
                "serving": self.serving,
                "size": self.size,
                "root": b64u.encode(self.root),
                "proven": self.proven,
                "target": self.target,
                "entries": [list(span) for span in self.entries],
                "parts": [list(span) for span in self.parts],
                "upto": self.upto,
            },
        )


def read_recovering(raw: str, key: VerifyKey) -> Recovering:
    """Verify and parse a notice; raise RemoteError."""
    token = jws.read(raw, jws.ANSWER, max_bytes=_MAX_MANIFEST_BYTES).verify(key)
    names = ("v", "hub", "node", "req", "recovery", "serving", "size", "root", "proven", "target")
    found = object_of(token.payload, (*names, "entries", "parts", "upto"))
    integer(found["v"], 1, 1, name="v")
    notice = Recovering(
        hub=party_of(found["hub"]),
        node=party_of(found["node"]),
        req=_hash(found["req"]),
        recovery=id_of(found["recovery"]),
        serving=_flag(found["serving"], "serving"),
        size=position_of(found["size"]),
        root=_hash(found["root"]),
        proven=position_of(found["proven"]),
        target=position_of(found["target"]),
        entries=_spans(found["entries"]),
        parts=_spans(found["parts"]),
        upto=position_of(found["upto"]),
    )
    if notice.proven < notice.size:
        raise RemoteError("members", "a hub knows the hashes of its own log", size=notice.size)
    return notice


@dataclass(frozen=True, slots=True)
class Given:
    """What one piece brings: hashes of leaves in order, entries (JWS), parts by id, documents of the directory."""

    hashes: tuple[bytes, ...] = ()
    entries: tuple[str, ...] = ()
    parts: Mapping[str, bytes] = field(default_factory=dict)
    roots: tuple[bytes, ...] = ()
    targets: tuple[bytes, ...] = ()
    files: tuple[bytes, ...] = ()

    def digests(self) -> dict[str, JsonValue]:
        """Return what the manifest signs: H of each, and of all leaf hashes together. Entries sign their parts."""
        return {
            "entries": [b64u.encode(jws.digest(raw)) for raw in self.entries],
            "files": _digests(self.files),
            "hashes": b64u.encode(sha256(*self.hashes)),
            "roots": _digests(self.roots),
            "targets": _digests(self.targets),
        }


@dataclass(frozen=True, slots=True)
class GiveBack:
    """A member's manifest of one piece.

    Wire form (typ simpul-request+jws): `{"after":100,"at":…,"checkpoint":note,"consistency":[H…],"ctr":9,"done":false,
    "given":{"entries":[H…],"files":[],"hashes":H,"roots":[],"targets":[]},"hub":…,"inc":1,"node":…,"recovery":id,"req":H,
    "root":H,"start":100,"v":1}`.
    `checkpoint` is the newest that the member read, null if it read none. The hashes given are those of the leaves from
    `start` on; `root` is that of the tree of `start` leaves as the member read it, and `consistency` proves the
    checkpoint from the tree behind the last hash given. `req` is H of its last request, null if it made none, `inc` and
    `ctr` are its own. `after` asks to be told what is lacking from that position on; `done` says that it has nothing
    more to give.
    """

    hub: str
    node: str
    at: int
    recovery: str
    inc: int
    ctr: int
    req: bytes | None
    checkpoint: str | None
    start: int
    root: bytes
    consistency: tuple[bytes, ...]
    after: int
    done: bool

    def sign(self, given: Given, key: SigningKey) -> str:
        """Return the manifest's JWS."""
        return jws.sign(
            key,
            jws.REQUEST,
            {
                "v": 1,
                "hub": self.hub,
                "node": self.node,
                "at": self.at,
                "recovery": self.recovery,
                "inc": self.inc,
                "ctr": self.ctr,
                "req": None if self.req is None else b64u.encode(self.req),
                "checkpoint": self.checkpoint,
                "start": self.start,
                "root": b64u.encode(self.root),
                "consistency": [b64u.encode(h) for h in self.consistency],
                "given": given.digests(),
                "after": self.after,
                "done": self.done,
            },
        )


def encode_piece(manifest: str, given: Given) -> bytes:
    """Return the body of `POST /recover/v1`; raise LocalError over the limits.

    `{"entries":[JWS…],"files":[b64u…],"hashes":b64u,"manifest":JWS,"parts":{id:b64u},"roots":[b64u…],"targets":[b64u…]}`,
    canonical; `hashes` are 32 bytes each, one behind the other.
    """
    raw = canonical.encode(
        {
            "manifest": manifest,
            "hashes": b64u.encode(b"".join(given.hashes)),
            "entries": list(given.entries),
            "parts": {name: b64u.encode(content) for name, content in given.parts.items()},
            "roots": [b64u.encode(content) for content in given.roots],
            "targets": [b64u.encode(content) for content in given.targets],
            "files": [b64u.encode(content) for content in given.files],
        }
    )
    documents = max(map(len, (given.roots, given.targets, given.files)))
    counts = (
        (len(given.hashes), MAX_PIECE_HASHES),
        (len(given.entries), MAX_PIECE_ENTRIES),
        (documents, MAX_PIECE_DOCUMENTS),
    )
    if len(raw) > MAX_PIECE_BYTES or any(count > most for count, most in counts):
        raise LocalError("a piece over 8 MiB, 65,536 hashes, 256 entries or 256 documents")
    return raw


def read_piece(raw: bytes) -> tuple[GiveBack, jws.Unverified, Given]:
    """Parse a piece; the caller finds the key of `node` and verifies. Raises RemoteError.

    What came is what the manifest names, and each part has its id ("manifest", "part-id").
    """
    if len(raw) > MAX_PIECE_BYTES:
        raise RemoteError("too-large", "a piece is at most 8 MiB", max_bytes=MAX_PIECE_BYTES)
    found = object_of(canonical.decode(raw, max_bytes=MAX_PIECE_BYTES), ("manifest", "hashes", "parts", *_LISTS))
    parts = found["parts"]
    if not isinstance(parts, dict):
        raise RemoteError("members", "parts is an object")
    given = Given(
        hashes=_leaf_hashes(found["hashes"]),
        entries=tuple(_jws_text(item) for item in array(found["entries"], MAX_PIECE_ENTRIES, name="entries")),
        parts={name: _part(name, value) for name, value in parts.items()},
        roots=_documents(found["roots"]),
        targets=_documents(found["targets"]),
        files=_documents(found["files"]),
    )
    manifest, token, named = _read_manifest(text(found["manifest"], max_chars=_MAX_MANIFEST_BYTES))
    if named != given.digests():
        raise RemoteError("manifest", "what came is not what the manifest names, in its order")
    return manifest, token, given


def _read_manifest(raw: str) -> tuple[GiveBack, jws.Unverified, JsonValue]:
    token = jws.read(raw, jws.REQUEST, max_bytes=_MAX_MANIFEST_BYTES)
    names = ("v", "hub", "node", "at", "recovery", "inc", "ctr", "req", "checkpoint", "start", "root", "consistency")
    found = object_of(token.payload, (*names, "given", "after", "done"))
    integer(found["v"], 1, 1, name="v")
    note = found["checkpoint"]
    proof = array(found["consistency"], _MAX_PROOF_HASHES, name="consistency")
    manifest = GiveBack(
        hub=party_of(found["hub"]),
        node=party_of(found["node"]),
        at=time_of(found["at"]),
        recovery=id_of(found["recovery"]),
        inc=integer(found["inc"], 1, MAX_U32, name="inc"),
        ctr=integer(found["ctr"], 0, 2**53 - 1, name="ctr"),
        req=None if found["req"] is None else _hash(found["req"]),
        checkpoint=None if note is None else text(note, max_chars=_MAX_NOTE_CHARS, name="checkpoint"),
        start=position_of(found["start"]),
        root=_hash(found["root"]),
        consistency=tuple(_hash(item) for item in proof),
        after=position_of(found["after"]),
        done=_flag(found["done"], "done"),
    )
    return manifest, token, found["given"]


def _digests(contents: Iterable[bytes]) -> list[JsonValue]:
    return [b64u.encode(sha256(content)) for content in contents]


def _documents(value: JsonValue) -> tuple[bytes, ...]:
    return tuple(b64u_bytes(item, None, name="a document") for item in array(value, MAX_PIECE_DOCUMENTS))


def _leaf_hashes(value: JsonValue) -> tuple[bytes, ...]:
    raw = b64u_bytes(value, None, name="hashes")
    if len(raw) % HASH_BYTES or len(raw) > MAX_PIECE_HASHES * HASH_BYTES:
        raise RemoteError("too-large", "hashes are 32 bytes each", max_items=MAX_PIECE_HASHES)
    return tuple(raw[i : i + HASH_BYTES] for i in range(0, len(raw), HASH_BYTES))


def _jws_text(value: JsonValue) -> str:
    entry = text(value, max_chars=MAX_PIECE_BYTES)
    if not entry.isascii():
        raise RemoteError("jws-form", "an entry is not ASCII")
    return entry


def _part(name: str, value: JsonValue) -> bytes:
    try:
        content = b64u.decode(text(value, max_chars=MAX_PIECE_BYTES))
    except EncodingError as error:
        raise RemoteError("base64url", "a part is not base64url") from error
    if part_id(content) != name:
        raise RemoteError("part-id", "a part does not hash to its id", id=name)
    return content


def _spans(value: JsonValue) -> tuple[Span, ...]:
    """Return spans that are not empty, do not touch and go up: one set of positions has one form."""
    spans: list[Span] = []
    for item in array(value, MAX_SPANS, name="spans"):
        first, after = (position_of(each) for each in _pair(item))
        if not (spans[-1].after if spans else -1) < first < after:
            raise RemoteError("members", "spans go up, are not empty and do not touch")
        spans.append(Span(first, after))
    return tuple(spans)


def _pair(value: JsonValue) -> list[JsonValue]:
    pair = array(value, 2, name="a span")
    if len(pair) != 2:  # noqa: PLR2004  first and after
        raise RemoteError("members", "a span is [first,after]")
    return pair


def _flag(value: JsonValue, name: str) -> bool:
    if not isinstance(value, bool):
        raise RemoteError("members", f"{name} is true or false")
    return value


def _hash(value: JsonValue) -> bytes:
    return b64u.decode(hash_of(value), size=HASH_BYTES)
