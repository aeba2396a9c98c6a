"""The killer: SIGKILL to a random party at a random moment, and its start right after, over and over."""

import threading
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

from demo.waiting import wait_for
from tests.chaos.country import Country
from tests.chaos.party import Party

_SHORTEST_SECONDS: Final = 0.05
_LONGEST_SECONDS: Final = 1.5
#: More who start at once than the machine can carry would only be a queue.
_STARTING_AT_MOST: Final = 2
#: How often one is killed who has not even started up again.
_WHILE_STARTING: Final = 0.15
_SETTLE_SECONDS: Final = 120


def kill_them(country: Country, times: int, chance: Random, tell: Callable[[int], None]) -> Counter[str]:
    """Kill `times` times; return how often each party was. `tell` hears of each, with its number."""
    pause, kills = threading.Event(), Counter[str]()
    for number in range(1, times + 1):
        pause.wait(chance.uniform(_SHORTEST_SECONDS, _LONGEST_SECONDS))
        wait_for("room for another start", lambda: len(_starting(country)) <= _STARTING_AT_MOST, _SETTLE_SECONDS)
        victim = _choose(country, chance)
        victim.kill()
        victim.launch()
        kills[victim.name] += 1
        tell(number)
    for party in country.parties.values():
        party.wait_ready()
    return kills


def _choose(country: Country, chance: Random) -> Party:
    starting = _starting(country)
    if starting and chance.random() < _WHILE_STARTING:
        return chance.choice(starting)
    return chance.choice([party for party in country.parties.values() if party not in starting])


def _starting(country: Country) -> list[Party]:
    return [party for party in country.parties.values() if not party.is_ready()]
