"""The form of carried files: one way to write them, one way to read them, and nothing in between."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import b64u
from keys.digest import sha256
from protocol import canonical
from protocol.carried import (
    MAX_MEMBERS,
    MAX_WANTED,
    CarriedFile,
    CarriedKind,
    CarriedMember,
    CarriedName,
    DamagedFileError,
    encode_head,
    encode_wanted,
    member_of,
    part_member,
    read_name,
    read_wanted,
)
from protocol.errors import LocalError, RemoteError

NAMES = st.from_regex(r"[a-z]{1,8}(/[A-Za-z0-9._-]{1,12}){0,3}", fullmatch=True)


def encoded(contents: dict[str, bytes], kind: CarriedKind = CarriedKind.ANSWER) -> bytes:
    head = encode_head(kind, [member_of(name, content) for name, content in contents.items()])
    return head + b"".join(contents.values())


def opened(raw: bytes) -> CarriedFile:
    return CarriedFile(len(raw), reader(raw))


def reader(raw: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, length: raw[offset : offset + length]


@given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=6), st.sampled_from(CarriedKind))
def test_what_is_written_is_read(contents: dict[str, bytes], kind: CarriedKind) -> None:
    file = opened(encoded(contents, kind))
    file.check()
    assert file.kind is kind
    assert {name: file.content(name, 300) for name in file.members} == contents


@given(st.data())
def test_any_change_is_found(data: st.DataObject) -> None:
    raw = encoded({"bundle": b"x" * 40, "leaves": b"", "parts/abc": b"yz"})
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = bytearray(raw)
    changed[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(raw) - 1))
    for damaged in (bytes(changed), raw[:cut], raw + b"\n"):
        with pytest.raises(DamagedFileError):
            opened(damaged).check()


def test_the_head_is_canonical_json_and_its_hash() -> None:
    line, digest, rest = encoded({"bundle": b"abc"}, CarriedKind.REQUEST).split(b"\n", 2)
    assert line == canonical.encode(
        {"carried": "request", "members": [{"h": b64u.encode(sha256(b"abc")), "len": 3, "name": "bundle"}], "v": 1}
    )
    assert (digest, rest) == (b64u.encode(sha256(line)).encode(), b"abc")


def test_a_reader_that_gives_little_at_a_time_changes_nothing() -> None:
    raw = encoded({"bundle": bytes(5_000), "leaves": b"x"})

    def slowly(offset: int, length: int) -> bytes:
        return raw[offset : offset + min(length, 700)]

    assert CarriedFile(len(raw), slowly).content("bundle", 5_000) == bytes(5_000)


def test_a_file_that_changes_while_it_is_read_is_noticed() -> None:
    raw = bytearray(encoded({"bundle": b"first"}))
    file = CarriedFile(len(raw), lambda offset, length: bytes(raw[offset : offset + length]))
    raw[-1] ^= 1
    with pytest.raises(DamagedFileError):
        file.content("bundle", 10)
    del raw[-3:]
    with pytest.raises(DamagedFileError):
        file.content("bundle", 10)


def test_nothing_longer_than_asked_for_is_read() -> None:
    file = opened(encoded({"bundle": bytes(11)}))
    for name, most in (("bundle", 10), ("leaves", 10)):
        with pytest.raises(DamagedFileError):
            file.content(name, most)


def test_limits_hold_for_what_we_write_too() -> None:
    many = [CarriedMember(f"a/{n}", 0, bytes(32)) for n in range(MAX_MEMBERS + 1)]
    with pytest.raises(LocalError):
        encode_head(CarriedKind.ANSWER, many)
    with pytest.raises(LocalError):
        encode_head(CarriedKind.ANSWER, [CarriedMember("bundle", 2**31, bytes(32))])


def test_a_part_is_named_by_its_hash() -> None:
    part = b64u.encode(sha256(b"part"))
    assert part_member(part, 4) == member_of(f"parts/{part}", b"part")


@pytest.mark.parametrize("name", ["jabar-17.request", "a1-2.answer", "kota-5-1.refused"])
def test_names_are_read_as_they_are_written(name: str) -> None:
    found = read_name(name)
    assert found is not None
    assert str(found) == name
    assert CarriedName(*found) == found


@pytest.mark.parametrize(
    "name",
    [
        "jabar.request",
        "jabar-0.request",
        "jabar-017.request",
        "Jabar-1.request",
        ".jabar-1.request.tmp",
        "../a-1.request",
        "jabar-1.request ",
        "jabar-1.REQUEST",
        "jabar-1.zip",
        "jabar-99999999999999999.request",
        "jabar-1.request\n",
        "a-1.request",
    ],
)
def test_other_names_are_none(name: str) -> None:
    assert read_name(name) is None


def test_what_is_wanted_is_a_list_of_ids() -> None:
    ids = [b64u.encode(sha256(bytes([n % 256, n >> 8]))) for n in range(MAX_WANTED + 5)]
    assert read_wanted(encode_wanted(ids)) == ids[:MAX_WANTED]
    for wrong in (b'["x"]', b"{}", b"[1]", canonical.encode(ids)):
        with pytest.raises(RemoteError):
            read_wanted(wrong)
