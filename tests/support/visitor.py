"""A browser without scripts, small enough to read: pages, their forms, and what a person does with them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urlencode, urljoin, urlsplit

import requests

_TIMEOUT_SECONDS = 30
_ANSWERS = {"input", "textarea", "select"}


@dataclass(slots=True)
class Form:
    """A form as it stands on the page: where it goes, what it would send, and its buttons."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)  # name, value, action


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.ids: set[str] = set()
        self.words: list[str] = []
        self._select = ""
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids.add(found.get("id", ""))
        if tag == "form":
            self.forms.append(Form(found.get("action", "")))
        if not self.forms:
            return
        form, name, value = self.forms[-1], found.get("name", ""), found.get("value", "")
        if tag == "input" and name:
            self._input(form, found, name, value)
        elif tag == "button":
            form.buttons.append((name, value, found.get("formaction", "")))
        elif tag == "textarea":
            self._area = name
            form.fields[name] = ""
        elif tag == "select":
            self._select = name
            form.fields.setdefault(name, "")
        elif tag == "option":
            form.choices.setdefault(self._select, []).append(value)
            if "selected" in found:
                form.fields[self._select] = value

    def _input(self, form: Form, found: dict[str, str], name: str, value: str) -> None:
        if found.get("type") in {"radio", "checkbox"}:
            form.choices.setdefault(name, []).append(value)
            if "checked" not in found:
                return
        form.fields[name] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None and self.forms:
            # A browser drops the one line end after the tag.
            form = self.forms[-1]
            if not form.fields[self._area]:
                data = data.removeprefix("\n")
            form.fields[self._area] += data
        self.words.append(data)


@dataclass(slots=True)
class Page:
    """An answer as a person sees it."""

    status: int
    url: str
    text: str
    headers: requests.structures.CaseInsensitiveDict[str]
    forms: list[Form]
    ids: set[str]
    words: str

    @classmethod
    def of(cls, answer: requests.Response) -> Self:
        parser = _Forms()
        parser.feed(answer.text.replace("\r\n", "\n"))  # as every HTML parser does
        words = " ".join(" ".join(parser.words).split())
        return cls(answer.status_code, answer.url, answer.text, answer.headers, parser.forms, parser.ids, words)

    def form(self, end: str = "") -> Form:
        """The form whose action ends like this."""
        return next(each for each in self.forms if each.action.split("?")[0].endswith(end))


class Visitor:
    """Somebody at a site, with cookies of their own."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = requests.Session()

    def get(self, path: str) -> Page:
        return Page.of(self.http.get(urljoin(self.base, path), timeout=_TIMEOUT_SECONDS))

    def post(self, path: str, fields: dict[str, str] | Sequence[tuple[str, str]], **headers: str) -> Page:
        """Send a form as browsers do: URL-encoded, with CRLF for each line end."""
        pairs = list(fields.items()) if isinstance(fields, dict) else list(fields)
        body = urlencode([(name, value.replace("\r\n", "\n").replace("\n", "\r\n")) for name, value in pairs])
        sent = {"Content-Type": "application/x-www-form-urlencoded"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return Page.of(self.http.post(urljoin(self.base, path), body, headers=sent, timeout=_TIMEOUT_SECONDS))

    def submit(self, page: Page, end: str = "", button: tuple[str, str] | None = None, **typed: str) -> Page:
        """Type into a form and press a button (the first one if none is named)."""
        form = page.form(end)
        unknown = set(typed) - set(form.fields) - set(form.choices)
        assert not unknown, f"the page has no field {unknown}"
        for name, value in typed.items():
            assert not (name in form.choices and value not in form.choices[name]), f"{value!r} is no choice of {name}"
        fields = {**form.fields, **typed}
        pressed = form.buttons[0][:2] if button is None else button
        if pressed[0]:
            fields[pressed[0]] = pressed[1]
        return self.post(urlsplit(form.action or page.url).path + _query(form.action), fields)

    def log_in(self, username: str, password: str) -> Page:
        return self.submit(self.get("/petugas/masuk"), "/masuk", username=username, password=password)


def _query(action: str) -> str:
    query = urlsplit(action).query
    return f"?{query}" if query else ""
