"""Citizens and officers with a program of their own, which knows a node by its API alone (docs/api.md)."""

import secrets
import threading
from collections.abc import Mapping
from typing import Any, Final

import requests

from demo.citizen import TIMEOUT_SECONDS, FilingError, Receipt, SeenOpening, Tracked
from demo.complaints import Report
from demo.desk import CasePage, RefusedError

_API: Final = "/api/v1"
_FIRST_ERROR: Final = 400
_LIST: Final = 200
#: The two ends of the story in the portal's words; any other state is shown as the API names it.
_STATES: Final = {"answered": "Ditindaklanjuti", "resolved": "Selesai"}
#: The reason of an offer that a ruling demands.
_OBEYS: Final = "Sesuai penetapan triase."


class ApiCitizen:
    """Someone with an app. Nothing is kept from one call to the next."""

    def __init__(self, url: str) -> None:
        self.url: Final = url

    def file(self, report: Report) -> Receipt:
        """`POST /cases`; raise FilingError when the node did not store it."""
        who = report.identity
        body = {
            "class": report.kind,
            "topic": report.topic,
            "region": report.place.code if report.place else "",
            "text": report.text,
            "secrecy": report.secrecy,
            "identity": {"name": who.name, "phone": who.phone, "email": who.email, "nik": who.nik},
        }
        key = {"Idempotency-Key": secrets.token_urlsafe()}
        answer = requests.post(f"{self.url}{_API}/cases", json=body, headers=key, timeout=TIMEOUT_SECONDS)
        try:
            found = _read(answer)
        except RefusedError as error:
            raise FilingError(str(error)) from error
        return Receipt(found["number"], found["receipt"])

    def track(self, code: str) -> Tracked:
        """`POST /track`; raise RefusedError when the code shows nothing."""
        body = {"receipt": code}
        found = _read(requests.post(f"{self.url}{_API}/track", json=body, timeout=TIMEOUT_SECONDS))
        return Tracked(
            number=found["number"],
            state=_STATES.get(found["status"], found["status"]),
            handler=found["custodian"]["name"],
            answers=tuple(each["text"] for each in found["replies"]),
            openings=tuple(
                SeenOpening(each["office"]["name"], each["at"], each["reason"]) for each in found["openings"]
            ),
            hops=tuple(f"{each['from']['name']} → {each['to']['name']}" for each in found["hops"]),
            text=found["complaint"]["text"],
        )


class ApiOfficer:
    """One account of one node, by token. Several threads may use it: it does one thing after another."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url: Final = url
        self.username: Final = username
        self._password: Final = password
        self._http: Final = requests.Session()
        self._lock: Final = threading.Lock()

    def numbers(self) -> dict[str, bool]:
        """`GET /cases`, page by page: each number, and whether the case is here."""
        found: dict[str, bool] = {}
        query: dict[str, str | int] = {"limit": _LIST}
        while True:
            page = self._call("GET", "/cases", query=query)
            found |= {each["number"]: each["custody"] != "gone" for each in page["items"]}
            if page["next"] is None:
                return found
            query["after"] = page["next"]

    def read(self, number: str) -> CasePage:
        """`GET /cases/{number}`."""
        found = self._call("GET", f"/cases/{number}")
        return CasePage(
            number=number,
            text=found["complaint"]["text"] if found["complaint"] else None,
            suggested=found["suggestion"]["id"] if found["suggestion"] else "",
            deeds=frozenset(found["actions"]),
            identity_is_here=found["identity_sealed"],
        )

    def hand_over(self, number: str, to: str, reason: str) -> None:
        """`POST /cases/{number}/offers`."""
        self._call("POST", f"/cases/{number}/offers", {"to": to, "reason": reason})

    def ask_triage(self, number: str, reason: str) -> None:
        """`POST /cases/{number}/transitions` to `awaiting_ruling`."""
        self._call("POST", f"/cases/{number}/transitions", {"to": "awaiting_ruling", "reason": reason})

    def obey(self, number: str) -> None:
        """`POST /cases/{number}/offers` without a recipient: the ruling names it."""
        self._call("POST", f"/cases/{number}/offers", {"reason": _OBEYS})

    def reply(self, number: str, text: str) -> None:
        """`POST /cases/{number}/replies`."""
        self._call("POST", f"/cases/{number}/replies", {"text": text})

    def close(self, number: str, text: str) -> None:
        """`POST /cases/{number}/transitions` to `resolved`."""
        self._call("POST", f"/cases/{number}/transitions", {"to": "resolved", "reason": text})

    def open_identity(self, number: str, reason: str) -> dict[str, str]:
        """`POST /cases/{number}/identity`: the fields that were given."""
        found = self._call("POST", f"/cases/{number}/identity", {"reason": reason})["identity"] or {}
        return {name: value for name, value in found.items() if value}

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, str] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        with self._lock:
            if "Authorization" not in self._http.headers:
                who = {"username": self.username, "password": self._password}
                token = self._ask("POST", "/session", who)["token"]
                self._http.headers["Authorization"] = f"Bearer {token}"
            return self._ask(method, path, body, query)

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, str] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        url = f"{self.url}{_API}{path}"
        return _read(self._http.request(method, url, json=body, params=query, timeout=TIMEOUT_SECONDS))


def _read(answer: requests.Response) -> Any:  # noqa: ANN401 - JSON
    found = answer.json()
    if answer.status_code >= _FIRST_ERROR:
        # A problem names the fields that are wrong, and never what stood in them.
        raise RefusedError(f"{answer.status_code} {found['title']}: {found['detail']} {found.get('errors', '')}")
    return found
