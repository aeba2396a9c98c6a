"""Backups of a node: made while it works, whole or not there, of use to nobody without its keys."""

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from node import cli
from protocol.custody import Phase
from tests.support.databases import Databases
from tests.support.hub import PASSPHRASE
from tests.support.nodes import Country, Office, lay_out, open_node

DAY = 86_400


def run(*args: object, passphrase: str = PASSPHRASE, typed: str | None = None) -> Result:
    environ = {"SIMPUL_PASSPHRASE": passphrase, "SIMPUL_PASSPHRASE_FILE": None, "SIMPUL_NODE_DATA": None}
    return CliRunner().invoke(cli.main, [str(arg) for arg in args], env=environ, input=typed)


def well(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def one_line_error(result: Result) -> str:
    assert result.exit_code == 1, result.output
    line = result.output.strip().splitlines()[-1]
    assert line.startswith("Error: ")
    return line


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the backups go."""
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


def back_up(data: Path, kept: Path, *more: object) -> Path:
    """Make a backup by the command, and return its file."""
    before = set(kept.iterdir())
    well(run("backup", kept, "--data", data, *more))
    (made,) = set(kept.iterdir()) - before
    return made


def reopened(land: Country, data: Path) -> Office:
    """The office as its folder now has it."""
    url = json.loads((data / "settings.json").read_text()).get("database_url", "")
    node = open_node(data, "jabar", land.founded, database_url=url)
    return Office(node, land.clock, land.line)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_node_comes_back_from_its_backups_alone(
    land: Country, kept: Path, databases: Databases, tmp_path: Path
) -> None:
    filed = land.jabar.file()
    data = lay_out(land, "jabar")
    file, keys = back_up(data, kept), back_up(data, kept, "--keys")
    assert {file.stat().st_mode & 0o777, keys.stat().st_mode & 0o777} == {0o600}
    land.jabar.node.database.close()
    shutil.rmtree(data)
    more = ["--database-url", databases.make(data / "node.db")] if databases.kind == "postgresql" else []
    told = well(run("restore", file, "--data", data, "--keys", keys, *more))
    assert "restored jabar" in told
    assert "lost" not in told
    office = reopened(land, data)
    assert office.page(filed.number).complaint.text == "Upah kami tiga bulan belum dibayar."
    assert office.state().phase == Phase.READING
    assert office.alarms() == ["restored"]
    assert not [name for name in os.listdir(data) if name.startswith((".", "restoring"))]
    office.sync_well()
    office.hand_over(filed.number, "kemnaker")
    office.node.database.close()
