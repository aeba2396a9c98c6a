"""A dishonest member with its own keys: it answers twice, hands one case to two offices, forges chains, squats slots.

It says all this by the same line as everybody, so that its messages meet the same fates.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from node.sync.client import HubRefusedError, HubUnreachableError
from protocol.content import CaseFile, Note, read_case_file
from protocol.custody import Hop, answer_slot, offer_slot
from protocol.errors import RemoteError
from protocol.seal import SealContext, open_part
from tests.soak.world import World
from tests.support.federation import sealing
from tests.support.hub import Said
from tests.support.nodes import CROOK, Crook, said_of

_OK: Final = 200


@dataclass(frozen=True, slots=True)
class _Response:
    """What a hand-driven member looks at of an HTTP response."""

    content: bytes
    status_code: int = _OK
    text: str = ""


@dataclass(frozen=True, slots=True)
class Haul:
    """A case that was handed to the crook: what stood in its seal, the offer, and the accept if one was said."""

    file: CaseFile
    offer: Said
    accept: Said | None = None


@dataclass(slots=True)
class Member:
    """The crook's own small memory, and its ways."""

    world: World
    chance: random.Random
    node: "LineCrook" = field(init=False)
    hauls: list[Haul] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)

    def __post_init__(self) -> None:
        founded = self.world.hub.founded
        self.node = LineCrook(CROOK, founded.federation, "", founded.keys.hub.public)
        self.node.carry = lambda raw: self.world.network.post(CROOK, raw)

    def act(self) -> str:
        """Do something bad by chance; what the network or the hub does not carry is no matter."""
        ways: tuple[Callable[[], str], ...] = (
            self._listen,
            self._listen,
            self._hand_to_two,
            self._hand_to_two,
            self._hand_to_two,
            self._forge,
            self._squat,
            self._repeat,
        )
        try:
            return self.chance.choice(ways)()
        except (HubUnreachableError, HubRefusedError, RemoteError, AssertionError) as error:
            return f"the crook is not heard ({type(error).__name__})"

    def _say(self, *said: Said) -> None:
        self.said += said
        self.node.sync(*said)

    def _listen(self) -> str:
        """Pull everything, and accept what is offered; sometimes reject it as well."""
        self.node.inbox = 0
        reply = self.node.sync()
        known = {haul.offer.entry.id for haul in self.hauls}
        pulled = zip(reply.answer.pull, reply.bundle.entries, strict=True)
        for raw in [raw for each, raw in pulled if each.box == "inbox"]:
            offer = said_of(raw)
            if offer.entry.kind == "offer" and offer.entry.id not in known:
                self._answer(offer, reply.bundle.parts)
        return "the crook listens"

    def _answer(self, offer: Said, parts: Mapping[str, bytes]) -> None:
        entry, name = offer.entry, offer.entry.parts["case"]
        context = SealContext(entry.sender, CROOK, entry.id, entry.ref or "", name.kid, "case", entry.epoch)
        file = read_case_file(open_part(parts[name.id], sealing(CROOK), context))
        accept = self.node.tell("accept", entry.sender, **self._fitting(offer))
        self.hauls.append(Haul(file, offer, accept))
        self._say(accept)
        if self.chance.random() < 0.5:
            reject = self.node.tell("reject", entry.sender, {"message": Note("tidak").encode()}, **self._fitting(offer))
            self._say(reject)

    def _fitting(self, offer: Said) -> dict[str, Any]:
        asked = offer.entry
        return {"ref": asked.id, "re": asked.id, "epoch": asked.epoch, "slot": answer_slot(offer.signed.raw)}

    def _hand_to_two(self) -> str:
        """Offer one case to two offices, under two slots; by chance at an epoch that is past."""
        hauls = [haul for haul in self.hauls if haul.accept is not None]
        if not hauls:
            return self._listen()
        haul = self.chance.choice(hauls)
        assert haul.accept is not None
        hops = (*haul.file.hops, Hop(haul.offer.signed.raw, haul.accept.signed.raw))
        epoch = self.chance.choice((0, haul.offer.entry.epoch + 1, haul.offer.entry.epoch + 1))
        for to in self.chance.sample([name for name in self.world.recipients if name != CROOK], 2):
            self._offer(replace(haul.file, hops=hops, reason=""), to, epoch)
        return f"the crook hands {haul.file.number} to two, at epoch {epoch}"

    def _forge(self) -> str:
        """Offer a case that it had once, or never, as if it had it."""
        if not self.hauls:
            return self._listen()
        haul = self.chance.choice(self.hauls)
        to = self.chance.choice([name for name in self.world.recipients if name != CROOK])
        # Without a chain it is the crook's own filing; with another's chain it is nobody's.
        changes: dict[str, Any] = self.chance.choice(
            ({"origin": CROOK, "hops": ()}, {"hops": haul.file.hops}, {"hops": ()})
        )
        self._offer(replace(haul.file, **changes), to, self.chance.randrange(3))
        return f"the crook forges a chain of {haul.file.number} for {to}"

    def _offer(self, file: CaseFile, to: str, epoch: int) -> None:
        self._say(self.node.tell("offer", to, {"case": file.encode()}, epoch=epoch))

    def _squat(self) -> str:
        """Take slots that are to be others': those of answers to an offer, and of offers whose slot key is known."""
        slots = sorted(self._guesses())
        if not slots:
            return self._listen()
        to = self.chance.choice([name for name in self.world.recipients if name != CROOK])
        for slot in self.chance.sample(slots, min(2, len(slots))):
            self._say(self.node.tell("offer", to, {"case": b"{}"}, slot=slot))
        return "the crook squats slots"

    def _guesses(self) -> set[str]:
        """Return slots that it may know: with its own slot key, which is another's only in a weakened world."""
        found = {answer_slot(haul.offer.signed.raw) for haul in self.hauls}
        key = self.world.plan.shared_slot_key
        if key is not None:
            rows = [row for eye in self.world.observer.eyes.values() for row in eye.cases()]
            found |= {offer_slot(key, row.case_id, row.epoch) for row in rows}
        return found

    def _repeat(self) -> str:
        """Say again what was said before."""
        if not self.said:
            return self._listen()
        self.node.sync(self.chance.choice(self.said))
        return "the crook repeats itself"


class LineCrook(Crook):
    """The hand-driven member of the other tests, on a simulated line."""

    __test__ = False
    carry: Callable[[bytes], bytes]

    def post(self, raw: bytes) -> "_Response":  # type: ignore[override]
        return _Response(self.carry(raw))
