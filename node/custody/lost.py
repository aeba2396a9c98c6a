"""Cases that were here and are in no backup: told by number, never silently (docs/adr/0014)."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.cases.names import number_of
from node.models.cases import Ask, Case
from node.models.sync import LostCase


def note_lost(session: Session, keys_made: Iterable[tuple[str, int]]) -> list[LostCase]:
    """Note each case that has a key and no row; return what was noted.

    `keys_made` gives (case id, when its key was made). Its id is a form's, and so tells its number, or that of an offer
    or an ask that came from another office: those come again from the hub.
    """
    known = set(session.scalars(select(Case.case_id))) | set(session.scalars(select(Ask.ask_id)))
    known |= set(session.scalars(select(LostCase.case_id)))
    first: dict[str, int] = {}
    for case_id, at in keys_made:
        if case_id not in known:
            first[case_id] = min(at, first.get(case_id, at))
    noted = [LostCase(case_id=case_id, number=number_of(case_id), at=at) for case_id, at in sorted(first.items())]
    session.add_all(noted)
    session.flush()
    return noted


def lost_cases(session: Session) -> Sequence[LostCase]:
    """Return what is lost, or was found elsewhere, oldest first."""
    return session.scalars(select(LostCase).order_by(LostCase.at, LostCase.case_id)).all()


def found_again(session: Session, case_id: str, member: str | None = None) -> None:
    """Take a case out of what is lost: it is stored here again, or (`member`) is known to be at another office.

    Nothing happens for a case that is not lost.
    """
    row = session.get(LostCase, case_id)
    if row is None:
        return
    if member is None:
        session.delete(row)
    else:
        row.found = member
    session.flush()
