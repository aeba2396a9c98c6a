"""Who has a case: the words of it for programs, as node.cases.whereabouts finds them. Times are Unix seconds."""

from dataclasses import dataclass
from enum import StrEnum


class Whose(StrEnum):
    """Who has a case, and how far a hand-over of it is. The API gives these; never rename one."""

    HELD = "held"
    UNCERTAIN = "uncertain"  # the database came from a backup and is not caught up yet
    WITHHELD = "withheld"  # the log shows an offer of ours that is not here
    IDENTITY_COMING = "identity_coming"  # held; the grant is on its way
    ASKING = "asking"
    RULED = "ruled"
    OFFER_QUEUED = "offer_queued"  # held and locked; whether the hub has the offer is not known
    OFFER_LOGGED = "offer_logged"
    OFFER_CLOSED = "offer_closed"  # the recipient takes no offers; a fence makes sure of it
    OFFER_REFUSED = "offer_refused"  # the hub refused it for another reason; likewise
    OFFER_RECALLED = "offer_recalled"  # the log will tell which was first, the recall or the answer
    OFFERED_ON = "offered_on"  # another office has it, and offers it to one that it does not name
    ACCEPTED = "accepted"  # another's, proven; the identity is being handed over
    GRANTED = "granted"  # and sent; its receipt is awaited
    TAKEN = "taken"  # another's, as the origin knows; nothing is left here
    HANDED_ON = "handed_on"  # another's, as one knows who is not the origin


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Who has a case, as this node can know it by the log that it read at `heard_at` (None: never).

    `office`: the other one that `code` speaks of; `since`: from when on. `old`: the log was read so long ago that it
    may say something else by now.
    """

    code: Whose
    office: str = ""
    office_id: str = ""
    since: int | None = None
    heard_at: int | None = None
    old: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """A case that another office offers here and that is not ours yet. `step`: files | queued | logged."""

    number: str  # empty while its files are fetched: nothing of it was opened yet
    sender: str
    sender_id: str
    since: int
    step: str
