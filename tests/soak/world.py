"""A simulated country: hubs and offices in one process, on simulated disks, network and clocks, from one seed."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from node.sync.engine import Synced
from protocol.custody import Phase
from tests.soak.chance import governed, stream
from tests.soak.disk import Disk, KilledError
from tests.soak.liar import Liar, allow_doubles
from tests.soak.network import HubEnd, Line, Network
from tests.soak.observer import Observer
from tests.soak.parties import HubParty, Post
from tests.support.federation import NOW
from tests.support.hub import FoundedHub, open_hub
from tests.support.nodes import CROOK, Clock, Office, _hub_settings, make_template, open_node

#: Who has an honest node here. Citizens file at the first two.
NAMES: Final = ("jabar", "jateng", "kemnaker", "triase")
ORIGINS: Final = ("jabar", "jateng")
TRIAGE: Final = "triase"
HUB: Final = "pusat"
_TEMPLATE_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What kind of seed this is."""

    seed: int
    steps: int
    cases: int
    roughness: float
    #: deed or fault -> how often it is chosen.
    weights: dict[str, int]
    #: What is tried first, one thing a step.
    opening: tuple[str, ...] = ("file",)
    #: Whether a dishonest member is among the recipients.
    crook: bool = False
    #: In what way the hub lies (tests.soak.liar); "" for an honest one.
    liar: str = ""
    #: The slot key that all nodes share and the crook knows, in a weakened world.
    shared_slot_key: bytes | None = None


@dataclass(slots=True)
class Filing:
    """A complaint whose reporter was given a receipt; `excused` once no disk can know of it any more."""

    number: str
    origin: str
    receipt: str
    thread: str
    excused: bool = False


class Actor(Protocol):
    """Somebody who acts by the line."""

    def act(self) -> str:
        """Do something, and tell what."""


@dataclass(slots=True)
class Country:
    """What one worker keeps from seed to seed: folders, keys that were derived, engines with their compiled SQL."""

    folder: Path
    template: Path
    hub_clock: Clock
    hubs: list[HubParty]
    posts: dict[str, Post]


@contextmanager
def country(folder: Path) -> Iterator[Country]:
    """A country's processes below `folder`, which is made and removed."""
    folder.mkdir(parents=True)
    try:
        template = folder / "template"
        template.mkdir()
        with governed(_TEMPLATE_SEED):
            make_template(template)
        clock = Clock()
        hubs = [_hub(folder, template, name, clock) for name in (HUB, f"{HUB}-b")]
        posts = {name: _post(folder / name, name, hubs[0].founded) for name in NAMES}
        made = Country(folder, template, clock, hubs, posts)
        yield made
        for disk in (*(hub.disk for hub in hubs), *(post.disk for post in posts.values())):
            disk.lose_memory()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hub(folder: Path, template: Path, name: str, clock: Clock) -> HubParty:
    shutil.copytree(template / "hub", folder / name)
    founded = open_hub(_hub_settings(folder / name, f"sqlite:///{folder / name / 'hub.db'}"))
    return HubParty(name, founded, Disk(name, founded.database, folder / name / "hub.db"), clock.now)


def _post(folder: Path, name: str, founded: FoundedHub) -> Post:
    node = open_node(folder, name, founded, database_url=f"sqlite:///{folder / 'node.db'}")
    # The line is laid when a world begins.
    office = Office(node, Clock(), None)  # type: ignore[arg-type]
    return Post(name, office, Disk(name, node.database, folder / "node.db"), folder)


@dataclass(slots=True)
class World:
    """One seed's country, in motion."""

    country: Country
    plan: Plan
    chance: random.Random = field(init=False)
    network: Network = field(init=False)
    observer: Observer = field(init=False)
    ends: list[HubEnd] = field(init=False)
    route: dict[str, HubEnd] = field(init=False)
    forked: bool = False
    #: The line of the story at which the hub was last backed up.
    hub_saved: int | None = None
    #: Members that have no node here.
    absent: tuple[str, ...] = ("kemensos", CROOK)
    crook: Actor = field(init=False)
    filings: list[Filing] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    origins: tuple[str, ...] = ORIGINS
    triage: str = TRIAGE

    def __post_init__(self) -> None:
        country, seed = self.country, self.plan.seed
        self.chance = stream(seed, "events")
        country.hub_clock.seconds = NOW
        for hub in country.hubs:
            hub.disk.replace(country.template / "hub" / "hub.db")
            hub.saved = None
            hub.start()
        if self.plan.liar == "doubles":
            allow_doubles(self.hub.disk.file)
        self.ends = [
            Liar(hub, self.plan.liar, stream(seed, hub.name)) if self.plan.liar else hub for hub in country.hubs
        ]
        self.route = dict.fromkeys([*NAMES, CROOK], self.ends[0])
        self.network = Network(
            stream(seed, "network"), self.plan.roughness, self.route, self.note_fault, self.hub_killed
        )
        for post in country.posts.values():
            post.wipe(country.template / "node.db")
            post.office.clock.seconds = NOW
            post.office.hub = Line(post.name, self.network)
        self.observer = Observer(self)

    def fork(self) -> str:
        """Go on with two logs; later, let somebody read the other one for a change."""
        first, second = self.country.hubs
        name = self.chance.choice(list(self.posts))
        if not self.forked:
            self.forked = True
            copy = self.country.folder / "fork.db"
            first.disk.copy(copy)
            second.disk.replace(copy)
            second.start()
            self.observer.watches[1].rewind()
        self.route[name] = self.ends[1 if self.route[name] is self.ends[0] else 0]
        return f"{name} is shown the other log from now on"

    @property
    def posts(self) -> dict[str, Post]:
        """Offices by name."""
        return self.country.posts

    @property
    def hub(self) -> HubParty:
        """The hub that counts."""
        return self.country.hubs[0]

    @property
    def recipients(self) -> tuple[str, ...]:
        """To whom cases are handed."""
        found = tuple(name for name in NAMES if name != TRIAGE)
        return (*found, CROOK) if self.plan.crook else found

    def up(self) -> list[Post]:
        """Offices whose process runs."""
        return [post for post in self.posts.values() if not post.down]

    def pass_time(self, seconds: int) -> None:
        """Let time pass for everybody."""
        self.country.hub_clock.advance(seconds)
        for post in self.posts.values():
            post.office.clock.advance(seconds)

    def tell(self, line: str) -> None:
        """Add to the story."""
        self.story.append(line)

    def note_fault(self, what: str) -> None:
        """Count a fault, and tell of it."""
        self.faults.append(what)
        self.story.append(f"  fault: {what}")

    def hub_killed(self, error: KilledError) -> None:
        """A hub's process ended in the middle of a request."""
        hub = next(each for each in self.country.hubs if each.name == error.party)
        hub.crash()
        self.note_fault(str(error))

    def note_sync(self, post: Post, done: Synced) -> None:
        """Notice when an office that was set back has caught up."""
        if done.trouble is None and post.office.state().phase == Phase.ACTING:
            post.set_back = False
