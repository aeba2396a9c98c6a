"""The drill: a data directory is gone, and its party comes back from its backups by the commands of the manual.

Real processes speak HTTP; nothing but the operator's commands touches their files.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest
import requests

from demo.citizen import Citizen, Receipt
from demo.complaints import Identity, Place, Report, Story
from demo.federation import Federation, RunningNode
from demo.offices import HUB, OFFICES
from demo.pages import PageError
from demo.processes import run
from demo.waiting import wait_for
from demo.walk import PATIENCE_SECONDS, Walk, Walker
from tests.story.conftest import ACCOUNTS, with_accounts
from tests.support.filing import file

HERE: Final = "jabar"
THERE: Final = "kota-bandung"
REPORT: Final = Report(
    "complaint",
    "Jalan di depan pasar tergenang sejak selokannya tertutup cor.",
    "pekerjaan-umum-dan-penataan-ruang/drainase",
    Place("32.73"),
    "open",
    Identity("Lilis Karlina Suhendar", "0899 0000 0888"),
)
LEAVES: Final = Story(
    "pergi", REPORT, (HERE, THERE), ("Jalan dan selokan itu urusan kota.",), "Selokan sudah dibuka hari ini."
)
STAYS: Final = Story("tinggal", replace(REPORT, place=Place("32.16")), (HERE,), (), "Dinas sudah memeriksa.")


@dataclass(frozen=True, slots=True)
class Drill:
    """Two offices and a hub, all processes, and where one of them keeps its backups."""

    federation: Federation
    backups: Path
    keys: Path

    @property
    def walker(self) -> Walker:
        return Walker(self.federation)

    @property
    def office(self) -> RunningNode:
        return self.federation.nodes[HERE]

    def hub(self, *arguments: str | Path) -> str:
        """`simpul-hub …` as the hub's operator gives it."""
        key = ("--passphrase-file", self.federation.passphrase_file(HUB))
        return run("hub", *arguments, "--data", self.federation.data / HUB, *key)

    def log_size(self) -> int:
        """How many leaves the hub's log has."""
        size: int = requests.get(f"{self.federation.hub.url}/healthz", timeout=60).json()["size"]
        return size

    def command(self, *arguments: str | Path) -> str:
        """`simpul-node …` as the office's operator gives it."""
        key = () if arguments[0] == "status" else ("--passphrase-file", self.federation.passphrase_file(HERE))
        return run("node", *arguments, "--data", self.office.data, *key)

    def back_up(self) -> tuple[Path, Path]:
        """Make both backups while the office is served; returns the newest of each."""
        self.command("backup", self.backups)
        self.command("backup", self.keys, "--keys")
        return max(self.backups.iterdir()), max(self.keys.iterdir())

    def file(self, story: Story, text: str) -> Walk:
        story = replace(story, report=replace(story.report, text=text))
        return Walk(story, file(self.office.url, story.report))

    def lost(self) -> list[str]:
        """The numbers that the office tells as lost."""
        lines = self.command("status").splitlines()
        return [line.split()[1] for line in lines if line.startswith("lost: ")]

    def track(self, receipt: Receipt) -> str | None:
        """Who handles a report, as its reporter is told; None while the code finds nothing."""
        try:
            return Citizen(self.office.url).track(receipt.code).handler
        except PageError:
            return None


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    offices = [with_accounts(office, *ACCOUNTS[office.id]) for office in OFFICES if office.id in (HERE, THERE)]
    backups, keys = (tmp_path_factory.mktemp(name) for name in ("backups", "keys"))
    with Federation(tmp_path_factory.mktemp("country"), offices) as federation:
        federation.found_hub()
        federation.found_nodes()
        federation.start()
        yield Drill(federation, backups, keys)


@pytest.mark.timeout(600)
def test_an_office_whose_disk_is_gone_comes_back_from_its_backups(drill: Drill) -> None:
    walker, office = drill.walker, drill.office
    # Before the backup: one case that stays, one that was handed on.
    stays, left = drill.file(STAYS, "Sudah ada sebelum cadangan dibuat."), drill.file(LEAVES, "Sudah diteruskan.")
    walker.send_on([left])
    walker.arrive([left])
    walker.erased([left])
    data, keys = drill.back_up()
    # After it: an answer, a case that is handed on, one that is here alone, and one whose keys are in a later backup.
    walker.admin(HERE).reply(stays.number, "Kami datang hari Senin.")
    after = drill.file(LEAVES, "Diteruskan sesudah cadangan dibuat.")
    walker.send_on([after])
    walker.arrive([after])
    walker.erased([after])
    lost = drill.file(STAYS, "Hanya ada di sini, dan sesudah cadangan.")
    drill.command("backup", drill.keys, "--keys")
    keys = max(drill.keys.iterdir())

    office.server.kill()
    shutil.rmtree(office.data)
    told = drill.command("restore", data, "--keys", keys)
    assert f"lost: {lost.number}" in told
    office._officers.clear()  # whoever came in since the backup must come in again
    office.server.start()
    wait_for("the office acting again", lambda: "phase: acting" in drill.command("status"), PATIENCE_SECONDS)

    # One custodian each, and each where it was.
    walker.wait_here(stays, HERE)
    for walk in (left, after):
        walker.wait_here(walk, THERE)
    assert set(drill.lost()) == {lost.number}
    bandung = drill.federation.nodes[THERE].office.name
    assert drill.track(left.receipt) == bandung
    # The record of what was filed later came again of the hub's log and the custodian's report.
    walker.answer([left, after])
    wait_for("the later case tracked again", lambda: drill.track(after.receipt) == bandung, PATIENCE_SECONDS)
    walker.track([left])
    walker.answer([stays])
    walker.track([stays])


@pytest.mark.timeout(600)
def test_a_hub_whose_disk_is_gone_is_given_back_what_it_signed(drill: Drill) -> None:
    """The registrar's key lies elsewhere, as it should; what was logged after the backup comes from the offices."""
    walker, server = drill.walker, drill.federation.hub
    before = drill.file(LEAVES, "Diteruskan sebelum cadangan pusat.")
    walker.send_on([before])
    walker.arrive([before])
    drill.hub("backup", drill.backups)
    drill.hub("backup", drill.keys, "--keys")
    (data,), (keys,) = drill.backups.glob("simpul-hub-*"), drill.keys.glob("simpul-hub-*")
    after = drill.file(LEAVES, "Diteruskan sesudah cadangan pusat.")
    walker.send_on([after])
    walker.arrive([after])
    walker.erased([after])
    size = drill.log_size()

    server.kill()
    shutil.rmtree(drill.federation.data / HUB)
    told = drill.hub("restore", data, "--keys", keys)
    assert "restored pusat" in told
    server.start()
    assert drill.log_size() < size
    wait_for("the log as it was", lambda: drill.log_size() >= size, PATIENCE_SECONDS)
    walker.answer([before, after])
    walker.track([before, after])
    last = drill.file(LEAVES, "Diteruskan sesudah pusat kembali.")
    walker.send_on([last])
    walker.arrive([last])
    walker.erased([last])
