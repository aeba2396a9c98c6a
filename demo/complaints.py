"""The demo's reports (complaints.json): written for it, about invented people, each with the way that it should go."""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

FILE: Final = "complaints.json"
#: How a report is filed and tracked: with the portal's pages, or by a program over the API.
FORM: Final = "form"
API: Final = "api"


@dataclass(frozen=True, slots=True)
class Place:
    """A region's code (as the portal has it), and what a person types to find it; without that, the lists are used."""

    code: str
    search: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who reports, field by field as typed; empty where it is left out."""

    name: str = ""
    phone: str = ""
    email: str = ""
    nik: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """What was given."""
        return tuple(each for each in (self.name, self.phone, self.email, self.nik) if each)


@dataclass(frozen=True, slots=True)
class Report:
    """What a citizen files, and nothing else."""

    kind: str
    text: str
    topic: str
    place: Place | None
    secrecy: str
    identity: Identity = Identity()


@dataclass(frozen=True, slots=True)
class Story:
    """A report and what becomes of it: the offices on its way, the origin first, and the officers' words.

    `ruling`: triage's reason, where nobody claims the matter. `opening`: why the custodian opens the identity.
    `reasons`: why each office but the last hands it on. `closing` is empty where the case is only answered.
    `via` is how the citizen files and tracks it, FORM or API.
    """

    id: str
    report: Report
    path: tuple[str, ...]
    reasons: tuple[str, ...]
    reply: str
    closing: str = ""
    opening: str = ""
    ruling: str = ""
    via: str = FORM

    @property
    def origin(self) -> str:
        """The office where it is filed."""
        return self.path[0]

    @property
    def handler(self) -> str:
        """The office that answers."""
        return self.path[-1]


class ComplaintsError(Exception):
    """A file of reports that does not hold what the story needs."""


def load_stories(path: Path | None = None) -> tuple[Story, ...]:
    """Read the demo's own file, or another of the same form; raise ComplaintsError for what the story cannot walk."""
    raw = resources.files("demo").joinpath(FILE).read_text("utf-8") if path is None else path.read_text("utf-8")
    stories = tuple(_story(each) for each in json.loads(raw))
    if len({story.id for story in stories}) != len(stories):
        raise ComplaintsError("an id stands twice")
    return stories


def _story(row: dict[str, Any]) -> Story:
    try:
        report = Report(
            kind=row["kind"],
            text=row["text"],
            topic=row["topic"],
            place=None if row["place"] is None else Place(**row["place"]),
            secrecy=row["secrecy"],
            identity=Identity(**row.get("identity", {})),
        )
        told = {name: row[name] for name in ("reply", "closing", "opening", "ruling", "via") if name in row}
        story = Story(row["id"], report, tuple(row["path"]), tuple(row.get("reasons", ())), **told)
    except (KeyError, TypeError) as error:
        raise ComplaintsError(f"report {row.get('id')}: {error}") from error
    if not story.path or len(story.reasons) != len(story.path) - 1:
        raise ComplaintsError(f"report {story.id}: one reason for each hand-over")
    if story.via not in {FORM, API}:
        raise ComplaintsError(f"report {story.id}: via is {FORM} or {API}")
    return story
