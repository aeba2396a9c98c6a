"""What stands inside the seals: canonical JSON of its own, checked as strictly as what stands outside.

The protocol text leaves the insides to the parties; these are the shapes that every node of version 1 writes and reads.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from keys import b64u
from protocol import canonical
from protocol.attachment import Attachment, read_attachments
from protocol.canonical import JsonValue
from protocol.custody import MAX_HOPS, Hop
from protocol.entry import TreeHead, read_tree_head
from protocol.errors import RemoteError
from protocol.party import MAX_U32, id_of, party_of, position_of, time_of
from protocol.seal import MAX_CONTENT_BYTES
from protocol.shape import array, b64u_bytes, integer, object_of, text

_MAILBOX_BYTES: Final = 1_216
_MAX_JWS_CHARS: Final = 16_384
_COMPLAINT: Final = ("kind", "topic", "region", "text", "secrecy")
_IDENTITY: Final = ("name", "phone", "email", "nik")
_ATTACHED: Final = ("attachments",)
_ACT: Final = re.compile(r"[a-z_]{1,32}")
_NUMBER: Final = re.compile(r"[!-~]{1,32}")

#: A complaint or an identity as a flat object of strings.
Words = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Filing:
    """What a reporter's form holds in its `case` seal and, for the reporter's own file, in its `file` seal.

    Wire form: `{"attachments":[…],"complaint":{"kind":…,"region":…,"secrecy":…,"text":…,"topic":…},"v":1}`; here and
    elsewhere `attachments` is left out where there are none.
    """

    complaint: Words
    attachments: Sequence[Attachment] = ()

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return _encode({"complaint": dict(self.complaint), **_attached(self.attachments)})


def read_filing(raw: bytes) -> Filing:
    """Parse a filing."""
    found = _decode(raw, ("complaint",), optional=_ATTACHED)
    return Filing(_words(found["complaint"], _COMPLAINT), _attachments(found))


@dataclass(frozen=True, slots=True)
class IdentityFile:
    """An `identity` seal. `identity` is None where none was given; the seal looks the same.

    Wire form: `{"identity":null,"v":1}` or `{"identity":{"email":…,"name":…,"nik":…,"phone":…},"v":1}`.
    """

    identity: Words | None

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return _encode({"identity": None if self.identity is None else dict(self.identity)})


def read_identity_file(raw: bytes) -> IdentityFile:
    """Parse an identity."""
    found = _decode(raw, ("identity",))["identity"]
    return IdentityFile(None if found is None else _words(found, _IDENTITY))


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The `case` seal of an offer: all that the next custodian needs, and no identity.

    `return_ref` is the thread of messages, replies and progress; `mailbox` the reporter's 1,216-byte public key; `hops`
    the offer and accept of every earlier hand-over; `reason` the sender's words to the recipient.
    """

    number: str
    origin: str
    return_ref: str
    mailbox: bytes
    filed_at: int
    complaint: Words
    hops: Sequence[Hop]
    reason: str
    attachments: Sequence[Attachment] = ()

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return _encode(
            {
                "number": self.number,
                "origin": self.origin,
                "return": self.return_ref,
                "mailbox": b64u.encode(self.mailbox),
                "filed_at": self.filed_at,
                "complaint": dict(self.complaint),
                "hops": hops_wire(self.hops),
                "reason": self.reason,
                **_attached(self.attachments),
            }
        )


def read_case_file(raw: bytes) -> CaseFile:
    """Parse an offered case."""
    names = ("number", "origin", "return", "mailbox", "filed_at", "complaint", "hops", "reason")
    found = _decode(raw, names, optional=_ATTACHED)
    return CaseFile(
        number=text(found["number"], max_chars=32, pattern=_NUMBER),
        origin=party_of(found["origin"]),
        return_ref=id_of(found["return"]),
        mailbox=b64u_bytes(found["mailbox"], _MAILBOX_BYTES),
        filed_at=time_of(found["filed_at"]),
        complaint=_words(found["complaint"], _COMPLAINT),
        hops=read_hops(found["hops"]),
        reason=text(found["reason"], max_chars=MAX_CONTENT_BYTES),
        attachments=_attachments(found),
    )


@dataclass(frozen=True, slots=True)
class Question:
    """The `case` seal of an ask: content and reason, no identity, no mailbox, no chain.

    Wire form: `{"attachments":[…],"complaint":{…},"number":…,"reason":…,"v":1}`.
    """

    number: str
    complaint: Words
    reason: str
    attachments: Sequence[Attachment] = ()

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return _encode(
            {
                "number": self.number,
                "complaint": dict(self.complaint),
                "reason": self.reason,
                **_attached(self.attachments),
            }
        )


def read_question(raw: bytes) -> Question:
    """Parse a question to triage."""
    found = _decode(raw, ("number", "complaint", "reason"), optional=_ATTACHED)
    return Question(
        text(found["number"], max_chars=32, pattern=_NUMBER),
        _words(found["complaint"], _COMPLAINT),
        text(found["reason"], max_chars=MAX_CONTENT_BYTES),
        _attachments(found),
    )


@dataclass(frozen=True, slots=True)
class Note:
    """One text: a reply, the reason of a reject, a ruling or an opening. Wire form: `{"text":…,"v":1}`.

    Only a reply has `attachments`.
    """

    text: str
    attachments: Sequence[Attachment] = ()

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return _encode({"text": self.text, **_attached(self.attachments)})


def read_note(raw: bytes) -> Note:
    """Parse one text."""
    found = _decode(raw, ("text",), optional=_ATTACHED)
    return Note(text(found["text"], max_chars=MAX_CONTENT_BYTES), _attachments(found))


@dataclass(frozen=True, slots=True)
class ReporterMessage:
    """The `message` seal of a message: what the reporter does beside filing.

    Wire form: `{"act":"add","at":…,"attachments":[…],"text":…,"v":1}`. `at` is when the origin took it; an office that
    passes a late one on leaves it as it was. Acts: `add` (more information). Who only passes it on need not know the
    act.
    """

    act: str
    at: int
    text: str
    attachments: Sequence[Attachment] = ()

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return _encode({"act": self.act, "at": self.at, "text": self.text, **_attached(self.attachments)})


def read_reporter_message(raw: bytes) -> ReporterMessage:
    """Parse what a reporter does."""
    found = _decode(raw, ("act", "at", "text"), optional=_ATTACHED)
    return ReporterMessage(
        act=text(found["act"], max_chars=32, pattern=_ACT),
        at=time_of(found["at"]),
        text=text(found["text"], max_chars=MAX_CONTENT_BYTES),
        attachments=_attachments(found),
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """The `message` seal of a progress: what the origin shows to whoever holds the receipt.

    Wire form: `{"at":…,"due_at":…,"hops":[…],"number":…,"opening":null,"state":"in_progress","step":2,"v":1}`. `step`
    counts this custodian's progress entries on the case from 1 on; `opening` is the role that opened the identity, or
    null (why it was opened stands in the entry's `reply` part, for the reporter alone). `number` is the case's, so that
    an origin that lost its record can make it again.
    """

    at: int
    state: str
    due_at: int | None
    hops: Sequence[Hop]
    step: int
    number: str
    opening: str | None = None

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return _encode(
            {
                "at": self.at,
                "state": self.state,
                "due_at": self.due_at,
                "hops": hops_wire(self.hops),
                "step": self.step,
                "number": self.number,
                "opening": self.opening,
            }
        )


def read_progress(raw: bytes) -> Progress:
    """Parse a progress report."""
    found = _decode(raw, ("at", "state", "due_at", "hops", "step", "number", "opening"))
    return Progress(
        at=time_of(found["at"]),
        state=text(found["state"], max_chars=32),
        due_at=None if found["due_at"] is None else time_of(found["due_at"]),
        hops=read_hops(found["hops"]),
        step=integer(found["step"], 1, MAX_U32),
        number=text(found["number"], max_chars=32, pattern=_NUMBER),
        opening=None if found["opening"] is None else text(found["opening"], max_chars=32, pattern=_ACT),
    )


def ruling_body(member: str) -> dict[str, JsonValue]:
    """Return the clear body of a ruling: `{"member":"kemnaker"}`; the hub holds the named member to it."""
    return {"member": member}


def read_ruling_body(body: Mapping[str, JsonValue] | None) -> str:
    """Return the member that a ruling names; raise RemoteError("members")."""
    return party_of(object_of(dict(body or {}), ("member",))["member"])


def receipt_body(position: int, seen: TreeHead | None = None) -> dict[str, JsonValue]:
    """Return the clear body of a receipt: `{"seen":{"root":…,"size":9},"upto":7}`.

    `upto` is the highest contiguous position of the link that is stored, `seen` the log that its maker had read.
    """
    return {"upto": position} if seen is None else {"upto": position, "seen": seen.wire()}


def read_receipt_body(body: Mapping[str, JsonValue] | None) -> int:
    """Return the position that a receipt confirms; raise RemoteError("members")."""
    return position_of(_receipt(body)["upto"])


def read_receipt_seen(body: Mapping[str, JsonValue] | None) -> TreeHead | None:
    """Return the log that the receipt's maker had read, if it says; raise RemoteError("members")."""
    found = _receipt(body)
    return read_tree_head(found["seen"]) if "seen" in found else None


def _receipt(body: Mapping[str, JsonValue] | None) -> dict[str, JsonValue]:
    found = object_of(dict(body or {}), ("upto",), optional=("seen",))
    if "seen" in found:
        read_tree_head(found["seen"])
    return found


def hops_wire(hops: Sequence[Hop]) -> list[JsonValue]:
    """Return hops in their wire form."""
    return [{"offer": hop.offer, "accept": hop.accept} for hop in hops]


def read_hops(value: JsonValue) -> tuple[Hop, ...]:
    """Parse hops; they prove nothing yet (protocol.custody.prove_chain)."""
    hops = [object_of(item, ("offer", "accept")) for item in array(value, max_items=MAX_HOPS)]
    return tuple(
        Hop(text(hop["offer"], max_chars=_MAX_JWS_CHARS), text(hop["accept"], max_chars=_MAX_JWS_CHARS)) for hop in hops
    )


def _words(value: JsonValue, names: Sequence[str]) -> Words:
    found = object_of(value, names)
    return {name: text(found[name], max_chars=MAX_CONTENT_BYTES) for name in names}


def _attached(attachments: Sequence[Attachment]) -> dict[str, JsonValue]:
    return {"attachments": [attachment.wire() for attachment in attachments]} if attachments else {}


def _attachments(found: Mapping[str, JsonValue]) -> tuple[Attachment, ...]:
    return read_attachments(found["attachments"]) if "attachments" in found else ()


def _encode(members: dict[str, JsonValue]) -> bytes:
    return canonical.encode({"v": 1, **members})


def _decode(raw: bytes, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, JsonValue]:
    found = object_of(canonical.decode(raw, max_bytes=MAX_CONTENT_BYTES), ("v", *names), optional)
    if integer(found["v"], 1, MAX_U32) != 1:
        raise RemoteError("seal", "content of a version that this party does not speak", v=1)
    return found
