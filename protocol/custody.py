"""Custody: who has the case, as one table, and what proves each step (docs/protocol.md section 8).

Per case there is one token (epoch, holder). Whoever offers locks; whoever answers first in the log decides; nobody acts
before having read that leaf. A party that starts, or that was set back, says nothing before it has read what it said
before, and has fenced it off. Node, hub, model and simulator take their steps from the tables here.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from keys import b64u
from keys.digest import sha256
from protocol.directory import DirectoryHistory
from protocol.entry import Entry, SignedEntry, TreeHead, read_entry
from protocol.errors import LocalError, RemoteError
from protocol.kinds import ANSWERS
from protocol.party import ID_BYTES

_OFFER_LABEL: Final = b"simpul/offer/v1\0"
_ANSWER_LABEL: Final = b"simpul/answer/v1\0"
_SLOT_BYTES: Final = 16
MAX_HOPS: Final = 24


class Stance(StrEnum):
    """How one node stands to one case."""

    HELD = "held"  # custodian, free to act
    OFFERED = "offered"  # custodian, locked by its own open offer
    PASSED = "passed"  # another's accept has won; the grant is due or on its way
    ERASED = "erased"  # the grant was received: the keys of the copy are destroyed, a stub is left
    INVITED = "invited"  # an offer is here and our answer is queued; custody is not ours
    DECLINED = "declined"  # never became ours


class Step(StrEnum):
    """What may happen to a case at one node. `…_won` means: read as the first leaf with its slot."""

    OFFER = "offer"
    ACCEPT_WON = "accept_won"
    REJECT_WON = "reject_won"
    RECALL_WON = "recall_won"
    OFFER_LOST = "offer_lost"  # the slot of the next offer was won by another's entry, and that entry is held
    OFFER_CLOSED = "offer_closed"  # refused: a late copy may still be logged, so the lock stays
    OFFER_FENCED = "offer_fenced"  # refused, and behind a fence since: no copy of it can ever be logged
    OFFER_FOUND = "offer_found"  # an offer of ours that this disk had forgotten came back from the hub
    GRANT_RECEIVED = "grant_received"


#: (stance, step) -> (next stance, rise of the epoch). One table for both sides; what is not here may not be.
TRANSITIONS: Final[dict[tuple[Stance, Step], tuple[Stance, int]]] = {
    (Stance.HELD, Step.OFFER): (Stance.OFFERED, 0),
    (Stance.HELD, Step.OFFER_FOUND): (Stance.OFFERED, 0),
    (Stance.HELD, Step.OFFER_LOST): (Stance.HELD, 1),
    # Another of ours has won the slot that this one waits for: it is the one that locks.
    (Stance.OFFERED, Step.OFFER_FOUND): (Stance.OFFERED, 0),
    (Stance.OFFERED, Step.ACCEPT_WON): (Stance.PASSED, 1),
    (Stance.OFFERED, Step.REJECT_WON): (Stance.HELD, 1),
    (Stance.OFFERED, Step.RECALL_WON): (Stance.HELD, 1),
    (Stance.OFFERED, Step.OFFER_LOST): (Stance.HELD, 1),
    (Stance.OFFERED, Step.OFFER_CLOSED): (Stance.OFFERED, 0),
    (Stance.OFFERED, Step.OFFER_FENCED): (Stance.HELD, 0),
    (Stance.PASSED, Step.GRANT_RECEIVED): (Stance.ERASED, 0),
    (Stance.INVITED, Step.ACCEPT_WON): (Stance.HELD, 1),
    (Stance.INVITED, Step.REJECT_WON): (Stance.DECLINED, 1),
    (Stance.INVITED, Step.RECALL_WON): (Stance.DECLINED, 1),
}

#: Only these stances may act on the case (answer, close, open the identity, offer).
ACTING: Final = frozenset({Stance.HELD})


class Phase(StrEnum):
    """How far a party is after a start: what it may say."""

    READING = "reading"  # both boxes and the log are read on from what this disk knows; nothing is said
    FENCING = "fencing"  # a new incarnation was taken; its fence is said, and nothing else
    ACTING = "acting"


class Event(StrEnum):
    """What moves a party from phase to phase."""

    START = "start"  # a process began, or this disk learned that it had been set back
    BOXES_READ = "boxes_read"  # both boxes to their ends, and the log to a checkpoint that covers them
    FENCE_REFUSED = "fence_refused"  # the hub knows an incarnation that is as high
    FENCE_READ = "fence_read"  # boxes and leaves were read up to the own fence; the outbox was made afresh
    OFFER_REFUSED = "offer_refused"  # an offer will not be logged: a fence must make sure of it


#: (phase, event) -> next phase; an event that is not here changes nothing.
PHASES: Final[dict[tuple[Phase, Event], Phase]] = {
    (Phase.ACTING, Event.START): Phase.READING,
    (Phase.FENCING, Event.START): Phase.READING,
    (Phase.READING, Event.BOXES_READ): Phase.FENCING,
    (Phase.FENCING, Event.FENCE_REFUSED): Phase.READING,
    (Phase.FENCING, Event.FENCE_READ): Phase.ACTING,
    (Phase.ACTING, Event.OFFER_REFUSED): Phase.READING,
}


def moved(phase: Phase, event: Event) -> Phase:
    """Return the phase after `event`."""
    return PHASES.get((phase, event), phase)


def next_incarnation(known: int, fenced: int) -> int:
    """Return an incarnation above every one that the hub knows (`known`) and that a fence of ours shows (`fenced`)."""
    return max(known, fenced) + 1


def may_act(phase: Phase, stance: Stance, *, slot_taken: bool, taker_held: bool) -> bool:
    """Whether a party may act on a case now.

    `slot_taken`: a leaf with the slot of its next offer was read; `taker_held`: and the entry of that leaf is here. A
    holder whose own slot stands in the leaves may have offered the case already: until it holds the entry it waits.
    """
    return phase is Phase.ACTING and stance in ACTING and (taker_held or not slot_taken)


@dataclass(frozen=True, slots=True)
class Token:
    """Custody of one case at one node: its stance and epoch."""

    stance: Stance
    epoch: int

    def take(self, step: Step) -> "Token":
        """Return the token after `step`; raise LocalError for a step that the table does not have."""
        found = TRANSITIONS.get((self.stance, step))
        if found is None:
            raise LocalError(f"custody {self.stance} has no step {step}")
        stance, rise = found
        return Token(stance, self.epoch + rise)


def answer_step(kind: str) -> Step:
    """Return the step that a won answer of this kind is."""
    return {"accept": Step.ACCEPT_WON, "reject": Step.REJECT_WON, "recall": Step.RECALL_WON}[kind]


def offer_slot(slot_key: bytes, case_id: str, epoch: int) -> str:
    """Return the offer's slot, b64u of 16 bytes: HMAC-SHA256(own slot key, label ‖ 00 ‖ case id ‖ u32be(epoch))[:16].

    `slot_key` is the own 32 bytes, never sent, so that nobody else can name the slot beforehand; `case_id` is the id
    of the offer that brought the case here, or the form id at the origin.
    """
    message = _OFFER_LABEL + b64u.decode(case_id, size=ID_BYTES) + epoch.to_bytes(4, "big")
    return b64u.encode(hmac.digest(slot_key, message, "sha256")[:_SLOT_BYTES])


def answer_slot(offer_raw: str) -> str:
    """Return the slot that every answer to this offer shares: H(label ‖ 00 ‖ offer JWS)[:16] as b64u."""
    return b64u.encode(sha256(_ANSWER_LABEL, offer_raw.encode("ascii"))[:_SLOT_BYTES])


def check_answer(offer: SignedEntry, answer: Entry) -> None:
    """Raise RemoteError unless `answer` fits `offer`: slot, parties, direction, epoch and, under a ruling, kind."""
    asked = offer.entry
    if answer.kind not in ANSWERS or asked.kind != "offer" or answer.re != asked.id:
        raise RemoteError("answer", "not an answer to this offer")
    forth = answer.kind == "recall"
    parties = (asked.sender, asked.recipient) if forth else (asked.recipient, asked.sender)
    if (answer.sender, answer.recipient) != parties:
        raise RemoteError("answer", "an accept or reject goes back to the offer's sender, a recall to its recipient")
    if answer.epoch != asked.epoch:
        raise RemoteError("answer", "the epoch is not that of the offer", epoch=asked.epoch)
    if answer.slot != answer_slot(offer.raw):
        raise RemoteError("slot", "the slot is not the one of answers to this offer")
    if answer.kind == "reject" and asked.re is not None:
        raise RemoteError("binding", "an offer under a ruling cannot be rejected")


class FencedLogView(Protocol):
    """The fences of a log, as far as a reader has read it."""

    def fence_before(self, party: str, index: int) -> int:
        """Return the highest incarnation that a fence of `party` before the leaf at `index` shows; 0 without one."""


def check_incarnation(entry: Entry, index: int, log: FencedLogView) -> None:
    """Raise RemoteError("incarnation") for an entry behind a fence of its sender: it counts for nobody."""
    fenced = log.fence_before(entry.sender, index)
    if entry.inc < fenced or (entry.kind == "fence" and entry.inc == fenced):
        raise RemoteError("incarnation", "a fence of its sender stands before it in the log", inc=fenced)


class LogView(Protocol):
    """A log as one reader has read it, every leaf, up to `size`."""

    @property
    def size(self) -> int:
        """How many leaves were read."""

    def first_with_slot(self, slot: str) -> tuple[int, bytes] | None:
        """Return (index, h) of the first leaf with this slot, or None."""

    def root_at(self, size: int) -> bytes:
        """Return the root of the first `size` leaves; size <= self.size."""


class CustodyView(LogView, FencedLogView, Protocol):
    """All that custody is decided by."""


def won_at(signed: SignedEntry, log: LogView) -> int | None:
    """Return the index of the first leaf with the entry's slot if that leaf is this entry's.

    None: no such leaf was read yet, which proves nothing about the peer. Raises RemoteError("won") if another's leaf
    stands there.
    """
    if signed.entry.slot is None:
        raise LocalError("only entries with a slot win one")
    first = log.first_with_slot(signed.entry.slot)
    if first is None:
        return None
    index, h = first
    if h != signed.digest:
        raise RemoteError("won", "another leaf with this slot stands earlier in the log", index=index)
    return index


def check_seen(entry: Entry, log: LogView) -> None:
    """Raise RemoteError("seen") if the log that the maker had read is not the one that this reader has read."""
    if entry.seen is None:
        raise LocalError("only custody entries say what their maker had read")
    check_head(entry.seen, log)


def check_head(seen: TreeHead, log: LogView) -> None:
    """Raise RemoteError("seen") if the tree that somebody had read is none that this reader's log was."""
    if seen.size > log.size:
        raise RemoteError("seen", "the maker had read more than this reader has", size=log.size)
    if log.root_at(seen.size) != seen.root:
        raise RemoteError("seen", "the maker had read another log", size=seen.size)


@dataclass(frozen=True, slots=True)
class Hop:
    """One proven hand-over: the offer and its winning accept, as received. Wire form: `{"accept":JWS,"offer":JWS}`."""

    offer: str
    accept: str


@dataclass(frozen=True, slots=True)
class ProvenHop:
    """A hop whose signatures, slots and leaves were checked."""

    offer: SignedEntry
    accept: SignedEntry
    offer_index: int
    accept_index: int


def prove_hop(hop: Hop, log: CustodyView, history: DirectoryHistory) -> ProvenHop:
    """Return the hop with both entries verified as first leaves with their slots; raise RemoteError otherwise."""
    offer, offer_index = _proven(hop.offer, log, history)
    accept, accept_index = _proven(hop.accept, log, history)
    check_answer(offer, accept.entry)
    if accept.entry.kind != "accept" or accept_index <= offer_index:
        raise RemoteError("chain", "a hop is an offer and, later in the log, its accept")
    return ProvenHop(offer, accept, offer_index, accept_index)


def prove_chain(
    hops: Sequence[Hop], origin: str, log: CustodyView, history: DirectoryHistory, *, holder: str
) -> list[ProvenHop]:
    """Return every hop proven, from `origin` to `holder`; raise RemoteError("chain") where one does not follow."""
    if len(hops) > MAX_HOPS:
        raise RemoteError("chain", "more hops than a case may have", max_hops=MAX_HOPS)
    proven: list[ProvenHop] = []
    at, epoch, index = origin, 0, -1
    for hop in hops:
        step = prove_hop(hop, log, history)
        asked = step.offer.entry
        if asked.sender != at or asked.epoch < epoch or step.offer_index <= index:
            raise RemoteError("chain", "a hop does not follow the one before it")
        at, epoch, index = asked.recipient, asked.epoch + 1, step.accept_index
        proven.append(step)
    if at != holder:
        raise RemoteError("chain", "the chain does not end at the one who claims the case")
    return proven


def _proven(raw: str, log: CustodyView, history: DirectoryHistory) -> tuple[SignedEntry, int]:
    unverified = read_entry(raw)
    slot = unverified.entry.slot
    first = None if slot is None else log.first_with_slot(slot)
    if first is None:
        raise RemoteError("chain", "an entry of the chain is in no leaf that this reader has read")
    signed = unverified.verify(history.signing_key(unverified.entry.sender, unverified.kid, first[0]))
    if first[1] != signed.digest:
        raise RemoteError("won", "an entry of the chain lost its slot to another", index=first[0])
    check_incarnation(signed.entry, first[0], log)
    return signed, first[0]
