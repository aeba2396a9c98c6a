"""The faults, one function each: begin it, see that what must go on goes on and what fails says so, end it."""

import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from demo.screen import Screen
from tests.chaos.loris import Loris
from tests.chaos.machine import full, read_only
from tests.chaos.rest import rows
from tests.chaos.stage import SMALL, Stage, StageError, on_disks, on_lines, on_network
from tests.chaos.wire import Fault
from tests.support.federation import HUB

_UNAVAILABLE: Final = 503
_LORIS_CONNECTIONS: Final = 600
#: How long a legitimate request may take beside a slow loris, on a machine that is busy with both.
_BOUND_SECONDS: Final = 10.0

Setting: TypeAlias = Callable[[Path, Screen, str, float], AbstractContextManager[Stage]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault: what happens, where, and what is done."""

    what: str
    setting: Setting
    strike: Callable[[Stage], None]


def disk_full(stage: Stage) -> None:
    """Not a byte is left, for the hub and for an office at once: both refuse in words, and nobody ends."""
    began = time.monotonic()
    with ExitStack() as filled:
        for name in SMALL:
            filled.enter_context(full(stage.country.parties[name].data))
        stage.until("a filing refused on a full disk", lambda: stage.file(SMALL[1]) == _UNAVAILABLE)
        stage.until("a filing elsewhere", partial(stage.files, "jabar"))
        stage.until("a node that says what the hub lacks", lambda: _trouble(stage, "jabar") == "refused:503")
        stage.go_on(began)
    _still_run(stage, *SMALL)


def read_only_database(stage: Stage) -> None:
    """The databases of the hub and of an office can only be read; who starts then serves that, or says why not."""
    for name in (HUB, "kemnaker"):
        party, began = stage.country.parties[name], time.monotonic()
        with read_only(party.database):
            if name == HUB:
                stage.until("a node that says what the hub lacks", lambda: _trouble(stage, "jabar") == "refused:503")
            else:
                stage.until("a refused filing", lambda: stage.file("kemnaker") == _UNAVAILABLE)
            _still_run(stage, name)
            stage.go_on(began)
            party.kill()
            party.launch()
            # It may serve what can be read, or end and say why.
            stage.until(f"{name} up again, or its word why not", lambda: not party.runs() or party.is_ready())  # noqa: B023
        said = party.said().decode("utf-8", "replace")
        if not party.runs():
            if "Traceback" in said or "database" not in said:
                raise StageError(f"{name} does not say in words why it cannot start: {said[-400:]}")
            party.start()


def sigstop(stage: Stage) -> None:
    """The hub stands still, then an office, with every connection open: the others go on, and wait for neither."""
    for name in (HUB, "kemnaker"):
        began = time.monotonic()
        stage.country.parties[name].send(signal.SIGSTOP)
        try:
            for other in stage.country.offices.keys() - {name}:
                stage.until(f"a filing at {other}", partial(stage.files, other))
            stage.go_on(began)
        finally:
            stage.country.parties[name].send(signal.SIGCONT)


def resets(stage: Stage) -> None:
    """Six of ten connections are reset after some bytes, those of the nodes and those of their people."""
    _on_lines(stage, Fault.RESET)


def truncated(stage: Stage) -> None:
    """Six of ten connections end after some bytes as if all had been said: half requests, half answers."""
    _on_lines(stage, Fault.TRUNCATE)


def slow_lines(stage: Stage) -> None:
    """Six of ten connections carry 3 kB a second."""
    _on_lines(stage, Fault.SLOW)


def silence(stage: Stage) -> None:
    """Six of ten connections are taken and never answered."""
    _on_lines(stage, Fault.SILENT)


def slow_loris(stage: Stage) -> None:
    """Hundreds of connections to the hub and to an office say a byte a second: everybody else is served as before."""
    began, longest = time.monotonic(), 0.0
    office = stage.country.parties["jabar"]
    hub_before = _contact(stage, "jabar")
    with Loris(stage.country.hub.url, _LORIS_CONNECTIONS), Loris(office.url, _LORIS_CONNECTIONS) as held:
        while time.monotonic() - began < stage.seconds:
            asked = time.monotonic()
            if not stage.files("jabar", _BOUND_SECONDS):
                raise StageError("nothing could be filed beside the slow connections")
            longest = max(longest, time.monotonic() - asked)
        stage.until("an exchange beside the slow connections", lambda: _contact(stage, "jabar") > hub_before)
    stage.screen.say(
        f"    longest filing {longest:.2f} s beside {_LORIS_CONNECTIONS} connections; {held.hung_up} hung up"
    )


def namespaces(stage: Stage) -> None:
    """Cables are pulled: the hub's, an office's, both; hosts are cut off without a word, and joined again."""
    network = stage.network
    if network is None:
        raise StageError("this fault needs hosts of their own")
    for names in ((HUB,), ("kemnaker",), (HUB, "jabar"), ("kota-bandung", "kemnaker")):
        began = time.monotonic()
        with network.cut(*names):
            reached = min(stage.country.offices.keys() - set(names))
            stage.until(f"a filing at {reached}", partial(stage.files, reached))
            stage.go_on(began)


FAULTS: Final[dict[str, Kind]] = {
    "disk-full": Kind("the disks of the hub and of an office are full", on_disks, disk_full),
    "read-only-database": Kind("the databases of the hub and of an office are read-only", on_lines, read_only_database),
    "sigstop": Kind("the hub stands still, then an office", on_lines, sigstop),
    "resets": Kind("connections are reset", on_lines, resets),
    "truncated": Kind("requests and answers end half-way", on_lines, truncated),
    "slow-lines": Kind("lines carry a few bytes at a time", on_lines, slow_lines),
    "silence": Kind("connections are taken and never answered", on_lines, silence),
    "slow-loris": Kind("hundreds of connections are held open with a byte a second", on_lines, slow_loris),
    "namespaces": Kind("hosts are cut off and joined again", on_network, namespaces),
}


def _on_lines(stage: Stage, fault: Fault) -> None:
    began = time.monotonic()
    broken = sum(wire.broken for wire in stage.wires.values())
    stage.on_all_wires(fault)
    try:
        stage.go_on(began)
        stage.until("a broken connection", lambda: sum(wire.broken for wire in stage.wires.values()) > broken)
    finally:
        stage.on_all_wires(Fault.NONE)
    broken = sum(wire.broken for wire in stage.wires.values()) - broken
    stage.screen.say(f"    {broken} connections met it")


def _trouble(stage: Stage, name: str) -> str | None:
    found = rows(stage.country.parties[name].database, "SELECT trouble FROM sync_state")
    return str(found[0][0]) if found and found[0][0] else None


def _contact(stage: Stage, name: str) -> int:
    found = rows(stage.country.parties[name].database, "SELECT contact_at FROM sync_state")
    return int(found[0][0] or 0) if found else 0


def _still_run(stage: Stage, *names: str) -> None:
    for name in names:
        if not stage.country.parties[name].runs():
            raise StageError(f"{name} has ended")
