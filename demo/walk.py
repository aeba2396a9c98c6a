"""The story: each step waits for what it needs, does one thing over HTTP, and raises where it was not so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from demo.api import ApiCitizen
from demo.citizen import Citizen, Receipt, Tracked
from demo.complaints import API, Story
from demo.desk import CasePage, Desk
from demo.federation import Federation, RunningNode
from demo.together import at_once
from demo.waiting import wait_for

#: How long a step of the federation may take: several syncs of two nodes, on a busy machine.
PATIENCE_SECONDS: Final = 90
_ANSWERED: Final = "Ditindaklanjuti"
_CLOSED: Final = "Selesai"
TRIAGE: Final = "triase"


class StoryError(Exception):
    """Something that is not as it should be; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A report on its way: its story and its receipt."""

    story: Story
    receipt: Receipt

    @property
    def number(self) -> str:
        """The case's number, the same at every office."""
        return self.receipt.number


class Walker:
    """Does what citizens, officers and triage do, many at once."""

    def __init__(self, federation: Federation) -> None:
        self.federation: Final = federation

    def node(self, party: str) -> RunningNode:
        """Return a node by its id."""
        return self.federation.nodes[party]

    def admin(self, party: str) -> Desk:
        """Return the account that decides where cases go."""
        return self.node(party).desk("admin")

    def citizen(self, story: Story) -> Citizen | ApiCitizen:
        """Return whoever files and tracks a report: with a browser or with an app."""
        url = self.node(story.origin).url
        return ApiCitizen(url) if story.via == API else Citizen(url)

    def file(self, stories: Sequence[Story]) -> list[Walk]:
        """File every report at its origin."""
        return at_once(lambda story: Walk(story, self.citizen(story).file(story.report)), stories)

    def send_on(self, walks: Iterable[Walk]) -> list[Walk]:
        """At the origin: read, and hand over what the directory says is another's. Returns what was handed over."""
        leaving = [walk for walk in walks if len(walk.story.path) > 1 and not walk.story.ruling]
        at_once(lambda walk: self._hand_over(walk, 0), leaving)
        return leaving

    def _hand_over(self, walk: Walk, hop: int) -> None:
        here, there = walk.story.path[hop : hop + 2]
        page = self.read_whole(walk, here)
        if hop == 0 and page.suggested != there:
            raise StoryError(f"{here} suggests {page.suggested or 'nobody'} for {walk.number}, expected {there}")
        self.admin(here).hand_over(walk.number, there, walk.story.reasons[hop])

    def ask_triage(self, walks: Iterable[Walk]) -> list[Walk]:
        """At the origin: ask about what nobody claims; at triage: rule; at the origin: obey. Returns these cases."""
        asked = [walk for walk in walks if walk.story.ruling]
        at_once(self._ask_and_obey, asked)
        return asked

    def _ask_and_obey(self, walk: Walk) -> None:
        origin, named = walk.story.path[:2]
        page = self.read_whole(walk, origin)
        if page.suggested or "ask_triage" not in page.deeds:
            raise StoryError(f"{origin} suggests {page.suggested} for {walk.number}; expected that nobody claims it")
        self.admin(origin).ask_triage(walk.number, walk.story.reasons[0])
        triage = self.node(TRIAGE).officer("admin")
        address = wait_for(
            f"the question about {walk.number} at triage", lambda: self._question(walk), PATIENCE_SECONDS
        )
        triage.rule(address, named, walk.story.ruling)
        wait_for(
            f"the ruling on {walk.number} at {origin}",
            lambda: "obey" in self.admin(origin).read(walk.number).deeds,
            PATIENCE_SECONDS,
        )
        self.admin(origin).obey(walk.number)

    def _question(self, walk: Walk) -> str | None:
        """Find the question that shows this text; triage must see no identity with it."""
        triage = self.node(TRIAGE).officer("admin")
        for address in triage.asks():
            page = triage.read_ask(address)
            if walk.story.report.text in page.text:
                shown = [field for field in walk.story.report.identity.fields if field in page.text]
                if shown:
                    raise StoryError(f"triage is shown {len(shown)} fields of the identity of {walk.number}")
                return address
        return None

    def arrive(self, walks: Iterable[Walk]) -> None:
        """Follow each case to its last office, handing on at every office between, until the identity is there too."""
        at_once(self._arrive, walks)

    def _arrive(self, walk: Walk) -> None:
        for hop, office in enumerate(walk.story.path):
            if hop == 0:
                continue
            self.wait_here(walk, office)
            if hop < len(walk.story.path) - 1:
                self._hand_over(walk, hop)
        handler = self.admin(walk.story.handler)
        wait_for(
            f"the identity of {walk.number} at {walk.story.handler}",
            lambda: handler.read(walk.number).identity_is_here,
            PATIENCE_SECONDS,
        )

    def wait_here(self, walk: Walk, office: str) -> None:
        """Wait until a case is at an office, with the very text that was typed."""
        admin = self.admin(office)
        wait_for(f"{walk.number} at {office}", lambda: admin.numbers().get(walk.number), PATIENCE_SECONDS)
        self.read_whole(walk, office)

    def read_whole(self, walk: Walk, office: str) -> CasePage:
        """Read a case and compare it with what was typed."""
        page = self.admin(office).read(walk.number)
        if page.text != walk.story.report.text:
            raise StoryError(f"the text of {walk.number} at {office} is not what was typed")
        return page

    def erased(self, walks: Iterable[Walk]) -> None:
        """Wait until every former office shows nothing but the record of the case's way."""
        former = [(walk, office) for walk in walks for office in walk.story.path[:-1]]
        at_once(lambda pair: self._wait_erased(*pair), former)

    def _wait_erased(self, walk: Walk, office: str) -> None:
        admin = self.admin(office)

        def is_stub() -> bool:
            page = admin.read(walk.number)
            return page.text is None and not page.identity_is_here and not page.deeds

        wait_for(f"the erasure of {walk.number} at {office}", is_stub, PATIENCE_SECONDS)

    def answer(self, walks: Iterable[Walk]) -> list[Walk]:
        """At the handler: open the identity where the case needs it, reply, close. Returns where it was opened."""
        walked = list(walks)
        at_once(self._answer, walked)
        return [walk for walk in walked if walk.story.opening]

    def _answer(self, walk: Walk) -> None:
        story, node = walk.story, self.node(walk.story.handler)
        if story.opening:
            self._open_identity(walk, node)
        self.admin(story.handler).reply(walk.number, story.reply)
        if story.closing:
            self.admin(story.handler).close(walk.number, story.closing)

    def _open_identity(self, walk: Walk, node: RunningNode) -> None:
        shown = node.desk("custodian").open_identity(walk.number, walk.story.opening)
        missing = [field for field in walk.story.report.identity.fields if field not in shown.values()]
        if missing:
            raise StoryError(f"{len(missing)} fields of the identity of {walk.number} are not what was typed")
        if "open_identity" in self.admin(walk.story.handler).read(walk.number).deeds:
            raise StoryError(f"an admin who is no custodian may open the identity of {walk.number}")

    def track(self, walks: Iterable[Walk]) -> list[Tracked]:
        """As the citizens: wait until the receipt code shows the answers, the handler and every opening."""
        return at_once(self._track, walks)

    def _track(self, walk: Walk) -> Tracked:
        story = walk.story
        citizen = self.citizen(story)
        words = tuple(text for text in (story.reply, story.closing) if text)
        state = _CLOSED if story.closing else _ANSWERED
        handler = self.node(story.handler).office.name

        def shown() -> Tracked | None:
            page = citizen.track(walk.receipt.code)
            there = page.answers == words and page.state.endswith(state) and page.handler == handler
            return page if there and len(page.openings) == bool(story.opening) else None

        page = wait_for(f"the answer to {walk.number} at {story.origin}", shown, PATIENCE_SECONDS)
        if page.text != story.report.text or [each.reason for each in page.openings] != [story.opening] * bool(
            story.opening
        ):
            raise StoryError(f"the tracking page of {walk.number} shows other words than were written")
        return page
