"""./run is the first thing that a newcomer meets: it explains itself, and says plainly what it cannot do."""

import importlib.machinery
import re
import subprocess
import sys
from types import ModuleType

import pytest

from house.commands import COMMANDS
from house.screen import ROOT

RUN = ROOT / "run"


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, RUN, *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def run_module() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("simpul_run", str(RUN))
    module = ModuleType(loader.name)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("arguments", [(), ("help",), ("--help",), ("-h",)])
def test_help_lists_every_command(arguments: tuple[str, ...]) -> None:
    answer = call(*arguments)
    assert answer.returncode == 0
    for name in COMMANDS:
        assert re.search(rf"^  {name} +\S", answer.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_explains_itself(name: str) -> None:
    answer = call(name, "--help")
    assert answer.returncode == 0
    assert f"./run {name}" in answer.stdout


def test_an_unknown_command_is_refused_with_the_nearest_one() -> None:
    answer = call("tset")
    assert answer.returncode == 2
    assert "./run test" in answer.stdout


def test_lint_refuses_arguments_that_it_would_ignore() -> None:
    answer = call("lint", "keys")
    assert answer.returncode == 1
    assert "takes no arguments" in answer.stderr


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 10, 99)])
def test_an_old_python_is_told_what_is_needed(run_module: ModuleType, version: tuple[int, ...]) -> None:
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; this is Python 3\."):
        run_module.refuse_old_python(version)


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 2), (4, 0, 0)])
def test_a_new_enough_python_is_taken(run_module: ModuleType, version: tuple[int, ...]) -> None:
    run_module.refuse_old_python(version)


def test_an_old_python_can_read_the_file_as_far_as_the_refusal() -> None:
    """The refusal must come before the first import of ours, and the file must parse under Python 3.6."""
    text = RUN.read_text()
    compile(text, "run", "exec", dont_inherit=True)
    assert text.index("\nrefuse_old_python(sys.version_info)") < text.index("from house")
    for modern in ("match ", ":= ", "from __future__"):
        assert modern not in text


def test_the_script_can_be_started_directly() -> None:
    assert RUN.stat().st_mode & 0o111 == 0o111
    assert RUN.read_bytes().startswith(b"#!/usr/bin/env python3\n")
