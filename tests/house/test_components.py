"""One table names the system components; ./run, CI and the fixtures of the tests all read it."""

import subprocess
import sys
from pathlib import Path

import pytest

from house import components
from house.screen import ROOT


@pytest.mark.parametrize("name", sorted(components.components()))
def test_each_component_says_what_it_is_how_it_is_found_and_who_needs_it(name: str) -> None:
    row = components.components()[name]
    assert row["what"]
    assert row["needed_by"]
    assert row["apt"]
    assert row.keys() & {"commands", "paths", "modules"}
    assert row.keys() <= {"what", "needed_by", "apt", "commands", "paths", "modules"}


def test_a_component_is_found_by_any_of_its_marks(tmp_path: Path) -> None:
    font = tmp_path / "font.ttf"
    font.touch()
    assert components.find_component({"commands": ["no-such-command"], "paths": [str(font)]}) == str(font)
    assert components.find_component({"commands": ["no-such-command", "sh"]}).endswith("/sh")
    assert components.find_component({"modules": ["json"]}) == "json"
    assert components.find_component({"paths": [str(tmp_path / "none")]}) == ""


def test_without_apt_the_way_by_hand_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"not Debian.*by hand:\n  chromium: a browser"):
        components.install_components(["chromium"])


def test_who_is_not_root_is_told_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "apt-get").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(SystemExit, match=r"sudo ./run system-deps\nor: sudo apt-get install chromium"):
        components.install_components(["chromium"])


CONSUMER = """
def test_that_needs_something(require_component, shared_data):
    {line}
"""


@pytest.mark.parametrize("line", ["require_component('chromium')", "shared_data('none.csv')"])
@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("1", "1 failed")])
def test_what_is_missing_is_skipped_with_the_reason_and_fails_under_ci(
    tmp_path: Path, line: str, ci: str, outcome: str
) -> None:
    """A real run of pytest with the real fixtures, on a machine that has nothing."""
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_consumer.py").write_text(CONSUMER.format(line=line))
    variables = {"PATH": str(tmp_path), "SIMPUL_CI": ci, "SIMPUL_TEST_DATA": str(tmp_path), "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "-p", "no:randomly", "--rootdir", "."]
    run = subprocess.run(argv, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False, timeout=60)
    assert outcome in run.stdout
    assert "needs " in run.stdout
