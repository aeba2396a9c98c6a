"""Files too large for a row: whole under their names, or not there."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from service.blobs import BlobNameError, BlobStore

NAME = "A" * 43


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "deep" / "blobs")


def put(store: BlobStore, content: bytes, name: str = NAME) -> None:
    with store.writing() as file:
        file.write(content)
        file.keep(name)


def everything(store: BlobStore) -> list[str]:
    return sorted(str(path.relative_to(store.directory)) for path in store.directory.rglob("*") if path.is_file())


def test_what_was_kept_is_read_byte_for_byte(store: BlobStore) -> None:
    content = os.urandom(200_000)
    put(store, content)
    assert b"".join(store.chunks(NAME)) == content
    assert list(store.names()) == [NAME]
    assert everything(store) == [f"AA/{NAME}"]


def test_what_was_not_kept_is_gone(store: BlobStore) -> None:
    with store.writing() as file:
        file.write(b"half")
    with suppress(ValueError), store.writing() as file:
        file.write(b"half")
        raise ValueError
    assert everything(store) == []


def test_files_and_folders_are_their_owners_alone(store: BlobStore) -> None:
    put(store, b"x")
    assert stat.S_IMODE(store.path(NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path(NAME).parent.stat().st_mode) == 0o700


def test_the_same_name_again_replaces(store: BlobStore) -> None:
    put(store, b"one")
    put(store, b"two")
    assert b"".join(store.chunks(NAME)) == b"two"


def test_a_file_that_is_adopted_may_stay_where_it_was(store: BlobStore) -> None:
    path = store.folder("elsewhere") / "x"
    path.write_bytes(b"x")
    for _ in range(2):
        store.adopt(path, NAME, keep=True)
        assert path.exists()
        assert b"".join(store.chunks(NAME)) == b"x"
    store.adopt(path, NAME)
    assert not path.exists()


@pytest.mark.parametrize(
    "name",
    ["", "..", "../" * 20, "A" * 42, "A" * 44, "A" * 42 + "/", "A" * 43 + ".", f"{NAME}.x", f"{NAME}.a/b", f"{NAME}\n"],
)
def test_no_other_name_becomes_a_path(store: BlobStore, name: str) -> None:
    for ask in (store.path, store.remove, lambda given: list(store.chunks(given))):
        with pytest.raises(BlobNameError):
            ask(name)


def test_a_file_may_bear_its_owners_name(store: BlobStore) -> None:
    put(store, b"x", f"{NAME}.jabar")
    assert list(store.names()) == [f"{NAME}.jabar"]


def test_removing_what_is_not_there_does_no_harm(store: BlobStore) -> None:
    put(store, b"x")
    store.remove(NAME)
    store.remove(NAME)
    assert list(store.names()) == []
    with pytest.raises(FileNotFoundError):
        list(store.chunks(NAME))


def test_other_files_in_the_folder_are_passed_over(store: BlobStore) -> None:
    put(store, b"x")
    (store.folder("zz") / "note.txt").write_text("x")
    assert list(store.names()) == [NAME]


def test_what_a_crash_left_unfinished_goes_when_it_is_old(store: BlobStore) -> None:
    left = store.folder("unfinished") / "x"
    left.write_bytes(b"half")
    written = int(left.stat().st_mtime)
    store.clear_unfinished(written - 10)
    assert left.exists()
    store.clear_unfinished(written + 10)
    assert not left.exists()
