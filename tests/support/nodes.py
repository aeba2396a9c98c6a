"""Real offices for tests: nodes on real SQLite that speak HTTP to a served hub, and whoever stands between or lies.

Keys follow from the names (tests.support.federation), as tests.support.hub enrols them. Time stands still until a test
moves the clock. A carrier is what the network, or a dishonest hub, makes of an honest one; a crook is an enrolled
member that says whatever a test wants.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import requests
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from hub.models import BoxHead
from keys.keyring import NODE_SECRETS, Keyring, SealingRecord
from keys.sealing import SealingPublicKey
from keys.signing import SigningKey
from node.cases.desk import ask_triage, close, find_case, hand_over, obey_ruling, open_identity, reply
from node.cases.intake import blank_form, file_complaint
from node.cases.show import list_cases, read_case
from node.cases.tracking import track
from node.cases.triage import list_asks, rule
from node.cases.views import (
    CaseAction,
    CasePage,
    CaseRow,
    Complaint,
    Filed,
    HandOver,
    Identity,
    NoSuchCaseError,
    Officer,
    Rule,
    Tracking,
)
from node.context import Node, open_case_keys
from node.models import Base
from node.models.cases import Case
from node.models.sync import Alarm, OutboxEntry, SyncState
from node.settings import Settings
from node.sync import engine
from node.sync.client import HttpHub, Hub, HubUnreachableError, PartProgress, Sink
from node.sync.engine import Synced, sync
from node.sync.refresh import keep_fresh
from protocol import checkpoint
from protocol.bundle import Answer, Bundle, read_answer, read_bundle
from protocol.content import CaseFile
from protocol.custody import Hop
from protocol.directory import Kind, Use
from protocol.entry import Entry, SignedEntry, new_id, read_entry
from protocol.kinds import KINDS, Thread
from protocol.party import REPORTER
from protocol.seal import SealContext, seal
from service.database import Database
from tests.support.databases import SQLITE, Databases
from tests.support.federation import NOW, made_id, member, sealing, seed, signing
from tests.support.hub import CHEAP, MEMBERS, PASSPHRASE, FoundedHub, Said, TestNode, found_hub, open_hub, served

MIGRATIONS: Final = "node:migrations"
OFFICER: Final = Officer("sari", "Sari Wulandari", frozenset({"admin", "liaison", "custodian"}))
CLERK: Final = Officer("budi", "Budi Hartono", frozenset({"liaison"}))
WORDS: Final = Complaint(
    "complaint", "ketenagakerjaan/upah", "32.73", "Upah kami tiga bulan belum dibayar.", "anonymous"
)
REPORTER_NAME: Final = Identity(name="Ujang Sutisna", phone="081234567890", email="ujang@example.id")
#: The one enrolled member that has no honest node.
CROOK: Final = "gelap"
_MAX_ROUNDS: Final = 12
_USES: Final = {"case": Use.CASE, "message": Use.CASE, "identity": Use.IDENTITY}
_T = TypeVar("_T")
_C = TypeVar("_C")


class _CutShortError(Exception):
    """The end of a transaction that is to fail."""


@dataclass(slots=True)
class Clock:
    """A clock that only a test moves."""

    seconds: int = NOW

    def now(self) -> int:
        return self.seconds

    def advance(self, seconds: int = 60) -> int:
        self.seconds += seconds
        return self.seconds


def keyring_of(name: str) -> Keyring:
    """The keyring that belongs to a name."""
    records = tuple(SealingRecord(use, sealing(name, Use(use)), NOW) for use in ("case", "identity"))
    return Keyring(signing(name), records, {secret: seed(f"{name}/{secret}") for secret in NODE_SECRETS})


def open_node(
    data_dir: Path,
    name: str,
    founded: FoundedHub,
    url: str = "",
    *,
    busy_timeout_ms: int = 5_000,
    database_url: str = "",
) -> Node:
    """The node of a name in a data directory; its database is migrated only if it was copied from the template.

    Where `url` is left out the federation stays the very one of the template, whose directories are parsed already.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    values = {"member_id": name, "display_name": name.title(), "database_url": database_url}
    settings = Settings.from_mapping(data_dir, values)
    keyring = keyring_of(name)
    return Node(
        settings=settings,
        keyring=keyring,
        case_keys=open_case_keys(settings, keyring),
        database=Database(settings.database_url, MIGRATIONS, busy_timeout_ms=busy_timeout_ms),
        federation=replace(founded.federation, url=url or founded.federation.url),
    )


@dataclass(slots=True)
class Office:
    """A node with its line to the hub, and what its officers and its visitors do."""

    node: Node
    clock: Clock
    hub: Hub

    # What people do, each in a transaction of its own.

    def do(self, service: Callable[[Session, Node, _C, int], _T], command: _C) -> _T:
        with self.node.database.transaction() as session:
            return service(session, self.node, command, self.clock.now())

    def file(self, complaint: Complaint = WORDS, identity: Identity = REPORTER_NAME) -> Filed:
        form = blank_form(self.node, self.clock.now())
        with self.node.database.transaction() as session:
            return file_complaint(session, self.node, form, complaint, identity, self.clock.now())

    def hand_over(self, number: str, to: str, reason: str = "Bukan kewenangan kami.") -> None:
        self.do(hand_over, HandOver(number, to, reason, OFFICER))

    def ask(self, number: str, reason: str = "Milik siapa ini?") -> None:
        self.do(ask_triage, CaseAction(number, reason, OFFICER))

    def rule(self, ask_id: str, to: str, reason: str = "Sesuai tugasnya.") -> None:
        self.do(rule, Rule(ask_id, to, reason, OFFICER))

    def obey(self, number: str) -> None:
        self.do(obey_ruling, CaseAction(number, "Sesuai penetapan.", OFFICER))

    def reply(self, number: str, text: str = "Kami periksa besok.") -> None:
        self.do(reply, CaseAction(number, text, OFFICER))

    def close(self, number: str, text: str = "Selesai dibayar.") -> None:
        self.do(close, CaseAction(number, text, OFFICER))

    def open_identity(self, number: str, reason: str = "Untuk menelepon pelapor.") -> Identity:
        return self.do(open_identity, CaseAction(number, reason, OFFICER))

    def cut_short(self, work: Callable[[Session], object]) -> None:
        """Do the work in a transaction that fails right before its commit, as on a full disk."""
        with suppress(_CutShortError), self.node.database.transaction() as session:
            work(session)
            raise _CutShortError

    # What people see.

    def page(self, number: str) -> CasePage:
        with self.node.database.reading() as session:
            return read_case(session, self.node, number, OFFICER, self.clock.now())

    def cases(self) -> list[CaseRow]:
        with self.node.database.reading() as session:
            return list_cases(session, self.node, self.clock.now())

    def asks(self) -> list[str]:
        with self.node.database.reading() as session:
            return [row.ask_id for row in list_asks(session, self.node)]

    def track(self, receipt: str) -> Tracking:
        with self.node.database.reading() as session:
            return track(session, self.node, receipt, self.clock.now())

    # What stands in the tables.

    def case(self, number: str) -> Case:
        """The node's newest record of a case in whatever stance, detached."""
        with self.node.database.reading() as session:
            try:
                found = find_case(session, number)
            except NoSuchCaseError:
                # Not an officer's to see yet, or never: the tests of custody look all the same.
                found = session.scalars(select(Case).where(Case.number == number)).one()
            session.expunge_all()
            return found

    def rows(self, model: type[_T], *where: Any) -> list[_T]:  # noqa: ANN401  any SQL expression
        """Rows, in the order of their numbers where they have one: PostgreSQL moves a row that is changed."""
        numbers = [column for column in inspect(model).primary_key if column.type.python_type is int]
        with self.node.database.reading() as session:
            found = list(session.scalars(select(model).where(*where).order_by(*numbers)))
            session.expunge_all()
            return found

    def alarms(self) -> list[str]:
        """The rules of all alarms, oldest first."""
        return [row.rule for row in self.rows(Alarm)]

    def queued(self) -> list[str]:
        """The kinds of what waits in the outbox, in order."""
        rows = self.rows(OutboxEntry, OutboxEntry.state == "queued")
        return [row.kind for row in sorted(rows, key=lambda row: row.place)]

    def state(self) -> SyncState:
        return self.rows(SyncState)[0]

    def dump(self, *, without: Sequence[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table by the table's name."""
        with self.node.database.reading() as session:
            return {
                table.name: sorted(map(tuple, session.execute(select(table))), key=repr)
                for table in Base.metadata.sorted_tables
                if table.name not in without
            }

    def keys_of(self, case_id: str) -> set[str]:
        """The uses for which the case has a key."""
        return {use for owner, use in self.node.case_keys.listing() if owner == case_id}

    # The network.

    def sync(self, hub: Hub | None = None) -> Synced:
        return sync(self.node, hub or self.hub, self.clock.now)

    def sync_well(self) -> Synced:
        done = self.sync()
        assert done.trouble is None
        return done


@dataclass(slots=True)
class Country:
    """A served hub, and an office of every member but the crook."""

    founded: FoundedHub
    url: str
    clock: Clock
    folder: Path
    line: HttpHub
    jabar: Office
    jateng: Office
    kemnaker: Office
    kemensos: Office
    triase: Office

    @property
    def offices(self) -> tuple[Office, ...]:
        return (self.jabar, self.jateng, self.kemnaker, self.kemensos, self.triase)

    def settle(self, *offices: Office) -> None:
        """Let offices (all, if none is named) sync in turn until none has anything to say or to hear."""
        for _ in range(_MAX_ROUNDS):
            busy = [office for office in offices or self.offices if office.queued() or self._waits_for(office)]
            for office in busy:
                office.sync_well()
            if not busy:
                return
        raise AssertionError("the offices never come to rest")

    def _waits_for(self, office: Office) -> bool:
        """Whether the hub holds something for the office that it has not pulled."""
        with self.founded.database.reading() as session:
            held = session.scalar(select(BoxHead.inbox).where(BoxHead.party == office.node.member_id)) or 0
        return held > max([0, *(state.inbox_pos for state in office.rows(SyncState))])

    def fresh(self, name: str) -> Office:
        """The office of a name as it was on its first day: an empty database, and no leaf read."""
        folder = self.folder / f"{name}-fresh"
        node = open_node(folder, name, self.founded)
        node.database.migrate()
        return Office(node, self.clock, self.line)

    def log_size(self) -> int:
        """How many leaves the hub's log has."""
        federation = self.founded.federation
        return checkpoint.read(self.line.checkpoint(), federation.log_origin, federation.log_key).checkpoint.size

    def crook(self) -> "Crook":
        """The member without an honest node, with its own enrolled keys."""
        return Crook(CROOK, self.founded.federation, self.url, self.founded.keys.hub.public)

    def handed_to(self, recipient: Office, identity: Identity = REPORTER_NAME) -> Filed:
        """A case of jabar that `recipient` handles, the identity included, everybody at rest."""
        filed = self.jabar.file(identity=identity)
        self.jabar.hand_over(filed.number, recipient.node.member_id)
        self.settle()
        return filed


def make_template(folder: Path, databases: Databases = SQLITE) -> Path:
    """A founded hub, and a node's database that has read its log and said nothing yet; to be copied for each test."""
    members = (*MEMBERS, member("kemensos", Kind.MINISTRY, regions=()), member(CROOK, regions=("91",)))
    urls = {"hub": databases.make(folder / "hub" / "hub.db"), "node": databases.make(folder / "node.db")}
    (folder / "urls.json").write_text(json.dumps(urls))
    founded = found_hub(folder / "hub", *members, database_url=urls["hub"])
    node = open_node(folder, "jabar", founded, database_url=urls["node"])
    node.database.migrate()
    with served(founded) as url, requests.Session() as http:
        line = HttpHub(url, http)
        engine._follow_first(node, line)
        keep_fresh(node, line, NOW)
    node.database.close()
    return folder


@contextmanager
def country(template: Path, folder: Path, databases: Databases = SQLITE) -> Iterator[Country]:
    """A country of this test's own below `folder`."""
    shutil.copytree(template / "hub", folder / "hub")
    urls = json.loads((template / "urls.json").read_text())
    clock, names = Clock(), ("jabar", "jateng", "kemnaker", "kemensos", "triase")
    with ExitStack() as stack:
        hub_url = stack.enter_context(databases.copied(urls["hub"], folder / "hub" / "hub.db"))
        founded = open_hub(_hub_settings(folder / "hub", hub_url))
        url, http = stack.enter_context(served(founded, clock.now)), stack.enter_context(requests.Session())
        line = HttpHub(url, http)
        offices = []
        for name in names:
            node_url = stack.enter_context(databases.copied(urls["node"], folder / name / "node.db"))
            offices.append(Office(open_node(folder / name, name, founded, database_url=node_url), clock, line))
        try:
            yield Country(founded, url, clock, folder, line, *offices)
        finally:
            for office in offices:
                office.node.database.close()


def _hub_settings(data_dir: Path, database_url: str) -> Any:  # noqa: ANN401  the hub's own settings
    from hub.settings import Settings as HubSettings  # noqa: PLC0415  the one place that needs them

    values = {"SIMPUL_HUB_DATA": str(data_dir), "SIMPUL_HUB_DATABASE_URL": database_url}
    return replace(HubSettings.from_mapping(values), port=0)


def lay_out(place: Country, name: str) -> Path:
    """A data directory as `simpul-node init` leaves it, with the keys of the name and a cheap key file."""
    (office,) = (office for office in place.offices if office.node.member_id == name)
    folder = office.node.settings.data_dir
    office.node.database.close()
    office.node.keyring.save(office.node.settings.key_file, PASSPHRASE, cost=CHEAP)
    federation = replace(place.founded.federation, url=place.url)
    (folder / "federation.json").write_bytes(federation.encode())
    values = {"member_id": name, "display_name": name.title(), "database_url": office.node.settings.database_url}
    (folder / "settings.json").write_text(json.dumps(values))
    return folder


# Whoever stands between a node and its hub.


@dataclass(slots=True)
class Carrier:
    """Carries faithfully, and counts what passes."""

    hub: Hub
    posts: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)

    def post_sync(self, bundle: bytes) -> bytes:
        self.posts.append(bundle)
        self.answers.append(self.hub.post_sync(bundle))
        return self.answers[-1]

    def post_recovery(self, piece: bytes) -> bytes:
        return self.hub.post_recovery(piece)

    def checkpoint(self) -> bytes:
        return self.hub.checkpoint()

    def leaves(self, start: int, end: int) -> list[bytes]:
        return self.hub.leaves(start, end)

    def directory(self, path: str, max_bytes: int) -> bytes:
        return self.hub.directory(path, max_bytes)

    def part_progress(self, part: str, shown: str) -> PartProgress:
        return self.hub.part_progress(part, shown)

    def put_part(self, part: str, shown: str, start: int, total: int, piece: bytes) -> PartProgress:
        return self.hub.put_part(part, shown, start, total, piece)

    def get_part(self, part: str, shown: str, start: int, sink: Sink) -> None:
        self.hub.get_part(part, shown, start, sink)


class LosesTheAnswer(Carrier):
    """The hub has stored everything; the node never hears of it."""

    def post_sync(self, bundle: bytes) -> bytes:
        Carrier.post_sync(self, bundle)
        raise HubUnreachableError("ReadTimeout")


@dataclass(slots=True)
class GoesDark(Carrier):
    """Carries a number of exchanges and then nothing more: stops a sync between two of its steps."""

    after: int = 1

    def post_sync(self, bundle: bytes) -> bytes:
        if len(self.posts) >= self.after:
            raise HubUnreachableError("ConnectionError")
        return Carrier.post_sync(self, bundle)


class SendsTwice(Carrier):
    """A network that repeats a request; the node hears the second answer."""

    def post_sync(self, bundle: bytes) -> bytes:
        Carrier.post_sync(self, bundle)
        return Carrier.post_sync(self, bundle)


def _same(value: _T) -> _T:
    return value


def _same_file(_path: str, content: bytes) -> bytes:
    return content


@dataclass(slots=True)
class Meddler(Carrier):
    """Changes what comes back. Without the hub's key it changes bytes; with it, whatever a lying hub would."""

    answer: Callable[[bytes], bytes] = _same
    note: Callable[[bytes], bytes] = _same
    leaf: Callable[[list[bytes]], list[bytes]] = _same
    file: Callable[[str, bytes], bytes] = _same_file

    def post_sync(self, bundle: bytes) -> bytes:
        return self.answer(Carrier.post_sync(self, bundle))

    def checkpoint(self) -> bytes:
        return self.note(self.hub.checkpoint())

    def leaves(self, start: int, end: int) -> list[bytes]:
        return self.leaf(self.hub.leaves(start, end))

    def directory(self, path: str, max_bytes: int) -> bytes:
        return self.file(path, self.hub.directory(path, max_bytes))


def lying(key: SigningKey, change: Callable[[Answer, tuple[str, ...]], tuple[Answer, tuple[str, ...]]],
          signer: SigningKey | None = None) -> Callable[[bytes], bytes]:  # fmt: skip
    """An answer with another content, signed afresh with the hub's own key (or another)."""

    def resign(raw: bytes) -> bytes:
        bundle = read_bundle(raw)
        answer, entries = change(read_answer(bundle.manifest, key.public), bundle.entries)
        return Bundle(answer.sign(signer or key), entries, bundle.parts).encode()

    return resign


# Whoever lies with keys of its own.


class Crook(TestNode):
    """An enrolled member that seals and signs whatever a test wants, and pushes it by hand."""

    __test__ = False

    def tell(
        self,
        kind: str,
        to: str,
        contents: Mapping[str, bytes] | None = None,
        *,
        ref: str | None = None,
        sealed_to: SealingPublicKey | None = None,
        bound: Mapping[str, Any] | None = None,
        **changes: object,
    ) -> Said:
        """An entry with these contents under its seals. `bound` changes the context of every seal."""
        rule, own = KINDS[kind], new_id()
        entry = Entry(
            id=own,
            sender=self.id,
            recipient=to,
            seq=self.links[to] + 1,
            inc=self.inc,
            at=NOW,
            kind=kind,
            ref=own if rule.thread is Thread.OWN else ref,
            parts={},
            slot=new_id() if rule.slot else None,
            seen=self.seen if rule.custody else None,
            body={} if rule.body else None,
        )
        entry = replace(entry, **changes)  # type: ignore[arg-type]  # a test names the members it changes
        parts = {}
        for purpose, content in (contents or {}).items():
            use = _USES.get(purpose)
            reader = REPORTER if use is None else to
            key = sealed_to or sealing(reader, use or Use.CASE).public
            context = SealContext(self.id, reader, entry.id, entry.ref or "", key.kid, purpose, entry.epoch)
            parts[purpose] = seal(content, key, replace(context, **(bound or {})))
        entry = replace(entry, parts={purpose: part.name for purpose, part in parts.items()})
        self.links[to] = entry.seq
        return Said(entry.sign(signing(self.id)), tuple(parts.values()))

    def push(self, *said: Said) -> None:
        """Push; the hub, which sees no content, must take all of it."""
        reply = self.sync(*said)
        assert [reply.verdict(each).state for each in said] == ["ok"] * len(said), reply.answer.push

    def heard(self, kind: str) -> Said:
        """Pull the whole inbox, and return the newest entry of a kind."""
        self.inbox = 0
        reply = self.sync()
        pulled = zip(reply.answer.pull, reply.bundle.entries, strict=True)
        said = [said_of(raw) for each, raw in pulled if each.box == "inbox"]
        return next(each for each in reversed(said) if each.entry.kind == kind)


def said_of(raw: str) -> Said:
    """An entry that came or went, as a hand-driven member knows it."""
    unverified = read_entry(raw)
    return Said(SignedEntry(unverified.entry, raw, unverified.kid))


def case_file(origin: str, *, hops: Sequence[Hop] = (), **changes: object) -> CaseFile:
    """What stands inside the seal of an offer."""
    found = CaseFile(
        number="7K3M9-QX2TB",
        origin=origin,
        return_ref=made_id("return"),
        mailbox=sealing(REPORTER).public.raw,
        filed_at=NOW,
        complaint={"kind": "complaint", "topic": "", "region": "", "text": "Jalan rusak.", "secrecy": "open"},
        hops=hops,
        reason="",
    )
    return replace(found, **changes)  # type: ignore[arg-type]  # a test names the members it changes
