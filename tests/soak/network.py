"""A simulated network between offices and hubs: every call is a message, and a message may meet any fate.

Nothing waits: what is delayed is delivered at a later step of the world, to whatever the hub is by then.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from node.sync.client import HubRefusedError, HubUnreachableError, PartProgress, Sink
from tests.soak.disk import KilledError

DROP: Final = "drop"
DELAY: Final = "delay"
TWICE: Final = "duplicate"
GARBLE_REQUEST: Final = "corrupt request"
GARBLE_ANSWER: Final = "corrupt answer"
LOSE_ANSWER: Final = "lose answer"
OLD_ANSWER: Final = "old answer"
FATES: Final = (DROP, DELAY, TWICE, GARBLE_REQUEST, GARBLE_ANSWER, LOSE_ANSWER, LOSE_ANSWER, OLD_ANSWER)
_LONGEST_DELAY: Final = 8
_KEPT: Final = 4
_T = TypeVar("_T")


class HubEnd(Protocol):
    """The hub's end of a line."""

    def post(self, bundle: bytes) -> bytes:
        """Exchange a bundle."""

    def recover(self, piece: bytes) -> bytes:
        """Take what a member gives back."""

    def note(self) -> bytes:
        """Return the newest checkpoint."""

    def leaves(self, start: int, end: int) -> list[bytes]:
        """Return leaves."""

    def file(self, path: str) -> bytes:
        """Return a file of the directory."""

    def part(self, part: str, shown: str) -> bytes:
        """Return a sealed part."""


@dataclass(slots=True)
class Network:
    """All lines. `roughness` is the chance of a fate for each message; `route` says which hub an office reaches."""

    chance: random.Random
    roughness: float
    route: Mapping[str, HubEnd]
    faults: Callable[[str], None]
    killed: Callable[[KilledError], None]
    cut: set[str] = field(default_factory=set)
    _flying: list[tuple[int, str, bytes]] = field(default_factory=list)
    _kept: defaultdict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    def heal(self) -> None:
        """End every fault; what is still on its way is lost."""
        self.cut.clear()
        self._flying.clear()
        self.roughness = 0

    def deliver(self) -> None:
        """Let a step pass: what is due arrives, and nobody waits for its answer any more."""
        due = [each for each in self._flying if each[0] <= 0]
        self._flying = [(left - 1, name, raw) for left, name, raw in self._flying if left > 0]
        for _, name, raw in due:
            self._late(name, raw)

    def post(self, name: str, raw: bytes) -> bytes:
        """Carry a request, and its answer back."""
        fate = self._fate(name, FATES)
        if fate == DELAY:
            self._flying.append((self.chance.randint(1, _LONGEST_DELAY), name, raw))
        if fate in {DROP, DELAY}:
            raise HubUnreachableError(fate)
        answer = self._reach(name, lambda hub: hub.post(self._garbled(raw) if fate == GARBLE_REQUEST else raw))
        if fate == TWICE:
            self._late(name, raw)
            self._flying.append((self.chance.randint(1, _LONGEST_DELAY), name, raw))
        kept = self._kept[name]
        if fate == OLD_ANSWER and kept:
            return self.chance.choice(kept)
        kept[:] = [*kept[1 - _KEPT :], answer]
        if fate == LOSE_ANSWER:
            raise HubUnreachableError(fate)
        return self._garbled(answer) if fate == GARBLE_ANSWER else answer

    def get(self, name: str, ask: Callable[[HubEnd], _T], garble: Callable[[_T], _T]) -> _T:
        """Carry a question that changes nothing."""
        fate = self._fate(name, (DROP, GARBLE_ANSWER))
        if fate == DROP:
            raise HubUnreachableError(fate)
        answer = self._reach(name, ask)
        return garble(answer) if fate == GARBLE_ANSWER else answer

    def garbled_list(self, found: list[bytes]) -> list[bytes]:
        """Change one byte of one of these."""
        return [self._garbled(found[0]), *found[1:]] if found else found

    def garbled(self, found: bytes) -> bytes:
        """Change one byte."""
        return self._garbled(found)

    def _fate(self, name: str, fates: tuple[str, ...]) -> str | None:
        if name in self.cut:
            raise HubUnreachableError("cut off")
        if self.chance.random() >= self.roughness:
            return None
        fate = self.chance.choice(fates)
        self.faults(f"{name}: {fate}")
        return fate

    def _reach(self, name: str, ask: Callable[[HubEnd], _T]) -> _T:
        try:
            return ask(self.route[name])
        except KilledError as error:
            self.killed(error)
            raise HubUnreachableError("the hub went down") from None

    def _late(self, name: str, raw: bytes) -> None:
        try:
            self._kept[name].append(self._reach(name, lambda hub: hub.post(raw)))
        except (HubRefusedError, HubUnreachableError):
            return

    def _garbled(self, raw: bytes) -> bytes:
        at = self.chance.randrange(len(raw))
        return raw[:at] + bytes([raw[at] ^ (1 << self.chance.randrange(7))]) + raw[at + 1 :]


@dataclass(frozen=True, slots=True)
class Line:
    """One office's line: what node.sync.client.Hub asks of it."""

    name: str
    network: Network

    def post_sync(self, bundle: bytes) -> bytes:
        return self.network.post(self.name, bundle)

    def post_recovery(self, piece: bytes) -> bytes:
        return self.network.get(self.name, lambda hub: hub.recover(piece), self.network.garbled)

    def checkpoint(self) -> bytes:
        return self.network.get(self.name, lambda hub: hub.note(), self.network.garbled)

    def leaves(self, start: int, end: int) -> list[bytes]:
        return self.network.get(self.name, lambda hub: hub.leaves(start, end), self.network.garbled_list)

    def directory(self, path: str, max_bytes: int) -> bytes:
        found = self.network.get(self.name, lambda hub: hub.file(path), self.network.garbled)
        if len(found) > max_bytes:
            raise HubUnreachableError("too long")
        return found

    def get_part(self, part: str, shown: str, start: int, sink: Sink) -> None:
        del start  # what comes in bundles comes whole
        found = self.network.get(self.name, lambda hub: hub.part(part, shown), self.network.garbled)
        sink.begin(0)
        sink.write(found)

    def part_progress(self, part: str, shown: str) -> PartProgress:
        raise HubUnreachableError(f"nobody uploads here: {part}, a pass of {len(shown)} characters")

    def put_part(self, part: str, shown: str, start: int, total: int, piece: bytes) -> PartProgress:
        raise HubUnreachableError(f"nobody uploads here: {part}, {len(shown)}, {start}, {total}, {len(piece)}")
