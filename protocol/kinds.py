"""The kinds of entries as one table (docs/protocol.md section 4): what each must carry, and from whom to whom."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Thread(StrEnum):
    """What `ref` refers to."""

    OWN = "own"  # the entry's own id opens the thread
    OFFER = "offer"  # the offer's id
    RETURN = "return"  # the return reference that the origin made at filing
    ASK = "ask"  # the ask's id
    CONSULT = "consult"  # the consult's id
    NONE = "none"  # null


class Way(StrEnum):
    """From whom to whom, as far as the hub can judge it."""

    MEMBERS = "members"  # from one member to another
    TO_TRIAGE = "to-triage"
    FROM_TRIAGE = "from-triage"
    TO_HUB = "to-hub"
    FROM_HUB = "from-hub"


@dataclass(frozen=True, slots=True)
class KindRule:
    """One row: the members beyond the common ones that an entry of this kind has, no more and no fewer."""

    thread: Thread
    way: Way = Way.MEMBERS
    #: `epoch`, `seen` and `re` stand on custody kinds. `re` is the offer that is answered; on a grant the accept that
    #: it follows; on an offer the ruling that it obeys, or null.
    custody: bool = False
    #: `slot`: what may be won only once.
    slot: bool = False
    parts: frozenset[str] = frozenset()
    optional_parts: frozenset[str] = frozenset()
    #: `files`: whether attachments may be named. The member stands there only where there is at least one.
    files: bool = False
    #: `body`: clear content. Only where the hub must read it, or where there is nothing to hide from it.
    body: bool = False


KINDS: Final[dict[str, KindRule]] = {
    "offer": KindRule(Thread.OWN, custody=True, slot=True, parts=frozenset({"case"}), files=True),
    "accept": KindRule(Thread.OFFER, custody=True, slot=True),
    "reject": KindRule(Thread.OFFER, custody=True, slot=True, parts=frozenset({"message"})),
    "recall": KindRule(Thread.OFFER, custody=True, slot=True),
    "grant": KindRule(Thread.OFFER, custody=True, parts=frozenset({"identity"})),
    "message": KindRule(Thread.RETURN, parts=frozenset({"message"}), optional_parts=frozenset({"file"}), files=True),
    "reply": KindRule(Thread.RETURN, parts=frozenset({"reply"}), optional_parts=frozenset({"file"}), files=True),
    "progress": KindRule(Thread.RETURN, parts=frozenset({"message"}), optional_parts=frozenset({"reply"})),
    "refer": KindRule(Thread.RETURN, parts=frozenset({"case"}), optional_parts=frozenset({"identity"}), files=True),
    "ask": KindRule(Thread.OWN, Way.TO_TRIAGE, parts=frozenset({"case"}), files=True),
    "ruling": KindRule(Thread.ASK, Way.FROM_TRIAGE, parts=frozenset({"message"}), body=True),
    "consult": KindRule(Thread.OWN, parts=frozenset({"case"})),
    "opinion": KindRule(Thread.CONSULT, parts=frozenset({"message"})),
    "receipt": KindRule(Thread.NONE, body=True),
    "fence": KindRule(Thread.NONE, Way.TO_HUB),
    "publish": KindRule(Thread.NONE, Way.TO_HUB, body=True),
    "stats": KindRule(Thread.NONE, Way.TO_HUB, body=True),
    "plan": KindRule(Thread.NONE, Way.TO_HUB, body=True),
    "notice": KindRule(Thread.NONE, Way.FROM_HUB, body=True),
}

#: The three that may answer an offer; they share one slot.
ANSWERS: Final = frozenset({"accept", "reject", "recall"})
