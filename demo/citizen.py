"""A citizen at a portal: files a report question by question, and follows it with the receipt code alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import requests

from demo.complaints import Report
from demo.pages import Element, Form, PageError, read_page

TIMEOUT_SECONDS: Final = 60
#: More pages than any way through the form has: whoever is still on it then goes round in a circle.
_MOST_PAGES: Final = 20
_FORM: Final = "/lapor"
_OK: Final = 200


class FilingError(Exception):
    """A report that the portal did not store; the message is the portal's own."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a citizen keeps: the case's number and the receipt code."""

    number: str
    code: str


@dataclass(frozen=True, slots=True)
class SeenOpening:
    """An opening of the identity as the citizen sees it."""

    office: str
    when: str
    reason: str


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a receipt code shows: state and handler in the portal's words, answers, openings, hand-overs, own text."""

    number: str
    state: str
    handler: str
    answers: tuple[str, ...]
    openings: tuple[SeenOpening, ...]
    hops: tuple[str, ...]
    text: str


class Citizen:
    """Someone with a browser. Nothing is kept from one visit to the next."""

    def __init__(self, url: str) -> None:
        self.url: Final = url

    def file(self, report: Report) -> Receipt:
        """Answer every question of the form and send it; raise FilingError when the portal did not store it."""
        with requests.Session() as browser:
            page = self._get(browser, _FORM)
            answers = _answers(report)
            for _ in range(_MOST_PAGES):
                if not page.all("form", action=_FORM):
                    return read_receipt(page)
                form = page.form(_FORM)
                page = self._answer(browser, form, answers, skip_place=report.place is None)
        raise FilingError(f"the form does not end: {page.heading} {page.problem}")

    def track(self, code: str) -> Tracked:
        """Show what a receipt code shows; raise PageError when it shows nothing."""
        answer = requests.post(f"{self.url}/lacak", data={"receipt": code}, timeout=TIMEOUT_SECONDS)
        page = read_page(_text(answer))
        if answer.status_code != _OK:
            raise PageError(f"tracking answered {answer.status_code}: {page.heading} {page.problem}")
        return read_tracking(page)

    def _get(self, browser: requests.Session, path: str) -> Element:
        answer = browser.get(self.url + path, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return read_page(_text(answer))

    def _answer(
        self, browser: requests.Session, form: Form, answers: Mapping[str, str], *, skip_place: bool
    ) -> Element:
        values = form.values | {name: value for name, value in answers.items() if name in form.names}
        # What a page only carries along must come back as it was served.
        carried = {each.get("name") for each in form.element.all("input", type="hidden")}
        values |= {name: form.values[name] for name in carried}
        skipping = skip_place and form.element.all("button", name="skip")
        values |= form.button(name="skip") if skipping else form.button("main")
        answer = browser.post(self.url + form.action, data=values, timeout=TIMEOUT_SECONDS)
        page = read_page(_text(answer))
        if answer.status_code != _OK:
            raise FilingError(f"the portal answered {answer.status_code}: {page.heading} {page.problem}")
        return page


def _answers(report: Report) -> dict[str, str]:
    who = report.identity
    return {
        "kind": report.kind,
        "text": report.text,
        "region": report.place.code if report.place else "",
        "region_q": report.place.search if report.place else "",
        "province": report.place.code[:2] if report.place and not report.place.search else "",
        "category": report.topic.partition("/")[0],
        "topic": report.topic,
        "secrecy": report.secrecy,
        "name": who.name,
        "phone": who.phone,
        "email": who.email,
        "nik": who.nik,
    }


def read_receipt(page: Element) -> Receipt:
    """Read the page that follows a stored report; raise FilingError when it is another."""
    numbers, codes = page.all("strong", "number"), page.all("input", name="receipt")
    if not numbers or not codes:
        raise FilingError(f"no receipt: {page.heading} {page.problem}")
    return Receipt(numbers[0].words, codes[0].get("value"))


def read_tracking(page: Element) -> Tracked:
    """Read a tracking page."""
    facts = {row.first("dt").words: row.first("dd") for row in page.first("dl", "facts").all("div")}
    return Tracked(
        number=page.heading.rpartition(" ")[2],
        state=facts["Keadaan"].words,
        handler=facts["Ditangani oleh"].words,
        answers=tuple(each.first("p", "typed").text for each in page.all("article", "message")),
        openings=tuple(
            SeenOpening(
                each.first("p", "who").words, each.first("time").get("datetime"), each.first("span", "typed").text
            )
            for each in page.all("article", "opening")
        ),
        hops=tuple(item.words for each in page.all("ul", "hops") for item in each.all("li")),
        text=page.first("p", "own-text").text,
    )


def _text(answer: requests.Response) -> str:
    return answer.content.decode("utf-8")
