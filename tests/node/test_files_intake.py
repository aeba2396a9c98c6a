"""Which files may come with a report, and what they are called then."""

import pytest

from node.files.intake import MAX_CASE_BYTES, Flaw, FlawsError, accept
from node.files.kinds import TYPES, kind_of
from tests.support.photos import HEADS, photo

#: Pages read and write through the services, whose own tests run on both databases.
pytestmark = pytest.mark.database("sqlite")


@pytest.mark.parametrize("content_type", HEADS)
def test_a_file_is_known_by_its_beginning(content_type: str) -> None:
    found = kind_of(photo(5_000, content_type=content_type))
    assert found is not None
    assert found.type == content_type


def test_every_kind_has_an_example_here() -> None:
    assert set(HEADS) == TYPES


@pytest.mark.parametrize(
    "head",
    [b"\xff\xfb\x90\x64", b"\xff\xf3\x84\xc4", b"\xff\xe3\x18\xc4"],
    ids=["MPEG 1", "MPEG 2", "MPEG 2.5"],
)
def test_sound_without_a_tag_is_known_by_its_first_frame(head: bytes) -> None:
    found = kind_of(head + bytes(400))
    assert found is not None
    assert found.type == "audio/mpeg"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a page", b"<!doctype html><script>alert(1)</script>"),
        ("a drawing with a script", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("a program for Windows", b"MZ\x90\x00\x03"),
        ("a program for Linux", b"\x7fELF\x02\x01\x01"),
        ("a program for Android, or an office's document", b"PK\x03\x04\x14\x00"),
        ("an old office's document", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("a script", b"#!/bin/sh\nrm -rf /"),
        ("text", b"Jalan rusak"),
        ("GIF", b"GIF89a"),
        ("TIFF", b"II*\x00"),
        ("a video in a window of the web", b"\x1a\x45\xdf\xa3"),
        ("RIFF of another form", b"RIFF\x24\x00\x00\x00AVI LIST"),
        ("an ISO file of another brand", b"\x00\x00\x00\x20ftypqt  "),
        ("the beginning of a photo", b"\xff\xd8"),
        ("PDF after something else", b" %PDF-1.7"),
        ("a frame of a reserved version", b"\xff\xeb\x90\x64" + bytes(100)),
        ("a frame of layer II", b"\xff\xfd\x90\x64" + bytes(100)),
        ("a frame of a bad bitrate", b"\xff\xfb\xf0\x64" + bytes(100)),
        ("a frame of a free bitrate", b"\xff\xfb\x00\x64" + bytes(100)),
        ("a frame of a reserved rate", b"\xff\xfb\x9c\x64" + bytes(100)),
        ("half a frame's header", b"\xff\xfb\x90"),
        ("zeros", bytes(1_000)),
    ],
)
def test_everything_else_is_refused_whatever_it_is_called(name: str, content: bytes) -> None:
    assert name
    for called in ("foto.jpg", "surat.pdf", "x"):
        with pytest.raises(FlawsError) as caught:
            accept([(called, content)])
        assert caught.value.flaws == {0: Flaw.KIND}


def test_what_is_wrong_is_told_by_place_and_all_at_once() -> None:
    with pytest.raises(FlawsError) as caught:
        accept([("a.jpg", photo(100)), ("b.jpg", b""), ("c.exe", b"MZ"), ("d.jpg", photo(MAX_CASE_BYTES))])
    assert caught.value.flaws == {1: Flaw.EMPTY, 2: Flaw.KIND, None: Flaw.TOO_LARGE}


def test_ten_files_of_twenty_megabytes_together_are_taken_and_no_more() -> None:
    size = MAX_CASE_BYTES // 10
    ten = [(f"{n}.jpg", photo(size)) for n in range(10)]
    assert sum(len(each.content) for each in accept(ten)) == MAX_CASE_BYTES
    with pytest.raises(FlawsError) as caught:
        accept([*ten, ("11.jpg", photo(100))])
    assert caught.value.flaws == {None: Flaw.TOO_MANY}
    with pytest.raises(FlawsError) as caught:
        accept([*ten[:9], ("9.jpg", photo(size + 1))])
    assert caught.value.flaws == {None: Flaw.TOO_LARGE}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("foto.jpg", "foto.jpg"),
        ("FOTO.JPEG", "FOTO.JPEG"),
        ("jalan rusak 😤.jpg", "jalan rusak 😤.jpg"),
        ("../../etc/passwd", "passwd.jpg"),
        ("C:\\Users\\siti\\foto.jpg", "foto.jpg"),
        ("foto.pdf", "foto.pdf.jpg"),
        ("foto.jpg.exe", "foto.jpg.exe.jpg"),
        ("", "lampiran.jpg"),
        ("...", "lampiran.jpg"),
        ("foto\u202egpj.exe", "fotogpj.exe.jpg"),
        ("a\r\nSet-Cookie: x=1.jpg", "aSet-Cookie x=1.jpg"),
        ('"<b>".jpg', "b.jpg"),
        ("con\x00.jpg", "con.jpg"),
        ("n" * 300, "n" * 96 + ".jpg"),
        ("n" * 300 + ".jpeg", "n" * 95 + ".jpeg"),
        (".jpg", "jpg.jpg"),
        ("e\u0301.jpg", "é.jpg"),
    ],
)
def test_a_name_is_made_safe_and_ends_as_such_files_do(given: str, name: str) -> None:
    (found,) = accept([(given, photo(100))])
    assert (found.name, found.type) == (name, "image/jpeg")
    assert len(found.name) <= 100


def test_what_was_accepted_does_not_show_where_it_is_printed() -> None:
    (found,) = accept([("ktp-siti.jpg", photo(100))])
    assert "siti" not in repr(found)
