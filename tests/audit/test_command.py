"""`simpul-audit verify`: exit codes, what a person reads, what a program reads, and what is remembered."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from audit.cli import main
from house.screen import ROOT
from tests.support.federation import HUB, World, story


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, arguments)], env={"COLUMNS": "160"}, catch_exceptions=False)


def as_json(*arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("--json", *arguments).stdout)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return story().write(tmp_path / "audit")


@pytest.fixture
def forked(tmp_path: Path) -> Path:
    world = story()
    world.say("ask", "jabar", "triase", seq=1)
    world.say("ask", "jabar", "triase", seq=1)
    return world.write(tmp_path / "audit")


def test_an_honest_folder_ends_in_ok_and_code_0(folder: Path) -> None:
    result = run(folder, "--all")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "OK"
    assert "TRUST ON FIRST USE" in result.stdout


def test_a_failure_ends_in_its_count_and_code_1(forked: Path) -> None:
    result = run(forked)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "FAILED 1"
    assert "equivocation" in result.stdout


def test_a_failure_names_file_rule_and_what_was_expected(forked: Path) -> None:
    """Of an equivocation both sides are shown: leaf, file and hash, which is evidence enough against its signer."""
    report = as_json(forked)
    (links,) = [check for check in report["checks"] if check["findings"]]
    (found,) = links["findings"]
    assert (report["ok"], report["failures"], links["name"], links["section"]) == (False, 1, "links", "4")
    assert found["rule"] == "seq"
    assert found["file"] == "entries/000000028.json index 28"
    assert found["expected"]["first"]["leaf"] == 27
    assert found["expected"]["second"]["leaf"] == 28
    assert found["expected"]["first"]["h"] != found["expected"]["second"]["h"]


def test_json_tells_what_was_looked_at(folder: Path) -> None:
    report = as_json(folder, "--all")
    assert report["ok"] is True
    assert report["facts"]["size"] == 27
    assert report["facts"]["entries"] == 26
    checked = {check["name"]: check["checked"] for check in report["checks"]}
    assert checked["entries"] == 26
    assert checked["slots"] == 12
    assert all(checked.values())


def test_a_person_may_give_the_folder_above(folder: Path) -> None:
    result = run(folder.parent)
    assert result.exit_code == 0
    assert str(folder) in result.stdout.replace("\n", "")


def test_a_person_may_give_the_folder_two_above(tmp_path: Path) -> None:
    story().write(tmp_path / "hub" / "audit")
    assert run(tmp_path).exit_code == 0


def test_missing_entries_are_told_and_fail_only_when_all_were_asked_for(folder: Path) -> None:
    for path in (folder / "entries").iterdir():
        path.unlink()
    result = run(folder)
    assert result.exit_code == 0
    assert "26 entries were not given" in result.stdout
    assert run(folder, "--all").exit_code == 1


# Trust anchors


def test_keys_given_by_hand_are_the_ones_that_count(folder: Path, tmp_path: Path) -> None:
    given = tmp_path / "federation.json"
    given.write_bytes(World().federation().encode() + b"\n")
    result = run(folder, "--federation", given)
    assert result.exit_code == 0
    assert "TRUST" not in result.stdout
    (folder / "federation.json").unlink()
    assert run(folder, "--federation", given).exit_code == 0


def test_a_folder_that_brings_other_keys_than_those_given_fails(tmp_path: Path) -> None:
    """Whoever forges the whole log must forge its keys as well."""
    forger = World(origin="palsu.example/log1")
    forger.write(tmp_path / "audit")
    given = tmp_path / "federation.json"
    given.write_bytes(World().federation().encode())
    report = as_json(tmp_path / "audit", "--federation", given)
    assert report["ok"] is False
    assert report["warnings"] == ["the federation.json beside the log is not the one given"]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param("none", id="no such folder"),
        pytest.param("audit/checkpoint", id="a file"),
        pytest.param("audit/directory", id="a folder without a log"),
        pytest.param("audit --federation none", id="no such federation"),
        pytest.param("audit --federation audit/checkpoint", id="a federation that is none"),
        pytest.param("audit --federation large", id="a federation that is too large"),
        pytest.param("audit --token-file audit/checkpoint", id="a token for a folder"),
        pytest.param("http:// ", id="no address"),
        pytest.param("http://hub.example --token-file token", id="a token over plain http"),
        pytest.param("https://hub.example --token-file letters", id="a token beyond ASCII"),
        pytest.param("https://hub.example --token-file empty", id="a token of nothing"),
        pytest.param("http://127.0.0.1:1", id="nobody there"),
        pytest.param("audit --seen audit", id="what is to be remembered is a folder"),
        pytest.param("audit --seen none/seen", id="what is to be remembered has no place"),
    ],
)
def test_what_cannot_be_audited_at_all_ends_in_code_2(
    arguments: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {"large": bytes(70_000), "letters": "é".encode(), "token": b"abc", "empty": b"\n"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(folder.parent)
    result = run(*arguments.split())
    assert result.exit_code == 2
    assert result.stderr.startswith("simpul-audit: ")
    assert result.stdout == ""


def test_no_trust_anchors_at_all_end_in_code_2(folder: Path) -> None:
    (folder / "federation.json").unlink()
    result = run(folder)
    assert result.exit_code == 2
    assert "--federation" in result.stderr


def test_several_folders_are_not_guessed_between(tmp_path: Path) -> None:
    for name in ("a", "b"):
        World().write(tmp_path / name)
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "several" in result.stderr


# What is remembered


def grown(world: World) -> World:
    world.say("stats", "jabar", HUB, body={})
    return world


def rewritten(_: World) -> World:
    other = World.founded()
    for _turn in range(40):
        other.say("stats", "jabar", HUB, body={})
    return other


def test_the_checkpoint_is_remembered_from_run_to_run(folder: Path, tmp_path: Path) -> None:
    seen, world = tmp_path / "seen", story()
    assert run(folder, "--seen", seen).exit_code == 0
    assert seen.read_text() == world.checkpoint()
    later = grown(world).write(tmp_path / "later")
    assert run(later, "--seen", seen).exit_code == 0
    assert seen.read_text() == world.checkpoint()
    assert [path.name for path in tmp_path.iterdir() if "seen" in path.name] == ["seen"]


@pytest.mark.parametrize("change", [lambda _: story(), rewritten])
def test_a_log_that_contradicts_the_remembered_one_is_not_remembered(
    change: Callable[[World], World], tmp_path: Path
) -> None:
    seen, world = tmp_path / "seen", grown(story())
    assert run(world.write(tmp_path / "first"), "--seen", seen).exit_code == 0
    result = run(change(world).write(tmp_path / "second"), "--seen", seen)
    assert result.exit_code == 1
    assert "remembered" in result.stdout
    assert seen.read_text() == world.checkpoint()


def test_a_failed_run_remembers_nothing(forked: Path, tmp_path: Path) -> None:
    assert run(forked, "--seen", tmp_path / "seen").exit_code == 1
    assert not (tmp_path / "seen").exists()


# Hostile names and text


def test_names_from_elsewhere_do_nothing_to_the_terminal(folder: Path) -> None:
    (folder / "entries" / "\x1b[2J[red]000.json").write_bytes(b"{")
    result = run(folder)
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout
    assert "[red]000.json" in result.stdout
    assert "\x1b" not in run("--json", folder).stdout


def test_a_name_that_is_no_text_is_a_finding_like_any_other(folder: Path) -> None:
    name = b"\xff\xfe.json".decode("utf-8", "surrogateescape")
    (folder / "entries" / name).write_bytes(b"{")
    assert run(folder).exit_code == 1
    assert as_json(folder)["failures"] == 1


def test_a_pipe_in_the_folder_does_not_stop_the_run(folder: Path) -> None:
    os.mkfifo(folder / "entries" / "000000099.json")
    assert as_json(folder)["failures"] == 1


def test_on_a_terminal_progress_is_shown_beside_the_result(folder: Path) -> None:
    """Progress goes to the error stream, so that a program reads clean JSON even then."""
    controller, terminal = os.openpty()
    command = [sys.executable, "-m", "audit", "verify", "--json", str(folder)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=terminal, cwd=ROOT, env=os.environ | {"TERM": "xterm"}, check=False
    )
    shown = os.read(controller, 65_536)
    os.close(terminal)
    os.close(controller)
    assert done.returncode == 0
    assert json.loads(done.stdout)["ok"]
    assert b"custody" in shown


def test_what_cannot_be_judged_is_counted_in_the_table(folder: Path) -> None:
    (folder / "entries" / "000000000.json").unlink()
    result = run(folder)
    assert result.exit_code == 0
    assert "not judged" in result.stdout
