"""Putting things in place: whichever step fails, the old is there, or the new, or what finishes it; never a mixture."""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import restore
from service.archive import Packer, members
from service.backup import alone
from service.errors import BackupError
from service.restore import Layout
from service.watch import Watch
from tests.story.test_not_stored import small_disk

LAYOUT = Layout(texts=("a.json", "mark.json"), folders=("files",), database="x.db", mark="mark.json", kept=("keys",))
AT = 1_790_000_000
NAME = "A" * 43


class Plain:
    """A stream that is not encrypted."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)
        self.at = 0
        self.finished = self.drained = False

    def write(self, content: bytes) -> int:
        self.content += content
        return len(content)

    def finish(self) -> None:
        self.finished = True

    def read(self, size: int = -1) -> bytes:
        found = bytes(self.content[self.at :][: None if size < 0 else size])
        self.at += len(found)
        return found

    def drain(self) -> None:
        self.drained = True


def packed(found: dict[str, bytes]) -> Plain:
    stream = Plain()
    packer = Packer(stream, lambda _: None)
    for name, content in found.items():
        packer.add(name, content)
    packer.finish()
    assert stream.finished
    return Plain(bytes(stream.content))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


OLD = {
    "a.json": b"old",
    "mark.json": b"old",
    "x.db": b"old",
    "x.db-wal": b"old",
    "files/AA/f": b"old",
    "keys/k": b"old",
}
NEW = {"a.json": b"new", "mark.json": b"new", "x.db": b"new", "files/BB/f": b"new"}
OTHER = {"notes.txt": b"not ours"}


def lay(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class OutOfOrderError(OSError):
    """A disk that does no more."""


class Renames:
    """Lets a number of renames happen, and no more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        rename = Path.rename

        def counted(path: Path, target: Path) -> Path:
            if self.left is not None:
                if not self.left:
                    raise OutOfOrderError(5, "Input/output error", str(path))
                self.left -= 1
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", counted)


def put_in_place(data: Path, new: dict[str, bytes]) -> Path | None:
    with restore.staging(data) as folder:
        lay(folder, new)
        return restore.place(data, LAYOUT, AT)


#: Each rename of the whole: the plan's name, five things of the old, four of the new.
STEPS = 10


@pytest.mark.parametrize("steps", range(STEPS + 1))
def test_wherever_it_is_cut_short_the_old_is_whole_or_the_new_can_be_made_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    lay(tmp_path, OLD | OTHER)
    renames = Renames(monkeypatch)
    renames.left = steps
    before = "before-20260921T141320Z"
    kept = {f"{before}/{name}": content for name, content in OLD.items() if not name.startswith("keys")}
    whole = NEW | OTHER | {"keys/k": b"old"} | kept
    if steps == STEPS:
        assert put_in_place(tmp_path, NEW) == tmp_path / before
    else:
        with pytest.raises(BackupError, match="Input/output error"):
            put_in_place(tmp_path, NEW)
        present = tree(tmp_path)
        if steps <= 1:
            # Not even the mark was moved: there is nothing to finish, and the old goes on.
            assert present == OLD | OTHER
            assert not (tmp_path / restore.STAGING).exists()
            assert not restore.is_cut_short(tmp_path)
            assert not restore.finish(tmp_path)
            return
        # There is no party here now, and whoever asks is told why.
        assert "mark.json" not in present
        assert restore.is_cut_short(tmp_path)
        with pytest.raises(BackupError, match="cut short"):
            put_in_place(tmp_path, NEW)
        # Cut short once more, after one step, however often.
        for _ in range(STEPS):
            renames.left = 1
            try:
                restore.finish(tmp_path)
            except BackupError:
                continue
            break
    assert tree(tmp_path) == whole
    assert not restore.is_cut_short(tmp_path)
    assert not (tmp_path / restore.STAGING).exists()


def test_keys_that_are_restored_send_those_that_were_there_aside(tmp_path: Path) -> None:
    lay(tmp_path, OLD)
    before = put_in_place(tmp_path, NEW | {"keys/k": b"new"})
    assert before is not None
    assert tree(before) == OLD
    assert (tmp_path / "keys" / "k").read_bytes() == b"new"


def test_into_an_empty_folder_nothing_is_moved_aside(tmp_path: Path) -> None:
    assert put_in_place(tmp_path, NEW) is None
    assert tree(tmp_path) == NEW


def test_what_fails_while_staging_leaves_nothing(tmp_path: Path) -> None:
    lay(tmp_path, OLD)
    lay(tmp_path / restore.STAGING, {"left": b"by a killed run"})

    def fail() -> None:
        with restore.staging(tmp_path) as folder:
            assert list(folder.iterdir()) == []
            lay(folder, NEW)
            raise BackupError("no")

    with pytest.raises(BackupError, match="no"):
        fail()
    assert tree(tmp_path) == OLD


def test_a_second_restore_in_one_second_does_not_mix_the_old_ones(tmp_path: Path) -> None:
    lay(tmp_path, OLD)
    put_in_place(tmp_path, NEW)
    with pytest.raises(BackupError, match="exists already"):
        put_in_place(tmp_path, NEW)
    assert (tmp_path / "mark.json").read_bytes() == b"new"


def test_a_folder_on_a_disk_of_its_own_is_told_before_anything_is_moved(tmp_path: Path) -> None:
    lay(tmp_path, OLD)
    for path in sorted((tmp_path / "files").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    with small_disk(tmp_path / "files", "64k"):
        lay(tmp_path, {"files/AA/f": b"old"})
        with pytest.raises(BackupError, match="a disk of its own"):
            put_in_place(tmp_path, NEW)
        assert tree(tmp_path) == OLD


def test_one_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path):
        with pytest.raises(BackupError, match="another backup or restore"), alone(tmp_path):
            pass
        assert tree(tmp_path) == {"backup.lock": b""}
    with alone(tmp_path):
        pass


# What is in a backup.

TEXTS = {"a.json": b"{}", "mark.json": b"{}"}


def unpacked(found: dict[str, bytes], folder: Path) -> tuple[Path, bool]:
    stream = packed(found)
    done = restore.unpack(stream, LAYOUT, folder, lambda _: None)
    assert stream.drained
    return done


def test_members_come_back_where_they_belong(tmp_path: Path) -> None:
    pieces = {f"database.dump/{n:06}": bytes([n]) * 10 for n in range(3)}
    copied, dumped = unpacked(TEXTS | pieces | {f"files/{NAME}": b"sealed"}, tmp_path)
    assert (copied, dumped) == (tmp_path / "x.db", True)
    assert copied.read_bytes() == b"\0" * 10 + b"\1" * 10 + b"\2" * 10
    assert (tmp_path / "files" / "AA" / NAME).read_bytes() == b"sealed"
    assert {path.stat().st_mode & 0o077 for path in tmp_path.rglob("*")} == {0}


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(TEXTS, id="no database"),
        pytest.param({"a.json": b"{}", "database.sqlite": b""}, id="a text is missing"),
        pytest.param(TEXTS | {"database.sqlite": b"", "database.dump/000000": b""}, id="two databases"),
        pytest.param(TEXTS | {"database.sqlite": b"", "files/../../escape": b""}, id="a path that leads out"),
        pytest.param(TEXTS | {"database.sqlite": b"", "/etc/passwd": b""}, id="an absolute path"),
        pytest.param(TEXTS | {"database.sqlite": b"", "keys/k": b""}, id="a key"),
        pytest.param(TEXTS | {"database.sqlite": b"", "files/short": b""}, id="a name that no file has"),
    ],
)
def test_what_no_backup_holds_is_refused(tmp_path: Path, found: dict[str, bytes]) -> None:
    folder = tmp_path / "staging"
    folder.mkdir()
    with pytest.raises(BackupError):
        unpacked(found, folder)
    assert set(tmp_path.iterdir()) == {folder}


def test_a_stream_of_any_length_comes_back(tmp_path: Path) -> None:
    stream = Plain()
    packer = Packer(stream, lambda _: None)
    content = os.urandom((20 << 20) + 3)
    packer.add_stream("database.dump", (content[start : start + 999_999] for start in range(0, len(content), 999_999)))
    packer.add("a.json", b"{}")
    packer.add("mark.json", b"{}")
    packer.finish()
    copied, _ = restore.unpack(Plain(bytes(stream.content)), LAYOUT, tmp_path, lambda _: None)
    assert copied.read_bytes() == content


def test_a_link_in_a_backup_is_refused() -> None:
    stream = packed({"a.json": b"{}"})
    # The type of the member stands at byte 156 of its header, and the sum over it before that.
    header = stream.content[:512]
    header[156:157] = b"2"
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    stream.content[:512] = header
    with pytest.raises(BackupError, match="no file"):
        list(members(stream))


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(BackupError, match="cannot be read"):
        list(members(Plain(b"no archive" * 1_000)))


# On a terminal.


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal() as stream:
        yield stream


def test_progress_is_shown_on_a_terminal_and_cleared(terminal: Terminal) -> None:
    watch = Watch(terminal)
    watch("copying", 1, 3)
    watch("copying", 1, 3)
    watch("writing", 5 << 20, 0)
    watch.done()
    assert terminal.getvalue() == "\r\x1b[Kcopying 33 %\r\x1b[Kwriting 5 MB\r\x1b[K"


def test_nothing_is_shown_where_nobody_watches() -> None:
    stream = io.StringIO()
    watch = Watch(stream)
    watch("copying", 1, 3)
    watch.done()
    assert stream.getvalue() == ""


def test_the_plan_is_readable_by_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever must finish by hand sees what goes where."""
    lay(tmp_path, OLD)
    Renames(monkeypatch).left = 3
    with pytest.raises(BackupError):
        put_in_place(tmp_path, NEW)
    plan = json.loads((tmp_path / restore.STAGING / "plan.json").read_text())
    assert plan["mark"] == "mark.json"
    assert plan["new"] == ["a.json", "files", "mark.json", "x.db"]
    assert sorted(plan["old"]) == ["a.json", "files", "mark.json", "x.db", "x.db-wal"]
