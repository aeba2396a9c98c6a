"""Reading the pages of a node as a browser does: elements by tag and class, text, and forms with what they hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_VOID: Final = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})
_TYPED: Final = frozenset({"text", "tel", "email", "password", "search", "url", "hidden"})


class PageError(Exception):
    """A page that lacks what was looked for; the message quotes headings and messages of ours, never a report."""


@dataclass(eq=False)
class Element:
    """An element of a page with its attributes and, in order, its texts and elements."""

    tag: str
    attributes: Mapping[str, str]
    children: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text in it, exactly as it was sent."""
        return "".join(each if isinstance(each, str) else each.text for each in self.children)

    @property
    def words(self) -> str:
        """The text in it with its white space folded, as a reader sees it."""
        return " ".join(self.text.split())

    def get(self, name: str) -> str:
        """Return an attribute; empty when it is absent."""
        return self.attributes.get(name, "")

    def walk(self) -> Iterator["Element"]:
        """Yield this element and all below it, in the order of the page."""
        yield self
        for each in self.children:
            if isinstance(each, Element):
                yield from each.walk()

    def all(self, tag: str, class_: str = "", **attributes: str) -> list["Element"]:
        """Return the elements below with this tag, class and attributes."""
        return [
            each
            for each in self.walk()
            if each is not self
            and each.tag == tag
            and (not class_ or class_ in each.get("class").split())
            and all(each.get(name) == value for name, value in attributes.items())
        ]

    def first(self, tag: str, class_: str = "", **attributes: str) -> "Element":
        """Return the first such element; raise PageError when there is none."""
        found = self.all(tag, class_, **attributes)
        if not found:
            raise PageError(f"no <{tag}> {class_} {attributes or ''} on the page {self.heading!r}")
        return found[0]

    @property
    def heading(self) -> str:
        """The page's first heading; empty when there is none."""
        found = self.all("h1")
        return found[0].words if found else ""

    @property
    def problem(self) -> str:
        """What the page complains of; empty when it does not."""
        return " ".join(each.words for each in self.all("div", "problem"))

    def form(self, action: str) -> "Form":
        """Return the form that is sent to this address; raise PageError when there is none."""
        for each in self.all("form"):
            if each.get("action").partition("?")[0] == action:
                return Form(each)
        raise PageError(f"no form to {action} on the page {self.heading!r} {self.problem}")


class Form:
    """A form: its address, what a browser would send if nothing were touched, and what may be filled in."""

    def __init__(self, element: Element) -> None:
        self.element: Final = element
        self.action: Final = element.get("action")
        self.values: Final[dict[str, str]] = {}
        self.names: Final[set[str]] = set()
        for each in element.walk():
            name = each.get("name")
            if name and each.tag in {"input", "select", "textarea"}:
                self.names.add(name)
                self._take(name, each)

    def _take(self, name: str, each: Element) -> None:
        kind = each.get("type") or "text"
        if each.tag == "textarea":
            # The one line end behind the tag is no part of the text.
            self.values[name] = each.text.removeprefix("\n")
        elif each.tag == "select":
            options = each.all("option")
            chosen = [option for option in options if "selected" in option.attributes] or options[:1]
            if chosen:
                self.values[name] = chosen[0].attributes.get("value", chosen[0].words)
        elif kind in _TYPED or (kind in {"radio", "checkbox"} and "checked" in each.attributes):
            self.values[name] = each.get("value")

    def choices(self, name: str) -> list[str]:
        """Return the values that a radio group or a list offers."""
        radios = [each.get("value") for each in self.element.all("input", name=name) if each.get("type") == "radio"]
        return radios or [
            each.get("value") for list_ in self.element.all("select", name=name) for each in list_.all("option")
        ]

    def button(self, class_: str = "", **attributes: str) -> dict[str, str]:
        """Return what pressing a button adds to the form; raise PageError when there is no such button."""
        pressed = self.element.first("button", class_, **attributes)
        return {pressed.get("name"): pressed.get("value")} if pressed.get("name") else {}


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root: Final = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self._open) - 1, 0, -1):
            if self._open[depth].tag == tag:
                del self._open[depth:]
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def read_page(text: str) -> Element:
    """Parse a page."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    return builder.root
