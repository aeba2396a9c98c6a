"""At-rest keys: destroying one small file erases what was sealed under it, wherever copies of that are."""

import json
import os
import resource
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import b64u
from keys.errors import (
    BadKeyError,
    CannotOpenError,
    ExposedKeyFileError,
    KeyDestroyedError,
    KeyExistsError,
    KeysError,
)
from keys.wrapping import USES, AtRestKey, CaseKeyStore

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/keys/wrapping.json").read_text())
WRAPPING = {use: os.urandom(32) for use in USES}
CASE, OTHER = b64u.encode(bytes(range(16))), b64u.encode(bytes(range(1, 17)))
KEY = AtRestKey(CASE, "content", os.urandom(32))


@pytest.fixture
def store(tmp_path: Path) -> CaseKeyStore:
    return CaseKeyStore(tmp_path / "rest", WRAPPING)


def files_of(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "rest").rglob("*") if path.is_file()]


def test_what_stands_on_disk_today_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / VECTORS["path"]
    path.parent.mkdir()
    path.write_bytes(bytes.fromhex(VECTORS["file"]))
    store = CaseKeyStore(tmp_path, {VECTORS["use"]: bytes.fromhex(VECTORS["wrapping_key"])})
    assert list(store.listing()) == [(VECTORS["case_id"], VECTORS["use"])]
    key = store.get(VECTORS["case_id"], VECTORS["use"])
    assert key.key.hex() == VECTORS["key"]
    assert key.open(bytes.fromhex(VECTORS["sealed"]), VECTORS["context"]).hex() == VECTORS["plaintext"]


def test_a_key_comes_back_from_its_wrapping(store: CaseKeyStore, tmp_path: Path) -> None:
    key = store.create(CASE, "content")
    sealed = key.seal(b"Jalan rusak", "cases/text")
    again = CaseKeyStore(tmp_path / "rest", WRAPPING).get(CASE, "content")
    assert again == key
    assert again.open(sealed, "cases/text") == b"Jalan rusak"


def test_each_case_and_use_has_a_key_of_its_own(store: CaseKeyStore) -> None:
    keys = [store.create(case, use) for case in (CASE, OTHER) for use in USES]
    assert len({key.key for key in keys}) == 6
    assert set(store.listing()) == {(case, use) for case in (CASE, OTHER) for use in USES}


def test_the_key_is_on_disk_only_wrapped_and_only_for_the_owner(store: CaseKeyStore, tmp_path: Path) -> None:
    key = store.create(CASE, "identity")
    (path,) = files_of(tmp_path)
    assert path.name == f"{CASE}.identity"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    assert path.stat().st_size == 60
    assert key.key not in path.read_bytes()


def test_a_second_key_never_replaces_the_first(store: CaseKeyStore) -> None:
    key = store.create(CASE, "content")
    with pytest.raises(KeyExistsError):
        store.create(CASE, "content")
    assert store.get(CASE, "content") == key


def test_a_destroyed_key_is_gone_and_destroying_again_does_no_harm(store: CaseKeyStore, tmp_path: Path) -> None:
    sealed = store.create(CASE, "content").seal(b"rahasia", "x")
    store.create(CASE, "identity")
    for _ in range(2):
        store.destroy(CASE, "content")
        with pytest.raises(KeyDestroyedError, match="erased"):
            store.get(CASE, "content")
    assert list(store.listing()) == [(CASE, "identity")]
    assert [path.name for path in files_of(tmp_path)] == [f"{CASE}.identity"]
    with pytest.raises(CannotOpenError):
        store.create(CASE, "content").open(sealed, "x")


def test_destroying_before_anything_was_made_does_no_harm(store: CaseKeyStore) -> None:
    store.destroy(CASE, "track")
    assert list(store.listing()) == []
    with pytest.raises(KeyDestroyedError):
        store.get(CASE, "track")


def test_destroying_overwrites_the_file_itself(store: CaseKeyStore, tmp_path: Path) -> None:
    """A second name of the same file, as a crash between two system calls could leave, opens nothing either."""
    store.create(CASE, "content")
    (path,) = files_of(tmp_path)
    before, second = path.read_bytes(), tmp_path / "second-name"
    second.hardlink_to(path)
    store.destroy(CASE, "content")
    assert len(second.read_bytes()) == len(before)
    assert second.read_bytes()[:12] != before[:12]
    path.write_bytes(second.read_bytes())
    with pytest.raises(CannotOpenError, match="half destroyed"):
        store.get(CASE, "content")


def test_a_wrapping_opens_for_no_other_case_use_or_wrapping_key(store: CaseKeyStore, tmp_path: Path) -> None:
    store.create(CASE, "content")
    (path,) = files_of(tmp_path)
    wrapped = path.read_bytes()
    store.create(CASE, "identity")
    path.with_name(f"{CASE}.identity").write_bytes(wrapped)
    same_key = CaseKeyStore(tmp_path / "rest", dict.fromkeys(USES, WRAPPING["content"]))
    with pytest.raises(CannotOpenError):
        same_key.get(CASE, "identity")
    store.create(OTHER, "content")
    (other,) = (file for file in files_of(tmp_path) if file.name.startswith(OTHER))
    other.write_bytes(wrapped)
    with pytest.raises(CannotOpenError):
        store.get(OTHER, "content")
    with pytest.raises(CannotOpenError):
        CaseKeyStore(tmp_path / "rest", {"content": bytes(32)}).get(CASE, "content")


def test_a_damaged_wrapping_is_not_a_destroyed_one(store: CaseKeyStore, tmp_path: Path) -> None:
    store.create(CASE, "content")
    (path,) = files_of(tmp_path)
    whole = path.read_bytes()
    for damaged in (b"", whole[:27], whole[:-1], whole + b"\0", bytes([whole[0] ^ 1]) + whole[1:]):
        path.write_bytes(damaged)
        with pytest.raises(CannotOpenError):
            store.get(CASE, "content")


@pytest.mark.parametrize("case_id", VECTORS["bad_case_ids"])
def test_no_name_from_outside_becomes_a_path(store: CaseKeyStore, tmp_path: Path, case_id: str) -> None:
    for action in (store.create, store.get, store.destroy):
        with pytest.raises(KeysError, match="no case id"):
            action(case_id, "content")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("use", ["", "Content", "content/..", "../content", "slot"])
def test_no_use_but_the_three_becomes_a_path(store: CaseKeyStore, tmp_path: Path, use: str) -> None:
    for action in (store.create, store.get, store.destroy):
        with pytest.raises(KeysError, match="no use"):
            action(CASE, use)
    assert list(tmp_path.iterdir()) == []


def test_the_listing_passes_over_what_is_no_wrapping(store: CaseKeyStore, tmp_path: Path) -> None:
    store.create(CASE, "content")
    (path,) = files_of(tmp_path)
    for name in (f".{path.name}.0011.tmp", "README", f"{CASE}.slot", f"{CASE}", f"{OTHER}.content", f"{CASE}.content~"):
        path.with_name(name).write_bytes(b"x")
    (tmp_path / "rest" / "notes").mkdir()
    assert list(store.listing()) == [(CASE, "content")]


def test_a_store_serves_only_the_uses_it_has_keys_for(tmp_path: Path) -> None:
    store = CaseKeyStore(tmp_path / "rest", {"track": bytes(32)})
    store.create(CASE, "track")
    for action in (store.create, store.get):
        with pytest.raises(BadKeyError, match="no wrapping key"):
            action(CASE, "content")


@pytest.mark.parametrize("keys", [{"content": bytes(31)}, {"slot": bytes(32)}, {"content": b""}])
def test_a_wrapping_key_has_a_known_use_and_32_bytes(tmp_path: Path, keys: dict[str, bytes]) -> None:
    with pytest.raises(BadKeyError):
        CaseKeyStore(tmp_path, keys)


def test_a_directory_where_others_may_replace_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rest").mkdir()
    (tmp_path / "rest").chmod(0o777)
    with pytest.raises(ExposedKeyFileError):
        CaseKeyStore(tmp_path / "rest", WRAPPING).create(CASE, "content")


def test_a_full_disk_leaves_no_key_behind(store: CaseKeyStore, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            store.create(CASE, "content")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files_of(tmp_path) == []
    store.create(CASE, "content")


@given(st.binary(max_size=200), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_what_is_sealed_opens_in_its_context(content: bytes, context: str) -> None:
    assert KEY.open(KEY.seal(content, context), context) == content


def test_a_sealed_text_opens_nowhere_else() -> None:
    sealed = KEY.seal(b"isi", "cases/text")
    moved = [
        (KEY, "cases/title"),
        (KEY, "cases/text\0"),
        (KEY, ""),
        (AtRestKey(OTHER, "content", KEY.key), "cases/text"),
        (AtRestKey(CASE, "identity", KEY.key), "cases/text"),
        (AtRestKey(CASE, "content", bytes(32)), "cases/text"),
    ]
    for key, context in moved:
        with pytest.raises(CannotOpenError):
            key.open(sealed, context)


def test_no_byte_of_a_sealed_text_may_differ() -> None:
    sealed = KEY.seal(b"isi laporan", "cases/text")
    variants = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    for changed in (*variants, *(sealed[:size] for size in range(len(sealed))), sealed + b"\0"):
        with pytest.raises(CannotOpenError):
            KEY.open(changed, "cases/text")


def test_two_texts_never_share_a_nonce() -> None:
    assert len({KEY.seal(b"isi", "x")[:12] for _ in range(500)}) == 500


def test_the_key_is_never_shown() -> None:
    shown = repr(KEY) + str([KEY])
    assert CASE in shown
    assert KEY.key.hex() not in shown
    assert repr(KEY.key)[2:-1] not in shown


def test_several_keys_of_a_case_are_made_at_once(store: CaseKeyStore, tmp_path: Path) -> None:
    content, identity = store.create_all(CASE, ("content", "identity"))
    assert (content.use, identity.use) == ("content", "identity")
    assert [store.get(CASE, use) for use in ("content", "identity")] == [content, identity]
    assert sorted(path.name for path in files_of(tmp_path)) == [f"{CASE}.content", f"{CASE}.identity"]
    with pytest.raises(KeyExistsError):
        store.create_all(CASE, ("track", "identity"))
    assert store.get(CASE, "identity") == identity
    assert not [path for path in files_of(tmp_path) if path.name.endswith(".tmp")]


def test_a_listing_of_old_wrappings_passes_over_young_and_vanished_ones(tmp_path: Path) -> None:
    store = CaseKeyStore(tmp_path, {"content": bytes(32)})
    old, young = b64u.encode(bytes(16)), b64u.encode(b"\x01" * 16)
    for case_id in (old, young):
        store.create(case_id, "content")
    for path in tmp_path.glob("*/*"):
        if path.name.startswith(old):
            os.utime(path, (0, 0))
    assert list(store.listing(made_before=1_000)) == [(old, "content")]
    listing = store.listing(made_before=1_000)
    for case_id in (old, young):
        store.destroy(case_id, "content")
    assert list(listing) == []
