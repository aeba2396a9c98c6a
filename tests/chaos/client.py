"""A program that speaks a node's API as a real client must: what was not answered is not known, and may be asked again.

Four answers matter: done, refused (nothing of it was stored, says docs/api.md), and unknown, where the connection
broke before the answer came. Whoever does not know looks, or repeats under the same Idempotency-Key.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import requests

_API: Final = "/api/v1"
_UNAUTHORISED: Final = 401
_FIRST_ERROR: Final = 400
#: The one error after which the server itself does not know what became of the request.
_INTERNAL: Final = 500
#: Status by which a client is told to come again: the server failed, not the request.
_LATER: Final = frozenset({500, 502, 503, 504, 507})


class Fate(Enum):
    """What the client knows of what it asked for."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """How it went: status 0 where no answer came. `body` is the JSON that came with it."""

    fate: Fate
    status: int
    body: Any

    @property
    def later(self) -> bool:
        """Whether the same may succeed in a while as it stands."""
        return self.status == 0 or self.status in _LATER


class Client:
    """One connection to one node, with an officer's token where an account is given."""

    def __init__(self, url: str, account: tuple[str, str] | None = None, timeout: float = 20) -> None:
        self.url: Final = url
        self._account: Final = account
        self._timeout: Final = timeout
        self._http: Final = requests.Session()

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask once; log in before if that is needed. Never raises for what a network or a server does."""
        if self._account is not None and "Authorization" not in self._http.headers:
            came = self._once("POST", "/session", dict(zip(("username", "password"), self._account, strict=True)))
            if came.fate is not Fate.DONE:
                # Not logged in: whatever was to be done was not done.
                return Answer(Fate.REFUSED, came.status, came.body)
            self._http.headers["Authorization"] = f"Bearer {came.body['token']}"
        answer = self._once(method, path, body, headers)
        if answer.status == _UNAUTHORISED:
            self._http.headers.pop("Authorization", None)
        return answer

    def ask_until_answered(
        self, stop: threading.Event, method: str, path: str, body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Answer, int]:  # fmt: skip
        """Repeat the same request until the answer is not "later", or `stop` is set; return it and the tries."""
        tries = 1
        while (answer := self.ask(method, path, body, headers)).later and not stop.wait(_pause(tries)):
            tries += 1
        return answer, tries

    def _once(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        try:
            came = self._http.request(
                method, f"{self.url}{_API}{path}", json=body, headers=headers, timeout=self._timeout
            )
            found = came.json() if came.content else None
        except (requests.RequestException, ValueError) as error:
            # A connection that nobody took carried nothing.
            refused = isinstance(error, requests.ConnectionError) and "refused" in str(error)
            return Answer(Fate.REFUSED if refused else Fate.UNKNOWN, 0, None)
        if came.status_code < _FIRST_ERROR:
            return Answer(Fate.DONE, came.status_code, found)
        return Answer(Fate.UNKNOWN if came.status_code == _INTERNAL else Fate.REFUSED, came.status_code, found)


def _pause(tries: int) -> float:
    return float(min(0.05 * 2**tries, 0.8))
