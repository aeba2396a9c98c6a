"""What an all-knowing observer reads in a hub's log: who had each case, which offers there were, who fenced.

Entries are read from the hub's table as plain SQLite. Offers are opened with the recipients' keys, which here follow
from their names: so the observer knows of which thread each is, and believes nobody's word.
"""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from protocol.content import read_case_file
from protocol.entry import Entry, read_entry
from protocol.errors import RemoteError
from protocol.seal import SealContext, open_part
from tests.support.federation import sealing
from tests.support.nodes import CROOK

_BATCH: Final = "SELECT leaf_index, sender, recipient, jws FROM entry WHERE leaf_index >= ? ORDER BY leaf_index"


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer in the log, of which thread it is (None: nobody can open it), and whether its slot was free."""

    entry: Entry
    index: int
    thread: str | None
    counts: bool


@dataclass(slots=True)
class Custody:
    """Who had one case, by the log: (member, its own id of the case), the origin first."""

    chain: list[str]
    #: The case's id at each of them.
    ids: list[str]
    #: The leaf of the accept that made each of them custodian; -1 for the origin.
    since: list[int]

    @property
    def holder(self) -> str:
        """Who has it."""
        return self.chain[-1]


@dataclass(slots=True)
class LogWatch:
    """One hub's log, followed. `origins` maps a thread to (origin, form id) as far as filings are known."""

    file: Path
    origins: dict[str, tuple[str, str]]
    size: int = 0
    generation: int = -1
    offers: dict[str, Offered] = field(default_factory=dict)
    custody: dict[str, Custody] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    fences: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    #: Threads whose content a dishonest member was ever given.
    shown: set[str] = field(default_factory=set)
    #: Every leaf that was ever seen here.
    leaves: list[bytes] = field(default_factory=list)
    #: How many leaves offices had read when the hub was last put back: those at least must come again.
    read_by_somebody: int = 1 << 62
    contradictions: list[str] = field(default_factory=list)
    #: Grants that went to somebody who had not won the case.
    wrong_grants: list[tuple[str, str]] = field(default_factory=list)
    _connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def rewind(self) -> None:
        """Read again from the beginning: the hub is another one now."""
        self.close()
        self.size = 0
        every = (self.offers, self.custody, self.slots, self.fences, self.wrong_grants, self.leaves, self.shown)
        for known in every:
            known.clear()

    def connection(self, generation: int) -> sqlite3.Connection:
        """Return a connection to the file as it is in this generation."""
        if generation != self.generation:
            self.close()
            self.generation = generation
        if self._connection is None:
            self._connection = sqlite3.connect(self.file, isolation_level=None)
        return self._connection

    def follow(self, generation: int) -> None:
        """Read what was logged since."""
        connection = self.connection(generation)
        leaves = [row[0] for row in connection.execute("SELECT leaf FROM log_leaf ORDER BY leaf_index")]
        known = len(self.leaves)
        # A hub that was set back and has not caught up is behind; what anybody had read of it stays said.
        both = zip(leaves, self.leaves, strict=False)
        differs = next((index for index, (now, before) in enumerate(both) if now != before), None)
        if differs is not None and differs < self.read_by_somebody:
            self.contradictions.append(f"links: leaf {differs} of the hub's log is not the one that it was")
        elif differs is not None:
            self.rewind()
            self.follow(generation)
            return
        if len(leaves) <= known:
            return
        self.leaves = leaves
        for index, sender, recipient, jws in connection.execute(_BATCH, (self.size,)).fetchall():
            self._take(connection, index, sender, recipient, read_entry(jws).entry)
            self.size = index + 1

    def of(self, thread: str) -> Custody:
        """Return who had a case; at first its origin alone."""
        found = self.custody.get(thread)
        if found is None:
            origin, form_id = self.origins[thread]
            found = self.custody[thread] = Custody([origin], [form_id], [-1])
        return found

    def fenced(self, member: str, index: int) -> int:
        """Return the highest incarnation that a fence of a member before a leaf shows."""
        return max((inc for at, inc in self.fences.get(member, ()) if at < index), default=0)

    def _take(self, connection: sqlite3.Connection, index: int, sender: str, recipient: str, entry: Entry) -> None:
        if entry.kind == "fence":
            self.fences.setdefault(sender, []).append((index, entry.inc))
        alive = entry.inc >= self.fenced(sender, index)
        first = entry.slot is not None and self.slots.setdefault(entry.slot, index) == index
        if entry.kind == "offer":
            thread = self._thread_of(connection, index, entry)
            self.offers[entry.id] = Offered(entry, index, thread, first and alive)
            if thread is not None and CROOK in {sender, recipient}:
                self.shown.add(thread)
        elif entry.kind == "accept" and first and alive:
            self._accepted(index, entry)
        elif entry.kind == "grant":
            self._granted(sender, recipient, entry)

    def _thread_of(self, connection: sqlite3.Connection, index: int, entry: Entry) -> str | None:
        query = "SELECT content FROM part WHERE entry_index = ? AND purpose = 'case'"
        found = connection.execute(query, (index,)).fetchone()
        name = entry.parts["case"]
        context = SealContext(entry.sender, entry.recipient, entry.id, entry.ref or "", name.kid, "case", entry.epoch)
        try:
            return read_case_file(open_part(found[0], sealing(entry.recipient), context)).return_ref
        except (RemoteError, TypeError):
            return None

    def _accepted(self, index: int, entry: Entry) -> None:
        offer = self.offers.get(entry.re or "")
        if offer is None or not offer.counts or offer.thread not in self.origins:
            return
        custody = self.of(offer.thread)
        if custody.holder == offer.entry.sender:
            custody.chain.append(entry.sender)
            custody.ids.append(offer.entry.id)
            custody.since.append(index)

    def _granted(self, sender: str, recipient: str, entry: Entry) -> None:
        offer = self.offers.get(entry.ref or "")
        if offer is None or offer.thread not in self.origins:
            return
        custody = self.of(offer.thread)
        hops = zip(custody.chain, custody.chain[1:], custody.ids[1:], strict=False)
        if (sender, recipient, entry.ref) not in set(hops):
            self.wrong_grants.append((offer.thread, f"{sender} granted {offer.thread} to {recipient}, who lost it"))
