"""How many entries a second the hub takes over real HTTP with two workers on SQLite, and the share of the bare work.

The bare work, in the same run and on the same disk: verify an Ed25519 signature, hash, insert the text into an indexed
table and commit durably, a bundle's worth at a time.
"""

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier, Thread

import requests

from bench.figures import Figure
from demo.federation import Federation
from demo.offices import HUB, OFFICES
from demo.processes import Server, free_port
from keys.digest import sha256
from keys.keyring import Keyring
from keys.sealing import SealingKey
from keys.signing import SigningKey
from protocol import jws
from protocol.bundle import Bundle, Pull, Request, read_bundle
from protocol.content import Note
from protocol.entry import Entry, TreeHead, new_id
from protocol.merkle import EMPTY_ROOT
from protocol.seal import SealContext, seal

_ENTRIES = 64
_BUNDLES = 16
_WORKERS = 2


@dataclass(frozen=True, slots=True)
class _Sender:
    """A member that pushes: its id, its key, and whom it writes to with which mailbox."""

    id: str
    key: SigningKey
    to: str


def measure(folder: Path) -> Iterator[Figure]:
    """Give the hub's rate and its share of the bare rate. `folder` is emptied by the caller."""
    federation = Federation(folder, OFFICES[:_WORKERS])
    federation.found_hub()
    federation.found_nodes()
    ids = list(federation.nodes)
    senders = [_sender(federation, own, other) for own, other in zip(ids, reversed(ids), strict=True)]
    bundles = {sender.id: _bundles(sender) for sender in senders}
    bare = _bare(
        folder / "bare.db", [entry for bundle in bundles[senders[0].id] for entry in bundle.entries], senders[0]
    )
    hubs = [federation.hub, _second_worker(federation)]
    try:
        for hub in hubs:
            hub.start()
        seconds = _push(hubs, [bundles[sender.id] for sender in senders])
    finally:
        for hub in hubs:
            hub.stop()
    rate = _ENTRIES * _BUNDLES * len(senders) / seconds
    what = "replies with a sealed part over HTTP, two workers; ratio: share of the bare verify, hash, insert, commit"
    yield Figure("hub_ingest_sqlite", rate, "entries/s", rate / bare, what)


def _second_worker(federation: Federation) -> Server:
    data = federation.data / HUB
    return Server("hub", data, ("--passphrase-file", federation.passphrase_file(HUB)), free_port())


def _sender(federation: Federation, own: str, other: str) -> _Sender:
    passphrase = federation.passphrase_file(own).read_text().strip()
    keyring = Keyring.load(federation.nodes[own].data / "keys" / "node.key", passphrase)
    return _Sender(own, keyring.signing, other)


def _bundles(sender: _Sender) -> list[Bundle]:
    mailbox = SealingKey.generate().public
    found = []
    for n in range(_BUNDLES):
        entries, parts = [], {}
        for k in range(_ENTRIES):
            entry_id, ref = new_id(), new_id()
            context = SealContext(sender.id, "reporter", entry_id, ref, mailbox.kid, "reply")
            part = seal(Note("Sudah kami tindak lanjuti.").encode(), mailbox, context)
            entry = Entry(
                id=entry_id,
                sender=sender.id,
                recipient=sender.to,
                seq=n * _ENTRIES + k + 1,
                inc=1,
                at=1_795_300_000,
                kind="reply",
                ref=ref,
                parts={"reply": part.name},
            )
            entries.append(entry.sign(sender.key))
            parts[part.name.id] = part.ciphertext
        hashes = tuple(entry.digest for entry in entries)
        request = Request(HUB, sender.id, 1, n + 1, hashes, Pull(0, 0, 0), 0, TreeHead(0, EMPTY_ROOT))
        found.append(Bundle(request.sign(sender.key), tuple(entry.raw for entry in entries), parts))
    return found


def _push(hubs: list[Server], queues: list[list[Bundle]]) -> float:
    """Push every queue to its own worker at once; return the seconds from the common start to the last answer."""
    begin = Barrier(len(queues) + 1)
    faults: list[str] = []

    def push(hub: Server, queue: list[bytes]) -> None:
        with requests.Session() as session:
            begin.wait()
            for raw in queue:
                answer = session.post(f"{hub.url}/sync/v1", data=raw, timeout=60)
                if answer.status_code != requests.codes.ok:
                    faults.append(f"{answer.status_code}: {answer.text[:200]}")
                    return
                faults.extend(_refused(answer.content))

    raws = [[bundle.encode() for bundle in queue] for queue in queues]
    threads = [Thread(target=push, args=pair) for pair in zip(hubs, raws, strict=True)]
    for thread in threads:
        thread.start()
    begin.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if faults:
        raise AssertionError(f"{len(faults)} entries were not taken, the first: {faults[0]}")
    return seconds


def _refused(raw: bytes) -> list[str]:
    """Return what was not taken. The hub's signature is not checked: that would measure the client."""
    token = jws.read(read_bundle(raw).manifest, jws.ANSWER, max_bytes=262_144)
    if not isinstance(token.payload, dict) or not isinstance(token.payload["push"], list):
        raise TypeError("an answer without verdicts")
    verdicts = [item for item in token.payload["push"] if isinstance(item, dict)]
    return [f"{item['state']} {item['reason']}" for item in verdicts if item["state"] != "ok"]


def _bare(path: Path, entries: list[str], sender: _Sender) -> float:
    """Return entries a second of the bare work, in bundles of the same size."""
    signed = []
    for text in entries:
        head, _, _ = text.rpartition(".")
        signed.append((jws.read(text, jws.ENTRY, max_bytes=262_144).signature, head.encode("ascii"), text))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE entry (place INTEGER PRIMARY KEY, h BLOB UNIQUE, jws TEXT)")
    public = sender.key.public
    began = time.perf_counter()
    for start in range(0, len(signed), _ENTRIES):
        connection.execute("BEGIN IMMEDIATE")
        for signature, message, text in signed[start : start + _ENTRIES]:
            public.verify(signature, message)
            connection.execute("INSERT INTO entry (h, jws) VALUES (?, ?)", (sha256(text.encode("ascii")), text))
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return len(signed) / seconds
