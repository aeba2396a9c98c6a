"""The parts endpoint: who may put and get what, in pieces, whole or not at all; and what goes when."""

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.models import MemberState, NamedFile, StoredPart, UploadedPart
from hub.parts.collect import UNNAMED_SECONDS, collect, may_go, sweep
from hub.parts.store import PartStore
from keys import b64u
from protocol import jws
from protocol.attachment import FileName
from protocol.part_pass import MAX_PIECE_BYTES
from protocol.seal import Part, PartName
from tests.hub.conftest import Town
from tests.support.federation import HUB, NOW, forged, seed, signing
from tests.support.files import Made, PartsLine, made_file
from tests.support.hub import FoundedHub, Said, served

LARGE = 70_000  # two chunks
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Lines:
    """A town's members at the parts endpoint, and a file that one of them has."""

    town: Town
    jabar: PartsLine
    kemnaker: PartsLine
    jateng: PartsLine
    file: Made

    @property
    def store(self) -> PartStore:
        return PartStore(self.town.hub.settings.parts_dir, 0)

    def offer(self, *files: Made, **changes: object) -> Said:
        """An offer of jabar to kemnaker that names files; the small ones travel with it."""
        said = self.town.jabar.offer("kemnaker", files=tuple(file.told.outside for file in files), **changes)
        small = [
            Part(PartName(file.id, file.told.len, ""), file.ciphertext) for file in files if file.told.outside.bundled
        ]
        return Said(said.signed, (*said.parts, *small))

    def logged(self, *files: Made) -> Said:
        """The same, in the log; large files are put there before."""
        for file in files:
            if not file.told.outside.bundled:
                assert self.jabar.upload(file).status_code == 201
        said = self.offer(*files)
        assert self.town.jabar.sync(said).verdict(said).state == "ok"
        return said

    def collect(self, seconds: int = 0) -> int:
        return collect(self.town.hub.database, self.store, NOW + seconds)

    def rows(self, model: type[Any]) -> list[Any]:
        with self.town.hub.database.reading() as session:
            found = list(session.scalars(select(model)))
            session.expunge_all()
            return found

    def files(self) -> list[str]:
        """Every file below the folder of parts."""
        folder = self.town.hub.settings.parts_dir
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def lines(town: Town) -> Lines:
    named = {name: PartsLine(town.url, name) for name in ("jabar", "kemnaker", "jateng")}
    return Lines(town, **named, file=made_file(LARGE))


# The way of a large file.


def test_a_large_file_goes_in_by_its_sender_and_out_to_its_recipient_byte_for_byte(lines: Lines) -> None:
    assert lines.jabar.upload(lines.file).status_code == 201
    said = lines.offer(lines.file)
    assert lines.town.jabar.sync(said).verdict(said).state == "ok"
    pulled = lines.town.kemnaker.sync()
    assert pulled.bundle.entries == (said.signed.raw,)
    assert lines.file.id not in pulled.bundle.parts
    given = lines.kemnaker.ask("GET", lines.file.id)
    assert (given.status_code, given.content) == (200, lines.file.ciphertext)
    assert given.headers["Content-Type"] == "application/octet-stream"
    assert given.headers["Cache-Control"] == "no-store"
    assert lines.jabar.ask("GET", lines.file.id).content == lines.file.ciphertext


def test_a_small_file_travels_in_the_bundle_and_is_given_again_when_asked_for(lines: Lines) -> None:
    """Who could not keep what a bundle brought asks for it alone; the same goes for the seals."""
    small = made_file(3_000)
    said = lines.logged(small)
    pulled = lines.town.kemnaker.sync()
    assert pulled.bundle.parts[small.id] == small.ciphertext
    for part in (small.id, said.entry.parts["case"].id):
        given = lines.kemnaker.ask("GET", part)
        assert (given.status_code, given.content) == (200, pulled.bundle.parts[part])
        assert lines.jateng.ask("GET", part).status_code == 404


def test_an_entry_that_names_a_large_file_waits_until_it_is_there(lines: Lines) -> None:
    """The verdict is `part`: nothing is wrong with the entry, and the same bytes are taken later."""
    said = lines.offer(lines.file)
    verdict = lines.town.jabar.sync(said, follow=False).verdict(said)
    assert (verdict.state, verdict.reason, verdict.index) == ("part", "part-missing", None)
    lines.jabar.put(lines.file, 0, 1_000)
    assert lines.town.jabar.sync(said, follow=False).verdict(said).state == "part"
    lines.jabar.put(lines.file, 1_000)
    assert lines.town.jabar.sync(said).verdict(said).state == "ok"
    assert [row.named for row in lines.rows(UploadedPart)] == [True]


def test_nobody_names_what_another_has_put_there(lines: Lines) -> None:
    """It would make a stranger one of the two who may get it."""
    lines.jabar.upload(lines.file)
    said = lines.town.jateng.say("offer", "kemnaker", files=(lines.file.told.outside,))
    assert lines.town.jateng.sync(said).verdict(said).state == "part"
    assert lines.jateng.ask("GET", lines.file.id).status_code == 404


def test_an_entry_that_tells_another_length_is_not_logged(lines: Lines) -> None:
    lines.jabar.upload(lines.file)
    said = lines.town.jabar.offer("kemnaker", files=(FileName(lines.file.id, 262_208),))
    assert lines.town.jabar.sync(said).verdict(said).state == "part"


@pytest.mark.parametrize("wrong", ["missing", "other bytes", "other length"])
def test_a_small_file_that_is_not_the_one_named_stops_its_entry_alone(lines: Lines, wrong: str) -> None:
    small, other = made_file(3_000), made_file(3_000, seed=2)
    name = FileName(small.id, 1_040) if wrong == "other length" else small.told.outside
    said = lines.town.jabar.offer("kemnaker", files=(name,))
    beside = lines.town.jabar.receipt("jateng")
    parts = {part.name.id: part.ciphertext for part in said.parts}
    parts |= {"missing": {}, "other bytes": {other.id: other.ciphertext}, "other length": {small.id: small.ciphertext}}[
        wrong
    ]
    reply = lines.town.jabar.sync(said, beside, parts=parts)
    assert reply.verdict(said).state == ("bad" if wrong == "other length" else "part")
    assert reply.verdict(beside).state == "ok"
    assert lines.rows(StoredPart) == []


def test_ten_files_small_and_large_stand_in_one_entry(lines: Lines) -> None:
    files = [made_file(LARGE if n % 2 else 500, seed=n) for n in range(10)]
    lines.logged(*files)
    pulled = lines.town.kemnaker.sync()
    for file in files:
        assert lines.kemnaker.ask("GET", file.id).content == file.ciphertext
        assert (file.id in pulled.bundle.parts) == file.told.outside.bundled
    assert len(lines.rows(NamedFile)) == 5


# Pieces.


def test_an_upload_goes_on_where_the_connection_was_cut(lines: Lines) -> None:
    file = made_file(9_000_000)
    assert lines.jabar.offset(file.id)["Upload-Offset"] == "0"
    assert lines.jabar.put(file).headers["Upload-Offset"] == str(MAX_PIECE_BYTES)
    lines.jabar.cut_off(file, MAX_PIECE_BYTES, 1_000_000)
    told = lines.jabar.offset(file.id)
    assert (told["Upload-Offset"], told["Upload-Complete"]) == (str(MAX_PIECE_BYTES), "?0")
    assert lines.jabar.upload(file, MAX_PIECE_BYTES).status_code == 201
    told = lines.jabar.offset(file.id)
    assert (told["Upload-Offset"], told["Upload-Complete"]) == (str(len(file.ciphertext)), "?1")


@pytest.mark.parametrize("start", [0, 500, 1_001, 60_000])
def test_a_piece_that_is_not_the_next_one_is_refused_and_told_where_to_go_on(lines: Lines, start: int) -> None:
    lines.jabar.put(lines.file, 0, 1_000)
    response = lines.jabar.put(lines.file, start, start + 100)
    assert (response.status_code, response.json()["rule"], response.json()["offset"]) == (409, "piece", 1_000)
    assert lines.jabar.upload(lines.file, 1_000).status_code == 201


def test_a_file_that_is_there_whole_is_not_taken_again(lines: Lines) -> None:
    """The answer to the last piece may be lost: the same again does no harm, and says that all is well."""
    lines.jabar.upload(lines.file)
    before = lines.files()
    again = lines.jabar.put(lines.file)
    assert (again.status_code, again.headers["Upload-Complete"]) == (200, "?1")
    assert lines.files() == before
    assert len(lines.rows(UploadedPart)) == 1


def test_a_whole_small_enough_part_may_come_without_a_range(lines: Lines) -> None:
    shown = lines.jabar.shown("PUT", lines.file.id, len=len(lines.file.ciphertext))
    response = lines.jabar.ask("PUT", lines.file.id, shown=shown, body=lines.file.ciphertext)
    assert response.status_code == 201


def test_a_part_whose_row_could_not_be_stored_is_not_sent_again(lines: Lines) -> None:
    """The database was locked, or the process was killed, between the last byte and its row."""
    total = len(lines.file.ciphertext)
    with lines.store.receiving("jabar", lines.file.id) as receiving:
        receiving.append([lines.file.ciphertext], total)
        lines.store.finish(receiving, "jabar")
    told = lines.jabar.offset(lines.file.id)
    assert (told["Upload-Offset"], told["Upload-Complete"]) == (str(total), "?0")
    assert lines.jabar.put(lines.file, total - 1).status_code == 201
    assert [name for name in lines.files() if name.startswith("receiving")] == []
    assert lines.jabar.offset(lines.file.id)["Upload-Complete"] == "?1"


@pytest.mark.parametrize(
    ("content_range", "status", "rule"),
    [
        ("bytes 0-99/131105", 400, "members"),
        ("bytes 0-98/131104", 400, "members"),
        ("bytes 0-100/131104", 400, "members"),
        ("bytes 131100-131199/131104", 400, "members"),
        ("bytes */131104", 400, "members"),
        ("bytes 0-99/*", 400, "members"),
        ("bytes -1-98/131104", 400, "members"),
        ("items 0-99/131104", 400, "members"),
        ("bytes 99-0/131104", 400, "members"),
        ("", 400, "members"),
    ],
)
def test_a_range_that_cannot_be_is_refused(lines: Lines, content_range: str, status: int, rule: str) -> None:
    shown = lines.jabar.shown("PUT", lines.file.id, len=131_104)
    response = lines.jabar.ask("PUT", lines.file.id, shown=shown, body=bytes(100), Content_Range=content_range)
    assert (response.status_code, response.json()["rule"]) == (status, rule)
    assert lines.files() == []


def test_an_empty_piece_and_one_over_the_limit_are_refused(lines: Lines) -> None:
    file = made_file(9_000_000)
    for body in (b"", bytes(MAX_PIECE_BYTES + 1)):
        shown = lines.jabar.shown("PUT", file.id, len=len(file.ciphertext))
        end = f"bytes 0-{len(body) - 1}/{len(file.ciphertext)}"
        response = lines.jabar.ask("PUT", file.id, shown=shown, body=body, **({"Content_Range": end} if body else {}))
        assert response.status_code == 413
        assert response.json()["max_bytes"] == MAX_PIECE_BYTES
    assert lines.files() == []


def test_a_piece_of_unknown_length_is_refused(lines: Lines) -> None:
    store = lines.store
    with store.receiving("jabar", lines.file.id) as receiving:
        receiving.append([b"abc"], 3)
        for chunks in ([b"ab"], [b"abcd"], []):
            with pytest.raises(Exception, match="piece"):
                receiving.append(chunks, 3)
            assert receiving.offset == 3


def test_a_piece_whose_coming_fails_leaves_what_was_there(lines: Lines) -> None:
    def failing() -> Iterator[bytes]:
        yield b"def"
        raise OSError(5, "Input/output error")

    with lines.store.receiving("jabar", lines.file.id) as receiving:
        receiving.append([b"abc"], 3)
        with pytest.raises(OSError, match="Input/output"):
            receiving.append(failing(), 6)
        assert receiving.offset == 3


# Bytes that are not the part's.


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("a byte differs", lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
        ("chunks change places", lambda raw: raw[65_552:] + raw[:65_552]),
        ("all zeros", lambda raw: bytes(len(raw))),
    ],
)
def test_other_bytes_than_the_part_are_dropped_whole(lines: Lines, name: str, spoil: Callable[[bytes], bytes]) -> None:
    assert name
    response = lines.jabar.put(lines.file, body=spoil(lines.file.ciphertext))
    assert (response.status_code, response.json()["rule"]) == (422, "part-id")
    assert lines.files() == []
    assert lines.jabar.offset(lines.file.id)["Upload-Offset"] == "0"
    assert lines.jabar.upload(lines.file).status_code == 201


@pytest.mark.parametrize("length", [0, 7, 131_103, 131_105, 2**40])
def test_a_length_that_no_attachment_has_is_not_begun(lines: Lines, length: int) -> None:
    wire: dict[str, Any] = {
        "v": 1,
        "hub": HUB,
        "node": "jabar",
        "at": NOW,
        "method": "PUT",
        "id": lines.file.id,
        "len": length,
    }
    shown = forged(wire, signing("jabar"), jws.PART)
    response = lines.jabar.put(lines.file, shown=shown)
    assert response.status_code in (400, 422)
    assert lines.files() == []


# Passes.


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize(
    ("name", "change", "status", "rule"),
    [
        ("of another member's name", {"node": "jateng"}, 403, "party"),
        ("signed by another member", {"signer": "jateng"}, 403, "party"),
        ("signed by nobody that is known", {"signer": "siapa"}, 401, "unknown-key"),
        ("of a member that does not exist", {"node": "tiada"}, 403, "party"),
        ("for another hub", {"hub": "lain"}, 422, "addressed"),
        ("for another part", {"id": b64u.encode(seed("other"))}, 401, "pass"),
        ("301 seconds old", {"at": NOW - 301}, 401, "pass"),
        ("301 seconds ahead", {"at": NOW + 301}, 401, "pass"),
    ],
)
def test_a_pass_that_is_not_for_this_opens_nothing(
    lines: Lines, method: str, name: str, change: dict[str, Any], status: int, rule: str
) -> None:
    assert name
    lines.logged(lines.file)
    before = lines.files()
    length = {"len": 131_104} if method == "PUT" else {}
    shown = lines.jabar.shown(method, lines.file.id, **{**length, **change})
    response = lines.jabar.ask(method, lines.file.id, shown=shown, body=b"x" if method == "PUT" else None)
    assert response.status_code == status
    assert method == "HEAD" or response.json()["rule"] == rule
    assert ("WWW-Authenticate" in response.headers) == (status == 401)
    assert lines.files() == before


@pytest.mark.parametrize(("of", "shown_as"), [("GET", "HEAD"), ("GET", "PUT"), ("PUT", "GET"), ("HEAD", "GET")])
def test_a_pass_for_one_method_opens_no_other(lines: Lines, of: str, shown_as: str) -> None:
    lines.logged(lines.file)
    shown = lines.jabar.shown(of, lines.file.id, len=131_104 if of == "PUT" else None)
    assert lines.jabar.ask(shown_as, lines.file.id, shown=shown, body=b"x").status_code == 401


@pytest.mark.parametrize(
    "authorization", ["", "Bearer abc", "Simpul", "Simpul abc", "Simpul a.b.c", "Simpul é", "Simpul " + "A" * 9_000]
)
def test_what_is_no_pass_is_refused(lines: Lines, authorization: str) -> None:
    response = lines.jabar.ask("GET", lines.file.id, Authorization=authorization)
    assert response.status_code in (400, 401, 413)
    assert response.headers["Content-Type"] == "application/problem+json"


def test_a_pass_whose_signature_was_touched_is_refused(lines: Lines) -> None:
    head, _, signature = lines.jabar.shown("GET", lines.file.id).rpartition(".")
    touched = f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    assert lines.jabar.ask("GET", lines.file.id, shown=touched).status_code == 403


def test_a_request_manifest_is_no_pass(lines: Lines) -> None:
    response = lines.jabar.ask("GET", lines.file.id, shown=lines.town.jabar.request())
    assert response.status_code == 400


@pytest.mark.parametrize(
    "part", ["..%2f..%2fkeys%2fhub.key", "%2e%2e", "....", "a" * 42, "a" * 44, "a" * 42 + "=", "A" * 42 + "B", "x%00y"]
)
def test_a_name_that_is_no_hash_becomes_no_path(lines: Lines, part: str) -> None:
    for method in ("GET", "HEAD", "PUT"):
        shown = lines.jabar.shown("GET", lines.file.id)
        response = lines.jabar.ask(method, part, shown=shown, body=b"x" if method == "PUT" else None)
        assert response.status_code in (400, 401, 404, 405)
    assert lines.files() == []


def test_other_methods_are_not_there(lines: Lines) -> None:
    for method in ("POST", "DELETE", "PATCH"):
        response = lines.jabar.ask(method, lines.file.id, shown=lines.jabar.shown("GET", lines.file.id))
        assert response.status_code == 405
        assert {"GET", "HEAD", "PUT"} <= set(response.headers["Allow"].replace(" ", "").split(","))


# Who may have it.


def test_a_stranger_gets_the_answer_that_he_gets_for_nothing_at_all(lines: Lines) -> None:
    lines.logged(lines.file)
    refused = lines.jateng.ask("GET", lines.file.id)
    nothing = lines.jateng.ask("GET", b64u.encode(seed("nothing")))
    assert (refused.status_code, refused.content) == (nothing.status_code, nothing.content)
    assert refused.status_code == 404
    assert lines.jateng.offset(lines.file.id)["Upload-Offset"] == "0"
    assert lines.jateng.offset(b64u.encode(seed("nothing")))["Upload-Offset"] == "0"


def test_nobody_gets_a_part_that_no_entry_names_not_even_who_put_it_there(lines: Lines) -> None:
    lines.jabar.upload(lines.file)
    for line in (lines.jabar, lines.kemnaker):
        assert line.ask("GET", lines.file.id).status_code == 404


def test_a_download_goes_on_where_it_was_cut(lines: Lines) -> None:
    lines.logged(lines.file)
    rest = lines.kemnaker.ask("GET", lines.file.id, Range="bytes=100000-")
    assert (rest.status_code, rest.content) == (206, lines.file.ciphertext[100_000:])
    assert rest.headers["Content-Range"] == "bytes 100000-131103/131104"
    beyond = lines.kemnaker.ask("GET", lines.file.id, Range="bytes=131104-")
    assert beyond.status_code == 416
    assert lines.jateng.ask("GET", lines.file.id, Range="bytes=0-9").status_code == 404


def test_two_members_with_the_same_bytes_have_a_file_each(lines: Lines) -> None:
    """Otherwise one could have the other's collected, or get what it only knows the name of."""
    lines.logged(lines.file)
    assert lines.jateng.put(lines.file, 0, 100).status_code == 200
    assert lines.jateng.upload(lines.file, 100).status_code == 201
    assert len(lines.files()) == 2
    assert lines.collect(DAY + 1) == 1
    assert lines.kemnaker.ask("GET", lines.file.id).status_code == 200


# Limits.


def test_two_uploads_of_one_part_at_a_time_do_not_mix(lines: Lines) -> None:
    """One of them is told to come again; whatever the order, the part is whole or not there."""
    file = made_file(2_000_000)
    statuses: list[int] = []

    def put() -> None:
        statuses.append(PartsLine(lines.town.url, "jabar").put(file).status_code)

    threads = [threading.Thread(target=put) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 201 in statuses
    assert set(statuses) <= {200, 201, 409, 429}
    assert lines.jabar.offset(file.id)["Upload-Complete"] == "?1"
    assert [name for name in lines.files() if file.id in name and not name.startswith("receiving")]
    said = lines.offer(file)
    assert lines.town.jabar.sync(said).verdict(said).state == "ok"
    assert lines.kemnaker.ask("GET", file.id).content == file.ciphertext


def test_whoever_is_second_is_told_to_come_again(lines: Lines) -> None:
    with lines.store.receiving("jabar", lines.file.id):
        response = lines.jabar.put(lines.file)
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0
    assert lines.jabar.upload(lines.file).status_code == 201


def test_a_member_has_only_so_much_waiting_and_others_are_not_held_up_by_it(founded: FoundedHub) -> None:
    files = [made_file(LARGE, seed=n) for n in range(3)]
    hub = replace(founded, settings=replace(founded.settings, max_waiting_bytes=2 * 131_104))
    with served(hub) as url:
        jabar, jateng = PartsLine(url, "jabar"), PartsLine(url, "jateng")
        assert jabar.upload(files[0]).status_code == 201
        assert jabar.put(files[1], 0, 1_000).status_code == 200
        full = jabar.put(files[2])
        assert full.status_code == 429
        assert int(full.headers["Retry-After"]) > 0
        assert jabar.upload(files[1], 1_000).status_code == 201
        assert jateng.upload(files[2]).status_code == 201


def test_what_an_entry_names_waits_no_longer(founded: FoundedHub, town: Town) -> None:
    del founded
    files = [made_file(LARGE, seed=n) for n in range(2)]
    hub = replace(town.hub, settings=replace(town.hub.settings, max_waiting_bytes=131_104))
    with served(hub) as url:
        jabar = PartsLine(url, "jabar")
        assert jabar.upload(files[0]).status_code == 201
        assert jabar.put(files[1]).status_code == 429
        said = town.jabar.offer("kemnaker", files=(files[0].told.outside,))
        assert town.jabar.sync(said).verdict(said).state == "ok"
        assert jabar.upload(files[1]).status_code == 201


def test_a_disk_without_room_to_spare_is_told_before_it_is_full(founded: FoundedHub) -> None:
    hub = replace(founded, settings=replace(founded.settings, min_free_bytes=1 << 60))
    with served(hub) as url:
        response = PartsLine(url, "jabar").put(made_file(LARGE))
        assert response.status_code == 507
        assert response.headers["Retry-After"] == str(hub.settings.retry_after_seconds)
        assert not [path for path in hub.settings.parts_dir.rglob("*") if path.is_file()]


def test_a_full_disk_is_told_and_nothing_half_is_kept(tmp_path: Path) -> None:
    """A process that may write no file over 100 kB: the same error, from the same place, as of a full disk."""
    program = """
import sys
from pathlib import Path
from hub.errors import TryLaterError
from hub.parts.store import PartStore
store = PartStore(Path(sys.argv[1]), 0)
with store.receiving("jabar", "A" * 43) as receiving:
    receiving.append([bytes(60_000)], 60_000)
    try:
        receiving.append([bytes(65_536)] * 2, 131_072)
    except TryLaterError as error:
        print(int(error.status), receiving.offset)
"""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True, preexec_fn=limit
    )
    assert done.stdout.split() == ["507", "0"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# What goes, and when.


def test_a_part_that_no_entry_names_goes_after_a_day(lines: Lines) -> None:
    lines.jabar.upload(lines.file)
    assert lines.collect(UNNAMED_SECONDS) == 0
    assert lines.collect(UNNAMED_SECONDS + 1) == 1
    assert lines.files() == []
    said = lines.offer(lines.file)
    assert lines.town.jabar.sync(said, follow=False).verdict(said).state == "part"
    assert lines.jabar.upload(lines.file).status_code == 201
    assert lines.town.jabar.sync(said).verdict(said).state == "ok"


def test_a_part_that_an_entry_names_stays_however_old(lines: Lines) -> None:
    lines.logged(lines.file)
    assert lines.collect(1_000 * DAY) == 0
    assert lines.kemnaker.ask("GET", lines.file.id).content == lines.file.ciphertext


def test_a_part_goes_when_its_reader_has_it_and_a_backup_of_it(lines: Lines) -> None:
    lines.logged(lines.file)
    _set_floor(lines.town, 1)
    assert lines.collect() == 0, "stored nowhere yet"
    receipt = lines.town.kemnaker.receipt("jabar", 1)
    lines.town.kemnaker.sync(receipt)
    _set_floor(lines.town, 0)
    assert lines.collect() == 0, "in no backup yet"
    _set_floor(lines.town, 1)
    assert lines.collect() == 1
    assert lines.files() == []
    assert lines.kemnaker.ask("GET", lines.file.id).status_code == 404
    assert len(lines.rows(NamedFile)) == 1, "that it was named stays"


def _set_floor(town: Town, floor: int) -> None:
    with town.hub.database.transaction() as session:
        session.execute(update(MemberState).where(MemberState.member == "kemnaker").values(floor=floor))


@pytest.mark.parametrize(
    ("confirmed", "floor", "gone"), [(7, 9, True), (8, 10, True), (6, 9, False), (7, 8, False), (0, 0, False)]
)
def test_both_the_receipt_and_the_backup_must_cover_an_entry(confirmed: int, floor: int, gone: bool) -> None:
    assert may_go(7, 9, confirmed=confirmed, floor=floor) is gone


def test_what_was_begun_and_left_goes_after_a_day(lines: Lines) -> None:
    lines.jabar.put(lines.file, 0, 1_000)
    (begun,) = lines.files()
    old = NOW - UNNAMED_SECONDS - 1
    os.utime(lines.town.hub.settings.parts_dir / begun, (old, old))
    with lines.store.receiving("jabar", lines.file.id):
        lines.collect()
        assert lines.files() == [begun], "somebody is at it"
    lines.collect()
    assert lines.files() == []


def test_a_file_of_which_no_row_tells_is_swept_up(lines: Lines) -> None:
    """A crash came between the file and its row."""
    lines.logged(lines.file)
    with lines.store.receiving("jateng", lines.file.id) as receiving:
        receiving.append([lines.file.ciphertext], len(lines.file.ciphertext))
        lines.store.finish(receiving, "jateng")
        receiving.done()
    assert len(lines.files()) == 2
    database, now = lines.town.hub.database, int(Path(lines.town.hub.settings.parts_dir).stat().st_mtime) + 10
    assert sweep(database, lines.store, now - DAY) == 0, "it may be on its way to its row"
    assert sweep(database, lines.store, now) == 1
    assert lines.kemnaker.ask("GET", lines.file.id).status_code == 200


def test_the_hub_keeps_neither_key_nor_name_of_a_file(lines: Lines) -> None:
    lines.logged(lines.file, made_file(700, name="rahasia-sekali.jpg"))
    everything = b"".join(path.read_bytes() for path in lines.town.hub.settings.data_dir.rglob("*") if path.is_file())
    for secret in (lines.file.told.key, b64u.encode(lines.file.told.key).encode(), b"rahasia-sekali",
                   lines.file.content[:64]):  # fmt: skip
        assert secret not in everything
