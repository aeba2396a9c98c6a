"""The count at the end: what was promised to people against what is there, by the API first and by the tables after it.

lost: a receipt that finds nothing, a case that no office has whole, a reply or an addition that was confirmed and is
nowhere. doubled: a report or a letter that stands twice. custodians: how many offices have one case, at the most.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.client import Client, Fate
from tests.chaos.country import PASSWORD, USERNAME, Country
from tests.chaos.ledger import Filing, Ledger, Said
from tests.chaos.rest import rows

_LIST: Final = 200
_OK: Final = 200
_HERE: Final = frozenset({"held", "offered", "asking"})


@dataclass(frozen=True, slots=True)
class Held:
    """A case as the office that has it shows it to its officers."""

    office: str
    text: str
    identity_is_here: bool
    messages: tuple[str, ...]


@dataclass(slots=True)
class Verdict:
    """What was found. Each list names what it counts."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    #: Neither lost nor doubled, and still not as it should be.
    astray: list[str] = field(default_factory=list)
    custodians: int = 0

    @property
    def good(self) -> bool:
        """Whether nothing at all is wrong."""
        return not (self.lost or self.doubled or self.astray) and self.custodians == 1


def count(country: Country, ledger: Ledger) -> Verdict:
    """Ask every office for all it has, and every receipt for what it finds; everybody must be running, and at rest."""
    verdict = Verdict()
    held: dict[str, list[Held]] = defaultdict(list)
    for name, party in country.nodes.items():
        for number, case in _cases_of(name, Client(party.url, (USERNAME, PASSWORD), timeout=60)):
            held[number].append(case)
    verdict.custodians = max((len(each) for each in held.values()), default=0)
    verdict.astray += [
        f"{number} is held by {', '.join(case.office for case in cases)}"
        for number, cases in held.items()
        if len(cases) > 1
    ]
    texts = Counter(case.text for cases in held.values() for case in cases[:1])
    verdict.doubled += [f"a report stands {times} times: {text}" for text, times in texts.items() if times > 1]
    clients = {name: Client(party.url, timeout=60) for name, party in country.offices.items()}
    said, added = _by_number(ledger.replies), _by_number(ledger.messages)
    for filing in ledger.filings:
        answer = clients[filing.origin].ask("POST", "/track", {"receipt": filing.receipt})
        if answer.status != _OK:
            verdict.lost.append(f"{filing.number}: its receipt finds nothing ({answer.status})")
            continue
        _check_tracking(verdict, filing, answer.body, said[filing.number], added[filing.number])
        _check_custody(verdict, filing, answer.body["custodian"]["id"], held.get(filing.number, []))
        for case in held.get(filing.number, [])[:1]:
            _compare(verdict, f"{filing.number} at {case.office}", added[filing.number], case.messages)
    return verdict


def _cases_of(name: str, client: Client) -> Iterator[tuple[str, Held]]:
    query = f"/cases?limit={_LIST}"
    while True:
        page = client.ask("GET", query).body
        for row in page["items"]:
            if row["custody"] in _HERE:
                yield row["number"], _read(name, client.ask("GET", f"/cases/{row['number']}").body)
        if page["next"] is None:
            return
        query = f"/cases?limit={_LIST}&after={page['next']}"


def _read(name: str, case: dict[str, Any]) -> Held:
    complaint = case["complaint"] or {"text": ""}
    whole = case["identity_sealed"] and not case["identity_pending"]
    messages = tuple(line["text"] for line in case["thread"] if line["from_reporter"])
    return Held(name, complaint["text"], whole, messages)


def _check_tracking(
    verdict: Verdict, filing: Filing, shown: dict[str, Any], said: list[Said], added: list[Said]
) -> None:
    if (shown["number"], shown["complaint"]["text"]) != (filing.number, filing.text):
        verdict.lost.append(f"{filing.number}: its receipt shows something else")
    _compare(verdict, f"{filing.number} by receipt", said, tuple(each["text"] for each in shown["replies"]))
    _compare(verdict, f"{filing.number} by receipt", added, tuple(each["text"] for each in shown["messages"]))


def _compare(verdict: Verdict, where: str, said: list[Said], found: tuple[str, ...]) -> None:
    """Hold what was said against what is shown: confirmed is there once, refused is not there, unknown at most once."""
    times = Counter(found)
    for each in said:
        there = times.pop(each.text, 0)
        if there == 0 and each.fate is Fate.DONE:
            verdict.lost.append(f"{where}: {each.text} was confirmed and is not there")
        if there and each.fate is Fate.REFUSED:
            verdict.astray.append(f"{where}: {each.text} was refused and is there")
        if there > 1:
            verdict.doubled.append(f"{where}: {each.text} stands {there} times")
    verdict.astray += [f"{where}: {text} was never said" for text in times]


def _check_custody(verdict: Verdict, filing: Filing, shown: str, held: list[Held]) -> None:
    if not held:
        verdict.lost.append(f"{filing.number}: no office has it")
        return
    first = held[0]
    if first.text != filing.text:
        verdict.lost.append(f"{filing.number}: {first.office} has it without its words")
    if not first.identity_is_here:
        verdict.lost.append(f"{filing.number}: {first.office} has it without who reported it")
    if len(held) == 1 and first.office != shown:
        verdict.astray.append(f"{filing.number}: the receipt names {shown}, {first.office} has it")


def _by_number(said: list[Said]) -> dict[str, list[Said]]:
    found: dict[str, list[Said]] = defaultdict(list)
    for each in said:
        found[each.number].append(each)
    return found


def count_rows(country: Country, ledger: Ledger, verdict: Verdict) -> None:
    """Look into the tables as well; everybody must have ended."""
    custody: Counter[str] = Counter()
    for name, party in country.nodes.items():
        found = rows(party.database, "SELECT number FROM \"case\" WHERE stance IN ('held', 'offered')")
        custody.update(number for (number,) in found)
        twice = rows(party.database, "SELECT sender, seq FROM inbox GROUP BY sender, seq HAVING count(*) > 1")
        verdict.doubled += [f"{name} took {sender} {seq} twice" for sender, seq in twice]
        filed = rows(party.database, "SELECT count(*) FROM tracked")[0][0]
        confirmed = sum(filing.origin == name for filing in ledger.filings)
        if filed > confirmed:
            verdict.doubled.append(f"{name} took in {filed} reports, {confirmed} were confirmed")
    verdict.custodians = max([verdict.custodians, *custody.values()])
    forked = rows(country.hub.database, "SELECT count(*) FROM equivocation")[0][0]
    if forked:
        verdict.astray.append(f"the hub has {forked} proofs that an honest node said two things in one place")


def alarms(country: Country) -> Counter[str]:
    """Return how often each node raised which alarm."""
    return Counter(
        {
            f"{name} {rule}": times
            for name, party in country.nodes.items()
            for rule, times in rows(party.database, "SELECT rule, count(*) FROM alarm GROUP BY rule")
        }
    )
