"""Where a fault happens: a country at work, the lines of its nodes and its people in our hands, some disks small."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from demo.screen import Screen
from demo.waiting import TooLateError, wait_for
from tests.chaos.client import Client, Fate
from tests.chaos.country import OFFICES, TRIAGE, Country, Place, found_country
from tests.chaos.ledger import Filing, Ledger
from tests.chaos.machine import Network, small_disk
from tests.chaos.rest import come_to_rest
from tests.chaos.wire import Fault, Wire
from tests.support.federation import HUB

#: Whose disks are small, where a fault asks for that; enough for hours of load.
SMALL: Final = (HUB, "kemnaker")
_DISK_MEBIBYTES: Final = 96
_PROBE_SECONDS: Final = 60.0
_STORED: Final = 201


class StageError(Exception):
    """A promise that was not kept while a fault went on; the message says which."""


@dataclass(slots=True)
class Stage:
    """What a fault has to work with. It goes on for `seconds`."""

    country: Country
    ledger: Ledger
    screen: Screen
    chance: Random
    seconds: float
    #: The lines from each node to the hub, and from its people to it.
    wires: dict[str, Wire]
    network: Network | None = None
    #: Filings of `file` that were not answered yet: whose, under which key.
    _open: dict[str, str] = field(default_factory=dict)

    def file(self, name: str, timeout: float = 5) -> int:
        """File something at a node, at its own address; return the status, 0 where no answer came."""
        key = f"{self.chance.getrandbits(128):032x}"
        self._open[key] = name
        return self._ask(key, timeout)

    def files(self, name: str, timeout: float = 5) -> bool:
        """File something at a node; return whether it was stored, and its receipt given."""
        return self.file(name, timeout) == _STORED

    def finish(self) -> None:
        """Repeat, once the fault has ended, what was not answered while it went on."""
        for key, name in list(self._open.items()):
            self.until(f"an answer of {name}", partial(self._asks, key))

    def _asks(self, key: str) -> bool:
        return self._ask(key, _PROBE_SECONDS) == _STORED

    def _ask(self, key: str, timeout: float) -> int:
        name = self._open[key]
        body = {"class": "complaint", "topic": "", "region": "", "text": f"Di tengah gangguan {key}", "secrecy": "open",
                "identity": {"name": "Warga"}}  # fmt: skip
        client = Client(self.country.parties[name].url, timeout=timeout)
        answer = client.ask("POST", "/cases", body, {"Idempotency-Key": key})
        if answer.fate is Fate.DONE:
            del self._open[key]
            self.ledger.filed(Filing(name, key, body, answer.body["number"], answer.body["receipt"]))
        return answer.status

    def on_all_wires(self, fault: Fault) -> None:
        """Let this happen on every line from now on."""
        for wire in self.wires.values():
            wire.set(fault)

    def until(self, what: str, probe: Callable[[], bool]) -> None:
        """Wait for something that must come although the fault goes on; raise StageError if it does not."""
        try:
            wait_for(what, probe, _PROBE_SECONDS)
        except TooLateError as error:
            raise StageError(str(error)) from error

    def go_on(self, since: float) -> None:
        """Let the fault go on until `seconds` have passed."""
        self.until("the end of the fault", lambda: time.monotonic() - since >= self.seconds)


def begin(country: Country) -> None:
    """Start everybody, and wait until each has spoken with the hub and may act."""
    country.start()
    come_to_rest(country, _PROBE_SECONDS, lambda _: None)


@contextmanager
def on_lines(folder: Path, screen: Screen, seed: str, seconds: float) -> Iterator[Stage]:
    """A country on this machine, with a bad line to be before each node and behind it; its databases on this disk."""
    with ExitStack() as held:
        wires: dict[str, Wire] = {}
        for name in (*OFFICES, TRIAGE):
            wires[f"{name} to hub"] = held.enter_context(Wire(f"{seed}/{name}/hub"))
            wires[f"people to {name}"] = held.enter_context(Wire(f"{seed}/{name}/people"))
        places = {name: Place(dials=wires[f"{name} to hub"].front) for name in (*OFFICES, TRIAGE)}
        country = held.enter_context(found_country(folder, places))
        country.fronts.update(
            {name: wires[f"people to {name}"].front(party.url) for name, party in country.nodes.items()}
        )
        begin(country)
        yield Stage(country, Ledger(), screen, Random(seed), seconds, wires)  # noqa: S311


@contextmanager
def on_disks(folder: Path, screen: Screen, seed: str, seconds: float) -> Iterator[Stage]:
    """A country on this machine, the hub and one office on small disks."""
    with ExitStack() as held:
        for name in SMALL:
            held.enter_context(small_disk(folder / name, _DISK_MEBIBYTES))
        country = held.enter_context(found_country(folder))
        begin(country)
        yield Stage(country, Ledger(), screen, Random(seed), seconds, {})  # noqa: S311


@contextmanager
def on_network(folder: Path, screen: Screen, seed: str, seconds: float) -> Iterator[Stage]:
    """A country in which every party has a host of its own; the people are where the cables meet."""
    with Network((HUB, *OFFICES, TRIAGE)) as network:
        places = {name: network.place(name) for name in (HUB, *OFFICES, TRIAGE)}
        with found_country(folder, places) as country:
            begin(country)
            yield Stage(country, Ledger(), screen, Random(seed), seconds, {}, network)  # noqa: S311
