"""The origin's record of what was filed here: the pointer to the custodian, what became of it, the mailbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from keys import b64u
from keys.receipt import ReceiptCode
from node.cases.lifecycle import State
from node.models.cases import Tracked, TrackedEvent, TrackedMail
from protocol.content import Progress
from protocol.custody import Hop
from protocol.errors import RemoteError

#: Where H(lookup) is not known any more, its column holds this and the return reference, which is made of it.
UNCLAIMED: Final = "?"


@dataclass(frozen=True, slots=True)
class Letter:
    """A text sealed to the mailbox: the id its seal is bound to, its kind (reply, opening) and the ciphertext."""

    id: str
    kind: str
    sealed: bytes


def hops_json(hops: Sequence[Hop]) -> list[dict[str, str]]:
    """Return hops as they stand in a row."""
    return [{"offer": hop.offer, "accept": hop.accept} for hop in hops]


def hops_of(rows: Sequence[dict[str, str]]) -> tuple[Hop, ...]:
    """Return the hops of a row."""
    return tuple(Hop(row["offer"], row["accept"]) for row in rows)


def find_by_return(session: Session, return_ref: str) -> Tracked | None:
    """Return the record of a thread; None if there is none."""
    return session.scalar(select(Tracked).where(Tracked.return_ref == return_ref))


def is_retraced(tracked: Tracked) -> bool:
    """Whether the record was lost and made again of its custodian's report: no case of ours stands behind it."""
    return not tracked.own_file


def claim(tracked: Tracked, code: ReceiptCode) -> None:
    """Give a record that was made again what the reporter's receipt code tells: how it is found, and the mailbox."""
    if tracked.lookup_h.startswith(UNCLAIMED):
        tracked.lookup_h = b64u.encode(code.lookup_hash)
        tracked.mailbox = code.mailbox().public.raw


def tracked_by_return(session: Session, return_ref: str) -> Tracked:
    """Return the record of a thread; raise RemoteError("thread") if this node is not its origin."""
    found = find_by_return(session, return_ref)
    if found is None:
        raise RemoteError("thread", "no complaint was filed here under this return reference")
    return found


def move_pointer(tracked: Tracked, custodian: str, hops: Sequence[Hop]) -> None:
    """Move the pointer along proven hops. Only a longer chain that begins with the known one moves it."""
    known = hops_of(tracked.hops)
    if len(hops) > len(known) and tuple(hops)[: len(known)] == known:
        tracked.custodian = custodian
        tracked.hops = hops_json(hops)


def apply_progress(session: Session, tracked: Tracked, member: str, progress: Progress, letter: Letter | None) -> None:
    """Note what `member` reports. Its hops must be proven already; a former custodian's late word moves nothing."""
    try:
        state = State(progress.state)
    except ValueError:
        raise RemoteError("members", "a state that this party does not know") from None
    move_pointer(tracked, member, progress.hops)
    if tracked.custodian == member:
        tracked.state, tracked.due_at = state.value, progress.due_at
    if letter is not None:
        put_letter(session, tracked, member, letter, progress.at)
    session.add(
        TrackedEvent(
            number=tracked.number,
            at=progress.at,
            member=member,
            state=state.value,
            role=progress.opening,
            mail_id=None if letter is None else letter.id,
        )
    )


def put_letter(session: Session, tracked: Tracked, member: str, letter: Letter, now: int) -> None:
    """Put a sealed letter into the reporter's mailbox; the same letter twice is one."""
    if session.get(TrackedMail, letter.id) is None:
        last = select(func.max(TrackedMail.place)).where(TrackedMail.number == tracked.number)
        session.add(
            TrackedMail(
                entry_id=letter.id,
                place=(session.scalar(last) or 0) + 1,
                number=tracked.number,
                at=now,
                member=member,
                kind=letter.kind,
                sealed=letter.sealed,
            )
        )
        session.flush()
