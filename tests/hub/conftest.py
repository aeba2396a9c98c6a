"""A founded hub, served over real HTTP on a real SQLite file, for each test; founded once, copied for the others."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hub.settings import Settings
from protocol.directory import Kind, Status
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


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with every member enrolled and no entry."""
    data = tmp_path_factory.mktemp("template") / "hub"
    others = (
        member("kemensos", Kind.MINISTRY, regions=()),
        member("tutup", status=Status.SUSPENDED),
        member("bandung", Kind.CITY, parent="jabar"),
    )
    found_hub(data, *MEMBERS, *others).database.close()
    return data


@pytest.fixture
def data_dir(template: Path, tmp_path: Path) -> Path:
    """A data directory of this test's own."""
    return Path(shutil.copytree(template, tmp_path / "hub"))


@pytest.fixture
def founded(data_dir: Path) -> FoundedHub:
    """The hub of this test, as its operator has it; not served."""
    settings = Settings.from_mapping({"SIMPUL_HUB_DATA": str(data_dir)})
    return open_hub(replace(settings, port=0, busy_timeout_ms=2_000))


@pytest.fixture
def town(founded: FoundedHub) -> Iterator[Town]:
    """The hub of this test, served, with its members' nodes."""
    with served(founded) as url:
        names = ("jabar", "jateng", "kemnaker", "kemensos", "triase")
        yield Town(founded, url, *(node_of(founded, name, url) for name in names))
