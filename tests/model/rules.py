"""The rules that the model can do without, and the faults that a setting allows."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rules:
    """Every rule is kept unless a search is told to leave it out; docs/model.md says what then happens."""

    lock: bool = True  # a queued offer locks the case
    order: bool = True  # the hub refuses a second leaf with a slot
    leaves: bool = True  # a party reads every leaf, and only the first with a slot counts
    fence: bool = True  # a start takes a new incarnation and fences off the older ones
    sent: bool = True  # a party that was set back reads again what it said
    slotkey: bool = True  # every holder has a slot key of its own, which it never sends
    past: bool = True  # an own offer of an epoch that is past, found late, changes nothing
    ownslot: bool = True  # whoever sees its own slot in the leaves waits until it holds that entry
    resume: bool = True  # after a start a party acts only when it has read up to its own fence
    incarnation: bool = True  # a new incarnation is above every one that the log shows, not only the backup's
    afresh: bool = True  # what waited in the outbox is signed again under the new incarnation
    closed: bool = True  # a refused offer keeps its lock until a fence stands
    reserve: bool = True  # the hub keeps the answer slot of a logged offer for answers to it
    chain: bool = True  # a recipient proves every hop of a case, back to its origin
    readers: bool = True  # readers too ignore what stands behind a fence
    hops: bool = True  # and so they do in the chain of a case
    seen: bool = True  # a reader refuses an entry whose maker had read another log


SHIPPED: Final = Rules()


@dataclass(frozen=True, slots=True)
class Faults:
    """What may go wrong, beside loss, delay, repetition and any order, which every setting has.

    Parties are numbered: 0 is A, the origin, which holds the case at first; then B and C.
    """

    leaves: int = 5  # leaves of a log, at most
    restored: tuple[int, ...] = ()  # parties of which a backup is taken, at any time, and put back
    restores: int = 0  # restores in all
    crashes: int = 0
    evil: bool = False  # C is a dishonest member: it forks and recalls what it holds
    squats: int = 0  # how many slots C takes that are not its own
    courier: bool = False  # C sees what others have queued
    forge: bool = False  # C offers what was only offered to it
    suspends: bool = False  # the hub closes C to offers, and may open it again
    grants: bool = False  # identities are passed on, and copies destroyed after the receipt
    dishonest: bool = False  # the hub ignores its own rules
    withholds: int = 0  # how many entries at a time it keeps from each party, though it shows their leaves
    lies: bool = False  # it says "closed" of any offer
    split: bool = False  # it shows A one log, and B and C another

    def __post_init__(self) -> None:
        """Refuse what would silently not be searched."""
        if bool(self.restored) != bool(self.restores):
            raise ValueError("restores need parties to restore, and these need restores")
        if (self.squats or self.courier or self.forge) and not self.evil:
            raise ValueError("only a dishonest C squats and forges")
        if (self.withholds or self.lies or self.split) and not self.dishonest:
            raise ValueError("only a dishonest hub withholds, lies and shows two logs")
