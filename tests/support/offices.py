"""Offices for tests: real nodes in folders of their own, served over HTTP, synced when a test says so.

The clock stands still until a test moves it. Nothing here sleeps.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import requests
import waitress

from keys.keyring import Keyring
from node.app import create_app
from node.context import Node, open_case_keys
from node.people.permissions import ROLES
from node.people.service import create_person
from node.settings import Settings
from node.sync.client import HttpHub
from node.sync.engine import sync
from protocol.directory import Competence, Kind, Member, Use, sealing_record, signing_record
from protocol.enrol import Federation
from service.database import Database
from tests.support.databases import SQLITE, Databases, write_locked
from tests.support.federation import NOW
from tests.support.hub import found_hub, served
from tests.support.visitor import Visitor

_DEADLINE_SECONDS: Final = 30
#: Who is in the country: name, kind, regions, topics.
MEMBERS: Final = {
    "jabar": ("Provinsi Jawa Barat", Kind.PROVINCE, ("32",), ()),
    "kemensos": ("Kementerian Sosial", Kind.MINISTRY, (), ("bantuan-sosial",)),
    "triase": ("Triase Nasional", Kind.TRIAGE, (), ()),
}


def password_of(username: str) -> str:
    """The password of an officer made by `Office`."""
    return f"kata-sandi-{username}"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = NOW

    def __call__(self) -> int:
        return self.seconds


@dataclass(slots=True)
class Office:
    """A node and the address at which it is served, with one officer for each role, named after it."""

    node: Node
    clock: Clock
    url: str = ""

    def visitor(self) -> Visitor:
        return Visitor(self.url)

    def officer(self, role: str) -> Visitor:
        """Somebody who is logged in with this role."""
        came = self.visitor()
        page = came.log_in(role, password_of(role))
        assert page.status in {200, 403}, page.words
        return came

    def sync(self) -> None:
        done = sync(self.node, HttpHub(self.node.federation.url, requests.Session()), self.clock)
        assert done.trouble is None, done.trouble


def make_office(
    folder: Path, name: str, keyring: Keyring, federation: Federation, clock: Clock, database_url: str
) -> Office:
    """Make a node and its officers; nothing is served yet."""
    folder.mkdir(mode=0o700)
    values = {"member_id": name, "display_name": MEMBERS[name][0], "database_url": database_url}
    settings = Settings.from_mapping(folder, values)
    # A database that is locked on purpose is found out soon.
    database = Database(settings.database_url, "node:migrations", busy_timeout_ms=50)
    database.migrate()
    node = Node(settings, keyring, open_case_keys(settings, keyring), database, federation)
    with database.transaction() as session:
        for role in ROLES:
            create_person(session, role, f"Petugas {role}", {role}, password_of(role), NOW)
    return Office(node, clock)


def member_of(member_id: str, ring: Keyring) -> Member:
    """What the registrar enrols."""
    name, kind, regions, topics = MEMBERS[member_id]
    keys = (
        signing_record(ring.signing.public),
        sealing_record(ring.present("case").public, Use.CASE),
        sealing_record(ring.present("identity").public, Use.IDENTITY),
    )
    return Member(member_id, name, kind, "", (Competence(regions, topics),), keys)


@contextmanager
def serving(office: Office) -> Iterator[Office]:
    """Serve an office in a thread of this process."""
    app = create_app(office.node, office.clock)
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4, ident=None, inbuf_overflow=1 << 25)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    office.url = f"http://127.0.0.1:{server.effective_port}"
    try:
        yield office
    finally:
        server.task_dispatcher.shutdown()
        server.trigger.pull_trigger(lambda: [each.close() for each in list(server._map.values())])
        thread.join(_DEADLINE_SECONDS)
        office.node.database.close()


@dataclass(frozen=True, slots=True)
class Country:
    """A hub and its offices, all served, all synced once."""

    offices: dict[str, Office]
    clock: Clock

    def __getitem__(self, name: str) -> Office:
        return self.offices[name]

    def settle(self) -> None:
        """Let everybody sync until what one said has come back to all."""
        for _ in range(4):
            for office in self.offices.values():
                office.sync()


@contextmanager
def country(folder: Path, databases: Databases = SQLITE) -> Iterator[Country]:
    """Found a hub, make and enrol the offices of MEMBERS, and serve them all."""
    clock = Clock()
    rings = {name: Keyring.for_node(NOW) for name in MEMBERS}
    members = [member_of(name, ring) for name, ring in rings.items()]
    hub = found_hub(folder / "hub", *members, database_url=databases.make(folder / "hub" / "hub.db"))
    with ExitStack() as stack:
        url = stack.enter_context(served(hub))
        federation = replace(hub.federation, url=url)
        offices = {
            name: make_office(folder / name, name, ring, federation, clock, databases.make(folder / name / "node.db"))
            for name, ring in rings.items()
        }
        for office in offices.values():
            stack.enter_context(serving(office))
        made = Country(offices, clock)
        made.settle()
        yield made


@contextmanager
def locked(office: Office) -> Iterator[None]:
    """Hold the write lock of an office's database, as a long job elsewhere would."""
    with write_locked(office.node.settings.database_url):
        yield
