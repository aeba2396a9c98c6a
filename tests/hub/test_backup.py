"""Backups of a hub: made while it serves, whole or not there, and put back so that it signs nothing at first."""

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from hub import cli
from hub.founding import open_database
from hub.models import Base
from hub.recovery.state import is_recovering, recovery_of
from hub.settings import Settings
from keys.backup import read_label
from protocol.enrol import read_federation
from tests.hub.conftest import Town
from tests.service.test_restore import Renames
from tests.support.databases import Databases
from tests.support.files import PartsLine, made_file
from tests.support.hub import PASSPHRASE, HubProcess

Dump = dict[str, list[tuple[Any, ...]]]


def run(*args: object, passphrase: str = PASSPHRASE, typed: str | None = None) -> Result:
    environ = {"SIMPUL_PASSPHRASE": passphrase, "SIMPUL_PASSPHRASE_FILE": None}
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
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


@dataclass(frozen=True, slots=True)
class Empty:
    """A database to restore to: where it is a file, that of the data directory."""

    url: str
    options: list[str]


@pytest.fixture
def empty(databases: Databases, data_dir: Path) -> Empty:
    url = databases.make(data_dir / "hub.db")
    return Empty(url, ["--database-url", url] if databases.kind == "postgresql" else [])


def back_up(data: Path, kept: Path, *more: object) -> Path:
    before = set(kept.iterdir())
    well(run("backup", kept, "--data", data, *more))
    (made,) = set(kept.iterdir()) - before
    return made


def settings_at(data: Path, url: str) -> Settings:
    return Settings.from_mapping({"SIMPUL_HUB_DATA": str(data), "SIMPUL_HUB_DATABASE_URL": url})


def rows_at(settings: Settings) -> Dump:
    """Every row of a hub's database, without those that a restore makes."""
    database = open_database(settings)
    with database.reading() as session:
        tables = [table for table in Base.metadata.sorted_tables if table.name != "hub_state"]
        found = {table.name: sorted(map(tuple, session.execute(select(table))), key=repr) for table in tables}
    database.close()
    return found


def tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder, but for those that only bear locks."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_a_hub_comes_back_from_its_backups_alone_and_signs_nothing(town: Town, kept: Path, empty: Empty) -> None:
    """Made while it serves; every row, key and part is there again, and it is marked as set back."""
    for _ in range(3):
        town.logged_offer()
    assert PartsLine(town.url, "jabar").upload(made_file(200_000)).status_code == 201
    settings = town.hub.settings
    before, parts = rows_at(settings), tree(settings.parts_dir)
    file, keys = back_up(settings.data_dir, kept), back_up(settings.data_dir, kept, "--keys")
    town.hub.database.close()
    shutil.rmtree(settings.data_dir)
    told = well(run("restore", file, "--data", settings.data_dir, "--keys", keys, *empty.options))
    assert f"a log of {len(before['log_leaf'])} leaves" in told
    restored = settings_at(settings.data_dir, empty.url)
    assert rows_at(restored) == before
    assert tree(restored.parts_dir) == parts
    assert {path.name for path in (restored.data_dir / "keys").iterdir()} == {"hub.key", "log.key", "online.key"}
    database = open_database(restored)
    with database.reading() as session:
        assert is_recovering(session)
        assert recovery_of(session).restored_to == read_label(file.open("rb")).at
    database.close()


def test_a_restore_over_a_hub_keeps_its_keys_and_moves_the_rest_aside(town: Town, kept: Path, empty: Empty) -> None:
    settings = town.hub.settings
    town.logged_offer()
    file = back_up(settings.data_dir, kept)
    town.logged_offer()
    town.hub.database.close()
    keys, before = tree(settings.data_dir / "keys"), tree(settings.data_dir)
    result = run("restore", file, "--data", settings.data_dir, *empty.options, typed="n\n")
    assert result.exit_code == 1
    assert "they are moved to a folder" in result.output
    assert "hub.db" in result.output or empty.options
    assert tree(settings.data_dir) == before
    well(run("restore", file, "--data", settings.data_dir, *empty.options, typed="y\n"))
    assert tree(settings.data_dir / "keys") == keys
    assert settings.registrar_key_file.exists()
    (aside,) = (path for path in settings.data_dir.iterdir() if path.name.startswith("before-"))
    assert (aside / "federation.json").read_bytes() == settings.federation_file.read_bytes()
    if not empty.options:
        assert (aside / "hub.db").read_bytes() == before["hub.db"]


def test_a_restore_that_is_cut_short_is_finished_by_the_same_command(
    data_dir: Path, kept: Path, empty: Empty, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_at(settings_at(data_dir, os.environ["SIMPUL_HUB_DATABASE_URL"]))
    file = back_up(data_dir, kept)
    renames = Renames(monkeypatch)
    renames.left = 2
    again = ("restore", file, "--data", data_dir, "--yes", *empty.options)
    assert "Input/output error" in one_line_error(run(*again))
    renames.left = None
    assert "cut short" in one_line_error(run("members", "--data", data_dir))
    assert "is finished" in well(run(*again))
    assert rows_at(settings_at(data_dir, empty.url)) == before


def test_a_hub_that_is_served_is_not_restored_over(data_dir: Path, kept: Path, empty: Empty) -> None:
    file = back_up(data_dir, kept)
    with HubProcess(data_dir):
        result = run("restore", file, "--data", data_dir, "--yes", *empty.options)
        assert "stop it first" in one_line_error(result)
        assert back_up(data_dir, kept, "--keep-days", 1).exists()


def test_the_registrars_key_is_in_no_backup(data_dir: Path, kept: Path) -> None:
    registrar = (data_dir / "registrar" / "registrar.key").read_bytes()
    for file in (back_up(data_dir, kept), back_up(data_dir, kept, "--keys")):
        with file.open("rb") as opened:
            assert registrar not in read_label(opened).files.values()
        assert registrar[200:260] not in file.read_bytes()


def test_the_database_of_a_backup_that_lies_is_not_put_in_place(town: Town, kept: Path, empty: Empty) -> None:
    """A tree that was signed and rows that give another: `LogError` before anything is changed."""
    settings = town.hub.settings
    town.logged_offer()
    with town.hub.database.transaction() as session:
        session.execute(Base.metadata.tables["log_tile"].update().values(hashes=os.urandom(32)))
    file = back_up(settings.data_dir, kept)
    town.hub.database.close()
    before = tree(settings.data_dir)
    result = run("restore", file, "--data", settings.data_dir, "--yes", *empty.options)
    assert "tiles" in one_line_error(result)
    assert tree(settings.data_dir) == before
    # Whoever mends it may use the same empty database.
    again = run("restore", file, "--data", settings.data_dir, "--yes", *empty.options)
    assert "tiles" in one_line_error(again)


def test_what_is_no_backup_of_this_hub_is_refused(data_dir: Path, kept: Path, tmp_path: Path, empty: Empty) -> None:
    file, keys = back_up(data_dir, kept), back_up(data_dir, kept, "--keys")
    before = tree(data_dir)
    refusals = {
        "holds the keys of hub": run("restore", keys, "--data", data_dir, "--yes", *empty.options),
        "holds the data of hub": run("restore", file, "--data", data_dir, "--yes", "--keys", file, *empty.options),
        "does not open": run("restore", file, "--data", data_dir, "--yes", *empty.options, passphrase="lain"),
        "no key file": run("restore", file, "--data", tmp_path / "new", *empty.options),
    }
    for words, result in refusals.items():
        assert words in one_line_error(result)
    assert tree(data_dir) == before
    other = replace(read_federation(before["federation.json"]), hub="daerah")
    (data_dir / "federation.json").write_bytes(other.encode())
    assert "is of hub daerah" in one_line_error(run("restore", file, "--data", data_dir, "--yes", *empty.options))


@pytest.mark.database("postgresql")
def test_a_dump_is_put_into_an_empty_database_alone(data_dir: Path, kept: Path) -> None:
    file = back_up(data_dir, kept)
    assert "is not empty" in one_line_error(run("restore", file, "--data", data_dir, "--yes"))


def test_the_commands_explain_themselves() -> None:
    for command in ("backup", "restore"):
        told = well(run(command, "--help"))
        assert "--keys" in told
        assert "--data" in told
