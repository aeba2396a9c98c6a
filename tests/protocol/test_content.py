"""What stands inside the seals is read as strictly as what stands outside."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import pytest

from keys import b64u
from protocol import canonical, content
from protocol.attachment import Attachment
from protocol.content import CaseFile, Filing, IdentityFile, Note, Progress, Question, ReporterMessage
from protocol.custody import MAX_HOPS, Hop
from protocol.seal import MAX_CONTENT_BYTES
from tests.support.federation import NOW, World, made_id, seed, signing
from tests.support.outcome import outcome_of

COMPLAINT = {
    "kind": "complaint",
    "topic": "infrastruktur/jalan",
    "region": "32.04",
    "text": "Jalan berlubang di depan SDN 2, sudah tiga minggu 😤",
    "secrecy": "anonim",
}
IDENTITY = {"name": "Siti Aminah", "phone": "+62 812 0000", "email": "", "nik": ""}
HOP = Hop("offer.jws.x", "accept.jws.y")
CASE = CaseFile("JBR-2026-000017", "jabar", made_id("return"), bytes(1_216), NOW, COMPLAINT, (HOP,), "Bukan wewenang.")
PHOTO = Attachment(b64u.encode(seed("photo")), 1_040, seed("key"), "jalan rusak 😤.jpg", "image/jpeg", 700)
PROGRESS = Progress(NOW, "in_progress", NOW + 86_400, (HOP,), 2, "7K3M9-QX2TB", "custodian")


class Content(Protocol):
    def encode(self) -> bytes: ...


Reader = Callable[[bytes], Content]
WHOLE: list[tuple[Content, Reader]] = [
    (Filing(COMPLAINT), content.read_filing),
    (IdentityFile(IDENTITY), content.read_identity_file),
    (IdentityFile(None), content.read_identity_file),
    (CASE, content.read_case_file),
    (Filing(COMPLAINT, (PHOTO,)), content.read_filing),
    (replace(CASE, attachments=(PHOTO, PHOTO)), content.read_case_file),
    (Question("JBR-1", COMPLAINT, "Siapa?", (PHOTO,)), content.read_question),
    (Note("Lihat foto.", (PHOTO,)), content.read_note),
    (ReporterMessage("add", NOW, "Fotonya.", (PHOTO,)), content.read_reporter_message),
    (Question("JBR-1", COMPLAINT, "Siapa?"), content.read_question),
    (Note("Sudah diperbaiki."), content.read_note),
    (ReporterMessage("add", NOW, "Kejadiannya pukul 9."), content.read_reporter_message),
    (PROGRESS, content.read_progress),
    (Progress(NOW, "answered", None, (), 1, "7K3M9-QX2TB"), content.read_progress),
]
READERS = {reader.__name__: (value, reader) for value, reader in reversed(WHOLE)}


@pytest.mark.parametrize(("value", "read"), WHOLE)
def test_what_is_written_is_what_is_read(value: Content, read: Reader) -> None:
    raw = value.encode()
    assert read(raw) == value
    assert json.loads(raw)["v"] == 1
    assert read(raw).encode() == raw


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("spoil", "outcome"),
    [
        pytest.param(lambda v: v | {"v": 2}, "seal", id="another version"),
        pytest.param(lambda v: v | {"v": 0}, "members", id="version 0"),
        pytest.param(lambda v: v | {"v": "1"}, "members", id="a version as text"),
        pytest.param(lambda v: {k: x for k, x in v.items() if k != "v"}, "members", id="no version"),
        pytest.param(lambda v: {"v": v["v"]}, "members", id="nothing but a version"),
        pytest.param(lambda v: v | {"more": 1}, "members", id="an unknown member"),
        pytest.param(lambda v: [v], "members", id="a list"),
        pytest.param(lambda _: None, "members", id="null"),
    ],
)
def test_no_reader_takes_what_is_not_its_form(name: str, spoil: Callable[[Any], Any], outcome: str) -> None:
    value, read = READERS[name]
    raw = canonical.encode(spoil(json.loads(value.encode())))
    assert outcome_of(lambda: read(raw)) == outcome


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (b"", "canonical"),
        (b"{", "canonical"),
        (b'{ "v":1}', "canonical"),
        (b"\xff", "canonical"),
        (b"x" * (MAX_CONTENT_BYTES + 1), "too-large"),
    ],
)
def test_no_reader_takes_what_is_not_canonical(name: str, raw: bytes, outcome: str) -> None:
    assert outcome_of(lambda: READERS[name][1](raw)) == outcome


def member_set(*path: str | int, to: object) -> Callable[[Any], None]:
    def spoil(found: Any) -> None:  # noqa: ANN401  # JSON of any shape
        for name in path[:-1]:
            found = found[name]
        found[path[-1]] = to

    return spoil


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("read_filing", member_set("complaint", "text", to=None)),
        ("read_filing", member_set("complaint", "name", to="Siti")),
        ("read_filing", member_set("complaint", to=[])),
        ("read_filing", member_set("complaint", to={})),
        ("read_identity_file", member_set("identity", to="Siti")),
        ("read_identity_file", member_set("identity", to={"name": "Siti"})),
        ("read_case_file", member_set("origin", to="Jabar")),
        ("read_case_file", member_set("number", to="x" * 33)),
        ("read_case_file", member_set("filed_at", to=-1)),
        ("read_case_file", member_set("hops", to={})),
        ("read_case_file", member_set("hops", to=[HOP.offer])),
        ("read_case_file", member_set("hops", to=[{"offer": "x"}])),
        ("read_case_file", member_set("hops", 0, "accept", to=None)),
        ("read_case_file", member_set("hops", 0, "accept", to="x" * 16_385)),
        ("read_case_file", member_set("identity", to=IDENTITY)),
        ("read_question", member_set("complaint", "secrecy", to=3)),
        ("read_note", member_set("text", to=["x"])),
        ("read_note", member_set("attachments", to=[])),
        ("read_note", member_set("attachments", to=None)),
        ("read_case_file", member_set("attachments", to={})),
        ("read_reporter_message", member_set("act", to="Add")),
        ("read_reporter_message", member_set("act", to="")),
        ("read_reporter_message", member_set("act", to="a" * 33)),
        ("read_reporter_message", member_set("at", to=-1)),
        ("read_reporter_message", member_set("text", to=None)),
        ("read_progress", member_set("step", to=0)),
        ("read_progress", member_set("state", to="x" * 33)),
        ("read_progress", member_set("due_at", to="tomorrow")),
        ("read_progress", member_set("opening", to="x" * 33)),
        ("read_progress", member_set("at", to=1 - 2)),
    ],
)
def test_a_member_of_the_wrong_form_is_refused(name: str, spoil: Callable[[Any], None]) -> None:
    value, read = READERS[name]
    wire = json.loads(value.encode())
    spoil(wire)
    assert outcome_of(lambda: read(canonical.encode(wire))) == "members"


@pytest.mark.parametrize("member", ["return", "mailbox"])
def test_bytes_of_another_length_are_refused(member: str) -> None:
    wire = json.loads(CASE.encode()) | {member: "AAAA"}
    assert outcome_of(lambda: content.read_case_file(canonical.encode(wire))) == "base64url"


def test_more_hops_than_a_case_may_have_are_refused() -> None:
    wire = json.loads(CASE.encode())
    wire["hops"] *= MAX_HOPS + 1
    assert outcome_of(lambda: content.read_case_file(canonical.encode(wire))) == "too-large"


def test_the_longest_chain_leaves_room_for_a_long_complaint() -> None:
    """A case that no seal could hold any more would be stuck where it is."""
    world = World.founded()
    drafted = world.draft("offer", "a" * 63, "b" * 63, epoch=2**32 - 1, seq=2**32 - 1, inc=2**32 - 1, at=2**33)
    offer = drafted.sign(signing("jabar"))
    accept = world.answer_draft("accept", offer, seq=2**32 - 1).sign(signing("kemnaker"))
    complaint = {**COMPLAINT, "text": "a" * 12_000}
    case = CaseFile(
        "x" * 32, "jabar", made_id("r"), bytes(1_216), NOW, complaint, (Hop(offer.raw, accept.raw),) * 24, ""
    )
    assert len(case.encode()) <= MAX_CONTENT_BYTES


@pytest.mark.parametrize("wrong", [None, {}, {"member": "Kemnaker", "upto": 1}, {"member": "Kemnaker"}, {"upto": -1}])
def test_clear_bodies_have_one_member(wrong: dict[str, canonical.JsonValue] | None) -> None:
    assert content.read_ruling_body(content.ruling_body("kemnaker")) == "kemnaker"
    assert content.read_receipt_body(content.receipt_body(7)) == 7
    assert outcome_of(lambda: content.read_ruling_body(wrong)) == "members"
    assert outcome_of(lambda: content.read_receipt_body(wrong)) == "members"
