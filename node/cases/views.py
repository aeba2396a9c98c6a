"""What the services of this room take and give: commands and views, plain frozen values.

A view holds decrypted content only in memory, for the one answer that is being made; nothing here is ever stored.
Times are whole seconds since 1970 (UTC).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from node.cases.lifecycle import State
from node.cases.whose import Whereabouts


@dataclass(frozen=True, slots=True)
class Identity:
    """Who reports. Every field may be empty; all empty means that no identity was given."""

    name: str = ""
    phone: str = ""
    email: str = ""
    nik: str = ""

    @property
    def given(self) -> bool:
        """Whether there is anything at all."""
        return bool(self.name or self.phone or self.email or self.nik)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a reporter writes, as it was typed (byte for byte)."""

    kind: str  # complaint | aspiration | information | appreciation
    topic: str  # a code of node.reference.topics, or "" for "I don't know"
    region: str  # a Kemendagri code (province, regency or district), or ""
    text: str
    secrecy: str  # open | anonymous | secret


@dataclass(frozen=True, slots=True)
class BlankForm:
    """A form as it is served: everything that its answer must bring back. The receipt code is on the page only."""

    form_id: str
    receipt: str
    token: str  # binds form id, keys, receipt and time under this node's key; not a secret


@dataclass(frozen=True, slots=True)
class Filed:
    """What a reporter gets. `again` is true when the very same form had been stored before."""

    number: str
    receipt: str
    filed_at: int
    again: bool


@dataclass(frozen=True, slots=True)
class Event:
    """A line of a case's history, newest last. `detail` is a member's name, or empty; never content."""

    at: int
    state: State
    member: str  # display name of the office
    detail: str = ""
    member_id: str = ""


@dataclass(frozen=True, slots=True)
class Hop:
    """One hand-over: who offered to whom, and when each step was stored; None while it is open."""

    sender: str
    recipient: str
    offered_at: int
    accepted_at: int | None
    log_index: int | None  # the accept's position in the public log: the proof of the hop
    sender_id: str = ""
    recipient_id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A thread line that this reader may see. `from_reporter` is false for an office's answer."""

    at: int
    author: str
    text: str
    from_reporter: bool = False
    member_id: str = ""  # the office that wrote it, or that the reporter wrote at


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of the identity: which office and role, when, and why."""

    at: int
    member: str
    role: str
    reason: str
    member_id: str = ""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file beside a report: what it is, not what it holds. `size` in bytes, `id` for asking for it."""

    id: str
    name: str
    type: str
    size: int


@dataclass(frozen=True, slots=True)
class Tracking:
    """What a receipt code shows."""

    number: str
    filed_at: int
    state: State
    custodian: str  # display name of the present handler
    due_at: int | None  # the next deadline; None when no clock runs
    history: tuple[Event, ...]
    hops: tuple[Hop, ...]
    messages: tuple[Message, ...]
    openings: tuple[Opening, ...]
    complaint: Complaint  # the reporter's own file, opened with the receipt
    whose: Whereabouts
    custodian_id: str = ""
    attachments: tuple[Attached, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A line of the officer's list. No content beyond topic and region: the list is shoulder-surfing country."""

    number: str
    state: State
    kind: str
    topic: str
    region: str
    secrecy: str
    received_at: int
    due_at: int | None
    overdue: bool
    origin: str  # display name
    custody: str  # held | offered | asking | gone
    here: bool  # whether this node is the custodian
    whose: Whereabouts
    origin_id: str = ""


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """Which cases to list: at most `limit`, those after a place in the list, those in one state."""

    limit: int
    after: tuple[int, str] | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class CaseSlice:
    """Some cases, the newest first; `next` is the place after which the others come, None when there are none."""

    rows: tuple[CaseRow, ...]
    next: tuple[int, str] | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A recipient that the routing suggests, with the reason in words of the directory."""

    member: str  # id
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class CasePage:
    """Everything that an officer of the custodian sees. After hand-over only the stub is left: `complaint` is None."""

    row: CaseRow
    complaint: Complaint | None
    identity_sealed: bool  # an identity is here, closed
    grant_pending: bool  # custody is here, the identity is still on its way
    custodian: str
    history: tuple[Event, ...]
    hops: tuple[Hop, ...]
    messages: tuple[Message, ...]
    openings: tuple[Opening, ...]
    suggestion: Suggestion | None  # None: nobody claims it, ask triage
    ruling: Suggestion | None  # triage named a recipient: binding
    recipients: tuple[Suggestion, ...]  # all members that take offers, for the choice by hand
    actions: frozenset[str]  # of: hand_over ask_triage reply close open_identity obey recall
    custodian_id: str = ""
    attachments: tuple[Attached, ...] = ()
    next_states: tuple[State, ...] = ()  # where node.cases.transitions lets an officer move it now
    recall_from: int | None = None  # when its open offer may be taken back; None where there is none, or it was


@dataclass(frozen=True, slots=True)
class Officer:
    """Who is acting. Roles: admin, liaison, custodian, leader, operator."""

    username: str
    display_name: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class HandOver:
    """Offer the case to another member."""

    number: str
    to: str
    reason: str
    officer: Officer


@dataclass(frozen=True, slots=True)
class CaseAction:
    """An action with one text: ask_triage (reason), reply (text), close (text), open_identity (reason)."""

    number: str
    text: str
    officer: Officer


@dataclass(frozen=True, slots=True)
class SendOn:
    """Offer the case to another member, or to the one that a ruling names; `to` may then be empty."""

    number: str
    to: str
    reason: str
    officer: Officer


@dataclass(frozen=True, slots=True)
class Transition:
    """Move a case along the lifecycle; `reason` goes to the reporter where the step is for the reporter to know."""

    number: str
    to: State
    reason: str
    officer: Officer


@dataclass(frozen=True, slots=True)
class Words:
    """What a reporter adds to a complaint that was filed here; `receipt` as typed."""

    receipt: str
    text: str


@dataclass(frozen=True, slots=True)
class AskRow:
    """A question before the triage node."""

    ask_id: str
    asked_by: str
    asked_at: int
    ruled_at: int | None
    ruled_for: str  # display name, empty while open
    asked_by_id: str = ""
    ruled_for_id: str = ""


@dataclass(frozen=True, slots=True)
class AskPage:
    """What triage sees: content, never an identity."""

    row: AskRow
    complaint: Complaint | None  # None once the ruling was sent: triage keeps no content
    reason: str
    recipients: tuple[Suggestion, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Rule:
    """A ruling by triage: the named recipient, binding."""

    ask_id: str
    to: str
    reason: str
    officer: Officer


class CaseError(Exception):
    """A request that cannot be done; the message (Indonesian) is for the person who asked."""


class NoSuchCaseError(CaseError):
    """No case here under that number or code."""


@dataclass(frozen=True, slots=True)
class SetBack:
    """That an office was put back to its backup of `backup_of`, at `at`, and the numbers of what it lacks since."""

    at: int
    backup_of: int
    restoring: bool  # it is not done comparing with the hub: some of it may come back
    numbers: tuple[str, ...]


class SetBackError(NoSuchCaseError):
    """No case here under that code, and that may be the office's own fault: it was put back to a backup."""

    def __init__(self, told: SetBack) -> None:
        super().__init__(
            "Tidak ada laporan dengan kode ini di sini. Kantor ini memasang kembali catatannya dari cadangan; laporan "
            "yang dikirim sesudah cadangan itu mungkin hilang. Ini mungkin bukan kesalahan Anda."
        )
        self.told: Final = told


class ForbiddenError(CaseError):
    """This role may not do that; or the case is not in a state where anyone may."""


class StateError(ForbiddenError):
    """The case is not in a state for this; `possible` names what can be done, or where it can move, instead."""

    def __init__(self, words: str, possible: Iterable[str] = ()) -> None:
        super().__init__(words)
        self.possible: Final = tuple(sorted(possible))


class RecipientError(ForbiddenError):
    """The office named cannot be offered a case, or is not the one that a ruling names."""


class NotStoredError(CaseError):
    """The complaint is NOT stored (disk full, database locked): say so plainly and give back what was typed."""


class StaleFormError(CaseError):
    """The form is too old or not ours: serve a fresh one with what was typed."""
