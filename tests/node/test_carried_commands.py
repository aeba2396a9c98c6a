"""The commands as operators run them: beside servers that run, and with words that say what to do next."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from house.screen import ROOT
from hub.recovery.state import mark_restored
from protocol.custody import Phase, Stance
from service import stick
from tests.story.test_not_stored import small_disk
from tests.support.carried import Stick, file_with, files_of, make_stick, members_of
from tests.support.federation import NOW
from tests.support.hub import PASSPHRASE
from tests.support.nodes import REPORTER_NAME, Country, Office, lay_out
from tests.support.photos import photo

DEADLINE = 120
ENVIRON = {**os.environ, "SIMPUL_PASSPHRASE": PASSPHRASE}


def run(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=ENVIRON, capture_output=True, text=True, timeout=DEADLINE, check=False)


def laid_out_away(land: Country, name: str) -> Path:
    """A node that no hub can be reached from."""
    folder = lay_out(land, name)
    federation = replace(land.founded.federation, url="http://127.0.0.1:1")
    (folder / "federation.json").write_bytes(federation.encode())
    return folder


@contextmanager
def serving(folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "node", "serve", "--data", str(folder), "--port", "0"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=ENVIRON, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+\n", process.stdout.readline())
        yield
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE)


def hub_answers(land: Country, folder: Path) -> subprocess.CompletedProcess[str]:
    settings = land.founded.settings
    environ = {**ENVIRON, "SIMPUL_HUB_DATABASE_URL": settings.database_url}
    command = [sys.executable, "-m", "hub", "bundle", "answer", "--data", str(settings.data_dir), str(folder)]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=DEADLINE, check=False)


@pytest.fixture
def usb(land: Country) -> Stick:
    return make_stick(land)


def trip(land: Country, data: Path, usb: Stick) -> tuple[str, str]:
    """There and back by the commands; returns what the node's two said."""
    exported = run("node", "bundle", "export", "--data", data, usb.folder)
    assert exported.returncode == 0, exported.stderr
    answered = hub_answers(land, usb.folder)
    assert answered.returncode == 0, answered.stdout + answered.stderr
    imported = run("node", "bundle", "import", "--data", data, usb.folder)
    assert imported.returncode == 0, imported.stdout + imported.stderr
    usb.wipe()
    return exported.stdout, imported.stdout


@pytest.mark.database("sqlite")
def test_a_node_that_is_served_and_sees_no_hub_hands_over_by_the_commands(land: Country, usb: Stick) -> None:
    """It was just started: two trips until it acts, and then the case goes over with its file."""
    number = file_with(land.jabar, [("besar.jpg", photo(100_000, 2))])
    land.jabar.hand_over(number, "kemnaker")
    folder = laid_out_away(land, "jabar")
    with serving(folder):
        said = [trip(land, folder, usb) for _ in range(3)]
    assert [("neither hands on nor accepts" in out, "once more" in back) for out, back in said] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    assert "says 1 entries with 1 large files" in said[2][0]
    assert re.search(r"No longer needed: jabar-\d+\.request jabar-\d+\.answer\n", said[2][1])
    for _ in range(3):
        land.kemnaker.sync_well()
        usb.round(land.jabar)
    assert land.kemnaker.case(number).stance == Stance.HELD
    assert land.jabar.case(number).stance == Stance.ERASED
    assert list(files_of(land.kemnaker, number)) == ["besar.jpg"]
    assert land.kemnaker.open_identity(number) == REPORTER_NAME


def test_a_node_that_nobody_serves_exports_nothing(land: Country, usb: Stick) -> None:
    """Whoever serves has noted the start; a disk of which nobody knows how old it is says nothing."""
    folder = lay_out(land, "jabar")
    done = run("node", "bundle", "export", "--data", folder, usb.folder)
    assert done.returncode == 1
    assert "nobody serves this node" in done.stderr
    assert usb.names() == []


def test_an_empty_stick_is_told_on_both_sides(land: Country, usb: Stick) -> None:
    folder = lay_out(land, "jabar")
    done = run("node", "bundle", "import", "--data", folder, usb.folder)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "holds no answer for jabar" in done.stderr
    done = hub_answers(land, usb.folder)
    assert done.returncode == 1
    assert "holds no request" in done.stderr
    done = hub_answers(land, usb.folder / "away")
    assert "cannot read" in done.stderr


def test_each_refusal_is_one_line_with_the_way_out(land: Country, usb: Stick) -> None:
    usb.export(land.jabar)
    land.jabar.sync_well()
    (usb.folder / "kemnaker-5.request").write_bytes(b"torn")
    done = hub_answers(land, usb.folder)
    assert done.returncode == 1
    torn, overtaken, _ = done.stdout.splitlines()
    assert torn.startswith("kemnaker-5.request: not answered: ")
    assert overtaken.startswith("jabar-1.request: refused (counter): the node was in contact since")
    folder = lay_out(land, "jabar")
    done = run("node", "bundle", "import", "--data", folder, usb.folder)
    assert done.returncode == 0
    assert "nothing is lost" in done.stdout
    assert "once more" in done.stdout
    assert "jabar-1.refused" in done.stdout.splitlines()[-1]


def test_a_hub_that_recovers_answers_nobody(land: Country, usb: Stick) -> None:
    usb.export(land.jabar)
    with land.founded.database.transaction() as session:
        mark_restored(session, NOW, NOW)
    done = hub_answers(land, usb.folder)
    assert done.returncode == 1
    assert "recovers" in done.stderr
    assert usb.names() == ["jabar-1.request"]


# How much fits.


def test_a_small_stick_at_the_node_is_told_before_anything_is_written(land: Country, tmp_path: Path) -> None:
    number = file_with(land.jabar, [("besar.jpg", photo(3_000_000, 2))])
    land.jabar.hand_over(number, "kemnaker")
    (tmp_path / "usb").mkdir()
    with small_disk(tmp_path / "usb", "4m") as disk:
        with pytest.raises(stick.StickError, match="MiB free and needs"):
            Stick(land, disk).export(land.jabar)
        assert stick.names(disk) == []
    land.settle()
    assert land.kemnaker.open_identity(number) == REPORTER_NAME


def test_a_stick_without_room_for_an_answer_is_not_answered(land: Country, tmp_path: Path) -> None:
    """What is logged for an answer that cannot be written would cost the node another way."""
    (tmp_path / "usb").mkdir()
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    with small_disk(tmp_path / "usb", "12m") as disk:
        usb = Stick(land, disk)
        usb.export(land.jabar)
        with pytest.raises(stick.StickError, match="make room"):
            usb.answer()
    assert land.log_size() == land.jabar.state().log_size


def test_files_without_room_come_with_the_next_answer(land: Country, tmp_path: Path) -> None:
    names = [(f"{n}.jpg", photo(5_000_000, n)) for n in range(3)]
    number = file_with(land.jabar, names)
    land.jabar.hand_over(number, "kemnaker")
    land.jabar.sync_well()
    (tmp_path / "usb").mkdir()
    with small_disk(tmp_path / "usb", "20m") as disk:
        usb = Stick(land, disk)
        for left in (2, 1, 0):
            usb.export(land.kemnaker)
            (done,) = usb.answer()
            assert done.left_out == left
            assert sum(name.startswith("parts/") for name in members_of(usb.path("answer"))) >= 1
            usb.take_well(land.kemnaker)
            usb.wipe()
    land.settle()
    assert files_of(land.kemnaker, number) == dict(names)


def test_a_newcomer_that_is_not_enrolled_is_refused_and_then_answered(land: Country, usb: Stick) -> None:
    fresh = land.fresh("kemensos")
    stranger = Office(
        replace(fresh.node, settings=replace(fresh.node.settings, member_id="aceh")), land.clock, land.line
    )
    usb.export(stranger)
    (done,) = usb.answer()
    assert done.refused == "party"
    assert json.loads(members_of(usb.path("refused"))["problem"])["status"] == 403
    assert usb.take(stranger)[0].refused == "party"
    assert stranger.state().phase == Phase.ACTING
