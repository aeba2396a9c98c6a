"""Files on their way to another office: encrypted afresh under keys that only the seal of their entry tells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from node.context import Node
from node.files import shelf
from node.models.files import OutboxFile
from node.models.sync import OutboxEntry, OutboxPart
from protocol.attachment import Attachment, Encryption
from protocol.entry import Entry
from service.database import afterwards


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file as its recipient will be told of it; `small` is its ciphertext where it travels in the bundle."""

    told: Attachment
    small: bytes | None = None


def reseal(node: Node, files: Iterable[Attachment]) -> tuple[Outgoing, ...]:
    """Encrypt files of ours for another; what does not travel in bundles is stored for the upload.

    Raises RemoteError, KeysError or OSError where one cannot be read any more.
    """
    return tuple(_reseal(node, each) for each in files)


def _reseal(node: Node, file: Attachment) -> Outgoing:
    encryption = Encryption(shelf.read(node, file), file.size)
    if file.outside.bundled:  # the length of the ciphertext follows from the size alone
        ciphertext = b"".join(encryption)
        return Outgoing(encryption.attachment(file.name, file.type), ciphertext)
    with node.outgoing.writing() as writing:
        for sealed in encryption:
            writing.write(sealed)
        told = encryption.attachment(file.name, file.type)
        writing.keep(told.id)
    return Outgoing(told)


def withdraw(node: Node, files: Sequence[Outgoing]) -> None:
    """Remove what was encrypted for an entry that could not be made."""
    for each in files:
        node.outgoing.remove(each.told.id)


def queue_files(session: Session, entry: Entry, files: Sequence[Outgoing]) -> None:
    """Put the files of an entry of the outbox beside it."""
    for each in files:
        if each.small is not None:
            session.add(OutboxPart(part_id=each.told.id, entry_id=entry.id, content=each.small))
        else:
            session.add(OutboxFile(part_id=each.told.id, entry_id=entry.id, length=each.told.len, uploaded=False))
    session.flush()


def pending_files(session: Session) -> list[OutboxFile]:
    """Return the files that the hub does not have yet, of what was queued first first."""
    query = select(OutboxFile).join(OutboxEntry, OutboxEntry.entry_id == OutboxFile.entry_id)
    query = query.where(OutboxFile.uploaded.is_(False), OutboxEntry.state == "queued")
    return list(session.scalars(query.order_by(OutboxEntry.place, OutboxFile.part_id)))


def held_back(session: Session) -> dict[str, int]:
    """Return recipient → the place in the outbox from which on nothing is pushed to it: a file is not at the hub."""
    query = select(OutboxEntry.recipient, func.min(OutboxEntry.place))
    query = query.join(OutboxFile, OutboxFile.entry_id == OutboxEntry.entry_id)
    query = query.where(OutboxFile.uploaded.is_(False), OutboxEntry.state == "queued")
    return dict(session.execute(query.group_by(OutboxEntry.recipient)).all())


def upload_again(session: Session, entry_id: str) -> None:
    """The hub says that a part is missing: what it had, it has collected since."""
    for row in session.scalars(select(OutboxFile).where(OutboxFile.entry_id == entry_id)):
        row.uploaded = False


def discard(session: Session, node: Node, entry_id: str) -> None:
    """Forget the files of an entry that was logged or refused, once that is durable."""
    store = node.outgoing
    for row in session.scalars(select(OutboxFile).where(OutboxFile.entry_id == entry_id)).all():
        afterwards(session, lambda name=row.part_id: store.remove(name))  # type: ignore[misc]
        session.delete(row)
    session.flush()


def sweep(session: Session, node: Node, before: int) -> None:
    """Remove ciphertexts of hand-overs that were never stored, if they are older than a time (Unix seconds)."""
    wanted = set(session.scalars(select(OutboxFile.part_id)))
    for name in list(node.outgoing.names()):
        if name not in wanted and node.outgoing.path(name).stat().st_mtime < before:
            node.outgoing.remove(name)
    node.outgoing.clear_unfinished(before)
