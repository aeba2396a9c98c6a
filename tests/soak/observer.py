"""The all-knowing observer: it reads every disk as plain SQLite, and judges by the log alone who has a case."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from protocol.custody import Phase, Stance, may_act, offer_slot
from tests.soak.watch import Custody, LogWatch

if TYPE_CHECKING:
    from tests.soak.parties import Post
    from tests.soak.world import World

_CASES: Final = (
    "SELECT case_id, number, return_ref, stance, epoch, state, due_at, step, content, identity, offer_id, offered_to,"
    ' grant_id, ruled_for, answer_id FROM "case" ORDER BY received_at, case_id'
)
_WHERE: Final = {
    "HELD": "stance = 'held'",
    "OFFERED": "stance = 'offered'",
    "RULED": "stance = 'held' AND ruled_for IS NOT NULL",
    "IDENTIFIED": "stance = 'held' AND identity IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One row of a node's table of cases."""

    case_id: str
    number: str
    thread: str
    stance: Stance
    epoch: int
    state: str
    due_at: int | None
    step: int
    content: bytes | None
    identity: bytes | None
    offer_id: str | None
    offered_to: str | None
    grant_id: str | None
    ruled_for: str | None
    answer_id: str | None


def _case(row: tuple[Any, ...]) -> CaseRow:
    fields: dict[str, Any] = dict(zip(CaseRow.__slots__, row, strict=True))
    return CaseRow(**{**fields, "stance": Stance(fields["stance"])})


@dataclass(slots=True)
class Eye:
    """One office's database, opened by nobody's leave."""

    post: "Post"
    generation: int = -1
    _connection: sqlite3.Connection | None = None

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401  what SQL gives
        """Return rows."""
        if self._connection is None or self.generation != self.post.disk.generation:
            self.close()
            self._connection = sqlite3.connect(self.post.disk.file, isolation_level=None)
            self.generation = self.post.disk.generation
        return self._connection.execute(query, values).fetchall()

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def cases(self) -> list[CaseRow]:
        """Return every record of a case."""
        return [_case(row) for row in self.ask(_CASES)]

    def numbers(self) -> list[str]:
        """Return the numbers of what was filed here."""
        return [number for (number,) in self.ask("SELECT number FROM tracked")]

    def phase(self) -> Phase:
        """Return how far the office is after its last start."""
        rows = self.ask("SELECT phase FROM sync_state")
        return Phase(rows[0][0]) if rows else Phase.ACTING

    def may_act(self, row: CaseRow) -> bool:
        """Whether the office may act on a case now, by the one table of the protocol."""
        slot = offer_slot(self.post.office.node.keyring.secrets["slot"], row.case_id, row.epoch)
        taken = self.ask("SELECT h FROM log_slot WHERE slot = ?", slot)
        held = bool(taken) and bool(
            self.ask("SELECT 1 FROM outbox WHERE h = ? UNION SELECT 1 FROM inbox WHERE h = ?", taken[0][0], taken[0][0])
        )
        return may_act(self.phase(), row.stance, slot_taken=bool(taken), taker_held=held)

    def opens(self, row: CaseRow, use: str) -> bool:
        """Whether content or identity of a record is there and opens with the keys of this disk."""
        blob = row.content if use == "content" else row.identity
        if blob is None or not self.has_key(row.case_id, use):
            return False
        self.post.office.node.case_keys.get(row.case_id, use).open(blob, use)
        return True

    def has_key(self, case_id: str, use: str) -> bool:
        """Whether the wrapping of a key is there."""
        return any(self.post.office.node.settings.case_keys_dir.glob(f"*/{case_id}.{use}"))


@dataclass(slots=True)
class Observer:
    """Eyes on all disks, and every hub's log followed."""

    world: "World"
    eyes: dict[str, Eye] = field(init=False)
    #: thread -> (origin, form id), of whatever was ever filed with an honest office.
    origins: dict[str, tuple[str, str]] = field(default_factory=dict)
    watches: list[LogWatch] = field(init=False)

    def __post_init__(self) -> None:
        self.eyes = {name: Eye(post) for name, post in self.world.posts.items()}
        self.watches = [LogWatch(hub.disk.file, self.origins) for hub in self.world.country.hubs]

    @property
    def watch(self) -> LogWatch:
        """The log that counts."""
        return self.watches[0]

    def look(self) -> None:
        """Take notice of what was filed and logged since."""
        for name, eye in self.eyes.items():
            for thread, form_id in eye.ask("SELECT return_ref, form_id FROM tracked"):
                self.origins.setdefault(thread, (name, form_id))
        for hub, watch in zip(self.world.country.hubs, self.watches, strict=True):
            watch.follow(hub.disk.generation)

    def close(self) -> None:
        """Let go of every file."""
        for eye in self.eyes.values():
            eye.close()
        for watch in self.watches:
            watch.close()

    def cases(self, post: "Post", what: str) -> list[str]:
        """Return the numbers of an office's cases for which something is so, in a fixed order."""
        query = f'SELECT number FROM "case" WHERE {_WHERE[what]} ORDER BY number'  # noqa: S608  a constant
        return [number for (number,) in self.eyes[post.name].ask(query)]

    def thread_of(self, post: "Post", number: str) -> str:
        """Return the thread of a complaint that was filed at an office."""
        return str(self.eyes[post.name].ask("SELECT return_ref FROM tracked WHERE number = ?", number)[0][0])

    def busy(self, post: "Post") -> bool:
        """Whether an office has something to say, something to hear, or is not through with its start."""
        eye = self.eyes[post.name]
        if eye.phase() is not Phase.ACTING or eye.ask("SELECT 1 FROM outbox WHERE state = 'queued'"):
            return True
        state = eye.ask("SELECT inbox_pos FROM sync_state")
        connection = self.watch.connection(self.world.hub.disk.generation)
        if self.world.hub.recovering():
            return True
        held = connection.execute("SELECT inbox FROM box_head WHERE party = ?", (post.name,)).fetchone()
        return held is not None and held[0] > (state[0][0] if state else 0)

    def custody(self, thread: str) -> Custody:
        """Return who had a case, by the log that counts."""
        return self.watch.of(thread)

    def records(self, thread: str) -> Iterator[tuple[Eye, CaseRow]]:
        """Give every office's records of a thread."""
        for eye in self.eyes.values():
            for row in eye.cases():
                if row.thread == thread:
                    yield eye, row

    def waits_at_hub(self, thread: str) -> bool:
        """Whether the holder, by the log, has yet to read the offer that brought the case, and the hub still has it."""
        custody = self.custody(thread)
        eye = self.eyes.get(custody.holder)
        if eye is None or len(custody.chain) == 1:
            return False
        connection = self.watch.connection(self.world.hub.disk.generation)
        query = (
            "SELECT inbox_pos FROM entry JOIN part ON part.entry_index = entry.leaf_index"
            " WHERE entry.id = ? AND purpose = 'case'"
        )
        found = connection.execute(query, (custody.ids[-1],)).fetchone()
        rows = eye.ask("SELECT inbox_pos FROM sync_state")
        return found is not None and (not rows or rows[0][0] < found[0])
