"""The load: reporters, officers and triage at work through the API alone, each a thread with chances of its own.

Everything random follows from the seed; what the machine makes of it does not.
"""

import threading
from collections.abc import Callable
from random import Random
from typing import Any, Final, Self

from tests.chaos.client import Answer, Client, Fate
from tests.chaos.country import OFFICES, PASSWORD, TRIAGE, USERNAME, Country
from tests.chaos.ledger import Filing, Ledger, Said

_REPORTERS: Final = 3
_TOPICS: Final = ("", "perhubungan", "kesehatan", "ketenagakerjaan")
_DONE_AT: Final = frozenset({200, 201, 202})
#: What an officer may be told instead of "done": no such step now, not allowed now, or a field that does not fit.
_EXPECTED: Final = frozenset({401, 403, 404, 409, 422})
#: How likely an officer does what is open. Most cases go on, or there would be little custody to move.
_WEIGHTS: Final = {"hand_over": 12, "obey": 12, "ask_triage": 2, "reply": 3, "close": 2, "open_identity": 1}
_MOVING: Final = frozenset({"received", "verified", "returned", "awaiting_ruling"})
_MOSTLY: Final = 0.9
_STOP_SECONDS: Final = 120


class Load:
    """Starts and ends everybody. `pace` is the mean pause of each of them in seconds."""

    def __init__(self, country: Country, ledger: Ledger, seed: str, pace: float = 0.4) -> None:
        self._stop: Final = threading.Event()
        #: Set only when even those are to give up who still wait for an answer.
        self._give_up: Final = threading.Event()
        self._pace: Final = pace
        work: dict[str, Callable[[Random], None]] = {}
        for number in range(_REPORTERS):
            work[f"reporter-{number}"] = Reporter(country, ledger, self._give_up, f"{seed}-{number}").act
        for name in country.offices:
            work[f"officer-{name}"] = Officer(name, country.address(name), ledger).act
        work["triage"] = Triage(country.address(TRIAGE), ledger).act
        self._threads: Final = [
            threading.Thread(target=self._run, args=(act, Random(f"{seed}/{name}"), ledger), name=name, daemon=True)  # noqa: S311
            for name, act in work.items()
        ]

    def _run(self, act: Callable[[Random], None], chance: Random, ledger: Ledger) -> None:
        while not self._stop.wait(chance.expovariate(1 / self._pace)):
            try:
                act(chance)
            except Exception as error:  # noqa: BLE001  a worker that dies unseen would make the load a lie
                ledger.trouble(f"{threading.current_thread().name} failed: {type(error).__name__}: {error}")

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(_STOP_SECONDS)
        self._give_up.set()
        for thread in self._threads:
            thread.join(_STOP_SECONDS)


class Reporter:
    """Files, follows, adds; and repeats a request whose answer was lost, with the same key."""

    def __init__(self, country: Country, ledger: Ledger, give_up: threading.Event, name: str) -> None:
        self._clients: Final = {name: Client(country.address(name)) for name in country.offices}
        self._ledger: Final = ledger
        self._give_up: Final = give_up
        self._name: Final = name
        self._made = 0

    def act(self, chance: Random) -> None:
        """Do one thing."""
        known = self._ledger.some_filings()
        drawn = chance.random()
        if not known or drawn < 0.6:
            self.file(chance)
        elif drawn < 0.75:
            self._track(chance.choice(known))
        elif drawn < 0.9:
            self._add(chance.choice(known))
        else:
            self._file_again(chance.choice(known))

    def file(self, chance: Random) -> None:
        """File once, and go on asking until there is an answer."""
        self._made += 1
        origin = chance.choice(sorted(self._clients))
        body = {
            "class": "complaint",
            "topic": chance.choice(_TOPICS),
            "region": chance.choice(("", "32.73")),
            "text": f"Laporan {self._name}/{self._made} {chance.getrandbits(64):016x}",
            "secrecy": "anonymous",
            "identity": {"name": f"Warga {self._made}", "phone": "081234567890"},
        }
        key = f"{chance.getrandbits(128):032x}"
        answer = self._post(origin, key, body)
        if answer is not None:
            self._ledger.filed(Filing(origin, key, body, answer.body["number"], answer.body["receipt"]))

    def _post(self, origin: str, key: str, body: dict[str, Any]) -> Answer | None:
        answer, tries = self._clients[origin].ask_until_answered(
            self._give_up, "POST", "/cases", body, {"Idempotency-Key": key}
        )
        self._ledger.count("filing requests", tries)
        if answer.fate is Fate.DONE:
            return answer
        self._ledger.trouble(f"a filing at {origin} was never taken: {answer.status} {answer.body}")
        return None

    def _file_again(self, filing: Filing) -> None:
        answer = self._post(filing.origin, filing.key, filing.body)
        if answer is not None and (answer.body["number"], answer.body["receipt"]) != (filing.number, filing.receipt):
            self._ledger.trouble(f"{filing.number} was given another number or receipt when asked again")
        self._ledger.count("filings repeated")

    def _track(self, filing: Filing) -> None:
        answer = self._clients[filing.origin].ask("POST", "/track", {"receipt": filing.receipt})
        if not answer.later and (answer.fate is not Fate.DONE or answer.body["complaint"]["text"] != filing.text):
            self._ledger.trouble(f"the receipt of {filing.number} does not find it: {answer.status}")
        self._ledger.count("receipts followed")

    def _add(self, filing: Filing) -> None:
        self._made += 1
        text = f"Tambahan {self._name}/{self._made}"
        answer = self._clients[filing.origin].ask("POST", "/track/messages", {"receipt": filing.receipt, "text": text})
        if answer.fate is Fate.REFUSED and not answer.later:
            self._ledger.trouble(f"what a reporter added to {filing.number} was refused: {answer.status} {answer.body}")
        self._ledger.added(Said(filing.number, text, answer.fate))


class Officer:
    """Does one of the things that the console would offer for one of the cases that are here."""

    def __init__(self, name: str, url: str, ledger: Ledger) -> None:
        self._name: Final = name
        self._client: Final = Client(url, (USERNAME, PASSWORD))
        self._ledger: Final = ledger
        self._made = 0

    def act(self, chance: Random) -> None:
        """Do one thing."""
        listed = self._client.ask("GET", "/cases?limit=50")
        here = [each for each in listed.body["items"] if each["custody"] in {"held", "asking"}] if _good(listed) else []
        # An answered case stays where it is: mostly those are taken up that may still move.
        moving = [each for each in here if each["status"] in _MOVING and chance.random() < _MOSTLY] or here
        if not moving:
            return
        number = chance.choice(moving)["number"]
        page = self._client.ask("GET", f"/cases/{number}")
        open_now = [each for each in page.body["actions"] if each in _WEIGHTS] if _good(page) else []
        if open_now:
            self._do(chance.choices(open_now, [_WEIGHTS[each] for each in open_now])[0], number, chance)

    def _do(self, action: str, number: str, chance: Random) -> None:
        self._made += 1
        text = f"Kata {self._name}/{self._made} {chance.getrandbits(32):08x}"
        to = chance.choice(sorted(OFFICES.keys() - {self._name}))
        path, body = {
            "hand_over": ("offers", {"to": to, "reason": text}),
            "obey": ("offers", {"reason": text}),
            "ask_triage": ("transitions", {"to": "awaiting_ruling", "reason": text}),
            "reply": ("replies", {"text": text}),
            "close": ("transitions", {"to": "resolved", "reason": text}),
            "open_identity": ("identity", {"reason": text}),
        }[action]
        answer = self._client.ask("POST", f"/cases/{number}/{path}", body)
        if answer.fate is Fate.REFUSED and not answer.later and answer.status not in _EXPECTED:
            self._ledger.trouble(f"{action} at {self._name}: {answer.status} {answer.body}")
        if action in {"reply", "close"}:
            self._ledger.replied(Said(number, text, answer.fate))
        else:
            self._ledger.count(f"{action} {answer.fate.value}")


class Triage:
    """Rules on whatever is asked, for any office."""

    def __init__(self, url: str, ledger: Ledger) -> None:
        self._client: Final = Client(url, (USERNAME, PASSWORD))
        self._ledger: Final = ledger

    def act(self, chance: Random) -> None:
        """Rule on the oldest question, if there is one."""
        listed = self._client.ask("GET", "/asks")
        waiting = [each for each in listed.body["items"] if each["ruled_at"] is None] if _good(listed) else []
        if waiting:
            body = {"to": chance.choice(sorted(OFFICES)), "reason": "Sesuai tugasnya."}
            answer = self._client.ask("POST", f"/asks/{waiting[0]['id']}/rulings", body)
            self._ledger.count(f"rulings {answer.fate.value}")


def _good(answer: Answer) -> bool:
    return answer.status in _DONE_AT
