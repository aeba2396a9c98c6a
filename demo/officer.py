"""An officer at the console: comes in with name and password, reads, and does what the forms of a case offer."""

import threading
from collections.abc import Mapping
from typing import Final

import requests

from demo.citizen import TIMEOUT_SECONDS
from demo.desk import CasePage, RefusedError
from demo.pages import Element, read_page

_CASES: Final = "/petugas/kasus"
_ASKS: Final = "/petugas/triase"
_LOGIN: Final = "/petugas/masuk"
_OK: Final = 200
_CONFIRM: Final = {"confirm": "ya"}
#: The address of each deed's form on a case's page, and the deed's name.
_DEEDS: Final = {
    "teruskan": "hand_over",
    "tanya-triase": "ask_triage",
    "patuhi": "obey",
    "tanggapi": "reply",
    "tutup": "close",
    "buka-identitas": "open_identity",
}


class Officer:
    """One account of one node. Several threads may use it: it does one thing after another."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url: Final = url
        self.username: Final = username
        self._password: Final = password
        self._browser: Final = requests.Session()
        self._inside = False
        self._lock: Final = threading.RLock()

    def numbers(self) -> dict[str, bool]:
        """Return the numbers of the list of cases, and of each whether the case is here."""
        rows = self._get(_CASES).all("tr")
        return {row.first("th").words: "away" not in row.get("class").split() for row in rows if row.all("td")}

    def read(self, number: str) -> CasePage:
        """Read a case; raise RefusedError when this node does not show it."""
        page = self._get(f"{_CASES}/{number}")
        forms = {each.get("action").partition("?")[0].rpartition("/")[2] for each in page.all("form")}
        texts = page.all("p", "own-text")
        chosen = page.form(f"{_CASES}/{number}/teruskan").values.get("to", "") if "teruskan" in forms else ""
        return CasePage(
            number=number,
            text=texts[0].text if texts else None,
            suggested=chosen,
            deeds=frozenset(deed for slug, deed in _DEEDS.items() if slug in forms),
            identity_is_here=page.first("section", "lockbox").first("h2").words == "Identitas tersegel",
        )

    def hand_over(self, number: str, to: str, reason: str) -> None:
        """Offer a case to another office."""
        self._deed(number, "teruskan", {"to": to, "reason": reason} | _CONFIRM)

    def ask_triage(self, number: str, reason: str) -> None:
        """Ask triage whose matter it is."""
        self._deed(number, "tanya-triase", {"reason": reason})

    def obey(self, number: str) -> None:
        """Offer the case to whom triage named."""
        self._deed(number, "patuhi", _CONFIRM)

    def reply(self, number: str, text: str) -> None:
        """Answer the reporter."""
        self._deed(number, "tanggapi", {"text": text})

    def close(self, number: str, text: str) -> None:
        """Close a case with a last word."""
        self._deed(number, "tutup", {"text": text} | _CONFIRM)

    def open_identity(self, number: str, reason: str) -> dict[str, str]:
        """Open the identity and return what is shown, by its labels; empty when none was left."""
        page = self._deed(number, "buka-identitas", {"reason": reason} | _CONFIRM)
        rows = [row for each in page.all("dl", "facts") for row in each.all("div")]
        return {row.first("dt").words: row.first("dd").text for row in rows}

    def asks(self) -> list[str]:
        """Return the addresses of the open questions before triage."""
        rows = [row for row in self._get(_ASKS).all("tr") if row.all("td")]
        return [row.first("a").get("href") for row in rows if "Menunggu" in row.first("th").words]

    def read_ask(self, address: str) -> Element:
        """Read a question before triage."""
        return self._get(address)

    def rule(self, address: str, to: str, reason: str) -> None:
        """Name the recipient, binding."""
        self._send(self._get(address), address, {"to": to, "reason": reason} | _CONFIRM)

    def _deed(self, number: str, slug: str, values: Mapping[str, str]) -> Element:
        with self._lock:
            page = self._get(f"{_CASES}/{number}")
            return self._send(page, f"{_CASES}/{number}/{slug}", values)

    def _get(self, path: str) -> Element:
        with self._lock:
            if not self._inside:
                self._log_in()
            return self._page(self._browser.get(self.url + path, timeout=TIMEOUT_SECONDS))

    def _log_in(self) -> None:
        page = self._page(self._browser.get(self.url + _LOGIN, timeout=TIMEOUT_SECONDS))
        self._send(page, _LOGIN, {"username": self.username, "password": self._password})
        self._inside = True

    def _send(self, page: Element, action: str, values: Mapping[str, str]) -> Element:
        form = page.form(action)
        unknown = values.keys() - form.names
        if unknown:
            raise RefusedError(f"the form to {action} has no fields {sorted(unknown)}")
        with self._lock:
            answer = self._browser.post(
                self.url + form.action, data=form.values | dict(values), timeout=TIMEOUT_SECONDS
            )
            return self._page(answer)

    def _page(self, answer: requests.Response) -> Element:
        page = read_page(answer.content.decode("utf-8"))
        if answer.status_code != _OK:
            raise RefusedError(f"{answer.status_code} {page.heading}: {page.problem}")
        return page
