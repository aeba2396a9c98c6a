"""What must be so after every step, and once everything has come to rest. A check gives what it found false."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from node.cases.deadlines import WORKING_DAYS
from node.cases.lifecycle import State
from protocol.custody import Phase, Stance
from tests.soak.observer import CaseRow, Eye
from tests.soak.world import World

_GONE: Final = frozenset({Stance.ERASED, Stance.DECLINED})
_OURS: Final = frozenset({Stance.HELD, Stance.OFFERED})


@dataclass(slots=True)
class Judge:
    """Checks a world, and remembers what may only grow."""

    world: World
    #: (office, its id of the case, state, step, epoch) -> the deadline that was told.
    _due: dict[tuple[str, str, str, int, int], int] = field(default_factory=dict)
    #: (thread, how often its origin was set back) -> how many hops its pointer had.
    _hops: dict[tuple[str, int], int] = field(default_factory=dict)
    #: Threads of which two offices could act at once: an attacker's work, which the auditor must see.
    doubled: set[str] = field(default_factory=set)

    def step(self) -> list[str]:
        """Return what is false after a step."""
        self.world.observer.look()
        checks = (
            self._one_custodian,
            self._nothing_lost,
            self._erased,
            self._grants,
            self._links,
            self._tracking,
            self._deadlines,
        )
        return [found for check in checks for found in check()]

    def freed(self, thread: str) -> bool:
        """Whether more may be so of a case, with evidence: an attacker was shown it, or there are two logs."""
        return self.world.plan.liar == "forks" or thread in self.world.observer.watch.shown

    def rest(self) -> list[str]:
        """Return what is false once all faults have ended and nobody has anything left to say."""
        return [*self._all_settled(), *self._all_truthful(), *self._quiet()]

    # (1) one custodian

    def _one_custodian(self) -> Iterator[str]:
        acting: dict[str, list[str]] = {}
        for eye in self.world.observer.eyes.values():
            if eye.post.down:
                continue
            for row in eye.cases():
                if eye.may_act(row):
                    acting.setdefault(row.thread, []).append(f"{eye.post.name} (as {row.case_id})")
        for thread, who in acting.items():
            if len(who) > 1 and thread in self.world.observer.origins:
                self.doubled.add(thread)
                if not self.freed(thread):
                    yield f"one custodian: {' and '.join(who)} may act on {self._name(thread)}"

    # (2) nothing lost

    def _nothing_lost(self) -> Iterator[str]:
        observer = self.world.observer
        if self.world.hub.recovering():
            return  # what it has forgotten is with the members, and it has not asked them yet
        for filing in self.world.filings:
            if filing.excused or self.freed(filing.thread):
                continue
            custody = observer.custody(filing.thread)
            if custody.holder not in observer.eyes or self._told_lost(filing.number):
                continue
            kept = [eye.post.name for eye, row in observer.records(filing.thread) if eye.opens(row, "content")]
            before = custody.chain[-2] if len(custody.chain) > 1 else ""
            if not ({custody.holder, before} & set(kept)) and not observer.waits_at_hub(filing.thread):
                yield f"nothing lost: {filing.number} is {custody.holder}'s, and opens at {kept or 'no office'}"

    def _told_lost(self, number: str) -> bool:
        query = "SELECT 1 FROM lost_case WHERE number = ?"
        return any(eye.ask(query, number) for eye in self.world.observer.eyes.values())

    # (3) identities

    def _erased(self) -> Iterator[str]:
        for eye in self.world.observer.eyes.values():
            if eye.post.down:
                continue
            for row in eye.cases():
                yield from self._shut(eye, row)

    def _shut(self, eye: Eye, row: CaseRow) -> Iterator[str]:
        name = f"{eye.post.name}'s {row.stance} record of {row.number}"
        if row.stance in _GONE and (row.content or row.identity or eye.has_key(row.case_id, "content")):
            yield f"erased: content or keys are left in {name}"
        if row.stance in _GONE | {Stance.INVITED} and eye.has_key(row.case_id, "identity"):
            yield f"erased: an identity key is left in {name}"
        if row.identity is None or row.thread not in self.world.observer.origins:
            return
        custody = self.world.observer.custody(row.thread)
        if eye.post.name not in custody.chain and not self.freed(row.thread) and eye.opens(row, "identity"):
            yield f"identity: it opens at {eye.post.name}, which never had {row.number}"

    def _grants(self) -> Iterator[str]:
        yield from (
            f"identity: {told}" for thread, told in self.world.observer.watch.wrong_grants if not self.freed(thread)
        )

    # (4) links

    def _links(self) -> Iterator[str]:
        observer = self.world.observer
        connection = observer.watch.connection(self.world.hub.disk.generation)
        yield from observer.watch.contradictions
        query = "SELECT sender, recipient, COUNT(*), MAX(seq), COUNT(DISTINCT seq) FROM entry GROUP BY 1, 2"
        for sender, recipient, count, last, distinct in connection.execute(query):
            if not count == last == distinct:
                yield f"links: the hub has {count} entries from {sender} to {recipient}, the last at {last}"
        for name, eye in observer.eyes.items():
            rows = eye.ask(
                "SELECT peer, received, COUNT(seq), MAX(seq) FROM link JOIN inbox ON sender = peer GROUP BY peer"
            )
            for peer, received, count, last in rows:
                if not count == last == received:
                    yield f"links: {name} has {count} entries of {peer}, the last at {last}, and counts {received}"

    # (5) tracking

    def _tracking(self) -> Iterator[str]:
        observer = self.world.observer
        for name, eye in observer.eyes.items():
            for number, thread, custodian, hops in eye.ask(
                "SELECT number, return_ref, custodian, json_array_length(hops) FROM tracked"
            ):
                chain = observer.custody(thread).chain
                if not self.freed(thread) and (hops >= len(chain) or chain[hops] != custodian):
                    yield f"tracking: {name} says {custodian} has {number} after {hops} hops; the log says {chain}"
                key = thread, eye.post.restores
                if hops < self._hops.get(key, 0):
                    yield f"tracking: {name}'s pointer of {number} went back to {custodian}"
                self._hops[key] = hops

    # (6) deadlines

    def _deadlines(self) -> Iterator[str]:
        for name, eye in self.world.observer.eyes.items():
            for row in eye.cases():
                if row.stance not in _OURS or State(row.state) not in WORKING_DAYS:
                    continue
                if row.due_at is None:
                    yield f"deadlines: {row.number} is {row.state} at {name}, and no clock runs"
                    continue
                key = name, row.case_id, row.state, row.step, row.epoch
                if row.due_at > self._due.setdefault(key, row.due_at):
                    yield f"deadlines: that of {row.number} at {name} moved from {self._due[key]} to {row.due_at}"

    # (7) at rest

    def _all_settled(self) -> Iterator[str]:
        observer = self.world.observer
        for filing in self.world.filings:
            custody = observer.custody(filing.thread)
            eye = observer.eyes.get(custody.holder)
            if eye is None or filing.excused or self._told_lost(filing.number) or self.freed(filing.thread):
                continue
            rows = [row for row in eye.cases() if row.case_id == custody.ids[-1]]
            if not any(eye.may_act(row) or self._offered_to_crook(row) for row in rows):
                stances = [f"{each.post.name} {row.stance}" for each, row in observer.records(filing.thread)]
                yield f"at rest: {custody.holder} has {filing.number} and cannot act; records: {stances}"
            yield from self._opens_here_alone(filing.thread, custody.holder, filing.number)

    def _offered_to_crook(self, row: CaseRow) -> bool:
        # A member that never answers keeps a case locked until the offer is recalled.
        return row.stance is Stance.OFFERED and row.offered_to not in self.world.posts

    def _opens_here_alone(self, thread: str, holder: str, number: str) -> Iterator[str]:
        for use in ("content", "identity"):
            where = [eye.post.name for eye, row in self.world.observer.records(thread) if eye.opens(row, use)]
            if where != [holder]:
                yield f"at rest: the {use} of {number} opens at {where or 'no office'}, not at {holder} alone"

    def _all_truthful(self) -> Iterator[str]:
        observer = self.world.observer
        for filing in self.world.filings:
            holder = observer.custody(filing.thread).holder
            told = observer.eyes[filing.origin].ask("SELECT custodian FROM tracked WHERE return_ref = ?", filing.thread)
            if told and told[0][0] != holder and not self.freed(filing.thread):
                yield f"at rest: {filing.origin} says {told[0][0]} has {filing.number}; it is {holder}"

    def _quiet(self) -> Iterator[str]:
        for name, eye in self.world.observer.eyes.items():
            if eye.phase() is not Phase.ACTING:
                yield f"at rest: {name} is still {eye.phase()}"
            queued = eye.ask("SELECT kind, recipient FROM outbox WHERE state = 'queued'")
            if queued:
                yield f"at rest: {name} has {queued} to say"
            for peer, sent, confirmed in eye.ask("SELECT peer, next_seq - 1, confirmed FROM link"):
                if peer in self.world.posts and confirmed < sent and self._unconfirmed(eye, peer, confirmed):
                    yield f"at rest: {peer} has confirmed {confirmed} of {sent} entries of {name}"

    def _unconfirmed(self, eye: Eye, peer: str, confirmed: int) -> bool:
        query = "SELECT 1 FROM outbox WHERE recipient = ? AND seq > ? AND state = 'logged' AND kind != 'receipt'"
        return bool(eye.ask(query, peer, confirmed))

    def _name(self, thread: str) -> str:
        numbers = [row.number for _, row in self.world.observer.records(thread)]
        return numbers[0] if numbers else thread
