"""The country that chaos comes over: a hub, three offices and triage, founded in a moment with cheap key files.

Founding is done in this process; everything after it is done by the commands, over public interfaces.
"""

import json
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from hub.founding import found, load_keys, log_writer, open_database
from hub.members.enrolment import Registrar
from hub.settings import Settings as HubSettings
from keys.keyring import Keyring
from node.people.service import create_person
from node.settings import Settings
from node.web import clock
from protocol.directory import Competence, Kind, Member, Use, sealing_record, signing_record
from protocol.enrol import Federation
from service.database import Database
from tests.chaos.party import Party
from tests.support.federation import HUB
from tests.support.hub import CHEAP, PASSPHRASE

TRIAGE: Final = "triase"
USERNAME: Final = "petugas"
PASSWORD: Final = "kata-sandi-petugas"
#: Offices that handle cases: name, kind, region, topics.
OFFICES: Final[dict[str, tuple[str, Kind, str, str]]] = {
    "jabar": ("Provinsi Jawa Barat", Kind.PROVINCE, "32", "perhubungan"),
    "kota-bandung": ("Kota Bandung", Kind.CITY, "32.73", "kesehatan"),
    "kemnaker": ("Kementerian Ketenagakerjaan", Kind.MINISTRY, "", "ketenagakerjaan"),
}
_TRIAGE_OFFICE: Final = ("Triase Nasional", Kind.TRIAGE, "", "")
_SYNC_EVERY_SECONDS: Final = 1
_PORTS: Final = range(20_000, 32_000)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a party lives: the address that it listens on, and what goes in front of its command.

    `dials` maps the hub's address to the one that this party is told.
    """

    host: str = "127.0.0.1"
    before: tuple[str, ...] = ()
    dials: Callable[[str], str] = str


@dataclass(slots=True)
class Country:
    """The parties by name, the hub among them."""

    folder: Path
    federation: Federation
    parties: dict[str, Party] = field(default_factory=dict)
    #: Where people find a node, if not at its own address.
    fronts: dict[str, str] = field(default_factory=dict)

    @property
    def hub(self) -> Party:
        """The hub."""
        return self.parties[HUB]

    @property
    def nodes(self) -> dict[str, Party]:
        """Every node, triage too."""
        return {name: party for name, party in self.parties.items() if name != HUB}

    @property
    def offices(self) -> dict[str, Party]:
        """The nodes that handle cases."""
        return {name: party for name, party in self.nodes.items() if name in OFFICES}

    def address(self, name: str) -> str:
        """Return where people find a node."""
        return self.fronts.get(name, self.parties[name].url)

    def start(self) -> None:
        """Start whoever does not run, and wait until all take connections."""
        waking = [party for party in self.parties.values() if party.pid is None]
        for party in waking:
            party.launch()
        for party in waking:
            party.wait_ready()

    def stop(self) -> None:
        """End everybody in good order."""
        for party in self.parties.values():
            party.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for party in self.parties.values():
            party.kill()


def found_country(folder: Path, places: Mapping[str, Place] | None = None) -> Country:
    """Make a hub and its nodes below `folder`, enrolled and with one officer each; nothing runs yet."""
    places = places or {}
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "passphrase"
    secret.write_text(PASSPHRASE + "\n")
    secret.chmod(0o600)
    here, now = places.get(HUB, Place()), clock.now()
    hub = Party(HUB, "hub", folder / HUB, secret, port=_free_port(), host=here.host, before=here.before)
    settings = HubSettings.from_mapping({"SIMPUL_HUB_DATA": str(folder / HUB)})
    federation = found(settings, HUB, hub.url, PASSPHRASE, now, CHEAP)
    offices = {**OFFICES, TRIAGE: _TRIAGE_OFFICE}
    rings = {name: Keyring.for_node(now) for name in offices}
    _enrol(settings, federation, [_member(name, offices[name], ring) for name, ring in rings.items()], now)
    country = Country(folder, federation, {HUB: hub})
    for name, ring in rings.items():
        where = places.get(name, Place())
        told = Federation(federation.hub, where.dials(hub.url), federation.log, federation.root)
        _make_node(folder / name, name, offices[name][0], ring, told, now)
        country.parties[name] = Party(
            name, "node", folder / name, secret, port=_free_port(), host=where.host, before=where.before
        )
    return country


def _free_port() -> int:
    """Return a port that nobody listens on, below those that a system gives out: a party that is down keeps its own."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port


def _member(name: str, office: tuple[str, Kind, str, str], ring: Keyring) -> Member:
    shown, kind, region, topic = office
    records = (
        signing_record(ring.signing.public),
        sealing_record(ring.present("case").public, Use.CASE),
        sealing_record(ring.present("identity").public, Use.IDENTITY),
    )
    claims = (Competence((region,) if region else (), (topic,)),) if topic else ()
    return Member(name, shown, kind, "", claims, records)


def _enrol(settings: HubSettings, federation: Federation, members: list[Member], now: int) -> None:
    keys = load_keys(settings, PASSPHRASE)
    signing = Keyring.load(settings.registrar_key_file, PASSPHRASE).signing
    registrar = Registrar(signing, keys.online, log_writer(federation, keys.log), federation)
    database = open_database(settings)
    with database.transaction() as session:
        for member in members:
            registrar.enrol(session, member, now)
    database.close()


def _make_node(data: Path, name: str, shown: str, ring: Keyring, federation: Federation, now: int) -> None:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    values = {"member_id": name, "display_name": shown, "sync_every_seconds": _SYNC_EVERY_SECONDS}
    settings = Settings.from_mapping(data, values)
    ring.save(settings.key_file, PASSPHRASE, cost=CHEAP)
    settings.federation_file.write_bytes(federation.encode())
    database = Database(settings.database_url, "node:migrations")
    database.migrate()
    with database.transaction() as session:
        create_person(session, USERNAME, f"Petugas {shown}", {"admin", "custodian"}, PASSWORD, now)
    database.close()
    (data / "settings.json").write_text(json.dumps(values))
