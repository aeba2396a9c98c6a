"""The rules of the protocol by name, and the errors that name them.

A rule is what a problem document (RFC 9457) names when a peer broke it. One table gives each its section
of docs/protocol.md and its HTTP status; hub and node translate nothing by hand.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name on the wire, the section that states it, the status when a whole request breaks it."""

    name: str
    section: str
    status: int
    title: str


class ProtocolError(Exception):
    """Base of every error of this package."""


class LocalError(ProtocolError):
    """Our own bug: we were about to make something that the protocol forbids."""


class RemoteError(ProtocolError):
    """What came from outside breaks a rule. `rule` names it; `detail` never quotes sealed or personal content."""

    def __init__(self, rule: str, detail: str, **expected: object) -> None:
        self.rule: Final = RULES[rule]
        self.detail: Final = detail
        #: What would have been right, for the problem document; wire values only.
        self.expected: Final = expected
        super().__init__(f"{rule}: {detail}")


def _table(*rows: tuple[str, str, int, str]) -> dict[str, Rule]:
    return {name: Rule(name, section, status, title) for name, section, status, title in rows}


RULES: Final[dict[str, Rule]] = _table(
    # name                  section  status  title
    ("canonical", "1", 400, "Not the canonical JSON of its value"),
    ("base64url", "1", 400, "Not the one base64url form of its bytes"),
    ("jws-form", "1", 400, "Not a compact JWS of the profile"),
    ("jws-type", "1", 400, "A JWS of another type than expected here"),
    ("members", "4", 400, "Members missing, unknown or of a wrong type"),
    ("too-large", "5", 413, "Larger than the limit"),
    ("unknown-key", "2", 401, "No key in force has this kid"),
    ("signature", "1", 403, "The signature does not verify"),
    ("party", "1", 403, "The key belongs to another party than the one named"),
    ("addressed", "1", 422, "Addressed to somebody else"),
    ("counter", "5", 409, "The request counter is not above the last one"),
    ("incarnation", "8", 409, "The incarnation is not the one in force"),
    ("recovering", "5", 503, "The hub was set back and logs nothing until it has back what it signed"),
    ("manifest", "5", 422, "The manifest does not match what came with it"),
    ("kind", "4", 422, "This kind may not go from here to there"),
    ("thread", "4", 422, "The thread reference does not fit the kind"),
    ("seq", "4", 422, "Not the next position on its link"),
    ("id-reused", "4", 422, "The id stands already on another entry"),
    ("part-missing", "3", 422, "A named part did not come"),
    ("part-id", "3", 422, "The part is not the one that was named"),
    ("part-form", "3", 422, "A part of a length or purpose that the kind does not allow"),
    ("part-key", "3", 422, "Sealed to a key that is not in force for the recipient"),
    ("pass", "3", 401, "No pass for this part, this method and this time"),
    ("piece", "3", 409, "Not the next bytes of the part"),
    ("seal", "3", 422, "The seal does not open under its context"),
    ("slot", "8", 422, "The slot does not fit the offer"),
    ("slot-taken", "8", 422, "Another leaf holds the slot"),
    ("answer", "8", 422, "The answer does not fit the offer"),
    ("binding", "8", 422, "A ruling binds this offer"),
    ("closed", "7", 422, "The recipient takes no offers"),
    ("chain", "8", 422, "The chain of earlier hops is broken"),
    ("seen", "8", 422, "Contradicts the log that this reader has read"),
    ("won", "8", 422, "Not the first leaf with its slot"),
    ("note", "6", 422, "Not a signed note of the expected log"),
    ("tree", "6", 422, "The log is inconsistent with what was seen before"),
    ("directory", "7", 422, "Not a directory that the registrar signed, or an older one"),
    ("member", "7", 422, "No such member, or not in the status that this needs"),
)
