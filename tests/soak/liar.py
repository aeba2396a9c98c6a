"""A hub that lies. It has the hub's and the log's keys, and does with them what it likes.

`hoards`    keeps requests back and logs them later, past counters and fences
`withholds` hands out less than it has, of what is addressed to a node or was sent by it
`closes`    says that a recipient is closed, of offers that it has logged
`doubles`   logs a second leaf with a slot that is taken
`forks`     goes on with two logs, and shows one to some and the other to others

All but the last leave one log for everybody: then there is one custodian still, whatever is said.
"""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from unittest.mock import patch

import hub.sync.exchange
import hub.sync.judge
from keys import b64u
from node.sync.client import HubRefusedError, HubUnreachableError
from protocol import jws
from protocol.bundle import Answer, Bundle, read_answer, read_bundle
from protocol.entry import read_entry
from tests.soak.parties import HubParty

KINDS: Final = ("hoards", "withholds", "closes", "doubles", "forks")
_OFTEN: Final = 0.4


@dataclass(slots=True)
class Liar:
    """A hub's process in the hands of somebody who lies in one way."""

    party: HubParty
    kind: str
    chance: random.Random
    _hoard: list[bytes] = field(default_factory=list)

    def post(self, bundle: bytes) -> bytes:
        """Answer, or not, and not always with the truth."""
        if self.kind == "hoards" and self.chance.random() < _OFTEN:
            self._hoard.append(bundle)
            raise HubUnreachableError("nothing came back")
        with _free_slots() if self.kind == "doubles" else ExitStack():
            answer = self.party.post(bundle)
        if self.kind in {"withholds", "closes"} and self.chance.random() < _OFTEN:
            return self._told_otherwise(bundle, answer)
        return answer

    def log_late(self) -> str | None:
        """Log something of the hoard, past every rule that would refuse it for its age."""
        if not self._hoard or self.party.down:
            return None
        bundle = self._hoard.pop(self.chance.randrange(len(self._hoard)))
        with _no_memory():
            try:
                self.party.post(bundle)
            except HubRefusedError:
                return "the hub cannot log what it kept back"
        return "the hub logs what it kept back"

    def recover(self, piece: bytes) -> bytes:
        """Take what a member gives back."""
        return self.party.recover(piece)

    def note(self) -> bytes:
        """Return the newest checkpoint."""
        return self.party.note()

    def leaves(self, start: int, end: int) -> list[bytes]:
        """Return leaves; that these are another's would show at once."""
        return self.party.leaves(start, end)

    def file(self, path: str) -> bytes:
        """Return a file of the directory."""
        return self.party.file(path)

    def part(self, part: str, shown: str) -> bytes:
        """Return a sealed part, which its name proves."""
        return self.party.part(part, shown)

    def _told_otherwise(self, asked: bytes, told: bytes) -> bytes:
        key, bundle = self.party.founded.keys.hub, read_bundle(told)
        answer = read_answer(bundle.manifest, key.public)
        if self.kind == "closes":
            answer = self._closed(asked, answer)
        pull = list(zip(answer.pull, bundle.entries, strict=True))
        hidden = self.chance.choice(("inbox", "sent", "both"))
        # What is missing in the middle of a box is seen at once; what comes after everything else is not.
        upto = {box: self.chance.randrange(4) if hidden in {box, "both"} else len(pull) for box in ("inbox", "sent")}
        kept = []
        for pulled, raw in pull:
            if upto.get(pulled.box, 1) > 0:
                kept.append((pulled, raw))
                upto[pulled.box] = upto.get(pulled.box, 1) - 1
        answer = replace(answer, pull=tuple(pulled for pulled, _ in kept), more=False)
        return Bundle(answer.sign(key), tuple(raw for _, raw in kept), bundle.parts).encode()

    def _closed(self, asked: bytes, answer: Answer) -> Answer:
        offers = {jws.digest(raw) for raw in read_bundle(asked).entries if read_entry(raw).entry.kind == "offer"}
        names = {b64u.encode(h) for h in offers}
        push = tuple(
            replace(verdict, state="closed", index=None, pos=None, reason="closed") if verdict.id in names else verdict
            for verdict in answer.push
        )
        return replace(answer, push=push)


@contextmanager
def _free_slots() -> Iterator[None]:
    """Let a hub log what its own rules refuse: a second leaf with a slot."""
    with patch.object(hub.sync.judge, "_check_free", lambda _entry, _ledger: None):
        yield


@contextmanager
def _no_memory() -> Iterator[None]:
    """Let a hub forget counters and fences while it logs what is old."""
    with ExitStack() as stack:
        for name, stand_in in (("check_counter", lambda *_a, **_k: True), ("count", lambda *_a: None)):
            stack.enter_context(patch.object(hub.sync.exchange, name, stand_in))
        stack.enter_context(patch("hub.sync.judge.check_incarnation", lambda *_a: None))
        yield


def allow_doubles(file: Path) -> None:
    """Change a hub's database so that a slot may stand on two leaves, as a liar would."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        (found,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'log_leaf'").fetchone()
        made = "\n".join(line for line in found.splitlines() if "UNIQUE" not in line).replace("log_leaf", "freed", 1)
        made = made.rstrip().removesuffix(")").rstrip().rstrip(",") + ")"
        for statement in (
            "PRAGMA foreign_keys=OFF",
            "PRAGMA legacy_alter_table=ON",
            made,
            "INSERT INTO freed SELECT * FROM log_leaf",
            "DROP TABLE log_leaf",
            "ALTER TABLE freed RENAME TO log_leaf",
        ):
            connection.execute(statement)
