"""Coming to rest: everybody has said what waited, read what was said, and no case is between two offices."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from demo.waiting import TooLateError, wait_for
from tests.chaos.country import Country
from tests.chaos.party import Party

#: Cases in a stance that only lasts as long as something is on its way.
_BETWEEN: Final = (
    "SELECT stance, count(*) FROM \"case\" WHERE stance IN ('offered', 'invited', 'passed') GROUP BY stance"
)
_TELL_EVERY_SECONDS: Final = 5.0


def rows(database: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Read a party's database beside the party, changing nothing."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        return connection.execute(query, values).fetchall()


def come_to_rest(country: Country, seconds: float, tell: Callable[[str], None]) -> float:
    """Wait until nothing moves; return how long that took. Raise TooLateError, which says what still waits."""
    began = told = time.monotonic()
    waits: list[str] = []

    def at_rest() -> bool:
        nonlocal told, waits
        waits = _what_waits(country)
        if waits and time.monotonic() - told > _TELL_EVERY_SECONDS:
            told = time.monotonic()
            tell("; ".join(waits))
        return not waits

    try:
        wait_for("rest", at_rest, seconds)
    except TooLateError:
        raise TooLateError(f"not at rest within {seconds:g} s: {'; '.join(waits)}") from None
    return time.monotonic() - began


def _what_waits(country: Country) -> list[str]:
    try:
        leaves = int(rows(country.hub.database, "SELECT size FROM log_head")[0][0])
        held = dict(rows(country.hub.database, "SELECT party, inbox FROM box_head"))
        return [
            f"{name}: {what}"
            for name, party in country.nodes.items()
            for what in _of_node(party, leaves, held.get(name, 0))
        ]
    except sqlite3.OperationalError as error:
        return [f"a database cannot be read now ({error})"]


def _of_node(party: Party, leaves: int, held: int) -> list[str]:
    waits = []
    found = rows(party.database, "SELECT phase, inbox_pos, log_size, trouble FROM sync_state")
    phase, inbox, log_size, trouble = found[0] if found else ("reading", 0, 0, None)
    queued = rows(party.database, "SELECT count(*) FROM outbox WHERE state = 'queued'")[0][0]
    files = rows(party.database, "SELECT count(*) FROM inbox WHERE waiting")[0][0]
    between = rows(party.database, _BETWEEN)
    if phase != "acting":
        waits.append(phase)
    if queued:
        waits.append(f"{queued} to say")
    if inbox < held:
        waits.append(f"{held - inbox} to hear")
    if log_size < leaves:
        waits.append(f"{leaves - log_size} leaves to read")
    if files:
        waits.append(f"{files} without their files")
    if trouble:
        waits.append(trouble)
    return waits + [f"{number} {stance}" for stance, number in between]
