"""The rows of uploaded parts: what a member has waiting, what entries name, who may have which."""

from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.orm import Session

from hub.models import LoggedEntry, NamedFile, StoredPart, UploadedPart
from protocol.attachment import FileName


def uploaded_length(session: Session, node: str, part: str) -> int | None:
    """Return the length in bytes of a part that a member has put here whole, or None."""
    found = session.get(UploadedPart, (part, node))
    return None if found is None else found.bytes_count


def uploaded_lengths(session: Session, node: str, parts: Collection[str]) -> dict[str, int]:
    """Return part → length for those that the member has put here whole."""
    if not parts:
        return {}
    query = select(UploadedPart.id, UploadedPart.bytes_count)
    return dict(session.execute(query.where(UploadedPart.node == node, UploadedPart.id.in_(parts))).all())


def waiting_bytes(session: Session, node: str) -> int:
    """Return how many bytes of a member's whole parts no entry names yet."""
    query = select(func.coalesce(func.sum(UploadedPart.bytes_count), 0))
    return int(session.execute(query.where(UploadedPart.node == node, UploadedPart.named.is_(False))).scalar_one())


def note_upload(session: Session, node: str, part: str, length: int, now: int) -> None:
    """Note that a part came whole; again does no harm."""
    if session.get(UploadedPart, (part, node)) is None:
        session.add(UploadedPart(id=part, node=node, bytes_count=length, at=now, named=False))
        session.flush()


def note_names(session: Session, node: str, entries: Iterable[tuple[int, Collection[FileName]]]) -> None:
    """Note which uploaded parts the logged entries of a member name: (leaf index, files)."""
    rows = [{"entry_index": index, "id": name.id} for index, names in entries for name in names if not name.bundled]
    if not rows:
        return
    session.execute(insert(NamedFile), rows)
    named = {row["id"] for row in rows}
    session.execute(
        update(UploadedPart).where(UploadedPart.node == node, UploadedPart.id.in_(named)).values(named=True)
    )


def sender_of(session: Session, node: str, part: str) -> str | None:
    """Return who put a part here that stands in a logged entry from or to `node`, or None."""
    query = select(LoggedEntry.sender).join(NamedFile, NamedFile.entry_index == LoggedEntry.index)
    return session.scalar(query.where(NamedFile.id == part, _between(node)).limit(1))


def bundled_part(session: Session, node: str, part: str) -> bytes | None:
    """Return a part that came in a bundle with a logged entry from or to `node`, or None."""
    query = select(StoredPart.content).join(LoggedEntry, StoredPart.entry_index == LoggedEntry.index)
    return session.scalar(query.where(StoredPart.id == part, _between(node)).limit(1))


def _between(node: str) -> ColumnElement[bool]:
    return or_(LoggedEntry.sender == node, LoggedEntry.recipient == node)
