"""The federation of the demo: founded by the commands, served by processes, each party in a directory of its own.

DATA/<party>/              what the party itself keeps, with its servers' output in log/
DATA/<party>.passphrase    the passphrase of its key files (0600), as an operator would keep it elsewhere
"""

import json
import os
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from demo.api import ApiOfficer
from demo.desk import Desk
from demo.officer import Officer
from demo.offices import HUB, OFFICES, Office
from demo.processes import ProcessError, Server, free_port, run
from demo.together import at_once
from protocol.enrol import Federation as FederationFile
from protocol.enrol import read_federation

_PASSWORD: Final = re.compile(r"^Password[^:]*: (\S+)$", re.MULTILINE)
#: How often a node syncs by itself; a push of its own goes out at once.
SYNC_EVERY_SECONDS: Final = 1
#: Founding is all computing: more of it at once than most machines have processors would gain nothing.
_FOUNDERS: Final = 2


@dataclass(frozen=True, slots=True)
class Login:
    """An officer's account with its password."""

    role: str
    username: str
    password: str


@dataclass(slots=True)
class RunningNode:
    """An office's node: its directory, its server, its accounts."""

    office: Office
    data: Path
    server: Server
    people: list[Login] = field(default_factory=list)
    _officers: dict[str, Officer] = field(default_factory=dict)
    _desks: dict[str, ApiOfficer] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where citizens and officers find it."""
        return self.server.url

    def officer(self, role: str) -> Officer:
        """Return the account of a role at the console; always the same one."""
        if role not in self._officers:
            login = self._login(role)
            self._officers[role] = Officer(self.url, login.username, login.password)
        return self._officers[role]

    def desk(self, role: str) -> Desk:
        """Return the account of a role as the people of this office work: by the API or at the console."""
        if not self.office.by_api:
            return self.officer(role)
        if role not in self._desks:
            login = self._login(role)
            self._desks[role] = ApiOfficer(self.url, login.username, login.password)
        return self._desks[role]

    def _login(self, role: str) -> Login:
        return next(each for each in self.people if each.role == role)


class Federation:
    """A hub and its nodes below one directory."""

    def __init__(self, data: Path, offices: Sequence[Office] = OFFICES) -> None:
        self.data: Final = data
        self.hub: Final = Server("hub", data / HUB, ("--passphrase-file", self.passphrase_file(HUB)), free_port())
        self.nodes: Final = {office.id: self._node(office) for office in offices}

    def passphrase_file(self, party: str) -> Path:
        """Where a party's passphrase is."""
        return self.data / f"{party}.passphrase"

    def _node(self, office: Office) -> RunningNode:
        data = self.data / office.id
        arguments = ("--passphrase-file", self.passphrase_file(office.id))
        return RunningNode(office, data, Server("node", data, arguments, free_port()))

    # How it is made.

    def write_passphrase(self, party: str) -> None:
        """Make a party's passphrase file."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_private(self.passphrase_file(party), secrets.token_urlsafe(24) + "\n")

    def found_hub(self, front: Callable[[str], str] = str) -> None:
        """`simpul-hub init`. `front` may put something before the hub: it maps the hub's address to what nodes dial."""
        self.write_passphrase(HUB)
        self._hub("init", "--name", HUB, "--url", front(self.hub.url), keyed=True)

    def found_nodes(self) -> None:
        """Make every node with its officers, then enrol them in order: an office follows the one above it."""
        for party in self.nodes:
            self.write_passphrase(party)
        at_once(self.make_node, self.nodes.values(), _FOUNDERS)
        for node in self.nodes.values():
            self.enrol(node)

    def make_node(self, node: RunningNode) -> None:
        """`simpul-node init` and its officers."""
        office = node.office
        run(
            "node", "init", "--data", node.data, "--id", office.id, "--name", office.name,
            "--federation", self.federation_file, "--passphrase-file", self.passphrase_file(office.id),
            "--accent", office.accent, "--sync-every", str(SYNC_EVERY_SECONDS),
        )  # fmt: skip
        for person in office.people:
            roles = [argument for role in person.roles for argument in ("--role", role)]
            said = run(
                "node", "person", "add", "--data", node.data, "--username", person.username, "--name", person.name,
                *roles,
            )  # fmt: skip
            made = _PASSWORD.search(said)
            if made is None:
                raise ProcessError(f"no password was shown for {person.username}")
            node.people.append(Login(person.role, person.username, made.group(1)))

    def enrol(self, node: RunningNode) -> None:
        """`simpul-hub enrol`, as the registrar does after comparing the fingerprint."""
        office = node.office
        competence = self.data / f"{office.id}.competence.json"
        competence.write_text(json.dumps(office.competence))
        above = ("--parent", office.parent) if office.parent else ()
        self._hub(
            "enrol", node.data / "enrol-request.jws", "--kind", office.kind, "--region", office.region,
            "--competence", competence, *above, "--yes", keyed=True,
        )  # fmt: skip

    def _hub(self, command: str, *arguments: str | Path, keyed: bool = False) -> str:
        key = ("--passphrase-file", self.passphrase_file(HUB)) if keyed else ()
        return run("hub", command, "--data", self.data / HUB, *arguments, *key)

    # How it is used.

    @property
    def federation_file(self) -> Path:
        """What every node is given."""
        return self.data / HUB / "federation.json"

    @property
    def trusted(self) -> FederationFile:
        """What stands in it."""
        return read_federation(self.federation_file.read_bytes())

    def start(self) -> None:
        """Start every server that does not run, and wait until all answer."""
        servers = [server for server in self.servers if server.pid is None]
        for server in servers:
            server.launch()
        for server in servers:
            server.wait_ready()

    def stop(self) -> None:
        """End every server of ours."""
        for server in self.servers:
            server.signal_stop()
        for server in self.servers:
            server.stop()

    @property
    def servers(self) -> tuple[Server, ...]:
        """The hub's server and the nodes'."""
        return (self.hub, *(node.server for node in self.nodes.values()))

    def export(self, folder: Path) -> str:
        """`simpul-hub export --entries`: what an auditor is given who may see every entry."""
        return self._hub("export", folder, "--entries")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
