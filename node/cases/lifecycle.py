"""The life of a case as one table (product design, "The life of a case"), names in both languages.

Custody (who has the case) is another table, protocol/custody.py; this one says what the one who has it does.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a case stands. Values are stored and travel in `progress`; never rename one."""

    RECEIVED = "received"
    INCOMPLETE = "incomplete"
    VERIFIED = "verified"
    OFFERED = "offered"
    RETURNED = "returned"
    AWAITING_RULING = "awaiting_ruling"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    DISPUTED = "disputed"
    REFERRED = "referred"
    RESOLVED = "resolved"
    AUTO_CLOSED = "auto_closed"
    MERGED = "merged"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Name:
    """The words for a state: for people, Indonesian first."""

    indonesian: str
    english: str


NAMES: Final[dict[State, Name]] = {
    State.RECEIVED: Name("Diterima", "Received"),
    State.INCOMPLETE: Name("Perlu dilengkapi", "Incomplete"),
    State.VERIFIED: Name("Terverifikasi", "Verified"),
    State.OFFERED: Name("Diteruskan", "Passed on"),
    State.RETURNED: Name("Dikembalikan", "Returned"),
    State.AWAITING_RULING: Name("Menunggu penetapan", "Awaiting a ruling"),
    State.ASSIGNED: Name("Didisposisikan", "Assigned"),
    State.IN_PROGRESS: Name("Diproses", "In progress"),
    State.ANSWERED: Name("Ditindaklanjuti", "Answered"),
    State.DISPUTED: Name("Disanggah", "Disputed"),
    State.REFERRED: Name("Diteruskan ke Ombudsman", "Referred to the Ombudsman"),
    State.RESOLVED: Name("Selesai", "Resolved"),
    State.AUTO_CLOSED: Name("Ditutup otomatis", "Closed automatically"),
    State.MERGED: Name("Digabung", "Merged"),
    State.ARCHIVED: Name("Diarsipkan", "Archived"),
}

#: state -> states that may follow. The clocks of step 4 hang on the same rows.
TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.RECEIVED: frozenset({State.VERIFIED, State.INCOMPLETE, State.OFFERED, State.AWAITING_RULING, State.ANSWERED}),
    State.INCOMPLETE: frozenset({State.VERIFIED, State.ARCHIVED}),
    State.VERIFIED: frozenset(
        {State.ASSIGNED, State.OFFERED, State.MERGED, State.AWAITING_RULING, State.IN_PROGRESS, State.ANSWERED}
    ),
    State.OFFERED: frozenset({State.RECEIVED, State.RETURNED}),
    State.RETURNED: frozenset({State.OFFERED, State.AWAITING_RULING, State.ANSWERED}),
    State.AWAITING_RULING: frozenset({State.OFFERED, State.VERIFIED}),
    State.ASSIGNED: frozenset({State.IN_PROGRESS, State.ANSWERED}),
    State.IN_PROGRESS: frozenset({State.ANSWERED}),
    State.ANSWERED: frozenset({State.RESOLVED, State.DISPUTED, State.AUTO_CLOSED, State.ANSWERED}),
    State.DISPUTED: frozenset({State.IN_PROGRESS, State.REFERRED}),
    State.REFERRED: frozenset({State.RESOLVED}),
    State.RESOLVED: frozenset({State.IN_PROGRESS}),
    State.AUTO_CLOSED: frozenset({State.IN_PROGRESS}),
    State.MERGED: frozenset(),
    State.ARCHIVED: frozenset({State.RECEIVED}),
}


class LifecycleError(Exception):
    """A step that the table does not have."""


def step(present: State, wanted: State) -> State:
    """Return `wanted` if the table lets it follow `present`; raise LifecycleError otherwise."""
    if wanted not in TRANSITIONS[present]:
        raise LifecycleError(f"{present} may not become {wanted}")
    return wanted
