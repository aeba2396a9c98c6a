"""Sticks that are worn, cut short or made by somebody else: nothing of them is used, and no later stick is hindered."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import pytest

from keys import b64u
from keys.digest import sha256
from keys.signing import SigningKey
from node.carried.take import find_answers
from node.models.sync import ExportedRequest, InboxEntry
from protocol import canonical
from protocol.bundle import Answer, Bundle, Conflict, read_answer, read_bundle
from protocol.canonical import JsonInput
from protocol.carried import BUNDLE, LEAVES, PROBLEM, CarriedKind
from protocol.custody import Phase
from protocol.tiles import decode_entries, encode_entries
from service.stick import StickError
from tests.support.carried import Stick, file_with, make_stick, members_of, rewrite
from tests.support.federation import member, seed, signing
from tests.support.nodes import REPORTER_NAME, Country
from tests.support.photos import photo

#: What a file that was not believed may change: a note for people.
_ALARMS = ("alarm",)


@pytest.fixture
def stick(land: Country) -> Stick:
    return make_stick(land)


@pytest.fixture
def answered(land: Country, stick: Stick) -> Stick:
    """An answer for kemnaker that brings two offers, one of them with a large file, and a version of the directory."""
    stick.export(land.kemnaker)
    land.jabar.hand_over(file_with(land.jabar, [("besar.jpg", photo(100_000, 2))]), "kemnaker")
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    land.jabar.sync_well()
    land.founded.enrol(member("aceh", regions=("11",)))
    stick.answer()
    return stick


def assert_unused(land: Country, stick: Stick, alarms: list[str]) -> None:
    """Taking it changes nothing but what people are told; the honest file, taken afterwards, does everything."""
    before = land.kemnaker.dump(without=_ALARMS)
    (done,) = stick.take(land.kemnaker)
    assert done.trouble is not None
    assert land.kemnaker.dump(without=_ALARMS) == before
    assert land.kemnaker.alarms() == alarms


def assert_good(land: Country, stick: Stick) -> None:
    stick.take_well(land.kemnaker)
    assert [(row.rule, row.waiting) for row in land.kemnaker.rows(InboxEntry)] == [(None, False)] * 2
    land.settle()
    for case in land.jabar.cases():
        assert land.kemnaker.open_identity(case.number) == REPORTER_NAME


# Worn out.


def cuts(size: int, head: int) -> list[int]:
    """A place of each class: nothing, within the head, at its end, within and between members, the last byte."""
    return [0, 1, head // 2, head - 1, head, head + 1, (head + size) // 2, size - 1]


def test_an_answer_cut_short_anywhere_is_not_used(land: Country, answered: Stick) -> None:
    path = answered.path("answer")
    raw = path.read_bytes()
    for cut in cuts(len(raw), raw.index(b"\n", raw.index(b"\n") + 1) + 1):
        path.write_bytes(raw[:cut])
        assert_unused(land, answered, [])
    path.write_bytes(raw + b"\0")
    assert_unused(land, answered, [])
    path.write_bytes(raw)
    assert_good(land, answered)


def test_an_answer_with_any_bit_changed_is_not_used(land: Country, answered: Stick) -> None:
    path = answered.path("answer")
    raw = path.read_bytes()
    head = raw.index(b"\n", raw.index(b"\n") + 1) + 1
    places = [*range(0, head, max(1, head // 25)), head - 1, *range(head, len(raw), len(raw) // 40), len(raw) - 1]
    for place in places:
        changed = bytearray(raw)
        changed[place] ^= 1 << (place % 7)
        path.write_bytes(changed)
        assert_unused(land, answered, [])
    path.write_bytes(raw)
    assert_good(land, answered)


def test_a_damaged_request_is_not_answered(land: Country, stick: Stick) -> None:
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    stick.export(land.jabar)
    path = stick.path("request")
    raw = path.read_bytes()
    before = land.founded.dump()
    damaged = [raw[:cut] for cut in cuts(len(raw), raw.index(b"\n", raw.index(b"\n") + 1) + 1)]
    damaged += [bytes([*raw[:place], raw[place] ^ 4, *raw[place + 1 :]]) for place in range(0, len(raw), 997)]
    for each in damaged:
        path.write_bytes(each)
        (done,) = stick.answer()
        assert done.trouble is not None
    assert land.founded.dump() == before
    assert stick.names() == [path.name]
    path.write_bytes(raw)
    assert stick.answer()[0].pushed == 1


def test_what_is_being_written_is_never_taken_for_a_file(land: Country, answered: Stick) -> None:
    path = answered.path("answer")
    path.rename(path.with_name(f".{path.name}.tmp"))
    assert answered.take(land.kemnaker) == []


# Made by somebody who has no key.


@dataclass(frozen=True, slots=True)
class Forgery:
    """A well-formed file with other contents, and the rule that it breaks."""

    name: str
    rule: str
    change: Callable[[dict[str, bytes]], dict[str, bytes]]


def within(name: str, change: Callable[[bytes], bytes]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda members: {**members, name: change(members[name])}


def bundled(change: Callable[[Bundle], Bundle]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return within(BUNDLE, lambda raw: change(read_bundle(raw)).encode())


def without(beginning: str) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda members: {name: raw for name, raw in members.items() if not name.startswith(beginning)}


def leaves(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    def changed(raw: bytes) -> bytes:
        count, at = 0, 0
        while at < len(raw):
            at += 2 + int.from_bytes(raw[at : at + 2], "big")
            count += 1
        return encode_entries(change(decode_entries(raw, count)))

    return within(LEAVES, changed)


def altered(leaf: bytes) -> bytes:
    """Another hash in a leaf."""
    at = leaf.index(b'"h":"') + 5
    return leaf[:at] + (b"B" if leaf[at : at + 1] != b"B" else b"C") + leaf[at + 1 :]


def first_target(members: dict[str, bytes]) -> dict[str, bytes]:
    name = next(name for name in members if name.startswith("directory/targets/"))
    return {**members, name: members[name].replace(b"Aceh", b"Acek")}


FORGERIES = (
    Forgery("no answer", "canonical", within(BUNDLE, lambda _: b"<html>")),
    Forgery("an entry withheld", "manifest", bundled(lambda b: replace(b, entries=b.entries[1:]))),
    Forgery("entries swapped", "manifest", bundled(lambda b: replace(b, entries=b.entries[::-1]))),
    Forgery("a leaf changed", "tree", leaves(lambda found: [altered(found[0]), *found[1:]])),
    Forgery("a leaf too few", "tree", leaves(lambda found: found[:-1])),
    Forgery("a leaf too many", "tree", leaves(lambda found: [*found, found[-1]])),
    Forgery("leaves swapped", "tree", leaves(lambda found: [found[1], found[0], *found[2:]])),
    Forgery("no directory", "directory", without("directory/")),
    Forgery("a changed member", "directory", first_target),
)


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_file_with_other_contents_is_not_used(land: Country, answered: Stick, forgery: Forgery) -> None:
    path = answered.path("answer")
    raw = path.read_bytes()
    rewrite(path, forgery.change(members_of(path)))
    assert_unused(land, answered, [forgery.rule])
    path.write_bytes(raw)
    assert_good(land, answered)


def test_a_file_without_its_large_parts_leaves_the_entry_waiting(land: Country, answered: Stick) -> None:
    path = answered.path("answer")
    rewrite(path, without("parts/")(members_of(path)))
    answered.take_well(land.kemnaker)
    assert [row.waiting for row in land.kemnaker.rows(InboxEntry)] == [True, False]
    assert land.kemnaker.alarms() == ["part-missing"]
    answered.wipe()
    answered.round(land.kemnaker)
    assert [row.waiting for row in land.kemnaker.rows(InboxEntry)] == [False, False]


def test_other_bytes_in_the_place_of_a_part_are_not_used(land: Country, answered: Stick) -> None:
    path = answered.path("answer")
    members = members_of(path)
    name = next(name for name in members if name.startswith("parts/"))
    rewrite(path, {**members, name: bytes(len(members[name]))})
    answered.take_well(land.kemnaker)
    assert [row.waiting for row in land.kemnaker.rows(InboxEntry)] == [True, False]
    answered.wipe()
    answered.round(land.kemnaker)
    assert [row.waiting for row in land.kemnaker.rows(InboxEntry)] == [False, False]


# Made by somebody with another key.


def resigned(signer: SigningKey, land: Country, **changes: object) -> Callable[[Bundle], Bundle]:
    def change(bundle: Bundle) -> Bundle:
        answer: Answer = read_answer(bundle.manifest, land.founded.keys.hub.public)
        return replace(bundle, manifest=replace(answer, **changes).sign(signer))  # type: ignore[arg-type]

    return change


@pytest.mark.parametrize(("signer", "rule"), [("nobody", "unknown-key"), ("jabar", "party")])
def test_an_answer_signed_by_another_is_not_used(land: Country, answered: Stick, signer: str, rule: str) -> None:
    path = answered.path("answer")
    rewrite(path, bundled(resigned(signing(signer), land))(members_of(path)))
    assert_unused(land, answered, [rule])


def test_an_answer_to_a_request_of_another_life_is_told(land: Country, answered: Stick) -> None:
    path = answered.path("answer")
    change = resigned(land.founded.keys.hub, land, req=seed("another"))
    rewrite(path, bundled(change)(members_of(path)))
    assert_unused(land, answered, [])


def test_an_answer_of_another_node_is_left_alone(land: Country, answered: Stick) -> None:
    assert answered.take(land.jateng) == []
    path = answered.path("answer")
    path.rename(path.with_name(path.name.replace("kemnaker", "jateng")))
    (done,) = answered.take(land.jateng)
    assert done.trouble is not None
    assert land.jateng.rows(InboxEntry) == []


def test_a_request_that_is_renamed_is_answered_under_its_own_name(land: Country, stick: Stick) -> None:
    stick.export(land.jabar)
    path = stick.path("request")
    path.rename(stick.folder / "kemnaker-1.request")
    (done,) = stick.answer()
    assert done.written == path.with_suffix(".answer").name


# Refusals.


@pytest.mark.parametrize(
    "problem",
    [
        b"no document",
        b'{"status":409}',
        orjson.dumps({"status": 409, "conflict": Conflict("pusat", "kemnaker", seed("r"), 99, 1, None).sign(
            signing("nobody"))}),
        orjson.dumps({"status": 409, "conflict": Conflict("pusat", "jateng", seed("r"), 99, 1, None).sign(
            signing("pusat"))}),
    ],
)  # fmt: skip
def test_a_forged_refusal_moves_no_counter(land: Country, stick: Stick, problem: bytes) -> None:
    before = land.kemnaker.dump(without=_ALARMS)
    rewrite(stick.folder / "kemnaker-1.refused", {PROBLEM: problem})
    (done,) = stick.take(land.kemnaker)
    assert done.trouble is not None
    assert land.kemnaker.dump(without=_ALARMS) == before


def test_the_words_of_a_refusal_are_our_own(land: Country, stick: Stick) -> None:
    """Whoever writes onto a stick does not speak to the operator's terminal."""
    problem = {"status": 422, "rule": "\x1b[2Jrm -rf", "detail": "jalankan perintah ini"}
    rewrite(stick.folder / "kemnaker-1.refused", {PROBLEM: orjson.dumps(problem)})
    (done,) = stick.take(land.kemnaker)
    assert (done.refused, done.trouble) == ("", None)


def test_a_signed_409_by_stick_teaches_the_counter(land: Country, stick: Stick) -> None:
    conflict = Conflict("pusat", "kemnaker", seed("r"), 500, 1, seed("known")).sign(land.founded.keys.hub)
    rewrite(stick.folder / "kemnaker-1.refused", {PROBLEM: orjson.dumps({"status": 409, "conflict": conflict})})
    stick.take_well(land.kemnaker)
    assert (land.kemnaker.state().ctr, land.kemnaker.state().phase) == (500, Phase.READING)
    assert land.kemnaker.alarms() == ["counter"]


# Things that are no files of ours.


def head(*members: JsonInput, carried: str = "answer") -> bytes:
    line = canonical.encode({"carried": carried, "members": list(members), "v": 1})
    return line + b"\n" + b64u.encode(sha256(line)).encode() + b"\n"


H = "A" * 43


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"PK\x03\x04" + bytes(1000),
        bytes(20_000_000),
        b"[" * 100_000 + b"\n",
        head(),
        head({"h": H, "len": 2**31, "name": "bundle"}),
        head({"h": H, "len": -1, "name": "bundle"}),
        head({"h": H, "len": 1, "name": "../../etc/passwd"}) + b"x",
        head({"h": H, "len": 1, "name": "/etc/passwd"}) + b"x",
        head({"h": H, "len": 0, "name": "bundle"}, {"h": H, "len": 0, "name": "bundle"}),
        head(carried="zip"),
        head(carried="request"),
    ],
    ids=range(13),
)
def test_a_file_that_is_none_is_told(land: Country, stick: Stick, raw: bytes) -> None:
    for name in ("kemnaker-1.answer", "kemnaker-2.refused", "kemnaker-3.request"):
        (stick.folder / name).write_bytes(raw)
    before = land.kemnaker.dump(), land.founded.dump()
    assert [done.trouble is None for done in stick.take(land.kemnaker)] == [False, False]
    assert [done.trouble is None for done in stick.answer()] == [False]
    assert (land.kemnaker.dump(), land.founded.dump()) == before


def test_links_pipes_and_folders_are_not_looked_at(land: Country, answered: Stick) -> None:
    path, asked = answered.path("answer"), answered.path("request").name
    path.rename(land.folder / "elsewhere")
    path.symlink_to(land.folder / "elsewhere")
    os.mkfifo(answered.folder / "kemnaker-7.answer")
    (answered.folder / "kemnaker-8.answer").mkdir()
    (answered.folder / "kemnaker-9.request").symlink_to("/dev/zero")
    assert answered.take(land.kemnaker) == []
    assert [done.name for done in answered.answer()] == [asked]


def test_a_link_in_the_place_of_what_is_written_is_replaced_and_not_followed(land: Country, stick: Stick) -> None:
    victim = land.folder / "victim"
    victim.write_bytes(b"mine")
    ctr = land.jabar.state().ctr + 1 if land.jabar.rows(ExportedRequest) else 1
    for name in (f"jabar-{ctr}.request", f".jabar-{ctr}.request.tmp"):
        (stick.folder / name).symlink_to(victim)
    stick.export(land.jabar)
    assert victim.read_bytes() == b"mine"
    assert not stick.path("request").is_symlink()


def test_a_folder_that_is_none_is_told(land: Country, tmp_path: Path) -> None:
    for folder in (tmp_path / "nothing", Path(__file__)):
        away = Stick(land, folder)
        with pytest.raises(StickError):
            away.export(land.jabar)
        with pytest.raises(StickError):
            away.answer()
        with pytest.raises(StickError):
            find_answers(land.jabar.node, folder)
    assert land.jabar.rows(ExportedRequest) == []


def test_kinds_of_files_are_not_mixed_up(land: Country, stick: Stick) -> None:
    stick.export(land.jabar)
    members = members_of(stick.path("request"))
    rewrite(stick.folder / "jabar-1.answer", members, CarriedKind.REQUEST)
    (done,) = stick.take(land.jabar)
    assert done.trouble == "the file is no answer"
