"""A node as a process: what it does before it is ready, and how it ends."""

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from house.screen import ROOT
from node.serving import prepare
from tests.support.hub import PASSPHRASE
from tests.support.nodes import Country, lay_out

DEADLINE = 60


@pytest.fixture
def started(land: Country) -> Iterator[tuple[subprocess.Popen[str], str]]:
    folder = lay_out(land, "jabar")
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    environ = {**os.environ, "SIMPUL_PASSPHRASE": PASSPHRASE}
    command = [sys.executable, "-m", "node", "serve", "--data", str(folder), "--port", "0"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"ready (http://127\.0\.0\.1:\d+)\n", line)
    if found is None:
        process.kill()
        raise AssertionError(process.communicate(timeout=DEADLINE))
    yield process, found[1]
    process.kill()
    process.communicate(timeout=DEADLINE)


def test_a_node_serves_syncs_at_once_and_ends_when_told(
    started: tuple[subprocess.Popen[str], str], land: Country
) -> None:
    process, url = started
    assert requests.get(url, timeout=DEADLINE).status_code == 200
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0\s", limits)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert "Traceback" not in log
    assert land.jabar.state().trouble is None
    assert land.jabar.queued() == []


def test_before_it_serves_a_node_forbids_dumps_migrates_and_sweeps(land: Country) -> None:
    office = land.fresh("kemensos")
    orphan, fresh = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAQ"
    office.node.case_keys.create(orphan, "content")
    for path in office.node.settings.case_keys_dir.glob("*/*"):
        os.utime(path, (0, 0))
    office.node.case_keys.create(fresh, "content")
    prepare(office.node)
    # The limit stays for the rest of this process, which needs no dump of its memory either.
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
    # Another process may be filing just now: what is fresh is left to it.
    assert list(office.node.case_keys.listing()) == [(fresh, "content")]
    office.node.database.close()
