"""The simulator itself: it holds on what ships, plays a seed again exactly, and sees every rule that is left out."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.soak.play import plan_of, play
from tests.soak.run import main
from tests.soak.weaken import WEAKENINGS, weakened
from tests.soak.world import Country, country

#: How many seeds a weakening may take before it is seen, and where the search begins: near one that sees it today.
_MOST_SEEDS = 120
_FIRST = {"fence": 20, "sent": 10}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What hub and node tell their operators of faults and attacks is no news here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    memory = Path("/dev/shm")
    folder = tmp_path_factory.mktemp("soak") if not memory.is_dir() else memory / tmp_path_factory.mktemp("soak").name
    with country(folder / "country") as made:
        yield made


def test_what_ships_keeps_every_invariant(place: Country) -> None:
    """Twenty countries, each with its own faults."""
    for seed in range(20):
        played = play(place, plan_of(seed))
        assert not played.broken, (seed, played.broken, played.story)


def test_a_seed_plays_again_byte_for_byte(place: Country) -> None:
    """All that happened, and every row on every disk, follows from the seed."""
    first, other, again = (play(place, plan_of(seed)) for seed in (7, 8, 7))
    assert first == again
    assert other.digest != first.digest


@pytest.mark.parametrize("rule", sorted(WEAKENINGS))
def test_a_rule_that_is_left_out_is_missed(rule: str, place: Country) -> None:
    with weakened(rule):
        first = _FIRST.get(rule, 0)
        assert any(play(place, plan_of(seed, rule)).broken for seed in range(first, first + _MOST_SEEDS))


def test_the_command_closes_with_one_line_and_fails_where_something_broke(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "2", "--processes", "1"]) == 0
    assert re.fullmatch(r"seeds 2, faults \d+, broken 0", capsys.readouterr().out.splitlines()[-1])
    assert main(["--seeds", "100", "--processes", "1", "--weaken", "lock"]) == 1
    told = capsys.readouterr().out
    assert re.search(r"^seed \d+ is broken; again: \./run soak --seeds 1 --seed \d+ --weaken lock$", told, re.MULTILINE)
    assert re.fullmatch(r"seeds \d+, faults \d+, broken 1", told.splitlines()[-1])
