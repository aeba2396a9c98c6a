"""`./run demo` as a user starts it: the whole story as one process, and how it ends when something is in its way."""

import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from demo.complaints import load_stories
from house.screen import ROOT

DEMO = [sys.executable, "-m", "demo"]
SECONDS = 300


@pytest.mark.timeout(SECONDS)
def test_once_walks_the_whole_story_and_writes_the_state(tmp_path: Path) -> None:
    data, state_file = tmp_path / "data", tmp_path / "state" / "state.json"
    command = [*DEMO, "--once", "--data", str(data), "--state", str(state_file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("✓") >= 12
    assert "✗" not in done.stdout
    check_state(state_file, data)
    check_servers_are_gone(state_file)
    check_no_identity_was_printed(done.stdout)
    check_audit(data)


def check_state(path: Path, data: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    state = json.loads(path.read_text())
    assert set(state) == {"hub", "data_dir", "log", "sample", "nodes", "cases"}
    assert set(state["hub"]) == {"url"}
    assert state["data_dir"] == str(data)
    assert state["log"]["vkey"].startswith("pusat/log1+")
    assert [node["id"] for node in state["nodes"]] == ["jabar", "kota-bandung", "kemnaker", "ombudsman", "triase"]
    for node in state["nodes"]:
        assert set(node) == {"id", "name", "kind", "url", "people"}
        assert "admin" in {person["role"] for person in node["people"]}
        assert all(set(person) == {"role", "username", "password"} for person in node["people"])
    assert set(state["sample"]) == {"topic", "region"}
    assert len(state["cases"]) == len(load_stories()) == 40
    for case, story in zip(state["cases"], load_stories(), strict=True):
        assert set(case) == {"number", "receipt", "origin", "custodian"}
        assert (case["origin"], case["custodian"]) == (story.origin, story.handler)
        assert re.fullmatch(r"[0-9A-Z]{5}-[0-9A-Z]{5}", case["number"])


def check_servers_are_gone(state_file: Path) -> None:
    state = json.loads(state_file.read_text())
    for url in (state["hub"]["url"], *(node["url"] for node in state["nodes"])):
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=5)


def check_no_identity_was_printed(printed: str) -> None:
    """The reports are invented, but a demo that shows names on a screen would teach the wrong habit."""
    for story in load_stories():
        assert [field for field in story.report.identity.fields if field in printed] == []


def check_audit(data: Path) -> None:
    command = [sys.executable, "-m", "audit", "verify", str(data / "audit"), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["ok"] is True


def test_interrupted_it_ends_its_servers_and_says_where_the_data_are(tmp_path: Path) -> None:
    with subprocess.Popen([*DEMO, "--data", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "✓" in line:
                demo.send_signal(signal.SIGTERM)
                break
        rest = demo.stdout.read()
    assert demo.returncode == 130
    assert str(tmp_path) in rest


def test_a_step_that_fails_is_named_and_ends_with_status_1(tmp_path: Path) -> None:
    """Here the disk takes no file of more than 60 kB, so that no database can be made."""

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    # What measures coverage would leave files behind that are cut off at that size.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [*DEMO, "--once", "--data", str(tmp_path)],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=no_room,
    )
    assert done.returncode == 1, done.stdout
    assert "✗ Gagal pada langkah (failed at step) 1. Pusat didirikan" in done.stdout
    assert f"{tmp_path}/<nama>/log/serve.log" in done.stdout


def test_a_directory_that_is_not_its_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    done = subprocess.run([*DEMO, "--data", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "not a demo's" in done.stdout
