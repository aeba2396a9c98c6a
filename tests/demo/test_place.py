"""The demo's directory is its own, and nobody else's is touched."""

from pathlib import Path

import pytest

from demo.place import MARK, PlaceError, data_place
from demo.waiting import TooLateError, wait_for


def test_a_directory_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("two years of work")
    with pytest.raises(PlaceError, match="not a demo's"), data_place(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_older_demos_data_are_removed(tmp_path: Path) -> None:
    with data_place(tmp_path / "new") as data:
        (data / "hub").mkdir()
        (data / "hub" / "hub.db").touch()
        (data / "jabar.passphrase").touch()
    with data_place(tmp_path / "new") as data:
        assert [path.name for path in data.iterdir()] == [MARK]
        assert data.stat().st_mode & 0o077 == 0


def test_two_demos_never_share_a_directory(tmp_path: Path) -> None:
    with (
        data_place(tmp_path) as data,
        pytest.raises(PlaceError, match="another demo"),
        data_place(data),
    ):
        pass


def test_waiting_ends_with_what_was_waited_for_or_says_what_did_not_come() -> None:
    answers = iter([None, False, "here"])
    assert wait_for("it", lambda: next(answers), 10) == "here"
    with pytest.raises(TooLateError, match="the post: not within 0 s"):
        wait_for("the post", lambda: None, 0)
