"""A founded hub, served over real HTTP on a real database, for each test; founded once, copied for the others."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hub.settings import Settings
from protocol.directory import Kind, Status
from tests.support.databases import Databases
from tests.support.federation import member
from tests.support.hub import MEMBERS, FoundedHub, Said, TestNode, found_hub, node_of, open_hub, served


@dataclass(slots=True)
class Town:
    """A served hub and its members' nodes: two provinces, two ministries, triage, and one that is suspended."""

    hub: FoundedHub
    url: str
    jabar: TestNode
    jateng: TestNode
    kemnaker: TestNode
    kemensos: TestNode
    triase: TestNode

    def logged_offer(self, **changes: object) -> Said:
        """An offer of jabar to kemnaker that is in the log."""
        offer = self.jabar.offer("kemnaker", **changes)
        assert self.jabar.sync(offer).verdict(offer).state == "ok"
        return offer

    def logged_ruling(self, named: str = "kemnaker") -> Said:
        """A ruling of triage for jabar."""
        ask = self.jabar.say("ask", "triase")
        assert self.jabar.sync(ask).verdict(ask).state == "ok"
        ruling = self.triase.rule(ask, named)
        assert self.triase.sync(ruling).verdict(ruling).state == "ok"
        return ruling


@dataclass(frozen=True, slots=True)
class Template:
    """A data directory and a database with every member enrolled and no entry."""

    data_dir: Path
    database_url: str


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Template:
    """What every test copies."""
    data = tmp_path_factory.mktemp("template") / "hub"
    others = (
        member("kemensos", Kind.MINISTRY, regions=()),
        member("tutup", status=Status.SUSPENDED),
        member("bandung", Kind.CITY, parent="jabar"),
    )
    url = databases.make(data / "hub.db")
    found_hub(data, *MEMBERS, *others, database_url=url).database.close()
    return Template(data, url)


@pytest.fixture
def data_dir(
    template: Template, tmp_path: Path, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A data directory of this test's own, and its database, which the environment names for every process."""
    folder = Path(shutil.copytree(template.data_dir, tmp_path / "hub"))
    with databases.copied(template.database_url, folder / "hub.db") as url:
        monkeypatch.setenv("SIMPUL_HUB_DATABASE_URL", url)
        yield folder


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """What the hub of this test is told."""
    return replace(Settings.from_mapping({**os.environ, "SIMPUL_HUB_DATA": str(data_dir)}), port=0)


@pytest.fixture
def founded(settings: Settings) -> FoundedHub:
    """The hub of this test, as its operator has it; not served."""
    return open_hub(replace(settings, busy_timeout_ms=2_000))


@pytest.fixture
def town(founded: FoundedHub) -> Iterator[Town]:
    """The hub of this test, served, with its members' nodes."""
    with served(founded) as url:
        names = ("jabar", "jateng", "kemnaker", "kemensos", "triase")
        yield Town(founded, url, *(node_of(founded, name, url) for name in names))
