"""The questions of a report, one a page, as a table: which fields a page asks and which page comes next.

Pure: it knows neither requests nor templates. A page may narrow a choice down on a page of its own ("place_choice",
"topic_choice"); the order of the others is the order in which a person thinks: what, where, which, who.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask_babel import gettext as _

from node.portal.draft import Draft
from node.portal.schemas import ReportSchema
from node.reference import regions, topics
from node.web.forms import errors_of


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the form: the fields of the report that it asks, and the page after it."""

    name: str
    asks: tuple[str, ...]
    after: str
    before: str = ""


_ORDER: Final = (
    Page("kind", ("kind",), "text"),
    Page("text", ("text",), "place", "kind"),
    Page("place", (), "topic", "text"),
    Page("place_choice", ("region",), "topic", "place"),
    Page("topic", (), "secrecy", "place"),
    Page("topic_choice", ("topic",), "secrecy", "topic"),
    Page("secrecy", ("secrecy",), "identity", "topic"),
    Page("identity", ("name", "phone", "email", "nik"), "review", "secrecy"),
    Page("review", (), "send", "identity"),
)
PAGES: Final = {page.name: page for page in _ORDER}
FIRST: Final = _ORDER[0].name

#: Pages that count as a question, for "question 2 of 6".
QUESTIONS: Final = ("kind", "text", "place", "topic", "secrecy", "identity")

_FOUND_MOST: Final = 12


@dataclass(frozen=True, slots=True, repr=False)
class Turn:
    """What to show after an answer: a page, the report so far, the messages by field, and what narrows a choice."""

    page: str
    draft: Draft
    errors: Mapping[str, str]
    choices: tuple[regions.Region | topics.Topic, ...] = ()
    searched: str = ""
    province: str = ""
    category: str = ""

    def __repr__(self) -> str:
        return f"Turn({self.page}, hidden)"


def take(name: str, draft: Draft, values: Mapping[str, str], limit: int) -> Turn:
    """Take the answer of a page and say what comes next; with errors, the page that can mend them.

    `limit` is the greatest length of the text in characters.
    """
    if name == "place":
        return _take_place(draft, values)
    if name == "topic":
        return _take_category(draft, values)
    page = PAGES[name]
    if name == "place_choice" and not draft.region:
        return _choose_place(draft, values, {"region": _("Pilih tempatnya, atau cari lagi.")})
    if name == "topic_choice" and not draft.topic:
        draft = replace(draft, topic=values.get("category", ""))
    # Whether a name is needed hangs on who may know it.
    asked = (*page.asks, "secrecy") if name == "identity" else page.asks
    errors = _errors(draft, asked, limit)
    if errors:
        return _mend(name, draft, errors)
    if name == "secrecy" and _name_is_missing(draft):
        # Chosen anew on the way back from the review page: now a name is needed.
        return Turn("identity", draft, {})
    return Turn("review" if values.get("review") else page.after, draft, {})


def _mend(name: str, draft: Draft, errors: dict[str, str]) -> Turn:
    if "region" in errors:
        return Turn("place", replace(draft, region=""), {"region_q": errors["region"]})
    if "topic" in errors:
        return Turn("topic", replace(draft, topic=""), {"category": errors["topic"]})
    return Turn(name, draft, errors)


def _errors(draft: Draft, asked: Sequence[str], limit: int) -> dict[str, str]:
    schema = ReportSchema(max_text_characters=limit, only=asked)
    return errors_of(schema, {field: getattr(draft, field) for field in asked})


def check(draft: Draft, limit: int) -> dict[str, str]:
    """Return the messages of a whole report by field; empty when it may be sent."""
    return _errors(draft, [field for page in _ORDER for field in page.asks], limit)


def _name_is_missing(draft: Draft) -> bool:
    return draft.secrecy == "open" and not draft.name.strip()


def _take_place(draft: Draft, values: Mapping[str, str]) -> Turn:
    if values.get("skip"):
        return Turn("review" if values.get("review") else "topic", replace(draft, region=""), {})
    return _choose_place(draft, values, {})


def _choose_place(draft: Draft, values: Mapping[str, str], errors: dict[str, str]) -> Turn:
    searched, province = values.get("region_q", "").strip(), values.get("province", "")
    if not searched and not province:
        if draft.region:
            return Turn("review" if values.get("review") else "topic", draft, {})
        return Turn("place", draft, {"region_q": _("Tulis nama tempatnya, pilih provinsinya, atau lewati.")})
    choices = _places(searched, province)
    if not choices:
        told = _("Tempat itu tidak kami temukan. Periksa ejaannya, atau pilih provinsinya.")
        return Turn("place", draft, {"region_q": told}, searched=searched)
    return Turn("place_choice", draft, errors, choices, searched=searched, province=province)


def _places(searched: str, province: str) -> tuple[regions.Region, ...]:
    if searched:
        return regions.search(searched[:100], _FOUND_MOST)
    try:
        return (*regions.regencies(province), regions.region(province))
    except regions.UnknownRegionError:
        return ()


def _take_category(draft: Draft, values: Mapping[str, str]) -> Turn:
    category = values.get("category", "")
    after = "review" if values.get("review") else "secrecy"
    if not category:
        return Turn(after, replace(draft, topic=""), {})
    try:
        code = topics.topic(category).code
    except topics.UnknownTopicError:
        return Turn("topic", draft, {"category": _("Topik ini tidak kami kenal. Pilih lagi topiknya.")})
    choices = topics.choices(code)
    if not choices:
        return Turn(after, replace(draft, topic=code), {})
    return Turn("topic_choice", draft, {}, choices, category=code)
