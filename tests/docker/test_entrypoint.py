"""What the containers' entry refuses, in words that tell its operator what to do on the host."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from house.screen import ROOT
from tests.conftest import missing
from tests.docker.place import own, system_python, user

ENTRYPOINT = ROOT / "docker" / "entrypoint.py"


@pytest.fixture
def mounted() -> Iterator[Path]:
    """A folder that the images' user reaches, with a good /data and a good passphrase in it."""
    with TemporaryDirectory(prefix="simpul-entry-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "data").mkdir(mode=0o700)
        (folder / "passphrase").write_text("empat kata acak sekali\n")
        (folder / "passphrase").chmod(0o400)
        (folder / "entrypoint.py").write_bytes(ENTRYPOINT.read_bytes())
        own(folder)
        yield folder


def enter(mounted: Path, *arguments: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {
        "SIMPUL_HUB_DATA": str(data or mounted / "data"),
        "SIMPUL_PASSPHRASE_FILE": str(mounted / "passphrase"),
    }
    command = [system_python(missing), "-I", str(mounted / "entrypoint.py"), *(arguments or ("simpul-hub", "serve"))]
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False, **user())


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line of a refusal."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("simpul-hub: ")
    return done.stderr


@pytest.mark.parametrize("mode", [0o444, 0o440, 0o640])
def test_a_passphrase_that_others_may_read_is_refused(mounted: Path, mode: int) -> None:
    """0444 is what a secret gets that comes from a file with careless rights."""
    (mounted / "passphrase").chmod(mode)
    said = refusal(enter(mounted))
    assert "others may read the passphrase" in said
    assert f"mode {mode:04o}" in said
    assert "On the host: sudo chown" in said
    assert "sudo chmod 0400" in said


def test_a_passphrase_that_the_container_may_not_read_is_refused(mounted: Path) -> None:
    """What root wrote with 0400 on the host is right but for its owner; here no right at all stands for that."""
    (mounted / "passphrase").chmod(0)
    assert "this container may not read the passphrase" in refusal(enter(mounted))


def test_data_that_others_may_open_are_refused(mounted: Path) -> None:
    (mounted / "data").chmod(0o755)
    said = refusal(enter(mounted))
    assert "others may open" in said
    assert "sudo chmod 0700" in said


def test_data_that_cannot_be_written_are_refused(mounted: Path) -> None:
    (mounted / "data").chmod(0o500)
    assert "cannot be written" in refusal(enter(mounted))


def test_data_of_another_user_are_refused(mounted: Path) -> None:
    """A folder of the host that is mounted belongs to whoever made it."""
    said = refusal(enter(mounted, data=Path("/usr")))
    assert "/usr belongs to user 0, and this container runs as user" in said
    assert "sudo chown -R" in said


@pytest.mark.parametrize("name", ["missing", "passphrase"])
def test_data_that_are_no_folder_are_refused(mounted: Path, name: str) -> None:
    assert "Mount a volume there" in refusal(enter(mounted, data=mounted / name))


def test_another_program_is_wrong_usage(mounted: Path) -> None:
    for arguments in (("sh", "-c", "id"), ("simpul-audit",)):
        assert "usage: entrypoint.py" in enter(mounted, *arguments).stderr


def test_what_is_fit_becomes_the_program_with_the_same_process_id(mounted: Path) -> None:
    """No shell and no parent stays behind that a signal would have to pass."""
    program = mounted / "simpul-hub"
    program.write_text('#!/bin/sh\necho "$$ $* $(umask)"\n')
    program.chmod(0o755)
    # Beside the interpreter is where a venv has its programs.
    (mounted / "python").symlink_to(system_python(missing))
    own(mounted)
    environment = {"SIMPUL_HUB_DATA": str(mounted / "data"), "SIMPUL_PASSPHRASE_FILE": str(mounted / "absent")}
    with subprocess.Popen(
        [mounted / "python", "-I", mounted / "entrypoint.py", "simpul-hub", "serve", "--port", "8080"],
        env=environment, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **user(),
    ) as process:  # fmt: skip
        said, errors = process.communicate(timeout=30)
        assert (said, errors) == (f"{process.pid} serve --port 8080 0077\n", "")


def test_the_entry_needs_no_package() -> None:
    """It runs before anything of ours is trusted to be whole."""
    imported = {
        line.split()[1].split(".")[0]
        for line in ENTRYPOINT.read_text().splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported <= set(sys.stdlib_module_names)
    assert os.access(ENTRYPOINT, os.X_OK)
