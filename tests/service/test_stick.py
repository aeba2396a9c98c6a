"""A stick: files on it are whole or not there, and no name on it leads anywhere else."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import stick
from service.stick import StickError
from tests.story.test_not_stored import fill, small_disk


def read(folder: Path, name: str) -> bytes:
    with stick.opened(folder, name) as (size, read_at):
        return read_at(0, size)


def test_what_is_written_is_read_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    stick.write(tmp_path, "a-1.request", [b"one", b"two"])
    stick.write(tmp_path, "a-1.request", [b"three"])
    assert read(tmp_path, "a-1.request") == b"three"
    assert [path.name for path in tmp_path.iterdir()] == ["a-1.request"]


def test_a_file_that_breaks_off_leaves_the_one_before(tmp_path: Path) -> None:
    stick.write(tmp_path, "a-1.request", [b"before"])

    def breaks_off() -> Iterator[bytes]:
        yield b"after"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        stick.write(tmp_path, "a-1.request", breaks_off())
    assert read(tmp_path, "a-1.request") == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a-1.request"]


def test_a_full_stick_is_told_and_holds_no_half_file(tmp_path: Path) -> None:
    with small_disk(tmp_path, "4m") as disk:
        assert stick.room(disk) == 3 << 20
        stick.check_room(disk, 3 << 20)
        with pytest.raises(StickError, match=r"4\.0 MiB free and needs 4\.0"):
            stick.check_room(disk, (3 << 20) + 1)
        fill(disk)
        assert stick.room(disk) == 0
        with pytest.raises(StickError, match="No space left"):
            stick.write(disk, "a-1.request", [bytes(1 << 20)])
        assert stick.names(disk) == ["filler"]


def test_a_stick_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StickError, match="No such file"):
        stick.write(tmp_path / "away", "a-1.request", [b""])


def test_only_plain_files_are_seen_and_opened(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert stick.names(tmp_path) == ["plain"]
    for name in ("link", "folder", "pipe", "none"):
        with pytest.raises(StickError), stick.opened(tmp_path, name):
            pass


def test_a_link_is_replaced_and_never_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "a-1.request").symlink_to(victim)
    (tmp_path / ".a-1.request.tmp").symlink_to(victim)
    stick.write(tmp_path, "a-1.request", [b"yours"])
    assert victim.read_bytes() == b"mine"
    assert read(tmp_path, "a-1.request") == b"yours"


def test_whoever_it_is_carried_to_may_read_it(tmp_path: Path) -> None:
    stick.write(tmp_path, "a-1.request", [b""])
    assert (tmp_path / "a-1.request").stat().st_mode & 0o444 == 0o444


def test_removing_what_is_gone_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    for _ in range(2):
        stick.remove(tmp_path, "x")
    assert stick.names(tmp_path) == []
