"""How many complaints a second a node takes by its API from sixteen clients at once, without one error.

The bare work, in the same run and on the same disk, one after the other: the three seals of a filing, opening two of
them, two durable wrappings and one durable insert.
"""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import requests

from bench.figures import Figure
from demo.federation import Federation
from demo.offices import OFFICES
from keys.sealing import SealingKey
from keys.wrapping import CaseKeyStore
from protocol.entry import new_id
from protocol.seal import SealContext, open_part, seal

_CLIENTS = 16
_EACH = 40
_BARE = 60
_TEXT = "Jalan di depan sekolah berlubang sejak bulan lalu, dua anak sudah jatuh. Mohon segera diperbaiki. " * 4


def measure(folder: Path) -> Iterator[Figure]:
    """Give the filing rate and its ratio to the bare rate."""
    federation = Federation(folder, OFFICES[:1])
    federation.found_hub()
    federation.found_nodes()
    node = next(iter(federation.nodes.values()))
    bare = _bare(folder / "bare")
    federation.start()
    try:
        seconds, faults = _file(f"{node.url}/api/v1/cases")
    finally:
        federation.stop()
    if faults:
        raise AssertionError(f"{len(faults)} filings failed, the first: {faults[0]}")
    rate = _CLIENTS * _EACH / seconds
    what = f"POST /api/v1/cases, {_CLIENTS} clients at once, no error; ratio: to the bare seals, fsyncs and commit"
    yield Figure("filing_rate", rate, "filings/s", rate / bare, what)


def _file(url: str) -> tuple[float, list[str]]:
    begin = Barrier(_CLIENTS + 1)
    faults: list[str] = []
    seen: set[str] = set()

    def client(n: int) -> None:
        with requests.Session() as session:
            begin.wait()
            for k in range(_EACH):
                body = {
                    "class": "complaint",
                    "topic": "",
                    "region": "",
                    "text": f"{_TEXT} {n}-{k}",
                    "secrecy": "anonymous",
                    "identity": {"name": "Warga", "phone": "081234567890", "email": "", "nik": ""},
                }
                answer = session.post(url, json=body, timeout=60)
                if answer.status_code != requests.codes.created:
                    faults.append(f"{answer.status_code}: {answer.text[:200]}")
                else:
                    seen.add(answer.json()["number"])

    threads = [Thread(target=client, args=(n,)) for n in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    begin.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if not faults and len(seen) != _CLIENTS * _EACH:
        faults.append("two filings got one number")
    return seconds, faults


def _bare(folder: Path) -> float:
    folder.mkdir()
    key, identity, mailbox = (SealingKey.generate() for _ in range(3))
    store = CaseKeyStore(folder / "keys", {"content": bytes(32), "identity": bytes(32)})
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE filing (id TEXT PRIMARY KEY, content BLOB, identity BLOB, own BLOB)")
    began = time.perf_counter()
    for _ in range(_BARE):
        form = new_id()
        contexts = [SealContext("reporter", "jabar", form, form, each.public.kid, "case") for each in (key, identity)]
        own = seal(
            _TEXT.encode(), mailbox.public, SealContext("reporter", "reporter", form, form, mailbox.public.kid, "file")
        )
        sealed = [
            seal(_TEXT.encode(), each.public, context).ciphertext
            for each, context in zip((key, identity), contexts, strict=True)
        ]
        opened = [
            open_part(part, each, context)
            for part, each, context in zip(sealed, (key, identity), contexts, strict=True)
        ]
        kept = [
            store.create(form, use).seal(text, "bare")
            for use, text in zip(("content", "identity"), opened, strict=True)
        ]
        connection.execute("INSERT INTO filing VALUES (?, ?, ?, ?)", (form, *kept, own.ciphertext))
    seconds = time.perf_counter() - began
    connection.close()
    return _BARE / seconds
