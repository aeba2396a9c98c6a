"""Tokens of auditors, and the pages of entries that they read."""

import secrets
from typing import Final

from sqlalchemy import and_, insert, select
from sqlalchemy.orm import Session

from hub.errors import EnrolmentError
from hub.models import Auditor, Equivocation, LoggedEntry
from keys import b64u
from keys.digest import sha256

PAGE_ENTRIES: Final = 256
_TOKEN_BYTES: Final = 32


def add_auditor(session: Session, name: str, now: int) -> str:
    """Return a new auditor's token; only H(token) is kept. Raises EnrolmentError if the name is taken."""
    if session.get(Auditor, name) is not None:
        raise EnrolmentError(f"there is an auditor {name} already")
    token = b64u.encode(secrets.token_bytes(_TOKEN_BYTES))
    session.execute(insert(Auditor).values(name=name, token_hash=_hash(token), made_at=now))
    return token


def auditor_of(session: Session, token: str) -> str | None:
    """Return whose token this is, or None. A lookup by hash: its time tells nothing of the token."""
    return session.scalar(select(Auditor.name).where(Auditor.token_hash == _hash(token)))


def entries_page(session: Session, first: int, after: int) -> list[dict[str, object]]:
    """Return the entries whose leaves stand in [first, after), at most 256: `{"index":7,"jws":…}`.

    Leaves of the directory are passed over, so a page may have fewer.
    """
    query = (
        select(LoggedEntry.index, LoggedEntry.jws)
        .where(LoggedEntry.index >= first, LoggedEntry.index < after)
        .order_by(LoggedEntry.index)
        .limit(PAGE_ENTRIES)
    )
    return [{"index": index, "jws": raw} for index, raw in session.execute(query)]


def equivocations_page(session: Session, first: int, after: int) -> list[dict[str, object]]:
    """Return the refused texts for positions whose logged entries have their leaves in [first, after), at most 256.

    `{"at":…,"index":7,"jws":…}`: `index` is the leaf of the entry that is logged, `at` when the other text came.
    """
    same = and_(
        Equivocation.sender == LoggedEntry.sender,
        Equivocation.recipient == LoggedEntry.recipient,
        Equivocation.seq == LoggedEntry.seq,
    )
    query = (
        select(Equivocation.at, LoggedEntry.index, Equivocation.jws)
        .join(LoggedEntry, same)
        .where(LoggedEntry.index >= first, LoggedEntry.index < after)
        .order_by(LoggedEntry.index)
        .limit(PAGE_ENTRIES)
    )
    return [{"at": at, "index": index, "jws": raw} for at, index, raw in session.execute(query)]


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass"))
