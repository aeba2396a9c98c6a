"""What a member's fences in the log shut out; its requests alone could be forgotten, the log never is."""

from typing import Final

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.orm import Session

from hub.models import LoggedEntry

#: As a literal: SQLite takes a partial index only where it can read the condition.
_FENCE: Final[ColumnElement[str]] = literal_column("'fence'")


def fenced_incarnation(session: Session, node: str) -> int:
    """Return the highest incarnation that a logged fence of `node` shows; 0 without one."""
    query = select(func.max(LoggedEntry.inc)).where(LoggedEntry.kind == _FENCE, LoggedEntry.sender == node)
    return session.scalar(query) or 0
