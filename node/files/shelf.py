"""Files at rest: ciphertexts on the disk, each under a key that stands in sealed words alone.

The key of a file is told in its case's content, which lies under the case's own key, and, at the origin, in the
reporter's own file, which is sealed to the receipt code. Whoever destroys the one leaves the other: a case that was
handed on is unreadable here, and its reporter still finds what they attached.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.context import Node
from node.files.intake import Accepted
from node.models.files import StoredFile
from protocol.attachment import Attachment, Encryption, decrypt
from service.database import afterwards


def keep(node: Node, content: Iterable[bytes], size: int, name: str, content_type: str) -> Attachment:
    """Encrypt a file under a fresh key and store it durably; raise OSError where the disk refuses."""
    encryption = Encryption(content, size)
    with node.files.writing() as file:
        for sealed in encryption:
            file.write(sealed)
        told = encryption.attachment(name, content_type)
        file.keep(told.id)
    return told


@contextmanager
def keeping(node: Node) -> Iterator[list[Attachment]]:
    """Give a list for what is being kept; when the block raises, what stands in it is removed again."""
    kept: list[Attachment] = []
    try:
        yield kept
    except BaseException:
        drop(node, kept)
        raise


def keep_all(node: Node, files: Sequence[Accepted]) -> tuple[Attachment, ...]:
    """Store files that came with a report: all of them, or none."""
    with keeping(node) as kept:
        for each in files:
            kept.append(keep(node, [each.content], len(each.content), each.name, each.type))
    return tuple(kept)


def drop(node: Node, files: Iterable[Attachment]) -> None:
    """Remove files that nothing came to hold."""
    for each in files:
        node.files.remove(each.id)


def read(node: Node, attachment: Attachment) -> Iterator[bytes]:
    """Give a file's bytes, chunk by chunk.

    Raises FileNotFoundError where its ciphertext is not here any more, RemoteError where it was damaged: whoever keeps
    what came before must throw it away then.
    """
    return decrypt(node.files.chunks(attachment.id), attachment)


def hold(session: Session, files: Iterable[Attachment], *, case_id: str | None, number: str | None) -> None:
    """Note for whose sake files are kept: a case of this node, a reporter's own record under a number, or both."""
    session.add_all(StoredFile(id=each.id, case_id=case_id, number=number) for each in files)
    session.flush()


def let_go(session: Session, node: Node, case_id: str) -> None:
    """Hold a case's files for its sake no longer; those that nobody else wants are removed once that is durable."""
    gone = []
    for row in session.scalars(select(StoredFile).where(StoredFile.case_id == case_id)).all():
        if row.number is None:
            session.delete(row)
            gone.append(row.id)
        else:
            row.case_id = None
    session.flush()
    files = node.files
    for name in gone:
        afterwards(session, lambda name=name: files.remove(name))  # type: ignore[misc]


def sweep(session: Session, node: Node, before: int) -> None:
    """Remove files that an attempt left which never became a case, if they are older than a time (Unix seconds).

    Whoever files in another process has the files already and the case not yet: hence the age.
    """
    held = set(session.scalars(select(StoredFile.id)))
    for name in list(node.files.names()):
        if name not in held and node.files.path(name).stat().st_mtime < before:
            node.files.remove(name)
    node.files.clear_unfinished(before)
