"""Running a hub: the schema's history, the settings, what is written when something fails."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from hub.errors import FoundingError, SettingsError
from hub.failures import describe
from hub.founding import MIGRATIONS
from hub.members.roster import Rosters
from hub.models import Base
from hub.settings import Settings
from hub.sync.exchange import Exchange
from protocol.content import receipt_body
from service.database import Database
from tests.hub.conftest import Town
from tests.support.databases import Databases
from tests.support.hub import FoundedHub, HubProcess


def test_models_and_migrations_agree(tmp_path: Path, databases: Databases) -> None:
    database = Database(databases.make(tmp_path / "hub.db"), MIGRATIONS)
    database.migrate()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_again_changes_nothing(founded: FoundedHub) -> None:
    before = founded.dump()
    founded.database.migrate()
    assert founded.dump() == before


def test_a_database_that_is_no_hubs_is_said_to_be_none(tmp_path: Path, founded: FoundedHub) -> None:
    database = Database(f"sqlite:///{tmp_path / 'other.db'}", MIGRATIONS)
    database.migrate()
    with database.reading() as session, pytest.raises(FoundingError, match="init"):
        Rosters(founded.federation).current(session)


class TestSettings:
    def test_from_a_mapping(self, tmp_path: Path) -> None:
        made = Settings.from_mapping(
            {"SIMPUL_HUB_DATA": str(tmp_path), "SIMPUL_HUB_PORT": "0", "SIMPUL_HUB_HOST": "::1", "OTHER": "x"}
        )
        assert (made.port, made.host, made.threads) == (0, "::1", 8)
        assert made.database_url == f"sqlite:///{tmp_path}/hub.db"
        other = {"SIMPUL_HUB_DATA": str(tmp_path), "SIMPUL_HUB_DATABASE_URL": "postgresql://x/y"}
        assert Settings.from_mapping(other).database_url == "postgresql://x/y"

    @pytest.mark.parametrize("port", ["", "-1", "65536", "8o", "²", "1e3"])
    def test_a_bad_number_is_refused_by_name(self, port: str) -> None:
        with pytest.raises(SettingsError, match="SIMPUL_HUB_PORT"):
            Settings.from_mapping({"SIMPUL_HUB_DATA": "x", "SIMPUL_HUB_PORT": port})

    def test_without_a_data_directory_it_says_what_to_give(self) -> None:
        with pytest.raises(SettingsError, match="--data"):
            Settings.from_mapping({})


class TestFailures:
    """What goes wrong is written by type and place; what was being said stays out."""

    def test_an_unexpected_error_shows_nothing(
        self, town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(_self: object, raw: bytes, _now: int) -> bytes:
            raise ValueError(raw.decode()) from KeyError(raw.decode())

        monkeypatch.setattr(Exchange, "run", fail)
        response = requests.post(f"{town.url}/sync/v1", data=b"Siti Rahmawati", timeout=30)
        assert response.status_code == 500
        assert response.headers["Content-Type"] == "application/problem+json"
        written = response.text + caplog.text
        assert "Siti" not in written
        assert "builtins.ValueError at test_operation.py" in caplog.text
        assert "builtins.KeyError" in caplog.text

    def test_an_error_that_was_never_raised_has_no_place(self) -> None:
        assert describe(ValueError("Siti")) == "builtins.ValueError at ?"

    def test_refusals_are_noted_without_content_and_another_log_alarms(
        self, town: Town, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        bad = town.jabar.offer("kemnaker")
        town.jabar.sync(bad, parts={})
        assert f"jabar: refused {bad.name} part by part-missing" in caplog.text
        first = town.jabar.receipt("kemnaker")
        town.jabar.sync(first, town.jabar.say("receipt", "kemnaker", body=receipt_body(2), seq=1))
        assert "ALARM jabar signed another entry for position 1 to kemnaker" in caplog.text
        town.jabar.seen = type(town.jabar.seen)(3, bytes(32))
        town.jabar.post(town.jabar.bundle())
        assert "ALARM jabar has seen a log that is not ours, at size 3" in caplog.text


def test_health_and_name(town: Town) -> None:
    health = requests.get(f"{town.url}/healthz", timeout=30).json()
    assert health == {"size": 8, "status": "ok"}
    named = requests.get(town.url, timeout=30).json()
    assert (named["hub"], named["log"], named["size"]) == ("pusat", town.hub.federation.log, 8)


def test_a_process_forbids_memory_dumps_and_ends_when_told(founded: FoundedHub) -> None:
    process = HubProcess(founded.settings.data_dir).start()
    assert process.pid is not None
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert next(line for line in limits.splitlines() if "core file" in line).split()[4:6] == ["0", "0"]
    assert "Traceback" not in process.stop()


def test_the_wrong_passphrase_stops_the_start_with_one_line(founded: FoundedHub) -> None:
    process = HubProcess(founded.settings.data_dir, environ={"SIMPUL_PASSPHRASE": "another one entirely"})
    with pytest.raises(AssertionError, match="this passphrase does not open"):
        process.start()


def test_the_command_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "hub", "--help"], capture_output=True, text=True, check=True)
    assert "simpul-hub" in done.stdout or "Run a Simpul hub" in done.stdout
