"""One run of chaos from the founding to the count, told on a screen as it goes."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from demo.processes import ProcessError, run
from demo.screen import Screen
from demo.waiting import TooLateError
from tests.chaos.count import Verdict, alarms, count, count_rows
from tests.chaos.country import Country, found_country
from tests.chaos.faults import FAULTS
from tests.chaos.kills import kill_them
from tests.chaos.ledger import Ledger
from tests.chaos.load import Load
from tests.chaos.party import PartyError
from tests.chaos.rest import come_to_rest
from tests.chaos.stage import Stage, StageError
from tests.support.federation import HUB

_REST_SECONDS: Final = 300
_TELL_EVERY: Final = 20
_FAULT_PACE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to do: how many kills, from which seed, with which mean pause between the deeds of one person."""

    kills: int
    seed: str
    pace_seconds: float


def kill_and_count(screen: Screen, folder: Path, wanted: Wanted) -> Verdict:
    """Found a country, put it under load, kill, let it come to rest, and count."""
    ledger = Ledger()
    with found_country(folder) as country:
        with screen.step("Negeri didirikan", "the country is founded and up"):
            country.start()
        with screen.step(f"{wanted.kills} kali dimatikan", "killed under load, and started at once"):
            began = time.monotonic()
            with Load(country, ledger, wanted.seed, wanted.pace_seconds):
                kills = kill_them(country, wanted.kills, Random(wanted.seed), _Teller(screen, ledger, wanted.kills))  # noqa: S311
            under_load = time.monotonic() - began
        verdict = settle_and_count(screen, country, ledger)
        rows = [(name, str(kills[name]), *_starts(country, name)) for name in country.parties]
        screen.table(("party", "kills", "starts", "seconds to be ready: median", "longest"), rows)
        _show(screen, "what", ledger.counts)
        _show(screen, "alarm", alarms(country))
        screen.say(f"    {under_load:.0f} s under load, {under_load / max(wanted.kills, 1):.2f} s a kill")
    return verdict


def strike_and_count(screen: Screen, folder: Path, name: str, seed: str, seconds: float) -> Verdict:
    """Let one fault come over a country at work, end it, let the country come to rest, and count."""
    kind = FAULTS[name]
    with kind.setting(folder, screen, seed, seconds) as stage:
        with screen.step(name, kind.what):
            strike(stage, name)
        verdict = settle_and_count(screen, stage.country, stage.ledger)
        counts = sorted(stage.ledger.counts.items())
        screen.table(("what", "how many"), [(what, str(times)) for what, times in counts])
        screen.table(
            ("alarm", "how many"), [(what, str(times)) for what, times in sorted(alarms(stage.country).items())]
        )
    return verdict


def strike(stage: Stage, name: str) -> None:
    """Let one fault come over a country at work, and end it; what it found broken goes into the ledger."""
    with Load(stage.country, stage.ledger, f"{name}-{stage.chance.getrandbits(32)}", _FAULT_PACE_SECONDS):
        try:
            FAULTS[name].strike(stage)
            stage.finish()
        except (PartyError, StageError) as error:
            stage.ledger.trouble(f"{name}: {error}")


def settle_and_count(screen: Screen, country: Country, ledger: Ledger, seconds: float = _REST_SECONDS) -> Verdict:
    """Let everybody come to rest, count by the API, stop everybody, count in the tables, and have it all audited."""
    verdict = Verdict()
    try:
        with screen.step("Semua menjadi tenang", "everybody comes to rest"):
            come_to_rest(country, seconds, lambda waits: screen.say(f"    … {waits}"))
    except TooLateError as error:
        verdict.astray.append(str(error))
    with screen.step(f"{len(ledger.filings)} laporan dihitung", "counted by receipt and office by office"):
        found = count(country, ledger)
        found.astray += verdict.astray + ledger.troubles
        country.stop()
        count_rows(country, ledger, found)
    try:
        with screen.step("Auditor memeriksa semuanya", "simpul-audit verifies the hub's export"):
            audit(country)
    except ProcessError as error:
        found.astray.append(str(error))
    for what in (*found.lost, *found.doubled, *found.astray):
        screen.say(f"    ✗ {what}")
    return found


def audit(country: Country) -> None:
    """`simpul-hub export --entries` and `simpul-audit verify --all`; raise ProcessError if a check fails."""
    folder = country.folder / "audit"
    run("hub", "export", "--data", country.folder / HUB, folder, "--entries")
    run("audit", "verify", folder, "--all", "--federation", country.folder / "jabar" / "federation.json")


class _Teller:
    """Says every so often how far it is."""

    def __init__(self, screen: Screen, ledger: Ledger, times: int) -> None:
        self._screen, self._ledger, self._times = screen, ledger, times

    def __call__(self, number: int) -> None:
        if number % _TELL_EVERY == 0:
            told = f"{number}/{self._times} kills, {len(self._ledger.filings)} filings"
            self._screen.say(f"    {self._screen.seconds:6.0f} s  {told}, {len(self._ledger.troubles)} troubles")


def _show(screen: Screen, what: str, counts: Counter[str]) -> None:
    screen.table((what, "how many"), [(each, str(times)) for each, times in sorted(counts.items())])


def _starts(country: Country, name: str) -> tuple[str, str, str]:
    party = country.parties[name]
    lasted = sorted(party.start_seconds)
    return str(party.starts), f"{lasted[len(lasted) // 2]:.1f}", f"{lasted[-1]:.1f}"
