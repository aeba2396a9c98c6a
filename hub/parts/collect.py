"""What the hub no longer keeps: parts that no entry came to name, and parts that their reader has kept safe."""

from collections import defaultdict
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.errors import TryLaterError
from hub.models import LoggedEntry, MemberState, NamedFile, UploadedPart
from hub.parts.store import PartStore
from hub.recovery.state import is_recovering
from protocol.content import read_receipt_body
from protocol.entry import read_entry
from service.database import Database

#: How long a part may wait for an entry that names it.
UNNAMED_SECONDS: Final = 86_400


def may_go(seq: int, inbox_pos: int, *, confirmed: int, floor: int) -> bool:
    """Whether a part need not be kept for one entry that names it (docs/protocol.md section 8).

    The recipient has confirmed the entry's position on its link, which it does once it has stored all that the entry
    names; and its last verified backup (`floor`, a position of its inbox; 0 where it tells of none) covers the entry.
    """
    return confirmed >= seq and floor >= inbox_pos


def collect(database: Database, store: PartStore, now: int) -> int:
    """Remove what need not be kept; return how many parts went. Safe beside every other request and process."""
    gone = 0
    with database.reading() as session:
        if is_recovering(session):
            # Entries that are not back yet may name what looks unnamed.
            return 0
        parts = _unnamed(session, now - UNNAMED_SECONDS) + _settled(session)
    for node, part in {*parts, *store.abandoned(now - UNNAMED_SECONDS)}:
        gone += _remove(database, store, node, part, now)
    return gone


def sweep(database: Database, store: PartStore, before: int) -> int:
    """Remove files of which no row tells (a crash came between), if they are older; return how many."""
    gone = 0
    with database.reading() as session:
        if is_recovering(session):
            return 0
    for node, part in list(store.whole()):
        if store.path(node, part).stat().st_mtime < before:
            with database.reading() as session:
                known = session.get(UploadedPart, (part, node)) is not None
            if not known:
                store.remove(node, part)
                gone += 1
    return gone


def _remove(database: Database, store: PartStore, node: str, part: str, now: int) -> int:
    """Remove a part under its lock, so that nobody is receiving it again meanwhile."""
    try:
        with store.receiving(node, part) as receiving:
            receiving.give_up()
            with database.transaction() as session:
                # Looked at again where nobody writes beside us: an entry may have named it since.
                if (node, part) not in _unnamed(session, now - UNNAMED_SECONDS) + _settled(session):
                    return 0
                session.execute(delete(UploadedPart).where(UploadedPart.node == node, UploadedPart.id == part))
            store.remove(node, part)
    except TryLaterError:
        return 0
    return 1


def _unnamed(session: Session, before: int) -> list[tuple[str, str]]:
    query = select(UploadedPart.node, UploadedPart.id).where(UploadedPart.named.is_(False), UploadedPart.at < before)
    return [(node, part) for node, part in session.execute(query)]


def _settled(session: Session) -> list[tuple[str, str]]:
    """Return (node, part) of those that no entry needs any more. Only entries below a floor are looked at."""
    query = (
        select(LoggedEntry.sender, NamedFile.id, LoggedEntry.recipient, LoggedEntry.seq, LoggedEntry.inbox_pos)
        .join(NamedFile, NamedFile.entry_index == LoggedEntry.index)
        .join(UploadedPart, (UploadedPart.id == NamedFile.id) & (UploadedPart.node == LoggedEntry.sender))
    )
    floors = dict(session.execute(select(MemberState.member, MemberState.floor).where(MemberState.floor > 0)).all())
    if not floors:
        return []
    needed: defaultdict[tuple[str, str], bool] = defaultdict(bool)
    for sender, part, recipient, seq, inbox_pos in session.execute(query):
        confirmed = _confirmed(session, recipient, sender)
        needed[sender, part] |= not may_go(seq, inbox_pos, confirmed=confirmed, floor=floors.get(recipient, 0))
    return [found for found, wanted in needed.items() if not wanted]


def _confirmed(session: Session, recipient: str, sender: str) -> int:
    """Return how far the recipient has confirmed what the sender sent: its newest receipt."""
    query = select(LoggedEntry.jws).where(
        LoggedEntry.kind == "receipt", LoggedEntry.sender == recipient, LoggedEntry.recipient == sender
    )
    raw = session.scalar(query.order_by(LoggedEntry.index.desc()).limit(1))
    return 0 if raw is None else read_receipt_body(read_entry(raw).entry.body)
