"""What follows for a node from standing on a backup: it reads before it speaks, and tells what is lost."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys.errors import KeyDestroyedError
from keys.wrapping import CaseKeyStore
from node.context import Node
from node.custody.lost import note_lost
from node.models.cases import Case
from node.sync.rows import alarm, sync_state
from node.sync.start import begin_in


def begin_restored(session: Session, node: Node, now: int, backup_at: int) -> list[str]:
    """Mark a database that was put in place from a backup of a time; return the ids of the cases that it lacks.

    Both times are seconds since 1970. The node reads both boxes and fences before it moves custody again. What the
    backup holds is covered by it: the hub need keep no part for its sake.
    """
    begin_in(session, now)
    state = sync_state(session)
    state.restored_at, state.restored_to = now, backup_at
    state.floor, state.backup_at = state.inbox_pos, backup_at
    when = datetime.fromtimestamp(backup_at, UTC).strftime("%Y-%m-%d %H:%M")
    alarm(session, "restored", f"this node was put back to its backup of {when} UTC", now)
    return note_lacking(session, node.case_keys)


def note_lacking(session: Session, case_keys: CaseKeyStore) -> list[str]:
    """Note the cases that have a key in this store and no row; return their ids."""
    return [row.case_id for row in note_lost(session, _keys_made(case_keys))]


def without_keys(session: Session, case_keys: CaseKeyStore) -> list[str]:
    """Return the numbers of the cases whose content is here, and its key is not."""
    keyed = {case_id for case_id, use in case_keys.listing() if use == "content"}
    rows = session.execute(select(Case.case_id, Case.number).where(Case.content.is_not(None)).order_by(Case.number))
    return [number for case_id, number in rows if case_id not in keyed]


def _keys_made(case_keys: CaseKeyStore) -> Iterator[tuple[str, int]]:
    for case_id, use in case_keys.listing():
        try:
            yield case_id, int(case_keys.wrapping(case_id, use)[1])
        except KeyDestroyedError:
            continue
