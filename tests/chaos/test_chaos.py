"""`./run chaos --kills 20` as a user starts it, and the proof that its count finds what was lost or doubled."""

import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from house.screen import ROOT
from tests.chaos.client import Fate
from tests.chaos.count import Verdict, count, count_rows
from tests.chaos.country import Country, found_country
from tests.chaos.ledger import Ledger, Said
from tests.chaos.load import Reporter
from tests.chaos.rest import come_to_rest

KILLS = 20
SECONDS = 600


@pytest.mark.timeout(SECONDS)
def test_after_twenty_kills_under_load_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--kills", str(KILLS), "--data", str(tmp_path / "chaos")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    told = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"kills {KILLS}, lost 0, doubled 0, custodians 1" in told
    # What was counted was there to be counted.
    filings = re.search(r"^ +filings +(\d+)$", done.stdout, re.MULTILINE)
    assert filings is not None
    assert int(filings[1]) > 0
    assert sum(int(each) for each in re.findall(r"^ +[a-z-]+ +(\d+) +\d+ +\d+\.\d", done.stdout, re.MULTILINE)) == KILLS


@dataclass(frozen=True, slots=True)
class Scene:
    """A country at rest, and what its reporters were told."""

    country: Country
    ledger: Ledger


@contextmanager
def made_in(folder: Path) -> Iterator[Scene]:
    ledger, chance = Ledger(), Random("scene")  # noqa: S311
    with found_country(folder / "country") as country:
        country.start()
        reporter = Reporter(country, ledger, threading.Event(), "saksi")
        for _ in range(4):
            reporter.file(chance)
        come_to_rest(country, 60, lambda _: None)
        yield Scene(country, ledger)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """What a test of these takes away it puts back: they run in any order."""
    with made_in(tmp_path_factory.mktemp("count")) as made:
        yield made


@pytest.fixture
def own_scene(tmp_path: Path) -> Iterator[Scene]:
    with made_in(tmp_path) as made:
        yield made


def counted(scene: Scene) -> Verdict:
    verdict = count(scene.country, scene.ledger)
    count_rows(scene.country, scene.ledger, verdict)
    return verdict


def change(scene: Scene, name: str, number: str, *statements: str) -> None:
    with closing(sqlite3.connect(scene.country.parties[name].database)) as connection, connection:
        for statement in statements:
            connection.execute(statement, (number,))


def test_a_country_in_which_nothing_happened_is_in_order(scene: Scene) -> None:
    verdict = counted(scene)
    assert verdict.good, verdict


def test_a_reply_that_was_confirmed_and_is_nowhere_is_lost(scene: Scene) -> None:
    said = Said(scene.ledger.filings[0].number, "Balasan yang hilang.", Fate.DONE)
    scene.ledger.replies.append(said)
    verdict = counted(scene)
    scene.ledger.replies.remove(said)
    assert [said.text in each for each in verdict.lost] == [True]


def test_a_report_that_was_stored_and_never_confirmed_is_doubled(scene: Scene) -> None:
    filing = scene.ledger.filings.pop()
    verdict = counted(scene)
    scene.ledger.filings.append(filing)
    assert [filing.origin in each for each in verdict.doubled] == [True]


def test_a_case_that_two_offices_have_is_counted_twice(scene: Scene) -> None:
    filing = scene.ledger.filings[0]
    other = next(name for name in scene.country.offices if name != filing.origin)
    with closing(sqlite3.connect(scene.country.parties[other].database)) as connection, connection:
        connection.execute("ATTACH ? AS source", (str(scene.country.parties[filing.origin].database),))
        connection.execute('INSERT INTO "case" SELECT * FROM source."case" WHERE number = ?', (filing.number,))
    verdict = Verdict()
    count_rows(scene.country, scene.ledger, verdict)
    change(scene, other, filing.number, 'DELETE FROM "case" WHERE number = ?')
    assert verdict.custodians == 2


def test_a_receipt_that_finds_nothing_and_a_case_that_nobody_has_are_lost(own_scene: Scene) -> None:
    """What is taken away here does not come back, so nobody else uses this country."""
    scene = own_scene
    first, second = scene.ledger.filings[:2]
    gone = [f"DELETE FROM {table} WHERE number = ?" for table in ("tracked_event", "tracked")]  # noqa: S608
    change(scene, first.origin, first.number, *gone)
    change(scene, second.origin, second.number, "UPDATE \"case\" SET stance = 'declined' WHERE number = ?")
    verdict = counted(scene)
    assert [any(filing.number in each for each in verdict.lost) for filing in (first, second)] == [True, True]
    assert not verdict.good
