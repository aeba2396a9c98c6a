"""Backup files: whole and unchanged, or refused with a word on where."""

import base64
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.backup import CHUNK_BYTES, MAGIC, MAX_LABEL_BYTES, Label, SealedReader, SealedWriter, read_label
from keys.errors import BackupFileError, DamagedBackupError, ForeignBackupError, KeysError

SECRET = bytes(range(32))
LABEL = Label("node", "jabar", "data", 1_790_000_000, {"keys/node.key": b"a key file"})
SEALED = CHUNK_BYTES + 16
#: Three whole chunks, and a short one.
STREAM = os.urandom(3 * CHUNK_BYTES + 1_000)


def made(stream: bytes, label: Label = LABEL, *, step: int = 100_000) -> bytes:
    target = io.BytesIO()
    writer = SealedWriter(target, label, SECRET)
    for start in range(0, len(stream), step):
        writer.write(stream[start : start + step])
    writer.finish()
    return target.getvalue()


def opened(content: bytes, secret: bytes = SECRET) -> bytes:
    reader = SealedReader(io.BytesIO(content), secret)
    return b"".join(iter(lambda: reader.read(50_000), b""))


FILE = made(STREAM)
#: Where the first chunk begins.
BODY = len(FILE) - (3 * SEALED + 1_016)


def test_what_was_written_by_version_1_is_still_read() -> None:
    vector = json.loads((Path(__file__).parents[1] / "vectors/keys/backup.json").read_text())
    reader = SealedReader(io.BytesIO(base64.b64decode(vector["file"])), bytes.fromhex(vector["secret"]))
    told = {name: getattr(reader.label, name) for name in vector["label"]}
    assert (told, reader.read(1_000)) == (vector["label"], vector["stream"].encode())
    reader.drain()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_every_length_comes_back(size: int) -> None:
    content = made(STREAM[:size])
    assert opened(content) == STREAM[:size]
    assert STREAM[:64] not in content or not size


@given(st.lists(st.binary(max_size=3 * CHUNK_BYTES), max_size=4), st.integers(1, 2 * CHUNK_BYTES))
def test_how_the_stream_was_cut_into_writes_does_not_matter(writes: list[bytes], step: int) -> None:
    target = io.BytesIO()
    writer = SealedWriter(target, LABEL, SECRET)
    for each in writes:
        assert writer.write(each) == len(each)
    writer.finish()
    reader = SealedReader(io.BytesIO(target.getvalue()), SECRET)
    assert b"".join(iter(lambda: reader.read(step), b"")) == b"".join(writes)


def test_the_label_is_read_without_a_key_and_holds_the_key_files() -> None:
    found = read_label(io.BytesIO(FILE))
    assert found == LABEL
    assert found.files == {"keys/node.key": b"a key file"}


@pytest.mark.parametrize(
    "length",
    [
        pytest.param(0, id="nothing"),
        pytest.param(5, id="within the magic"),
        pytest.param(len(MAGIC), id="before the label"),
        pytest.param(BODY - 20, id="within the label"),
        pytest.param(BODY - 1, id="before the end of the label's line"),
        pytest.param(BODY, id="before the first chunk"),
        pytest.param(BODY + 1, id="within the first chunk"),
        pytest.param(BODY + SEALED, id="after a whole chunk"),
        pytest.param(BODY + 2 * SEALED + 7, id="within a middle chunk"),
        pytest.param(BODY + 3 * SEALED, id="before the last chunk"),
        pytest.param(BODY + 3 * SEALED + 10, id="within the last chunk, shorter than a tag"),
        pytest.param(len(FILE) - 1, id="before the last byte"),
    ],
)
def test_a_file_that_was_cut_off_is_refused(length: int) -> None:
    with pytest.raises(DamagedBackupError) as error:
        opened(FILE[:length])
    if length >= BODY:
        assert "was cut off" in str(error.value)
        assert f"{(length - BODY - 1) // SEALED * SEALED if length > BODY else 0} bytes" in str(error.value)


def test_nothing_is_given_of_a_chunk_that_was_changed() -> None:
    changed = bytearray(FILE)
    changed[BODY + SEALED + 17] ^= 1
    reader = SealedReader(io.BytesIO(bytes(changed)), SECRET)
    assert reader.read(CHUNK_BYTES) == STREAM[:CHUNK_BYTES]
    with pytest.raises(DamagedBackupError, match=f"damaged {SEALED} bytes behind its label"):
        reader.drain()


@given(st.integers(0, len(FILE) - 1), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(at: int, bit: int) -> None:
    changed = bytearray(FILE)
    changed[at] ^= 1 << bit
    with pytest.raises(BackupFileError):
        opened(bytes(changed))


def chunks() -> list[bytes]:
    return [FILE[start : start + SEALED] for start in range(BODY, len(FILE), SEALED)]


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(lambda c: [c[1], c[0], *c[2:]], id="two chunks swapped"),
        pytest.param(lambda c: [c[0], *c[2:]], id="a chunk left out"),
        pytest.param(lambda c: [c[0], c[0], *c[1:]], id="a chunk twice"),
        pytest.param(lambda c: [*c, c[-1]], id="the last chunk twice"),
        pytest.param(lambda c: [*c, b"\0"], id="a byte more"),
        pytest.param(lambda c: [*c[:-1], b"", c[-1][:-1]], id="a byte less"),
    ],
)
def test_chunks_that_were_moved_are_noticed(turn: Callable[[list[bytes]], list[bytes]]) -> None:
    with pytest.raises(DamagedBackupError):
        opened(FILE[:BODY] + b"".join(turn(chunks())))


def test_chunks_of_another_file_are_refused() -> None:
    with pytest.raises(DamagedBackupError):
        opened(FILE[:BODY] + made(STREAM)[BODY:])


def test_a_file_that_was_never_finished_is_not_whole() -> None:
    target = io.BytesIO()
    SealedWriter(target, LABEL, SECRET).write(STREAM)
    with pytest.raises(DamagedBackupError, match="was cut off"):
        opened(target.getvalue())


def test_another_partys_key_is_told_from_damage() -> None:
    with pytest.raises(ForeignBackupError, match="node jabar was made under other keys"):
        opened(FILE, bytes(32))


def test_the_key_of_a_data_backup_does_not_open_a_key_backup() -> None:
    """Each kind has a wrapping key of its own: a label that says the other thing opens with neither."""
    swapped = FILE.replace(b'"what":"data"', b'"what":"keys"')
    with pytest.raises(ForeignBackupError):
        opened(swapped)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda m: m | {"party": "jateng"}, id="another party"),
        pytest.param(lambda m: m | {"at": m["at"] + 1}, id="another time"),
        pytest.param(lambda m: m | {"role": "hub"}, id="another role"),
        pytest.param(lambda m: m | {"files": {}}, id="without the key file"),
        pytest.param(lambda m: m | {"at": str(m["at"])}, id="a time as text"),
        pytest.param(lambda m: m | {"what": "other"}, id="another content"),
        pytest.param(lambda m: m | {"more": 1}, id="a member more"),
        pytest.param(lambda m: {name: value for name, value in m.items() if name != "wrapped"}, id="a member less"),
        pytest.param(lambda m: [m], id="no object"),
    ],
)
def test_a_changed_label_is_refused(change: Callable[[dict[str, object]], object]) -> None:
    members = json.loads(FILE[len(MAGIC) : BODY])
    line = json.dumps(change(members), sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(DamagedBackupError, match="label"):
        opened(MAGIC + line + b"\n" + FILE[BODY:])


def test_what_is_no_backup_is_told() -> None:
    with pytest.raises(DamagedBackupError, match="no backup file"):
        read_label(io.BytesIO(b"SQLite format 3\0" + bytes(100)))


def test_a_label_has_a_limit() -> None:
    with pytest.raises(KeysError, match="larger"):
        SealedWriter(io.BytesIO(), Label("hub", "pusat", "keys", 1, {"keys/hub.key": bytes(MAX_LABEL_BYTES)}), SECRET)
    with pytest.raises(DamagedBackupError, match="label"):
        read_label(io.BytesIO(MAGIC + b" " * (MAX_LABEL_BYTES + 10)))


def test_no_file_has_the_key_of_another() -> None:
    assert made(b"the same")[BODY:] != made(b"the same")[BODY:]
