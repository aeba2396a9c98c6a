"""Filing in two requests: the form as it is served, and all answers at once, as the portal takes them too."""

from dataclasses import dataclass
from typing import Final

import requests

from demo.citizen import Receipt, read_receipt
from demo.complaints import Report
from demo.pages import Element, Form, read_page

_TIMEOUT_SECONDS: Final = 60
_PATH: Final = "/lapor"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a portal answered: status and page."""

    status: int
    page: Element

    @property
    def form(self) -> Form:
        """The form on the page, with what it brings back."""
        return self.page.form(_PATH)

    @property
    def receipt(self) -> Receipt:
        """The receipt; raises FilingError when this is another page."""
        return read_receipt(self.page)


def filled_form(url: str, report: Report) -> dict[str, str]:
    """Ask for a form and return its fields with every answer of the report."""
    served = requests.get(url + _PATH, timeout=_TIMEOUT_SECONDS)
    served.raise_for_status()
    who = report.identity
    answers = {
        "kind": report.kind,
        "text": report.text,
        "region": report.place.code if report.place else "",
        "topic": report.topic,
        "secrecy": report.secrecy,
        "name": who.name,
        "phone": who.phone,
        "email": who.email,
        "nik": who.nik,
        "step": "send",
    }
    return read_page(served.text).form(_PATH).values | answers


def send(url: str, form: dict[str, str]) -> Answered:
    """Send a form."""
    answer = requests.post(url + _PATH, data=form, timeout=_TIMEOUT_SECONDS)
    return Answered(answer.status_code, read_page(answer.content.decode()))


def file(url: str, report: Report) -> Receipt:
    """File a report and return its receipt."""
    return send(url, filled_form(url, report)).receipt
