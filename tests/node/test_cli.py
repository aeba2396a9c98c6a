"""The operator's commands: what they make, and that they say in one line what is wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from keys.keyring import Keyring
from node import cli
from node.jobs import take_scheduler_lock
from node.models.people import Person
from node.sync.rows import alarm
from protocol.directory import Use
from protocol.enrol import read_enrol_request
from tests.support.databases import Databases
from tests.support.federation import World
from tests.support.hub import PASSPHRASE
from tests.support.nodes import Country, lay_out


def run(*args: object, passphrase: str | None = PASSPHRASE, typed: str | None = None) -> Result:
    environ = {"SIMPUL_PASSPHRASE": passphrase, "SIMPUL_PASSPHRASE_FILE": None, "SIMPUL_NODE_DATA": None}
    return CliRunner().invoke(cli.main, [str(arg) for arg in args], env=environ, input=typed)


@pytest.fixture
def federation(tmp_path: Path) -> Path:
    path = tmp_path / "federation.json"
    path.write_bytes(World().federation().encode() + b"\n")
    return path


def init(data: Path, federation: Path, *more: object, **how: str | None) -> Result:
    given = ("--data", data, "--id", "jabar", "--name", "Jawa Barat", "--federation", federation)
    return run("init", *given, *more, **how)


def one_line_error(result: Result) -> str:
    assert result.exit_code == 1
    assert result.exception is None or isinstance(result.exception, SystemExit)
    (line,) = result.output.strip().splitlines()
    assert line.startswith("Error: ")
    return line


def test_init_makes_keys_database_and_a_request(tmp_path: Path, federation: Path) -> None:
    data = tmp_path / "jabar"
    result = init(data, federation, "--sync-every", "5", "--accent", "#123456")
    assert result.exit_code == 0, result.output
    request = read_enrol_request((data / "enrol-request.jws").read_text())
    keyring = Keyring.load(data / "keys" / "node.key", PASSPHRASE)
    assert (request.id, request.name, request.hub) == ("jabar", "Jawa Barat", "pusat")
    assert {record.use for record in request.keys} == set(Use)
    assert keyring.signing.public.kid in result.output
    assert data.stat().st_mode & 0o777 == 0o700
    assert json.loads((data / "settings.json").read_text())["sync_every_seconds"] == 5
    assert PASSPHRASE not in result.output
    status = run("status", "--data", data)
    assert "last contact: never" in status.output


def test_init_refuses_to_overwrite_a_node(tmp_path: Path, federation: Path) -> None:
    data = tmp_path / "jabar"
    assert init(data, federation).exit_code == 0
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert "holds a node already" in one_line_error(init(data, federation))
    (data / "settings.json").unlink()
    assert "exists already" in one_line_error(init(data, federation))
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == {
        path: content for path, content in before.items() if path.name != "settings.json"
    }


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b'{"v":1,"hub":"pusat"}'])
def test_a_federation_file_that_is_none_is_told_and_nothing_is_made(tmp_path: Path, content: bytes) -> None:
    federation = tmp_path / "federation.json"
    federation.write_bytes(content)
    one_line_error(init(tmp_path / "jabar", federation))
    assert not (tmp_path / "jabar").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [(["--id", "Jawa Barat"], "member_id"), (["--name", ""], "display_name"), (["--federation", "/"], "/")],
)
def test_init_tells_which_value_is_wrong(tmp_path: Path, federation: Path, more: list[str], words: str) -> None:
    assert words in one_line_error(init(tmp_path / "jabar", federation, *more))


def test_an_empty_or_unequal_passphrase_makes_nothing(tmp_path: Path, federation: Path) -> None:
    assert "empty" in one_line_error(init(tmp_path / "jabar", federation, passphrase=""))
    result = init(tmp_path / "jabar", federation, passphrase=None, typed="satu dua\nsatu tiga\n")
    assert result.exit_code == 1
    assert not (tmp_path / "jabar" / "keys").exists()


def test_a_passphrase_that_is_asked_for_is_typed_twice(tmp_path: Path, federation: Path) -> None:
    typed = "satu dua tiga\nsatu dua tiga\n"
    assert init(tmp_path / "jabar", federation, passphrase=None, typed=typed).exit_code == 0
    Keyring.load(tmp_path / "jabar" / "keys" / "node.key", "satu dua tiga")


@pytest.mark.parametrize("command", ["status", "sync", "serve"])
def test_a_directory_without_a_node_is_told(tmp_path: Path, command: str) -> None:
    assert "holds no node" in one_line_error(run(command, "--data", tmp_path / "nothing"))


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b'{"member_id":"jabar"}', b'{"member_id":1}'])
def test_damaged_settings_are_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "settings.json").write_bytes(content)
    one_line_error(run("status", "--data", tmp_path))


def test_a_cadence_that_cannot_be_is_told(tmp_path: Path) -> None:
    values = {"member_id": "jabar", "display_name": "Jabar", "sync_every_seconds": 0}
    (tmp_path / "settings.json").write_text(json.dumps(values))
    assert "sync_every_seconds" in one_line_error(run("status", "--data", tmp_path))


def test_a_wrong_passphrase_is_told(land: Country) -> None:
    folder = lay_out(land, "jabar")
    assert "passphrase" in one_line_error(run("sync", "--data", folder, passphrase="salah"))


def test_an_officer_is_added_once(land: Country, tmp_path: Path) -> None:
    folder = lay_out(land, "jabar")
    args = ("person", "add", "--data", folder, "--username", "sari", "--name", "Sari", "--role", "admin")
    result = run(*args, "--role", "custodian")
    assert result.exit_code == 0, result.output
    assert "Password (shown only now): " in result.output
    (person,) = land.jabar.rows(Person)
    assert (person.username, person.roles) == ("sari", "admin,custodian")
    assert person.password_hash.startswith("$argon2id$")
    assert "taken" in one_line_error(run(*args))
    password = tmp_path / "password"
    password.write_text("kata sandi yang panjang\n")
    result = run("person", "add", "--data", folder, "--username", "budi", "--name", "Budi", "--role", "liaison",
                 "--password-file", password)  # fmt: skip
    assert result.exit_code == 0
    assert "kata sandi" not in result.output
    assert run("person", "add", "--data", folder, "--username", "x", "--name", "X", "--role", "raja").exit_code == 2


def test_sync_by_hand_syncs_and_status_shows_no_content(land: Country) -> None:
    land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    folder = lay_out(land, "jabar")
    assert "waiting: 1" in run("status", "--data", folder).output
    result = run("sync", "--data", folder)
    # One to read, one for the fence of this start, one for what waited.
    assert (result.exit_code, result.output) == (0, "3 exchanges, 2 pushed, 0 pulled\n")
    status = run("status", "--data", folder).output
    assert "waiting: 0" in status
    assert "trouble: none" in status
    assert "Upah" not in status
    assert "Ujang" not in status


def test_sync_by_hand_tells_what_is_wrong_and_status_lists_it(land: Country) -> None:
    folder = lay_out(land, "jabar")
    unreachable = replace(land.founded.federation, url="http://127.0.0.1:1")
    (folder / "federation.json").write_bytes(unreachable.encode())
    line = one_line_error_at_end(run("sync", "--data", folder))
    assert "nothing is lost" in line
    assert "unreachable" in run("status", "--data", folder).output


def one_line_error_at_end(result: Result) -> str:
    assert result.exit_code == 1
    return result.output.strip().splitlines()[-1]


def test_a_node_that_is_served_is_not_synced_by_hand(land: Country) -> None:
    folder = lay_out(land, "jabar")
    lock = take_scheduler_lock(folder, land.jabar.node.database)
    assert lock is not None
    assert "being served" in one_line_error(run("sync", "--data", folder))
    lock.close()


def test_a_database_without_tables_is_told(land: Country, databases: Databases) -> None:
    folder = lay_out(land, "jabar")
    settings = json.loads((folder / "settings.json").read_text())
    empty = databases.make(folder / "empty.db")
    (folder / "settings.json").write_text(json.dumps({**settings, "database_url": empty}))
    assert "database cannot be used" in one_line_error(run("status", "--data", folder))


def test_alarms_are_listed_with_their_rule(land: Country) -> None:
    folder = lay_out(land, "jabar")
    with land.jabar.node.database.transaction() as session:
        alarm(session, "won", "case X: the answer that won is not here", 1)
    assert "won: case X" in run("status", "--data", folder).output
