"""Key files: a wrong passphrase, damage and exposure are told apart, and a failed write leaves nothing behind."""

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys import errors
from keys.errors import DamagedKeyFileError, ExposedKeyFileError, KeyFileError, WrongPassphraseError
from keys.keyfile import DEFAULT_COST, MAX_FILE_BYTES, KdfCost, read_key_file, write_key_file

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/keys/keyfile.json").read_text())
TINY = KdfCost(memory_kib=8, passes=1, lanes=1)
PASSPHRASE, PURPOSE = VECTORS["passphrase"], VECTORS["purpose"]
SECRET = bytes.fromhex(VECTORS["secret"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "node.key"
    write_key_file(path, SECRET, PASSPHRASE, PURPOSE, cost=TINY)
    return path


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["why"])
def test_a_file_opens_or_says_what_is_wrong(case: dict[str, str], path: Path) -> None:
    path.write_bytes(bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode())
    if case["outcome"] == "ok":
        assert read_key_file(path, PASSPHRASE, PURPOSE) == SECRET
        return
    with pytest.raises(KeyFileError) as raised:
        read_key_file(path, PASSPHRASE, PURPOSE)
    assert type(raised.value) is getattr(errors, case["outcome"])
    assert str(path) in str(raised.value)


def test_damage_to_any_byte_is_named_damage(path: Path) -> None:
    """Also where the right passphrase would otherwise seem wrong: in the salt, the check value, the cost."""
    whole = path.read_bytes()
    for at in range(len(whole)):
        for mask in (0x01, 0x80):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :])
            with pytest.raises(DamagedKeyFileError):
                read_key_file(path, PASSPHRASE, PURPOSE)


def test_a_truncated_file_is_named_damage(path: Path) -> None:
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(DamagedKeyFileError):
            read_key_file(path, PASSPHRASE, PURPOSE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(secret=st.binary(max_size=3000), passphrase=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_what_is_written_is_read(tmp_path: Path, secret: bytes, passphrase: str) -> None:
    file = tmp_path / "any.key"
    write_key_file(file, secret, passphrase, PURPOSE, cost=TINY, replace=True)
    assert read_key_file(file, passphrase, PURPOSE) == secret


def test_a_wrong_passphrase_is_told_from_damage(path: Path) -> None:
    for wrong in (PASSPHRASE + " ", PASSPHRASE.upper(), "x"):
        with pytest.raises(WrongPassphraseError, match="itself is whole"):
            read_key_file(path, wrong, PURPOSE)


def test_a_passphrase_is_the_same_on_every_keyboard(path: Path) -> None:
    write_key_file(path, SECRET, "caf\u00e9 di Bandung", PURPOSE, cost=TINY, replace=True)
    assert read_key_file(path, "cafe\u0301 di Bandung", PURPOSE) == SECRET


@pytest.mark.parametrize("passphrase", ["", "\ud800"], ids=["empty", "a lone surrogate"])
def test_what_is_no_passphrase_is_refused_on_both_sides(path: Path, passphrase: str) -> None:
    with pytest.raises(KeyFileError, match="passphrase"):
        read_key_file(path, passphrase, PURPOSE)
    with pytest.raises(KeyFileError, match="passphrase"):
        write_key_file(path.with_name("new"), SECRET, passphrase, PURPOSE, cost=TINY)


def test_the_default_cost_is_what_rfc_9106_recommends_and_is_accepted(tmp_path: Path) -> None:
    assert (DEFAULT_COST.memory_kib, DEFAULT_COST.passes) == (65_536, 3)
    write_key_file(tmp_path / "k", SECRET, PASSPHRASE, PURPOSE)
    assert read_key_file(tmp_path / "k", PASSPHRASE, PURPOSE) == SECRET


def test_neither_secret_nor_passphrase_is_in_the_file(path: Path) -> None:
    content = path.read_bytes()
    assert SECRET not in content
    assert PASSPHRASE.encode() not in content


def test_two_files_of_one_secret_share_no_key(path: Path) -> None:
    other = path.with_name("other.key")
    write_key_file(other, SECRET, PASSPHRASE, PURPOSE, cost=TINY)
    first, second = (json.loads(file.read_bytes()) for file in (path, other))
    assert all(first[name] != second[name] for name in ("salt", "check", "nonce", "sealed"))


def test_an_existing_file_is_not_replaced_unasked(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match="exists already"):
        write_key_file(path, b"new", PASSPHRASE, PURPOSE, cost=TINY)
    assert path.read_bytes() == before
    write_key_file(path, b"new", PASSPHRASE, PURPOSE, cost=TINY, replace=True)
    assert read_key_file(path, PASSPHRASE, PURPOSE) == b"new"
    assert only_file_in(path.parent) == path


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    """It does not "exist", but the name is taken: the write itself notices."""
    (tmp_path / "k").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError, match="exists already"):
        write_key_file(tmp_path / "k", SECRET, PASSPHRASE, PURPOSE, cost=TINY)
    assert not (tmp_path / "elsewhere").exists()


def test_files_and_new_directories_are_for_the_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        path = tmp_path / "a" / "b" / "node.key"
        write_key_file(path, SECRET, PASSPHRASE, PURPOSE, cost=TINY)
    finally:
        os.umask(old)
    assert [p.stat().st_mode & 0o777 for p in (path.parent.parent, path.parent, path)] == [0o700, 0o700, 0o600]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o666])
def test_an_exposed_file_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(ExposedKeyFileError, match="chmod 600"):
        read_key_file(path, PASSPHRASE, PURPOSE)


def test_a_symbolic_link_is_refused(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(ExposedKeyFileError, match="symbolic link"):
        read_key_file(link, PASSPHRASE, PURPOSE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(path: Path) -> None:
    os.chown(path, 12345, -1)
    with pytest.raises(ExposedKeyFileError, match="another user"):
        read_key_file(path, PASSPHRASE, PURPOSE)


def test_a_directory_where_others_may_replace_files_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(ExposedKeyFileError, match="chmod go-w"):
        write_key_file(shared / "k", SECRET, PASSPHRASE, PURPOSE, cost=TINY)
    shared.chmod(0o1777)
    write_key_file(shared / "k", SECRET, PASSPHRASE, PURPOSE, cost=TINY)
    assert shared.stat().st_mode & 0o7777 == 0o1777


def test_a_missing_file_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="simpul-keys new"):
        read_key_file(tmp_path / "none", PASSPHRASE, PURPOSE)


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(KeyFileError, match="no regular file"):
            read_key_file(path, PASSPHRASE, PURPOSE)


def test_a_path_through_a_file_is_an_error_of_both_sides(path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot read"):
        read_key_file(path / "k", PASSPHRASE, PURPOSE)
    with pytest.raises(KeyFileError, match="cannot make the directory"):
        write_key_file(path / "k", SECRET, PASSPHRASE, PURPOSE, cost=TINY)


def test_too_large_is_refused_on_both_sides(path: Path) -> None:
    path.write_bytes(bytes(MAX_FILE_BYTES + 1))
    with pytest.raises(KeyFileError, match="more than a key file"):
        read_key_file(path, PASSPHRASE, PURPOSE)
    with pytest.raises(KeyFileError, match="at most"):
        write_key_file(path.with_name("new"), bytes(MAX_FILE_BYTES), PASSPHRASE, PURPOSE, cost=TINY)


@pytest.mark.parametrize("replace", [False, True])
def test_a_full_disk_changes_nothing(path: Path, replace: bool) -> None:
    before = path.read_bytes()
    target = path if replace else path.with_name("new.key")
    with disk_takes(100), pytest.raises(KeyFileError, match="File too large; free the disk"):
        write_key_file(target, SECRET, PASSPHRASE, PURPOSE, cost=TINY, replace=replace)
    assert path.read_bytes() == before
    assert only_file_in(path.parent) == path


def only_file_in(directory: Path) -> Path:
    (path,) = directory.iterdir()
    return path


@contextmanager
def disk_takes(size: int) -> Iterator[None]:
    """A real refusal of the operating system: no file of this process grows beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
