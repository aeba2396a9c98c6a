"""Attachments: whole or not at all, under a key of their own; their length tells a power of two and nothing else."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import b64u
from protocol import attachment
from protocol.attachment import (
    CHUNK_BYTES,
    LENGTHS,
    MAX_FILE_BYTES,
    Attachment,
    Encryption,
    FileName,
    check_files,
    decrypt,
    read_attachments,
    read_file_names,
)
from protocol.errors import LocalError, RemoteError
from protocol.seal import part_id
from tests.support.outcome import outcome_of, vector_file, vectors

CONTENT = b64u.decode(vector_file("attachment/ciphertexts.json")["content"])
SEALED_CHUNK = CHUNK_BYTES + 16


def made(content: bytes, name: str = "foto.jpg", content_type: str = "image/jpeg") -> tuple[Attachment, bytes]:
    encryption = Encryption([content], len(content))
    ciphertext = b"".join(encryption)
    return encryption.attachment(name, content_type), ciphertext


def opened(ciphertext: bytes, told: Attachment) -> bytes:
    return b"".join(decrypt([ciphertext], told))


def bytes_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)  # noqa: S311  the same bytes every time


@pytest.mark.parametrize("vector", vectors("attachment/sizes.json"))
def test_a_length_shows_as_a_power_of_two(vector: dict[str, Any]) -> None:
    assert outcome_of(lambda: attachment.sealed_bytes(vector["size"])) == vector["outcome"]
    if vector["outcome"] == "ok":
        assert attachment.sealed_bytes(vector["size"]) == vector["len"]
        assert vector["len"] in LENGTHS


@pytest.mark.parametrize("vector", vectors("attachment/told.json"))
def test_what_a_seal_tells_is_read_strictly(vector: dict[str, Any]) -> None:
    assert outcome_of(lambda: read_attachments(vector["told"])) == vector["outcome"]
    if vector["outcome"] == "ok":
        assert [each.wire() for each in read_attachments(vector["told"])] == vector["told"]


@pytest.mark.parametrize("vector", vectors("attachment/ciphertexts.json"))
def test_a_ciphertext_opens_whole_or_not_at_all(vector: dict[str, Any]) -> None:
    (told,) = read_attachments([vector["told"]])
    ciphertext = b64u.decode(vector["ciphertext"])
    assert outcome_of(lambda: opened(ciphertext, told)) == vector["outcome"]
    if vector["outcome"] == "ok":
        assert opened(ciphertext, told) == CONTENT


@pytest.mark.parametrize("size", [0, 1, 1_023, 1_024, 1_025, 65_535, 65_536, 65_537, 131_072, 200_000])
def test_what_was_encrypted_is_decrypted_byte_for_byte(size: int) -> None:
    content = bytes_of(size)
    told, ciphertext = made(content)
    assert opened(ciphertext, told) == content
    assert (told.id, told.len, told.size) == (part_id(ciphertext), len(ciphertext), size)
    assert told.len == attachment.sealed_bytes(size)
    assert read_attachments([told.wire()]) == (told,)


@given(st.lists(st.binary(max_size=3_000), max_size=80), st.integers(1, 70_000))
def test_the_chunks_that_come_need_not_be_those_of_the_cipher(pieces: list[bytes], step: int) -> None:
    content = b"".join(pieces)
    encryption = Encryption(pieces, len(content))
    ciphertext = b"".join(encryption)
    told = encryption.attachment("a", "image/png")
    cut = [ciphertext[start : start + step] for start in range(0, len(ciphertext), step)]
    assert b"".join(decrypt(cut, told)) == content


def test_the_largest_file_goes_through_in_chunks() -> None:
    """Nobody holds a whole file: at most one chunk is asked for beyond what was given."""
    taken = 0

    def content() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(MAX_FILE_BYTES // CHUNK_BYTES):
            taken += 1
            yield bytes(CHUNK_BYTES)

    encryption = Encryption(content(), MAX_FILE_BYTES)
    for given_back, _ in enumerate(encryption, 1):
        assert taken <= given_back + 1
    assert encryption.attachment("a", "audio/mpeg").len == max(LENGTHS)


# Chunks of a file of several.


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("the last chunk is cut off", [0, 1, 2]),
        ("the first chunk is left out", [1, 2, 3]),
        ("a chunk in the middle is left out", [0, 2, 3]),
        ("two chunks change places", [1, 0, 2, 3]),
        ("the last comes first", [3, 0, 1, 2]),
        ("a chunk twice", [0, 0, 1, 2, 3]),
        ("a chunk instead of another", [0, 1, 1, 3]),
        ("the last chunk twice", [0, 1, 2, 3, 3]),
    ],
)
def test_chunks_that_were_moved_are_noticed(name: str, order: list[int]) -> None:
    """Also where the id was made to fit: the bytes are the sender's own word, and the counter still tells."""
    assert name
    told, ciphertext = made(bytes_of(200_000))
    chunks = [ciphertext[start : start + SEALED_CHUNK] for start in range(0, len(ciphertext), SEALED_CHUNK)]
    moved = b"".join(chunks[n] for n in order)
    assert outcome_of(lambda: opened(moved, told)) in ("seal", "part-id")
    fitted = replace(told, id=part_id(moved))
    assert outcome_of(lambda: opened(moved, fitted)) in ("seal", "part-id")


def test_chunks_of_two_files_do_not_mix() -> None:
    one, other = made(bytes_of(100_000)), made(bytes_of(100_000))
    mixed = one[1][:SEALED_CHUNK] + other[1][SEALED_CHUNK:]
    assert outcome_of(lambda: opened(mixed, one[0])) == "seal"


# Keys.


def test_every_encryption_has_a_key_of_its_own() -> None:
    """The nonces are counters, so a key that encrypted two files would give both away."""
    keys = {made(b"sama")[0].key for _ in range(20)}
    assert len(keys) == 20


def test_an_encryption_runs_once() -> None:
    encryption = Encryption([b"x"], 1)
    list(encryption)
    with pytest.raises(LocalError):
        list(encryption)


def test_an_attachment_is_told_only_when_it_is_whole() -> None:
    encryption = Encryption([bytes(CHUNK_BYTES * 2)], CHUNK_BYTES * 2)
    next(iter(encryption))
    with pytest.raises(LocalError):
        encryption.attachment("a", "image/png")


@pytest.mark.parametrize("size", [0, 999, 1_001, 1_025, 100_000])
def test_a_file_that_has_not_the_size_that_was_told_is_our_own_bug(size: int) -> None:
    with pytest.raises(LocalError):
        list(Encryption([bytes(1_000)], size))


def test_a_file_over_the_limit_is_not_begun() -> None:
    with pytest.raises(LocalError):
        Encryption([], MAX_FILE_BYTES + 1)


def test_a_key_does_not_show_where_an_attachment_is_printed() -> None:
    told, _ = made(b"x", name="ktp-siti.jpg")
    assert "siti" not in repr(told)
    assert repr(told.key) not in repr(told)


# What the entry names and what the seal tells.


def test_an_entry_names_what_its_seal_tells_of_in_the_same_order() -> None:
    one, other = made(b"1")[0], made(b"2")[0]
    check_files([one.outside, other.outside], [one, other])
    check_files((), ())
    for named, told in (
        ([other.outside, one.outside], [one, other]),
        ([one.outside], [one, other]),
        ([one.outside, other.outside], [one]),
        ([], [one]),
        ([replace(one.outside, len=2_064)], [one]),
    ):
        assert outcome_of(lambda named=named, told=told: check_files(named, told)) == "part-form"  # type: ignore[misc]


def test_one_chunk_travels_in_the_bundle_and_more_do_not() -> None:
    assert made(bytes(CHUNK_BYTES))[0].outside.bundled
    assert not made(bytes(CHUNK_BYTES + 1))[0].outside.bundled


def test_a_refusal_of_names_tells_what_was_expected() -> None:
    with pytest.raises(RemoteError) as caught:
        read_file_names([FileName(part_id(b"x"), 7).wire()])
    assert caught.value.expected == {"len": sorted(LENGTHS)}
