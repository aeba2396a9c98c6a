"""A real hub for tests: founded in a folder, served in a thread or as a process, and members that speak to it.

Members take their keys from their names (tests.support.federation) and seal for real. Nothing here sleeps: a server is
ready when /healthz says so.
"""

import os
import re
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

import requests
import waitress
from sqlalchemy import select
from urllib3.util.retry import Retry

from house.screen import ROOT
from hub.app import create_app
from hub.founding import HubKeys, found, load_keys, log_writer, open_database, read_federation_file
from hub.members.enrolment import Registrar
from hub.models import Base
from hub.settings import Settings
from keys import b64u
from keys.keyfile import KdfCost
from keys.keyring import Keyring
from keys.sealing import SealingPublicKey
from keys.signing import VerifyKey
from protocol import checkpoint, custody, jws, merkle
from protocol.bundle import Answer, Bundle, Pull, Pushed, Request, read_answer, read_bundle
from protocol.content import Note, receipt_body, ruling_body
from protocol.directory import Kind, Member, Status, Use
from protocol.enrol import Federation
from protocol.entry import Entry, SignedEntry, TreeHead, new_id
from protocol.kinds import KINDS, Thread
from protocol.party import REPORTER
from protocol.seal import Part, SealContext, seal
from service.database import Database
from tests.support.federation import HUB, NOW, member, sealing, signing
from tests.support.ports import free_port

PASSPHRASE: Final = "empat kata acak sekali"
#: As cheap as a key file may be.
CHEAP: Final = KdfCost(memory_kib=8, passes=1, lanes=1)
_DEADLINE_SECONDS: Final = 30
#: Which key of its recipient a part is sealed to; the others go to a reporter's mailbox.
_USES: Final = {"case": Use.CASE, "message": Use.CASE, "identity": Use.IDENTITY}

#: Who is enrolled where a test says nothing else.
MEMBERS: Final = (
    member("jabar"),
    member("jateng", regions=("33",)),
    member("kemnaker", Kind.MINISTRY, regions=()),
    member("triase", Kind.TRIAGE, regions=()),
)


@dataclass(frozen=True, slots=True)
class FoundedHub:
    """A hub's data directory, with all that only its operator has."""

    settings: Settings
    federation: Federation
    keys: HubKeys
    registrar: Registrar
    database: Database

    def enrol(self, new: Member) -> None:
        with self.database.transaction() as session:
            self.registrar.enrol(session, new, NOW)

    def set_status(self, party: str, status: Status) -> None:
        with self.database.transaction() as session:
            self.registrar.set_status(session, party, status, NOW)

    def dump(self, *, without: Sequence[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table by the table's name."""
        with self.database.reading() as session:
            return {
                table.name: sorted(map(tuple, session.execute(select(table))), key=repr)
                for table in Base.metadata.sorted_tables
                if table.name not in without
            }


def found_hub(data_dir: Path, *members: Member, **settings: object) -> FoundedHub:
    """Found a hub with these members (MEMBERS if none are given)."""
    made = replace(Settings.from_mapping({"SIMPUL_HUB_DATA": str(data_dir)}), port=0, **settings)  # type: ignore[arg-type]
    found(made, HUB, "http://127.0.0.1", PASSPHRASE, NOW, CHEAP)
    return open_hub(made, members or MEMBERS)


def open_hub(settings: Settings, enrol: Sequence[Member] = ()) -> FoundedHub:
    """Open a data directory as its operator."""
    federation = read_federation_file(settings)
    keys = load_keys(settings, PASSPHRASE)
    registrar = Keyring.load(settings.registrar_key_file, PASSPHRASE).signing
    database = open_database(settings)
    signers = Registrar(registrar, keys.online, log_writer(federation, keys.log), federation)
    opened = FoundedHub(settings, federation, keys, signers, database)
    for each in enrol:
        opened.enrol(each)
    return opened


@contextmanager
def served(hub: FoundedHub, clock: Callable[[], int] = lambda: NOW) -> Iterator[str]:
    """Serve a hub in a thread of this process, over HTTP; gives its address."""
    app = create_app(hub.settings, hub.federation, hub.keys, hub.database, clock)
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4, inbuf_overflow=1 << 24)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.task_dispatcher.shutdown()
        # In the server's own loop, which would otherwise notice only at its next turn, a second later.
        with suppress(OSError):  # it may be awake, and close what would wake it, before it is woken
            server.trigger.pull_trigger(lambda: [each.close() for each in list(server._map.values())])
        thread.join(_DEADLINE_SECONDS)
        hub.database.close()


class HubProcess:
    """`python -m hub serve` as a process of its own, on one port for all its lives."""

    def __init__(self, data_dir: Path, *, environ: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self._environ = dict(environ or {})
        self._port = free_port()
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> Self:
        """Start the process and return when it answers."""
        command = [sys.executable, "-m", "hub", "serve", "--data", str(self.data_dir), "--port", str(self._port)]
        environ = {**os.environ, "SIMPUL_PASSPHRASE": PASSPHRASE, **self._environ}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        out = self._process.stdout
        assert out is not None
        line = out.readline()
        if not re.fullmatch(r"ready http://127\.0\.0\.1:\d+\n", line):
            _, errors = self._process.communicate(timeout=_DEADLINE_SECONDS)
            raise AssertionError(f"the hub did not start: {line}{errors}")
        retrying = requests.Session()
        retrying.mount("http://", requests.adapters.HTTPAdapter(max_retries=Retry(total=8, backoff_factor=0.05)))
        retrying.get(f"{self.url}/healthz", timeout=_DEADLINE_SECONDS).raise_for_status()
        return self

    def kill(self) -> None:
        """End it as a crash does (SIGKILL)."""
        self._end(hard=True)

    def stop(self) -> str:
        """End it as an operator does (SIGTERM), and return what it wrote to its log."""
        return self._end(hard=False)

    def _end(self, *, hard: bool) -> str:
        process, self._process = self._process, None
        if process is None:
            return ""
        process.kill() if hard else process.terminate()
        errors = process.communicate(timeout=_DEADLINE_SECONDS)[1]
        assert hard or process.returncode == 0, errors
        return errors

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()


@dataclass(frozen=True, slots=True)
class Said:
    """A signed entry and the parts that it names."""

    signed: SignedEntry
    parts: tuple[Part, ...] = ()

    @property
    def entry(self) -> Entry:
        return self.signed.entry

    @property
    def name(self) -> str:
        """How a verdict names it."""
        return b64u.encode(self.signed.digest)


@dataclass(frozen=True, slots=True)
class Reply:
    """A verified answer: the manifest, the bundle around it, and the verdicts by name of entry."""

    answer: Answer
    bundle: Bundle

    def verdict(self, said: Said) -> Pushed:
        return next(each for each in self.answer.push if each.id == said.name)


@dataclass(slots=True)
class TestNode:
    """A member that keeps the protocol, unless a test changes what it says."""

    __test__ = False

    id: str
    federation: Federation
    url: str
    hub_key: VerifyKey
    inc: int = 1
    ctr: int = 0
    inbox: int = 0
    sent: int = 0
    seen: TreeHead = field(default_factory=lambda: TreeHead(0, merkle.EMPTY_ROOT))
    links: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    # What it says.

    def say(self, kind: str, to: str, *, ref: str | None = None, signer: str | None = None, **changes: object) -> Said:
        """Draft, seal and sign an entry at the next position of its link, with the given members changed."""
        rule, own = KINDS[kind], new_id()
        recipient = str(changes.get("recipient", to))
        entry = Entry(
            id=own,
            sender=self.id,
            recipient=to,
            seq=self.links[recipient] + 1,
            inc=self.inc,
            at=NOW,
            kind=kind,
            ref=own if rule.thread is Thread.OWN else ref,
            parts={},
            slot=new_id() if rule.slot else None,
            seen=self.seen if rule.custody else None,
            body={} if rule.body else None,
        )
        sealed = {purpose: self.seal(entry, purpose) for purpose in sorted(rule.parts)}
        entry = replace(entry, parts={purpose: part.name for purpose, part in sealed.items()})
        entry = replace(entry, **changes)  # type: ignore[arg-type]  # a test names the members it changes
        said = Said(entry.sign(signing(signer or self.id)), tuple(sealed.values()))
        self.links[recipient] = entry.seq
        return said

    def seal(self, entry: Entry, purpose: str, *, key: SealingPublicKey | None = None, text: str = "rahasia") -> Part:
        """Seal a part of an entry to its recipient's key of the right use."""
        use = _USES.get(purpose)
        to = REPORTER if use is None else entry.recipient
        key = key or sealing(to, use or Use.CASE).public
        context = SealContext(entry.sender, to, entry.id, entry.ref or "", key.kid, purpose, entry.epoch)
        return seal(Note(text).encode(), key, context)

    def offer(self, to: str, **changes: object) -> Said:
        return self.say("offer", to, **changes)  # type: ignore[arg-type]  # a test names the members it changes

    def answer(self, kind: str, offer: Said, **changes: object) -> Said:
        """A fitting accept, reject or recall of an offer, with the given members changed."""
        asked = offer.entry
        to = asked.recipient if kind == "recall" else asked.sender
        slot = custody.answer_slot(offer.signed.raw)
        members = {"ref": asked.id, "re": asked.id, "epoch": asked.epoch, "slot": slot, **changes}
        return self.say(kind, to, **members)  # type: ignore[arg-type]  # a test names the members it changes

    def grant(self, offer: Said, accept: Said, **changes: object) -> Said:
        asked = offer.entry
        members = {"ref": asked.id, "re": accept.entry.id, "epoch": asked.epoch + 1, **changes}
        return self.say("grant", asked.recipient, **members)  # type: ignore[arg-type]

    def rule(self, ask: Said, named: str, **changes: object) -> Said:
        members = {"ref": ask.entry.id, "body": ruling_body(named), **changes}
        return self.say("ruling", ask.entry.sender, **members)  # type: ignore[arg-type]

    def receipt(self, to: str, upto: int = 1) -> Said:
        """The smallest entry there is: no part, no slot, no thread."""
        return self.say("receipt", to, body=receipt_body(upto))

    def fence(self, inc: int | None = None) -> Said:
        """Take a new incarnation, the next one unless it is given, and say so to the hub."""
        self.inc = self.inc + 1 if inc is None else inc
        return self.say("fence", HUB)

    # How it says it.

    def request(self, *said: Said | str, signer: str | None = None, ctr: int | None = None, **changes: object) -> str:
        """A signed request manifest; the counter rises unless one is given."""
        self.ctr = self.ctr + 1 if ctr is None else self.ctr
        raws = [each if isinstance(each, str) else each.signed.raw for each in said]
        request = Request(
            hub=HUB,
            node=self.id,
            inc=self.inc,
            ctr=self.ctr if ctr is None else ctr,
            entries=tuple(jws.digest(raw) for raw in raws),
            pull=Pull(self.inbox, self.sent, 256),
            floor=0,
            seen=self.seen,
        )
        request = replace(request, **changes)  # type: ignore[arg-type]  # a test names the members it changes
        return request.sign(signing(signer or self.id))

    def bundle(
        self,
        *said: Said | str,
        manifest: str | None = None,
        parts: Mapping[str, bytes] | None = None,
        **changes: object,
    ) -> bytes:
        """The wire bytes of a request."""
        manifest = manifest or self.request(*said, **changes)  # type: ignore[arg-type]
        raws = tuple(each if isinstance(each, str) else each.signed.raw for each in said)
        carried = {p.name.id: p.ciphertext for each in said if isinstance(each, Said) for p in each.parts}
        return Bundle(manifest, raws, carried if parts is None else parts).encode()

    def post(self, raw: bytes) -> requests.Response:
        return requests.post(f"{self.url}/sync/v1", data=raw, timeout=_DEADLINE_SECONDS)

    def sync(self, *said: Said | str, follow: bool = True, **changes: object) -> Reply:
        """Push, verify the answer as a node does, and move on to what it tells (unless `follow` is False)."""
        raw = self.bundle(*said, **changes)  # type: ignore[arg-type]
        response = self.post(raw)
        assert response.status_code == 200, response.text
        reply = self.read(response.content, raw)
        for each in said:
            if isinstance(each, Said) and reply.verdict(each).state not in ("ok", "dup"):
                self.links[each.entry.recipient] = min(self.links[each.entry.recipient], each.entry.seq - 1)
        if follow:
            self.inbox = max([self.inbox, *(each.pos for each in reply.answer.pull if each.box == "inbox")])
            told = [each.pos or 0 for each in reply.answer.push]
            self.sent = max([self.sent, *told, *(each.pos for each in reply.answer.pull if each.box == "sent")])
        return reply

    def read(self, content: bytes, asked: bytes) -> Reply:
        """Verify an answer: the hub's signature, the request that it answers, its entries, and the log's growth."""
        bundle = read_bundle(content)
        answer = read_answer(bundle.manifest, self.hub_key)
        request = read_bundle(asked)
        assert answer.req == jws.digest(request.manifest)
        assert [jws.digest(raw) for raw in bundle.entries] == [each.h for each in answer.pull]
        assert [each.id for each in answer.push] == [b64u.encode(jws.digest(raw)) for raw in request.entries]
        head = checkpoint.read(answer.checkpoint, self.federation.log_origin, self.federation.log_key).checkpoint
        if self.seen.size:
            merkle.verify_consistency(self.seen.size, self.seen.root, head.size, head.root, answer.consistency)
        assert all(each.index < head.size for each in answer.pull)
        self.seen = TreeHead(head.size, head.root)
        return Reply(answer, bundle)


def node_of(hub: FoundedHub, party: str, url: str) -> TestNode:
    """A member's node that dials `url`."""
    return TestNode(party, hub.federation, url, hub.keys.hub.public)
