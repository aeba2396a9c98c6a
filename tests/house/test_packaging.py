"""What is locked, licensed, versioned and shipped stays in step."""

import configparser
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from house.screen import ROOMS, ROOT

KINDS = ("runtime", "dev")


@pytest.fixture(scope="module")
def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def locked(kind: str) -> dict[str, str]:
    """Return what a lock file holds: name and version → its whole entry, hashes included."""
    text = (ROOT / "requirements" / f"{kind}.txt").read_text()
    joined = re.sub(r"\\\n\s+", "", text)
    return {line.split(" ")[0]: line for line in joined.splitlines() if line and not line.startswith("#")}


@pytest.mark.parametrize("kind", KINDS)
def test_everything_locked_is_one_version_with_its_hashes(kind: str) -> None:
    entries = locked(kind)
    assert entries
    for pin, entry in entries.items():
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][^ ]*", pin)
        assert re.search(r" --hash=sha256:[0-9a-f]{64}$", entry)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_names_no_index_no_address_and_no_path(kind: str) -> None:
    """Where packages come from is the installing machine's affair; what they are is ours."""
    text = (ROOT / "requirements" / f"{kind}.txt").read_text()
    assert not re.search(r"index|find-links|://| @ |file:|^-", text, re.MULTILINE)
    for line in text.splitlines()[2:]:
        assert re.fullmatch(r"[a-z0-9-]+==[^/]*|    --hash=sha256:[0-9a-f]{64}( \\)?", line)


def test_whoever_develops_runs_exactly_what_is_run() -> None:
    runtime, dev = locked("runtime"), locked("dev")
    assert runtime.items() <= dev.items()


def test_every_requirement_of_setup_cfg_is_locked(setup_cfg: configparser.ConfigParser) -> None:
    def names(text: str) -> set[str]:
        return {re.split(r"[<>=!~\[; ]", line)[0] for line in text.split("\n") if line}

    def pinned(kind: str) -> set[str]:
        return {pin.split("==")[0] for pin in locked(kind)}

    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert names(setup_cfg["options"]["install_requires"]) | names("\n".join(build)) <= pinned("runtime")
    assert names(setup_cfg["options.extras_require"]["dev"]) <= pinned("dev")


def test_the_version_is_that_of_the_newest_change(setup_cfg: configparser.ConfigParser) -> None:
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)\]?", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert setup_cfg["metadata"]["version"] == newest.group(1)


def test_the_licence_is_the_whole_apache_2_0(setup_cfg: configparser.ConfigParser) -> None:
    text = (ROOT / "LICENSE").read_text()
    assert setup_cfg["metadata"]["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0, January 2004" in text
    for part in ("9. Accepting Warranty or Additional Liability.", "END OF TERMS AND CONDITIONS"):
        assert part in text


def test_each_console_script_leads_to_a_room(setup_cfg: configparser.ConfigParser) -> None:
    """No script is called `node`, which every machine with Node.js has already."""
    lines = setup_cfg["options.entry_points"]["console_scripts"].strip().split("\n")
    scripts = dict(line.split(" = ") for line in lines)
    assert scripts == {f"simpul-{room}": f"{room}.cli:main" for room in ("keys", "hub", "node", "audit")}
    for target in scripts.values():
        source = ROOT / f"{target.split(':')[0].replace('.', '/')}.py"
        assert re.search(r"^(def main\(|main = )", source.read_text(), re.MULTILINE), f"{source} has no main"


def test_the_import_rules_know_every_room() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    layers = next(one for one in settings["importlinter"]["contracts"] if one["type"] == "layers")
    assert sorted(re.findall(r"\w+", " ".join(layers["layers"]))) == sorted(ROOMS)
    assert settings["importlinter"]["root_packages"] == list(ROOMS)
    assert settings["mypy"]["packages"] == list(ROOMS)
    assert settings["coverage"]["run"]["source_dirs"] == list(ROOMS)


def test_a_wheel_carries_every_file_of_the_rooms(tmp_path: Path) -> None:
    """A template or a migration that is in the checkout but not in the wheel is missed only by those who install it."""
    copy = tmp_path / "checkout"
    passing = shutil.ignore_patterns("__pycache__", "*.pyc", "*.po", "*.pot")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=passing)
    for name in ("setup.cfg", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, copy / name)
    build = "import setuptools.build_meta as build; build.build_wheel('..')"
    subprocess.run([sys.executable, "-c", build], cwd=copy, check=True, capture_output=True, timeout=120)
    carried = set(zipfile.ZipFile(next(tmp_path.glob("simpul-*.whl"))).namelist())
    expected = {str(path.relative_to(copy)) for room in ROOMS for path in (copy / room).rglob("*") if path.is_file()}
    assert expected <= carried
    assert {name.split("/")[0] for name in carried if ".dist-info/" not in name} == set(ROOMS)
