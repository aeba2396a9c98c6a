"""An environment is used only when it is whole and belongs here; every other state is told apart and mended."""

import os
import sys
from pathlib import Path

import pytest

from house import environment
from house.screen import ROOMS


def make_environment(folder: Path, *, home: Path | None = None, version: tuple[int, int] | None = None) -> Path:
    """Lay out what fault_of looks at, as Python's own venv does."""
    venv = folder / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "bin" / "activate").write_text(f'VIRTUAL_ENV="{(home or folder) / ".venv"}"\nexport VIRTUAL_ENV\n')
    major, minor = version or sys.version_info[:2]
    (venv / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {major}.{minor}.1\n")
    return venv


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of its own, so that nothing here touches the environment that runs the tests."""
    for name in (*ROOMS, "requirements"):
        (tmp_path / name).mkdir()
    (tmp_path / "setup.cfg").write_text("[metadata]\nversion = 1\n")
    for kind in ("runtime", "dev"):
        (tmp_path / "requirements" / f"{kind}.txt").write_text(f"{kind}==1\n")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    return tmp_path


def test_an_environment_that_someone_else_made_here_is_adopted(tmp_path: Path) -> None:
    assert environment.fault_of(make_environment(tmp_path)) == ""


def test_an_interrupted_installation_is_begun_afresh(tmp_path: Path) -> None:
    venv = make_environment(tmp_path)
    (venv / "simpul-installing").touch()
    assert environment.fault_of(venv) == "an installation was interrupted"


@pytest.mark.parametrize("part", ["pyvenv.cfg", "bin/activate", "bin/python"])
def test_a_half_made_environment_is_begun_afresh(tmp_path: Path, part: str) -> None:
    venv = make_environment(tmp_path)
    (venv / part).unlink()
    assert environment.fault_of(venv) == "it is incomplete"


def test_an_environment_whose_python_was_removed_is_begun_afresh(tmp_path: Path) -> None:
    venv = make_environment(tmp_path)
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to(tmp_path / "gone")
    assert environment.fault_of(venv) == "it is incomplete"


@pytest.mark.parametrize("home", ["/elsewhere", "/deeper{here}", "{here}er"])
def test_a_moved_checkout_is_noticed(tmp_path: Path, home: str) -> None:
    """Also where one path holds the other, so that a search for the text alone would be content."""
    venv = make_environment(tmp_path, home=Path(home.format(here=tmp_path)))
    assert environment.fault_of(venv) == "the checkout has moved"


def test_another_python_is_noticed(tmp_path: Path) -> None:
    venv = make_environment(tmp_path, version=(3, sys.version_info.minor + 1))
    assert environment.fault_of(venv) == "it belongs to another Python"


def test_an_installed_environment_is_told_from_files_alone(own: Path) -> None:
    make_environment(own)
    assert not environment.is_installed("runtime")
    environment.stamp_path("runtime").write_text(environment.stamp_of("runtime"))
    assert environment.is_installed("runtime")
    assert not environment.is_installed("dev")


@pytest.mark.parametrize("changed", ["requirements/runtime.txt", "setup.cfg"])
def test_a_changed_lock_or_packaging_is_installed_again(own: Path, changed: str) -> None:
    make_environment(own)
    environment.stamp_path("runtime").write_text(environment.stamp_of("runtime"))
    (own / changed).write_text("other==2\n")
    assert not environment.is_installed("runtime")


def test_a_room_that_appears_is_installed(own: Path) -> None:
    make_environment(own)
    (own / "demo").rmdir()
    environment.stamp_path("runtime").write_text(environment.stamp_of("runtime"))
    (own / "demo").mkdir()
    assert not environment.is_installed("runtime")


@pytest.mark.parametrize(
    ("printed", "way"),
    [
        ("Failed to establish a new connection: NewConnectionError", "registry could not be reached"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES", "not the one that was locked"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for flask==3.1.3", "no wheel for this Python"),
        ("something never seen before", "Nothing was started"),
    ],
)
def test_a_failed_installation_is_shown_whole_with_the_way_out(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], printed: str, way: str
) -> None:
    venv = make_environment(own)
    (venv / "simpul-installing").touch()
    failing = own / "pip"
    failing.write_text(f"#!/bin/sh\necho '{printed}'\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(environment, "installers", lambda: [[str(failing), "-m", "pip"]])
    with pytest.raises(SystemExit, match=way):
        environment.install("installing", [])
    assert printed in capsys.readouterr().out
    assert not (venv / "simpul-installing").exists()


def test_child_processes_find_the_commands_of_the_environment(own: Path) -> None:
    variables = environment.environment(SIMPUL_CI="1")
    assert variables["PATH"].split(os.pathsep)[0] == str(own / ".venv" / "bin")
    assert variables["SIMPUL_CI"] == "1"
