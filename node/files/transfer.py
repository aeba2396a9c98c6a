"""Files between this node and the hub: up before their entry is pushed, down before it is acted on.

No transaction is open during the network. A file that cannot be moved now holds up its own entry, and what follows it
on the same link, and nothing else.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys import b64u
from node.context import Node
from node.files.outgoing import pending_files
from node.models.files import OutboxFile
from node.models.sync import InboxEntry, OutboxEntry
from node.sync.client import Hub, HubRefusedError, Sink, Source
from node.sync.exchange import take_waiting
from node.sync.rows import alarm
from protocol.attachment import FileName
from protocol.entry import Entry, read_entry
from protocol.errors import RemoteError
from protocol.part_pass import MAX_PIECE_BYTES, PartPass
from protocol.seal import PartName, check_part

_PARTIAL: Final = "partial"
#: Of one file, beyond those that its length needs; then the next sync goes on.
_MORE_PIECES: Final = 3


def upload_waiting(node: Node, hub: Hub, clock: Callable[[], int]) -> None:
    """Put every file that an entry of the outbox waits for; raise HubUnreachableError when the hub is not there."""
    with node.database.reading() as session:
        waiting = [(row.part_id, row.length) for row in pending_files(session)]
    for part, length in waiting:
        try:
            _upload(node, hub, part, length, clock)
        except (HubRefusedError, RemoteError, OSError) as error:
            _tell(node, f"file {part} is not at the hub yet: {_why(error)}", clock())
            continue
        with node.database.transaction() as session:
            row = session.get(OutboxFile, part)
            if row is not None:
                row.uploaded = True


def upload_for(node: Node, hub: Hub, place: int, clock: Callable[[], int]) -> None:
    """Put the files of the entry at a place of the outbox once more, as far as they are here: the hub lost them.

    Raises HubUnreachableError when the hub is not there.
    """
    with node.database.reading() as session:
        query = select(OutboxFile.part_id, OutboxFile.length)
        query = query.join(OutboxEntry, OutboxEntry.entry_id == OutboxFile.entry_id).where(OutboxEntry.place == place)
        files = list(session.execute(query).all())
    for part, length in files:
        try:
            _upload(node, hub, part, length, clock)
        except (HubRefusedError, RemoteError, OSError) as error:
            _tell(node, f"file {part} is not at the hub again: {_why(error)}", clock())


def _upload(node: Node, hub: Hub, part: str, length: int, clock: Callable[[], int]) -> None:
    def shown(method: str) -> str:
        total = length if method == "PUT" else None
        asked = PartPass(node.federation.hub, node.member_id, clock(), method, part, total)
        return asked.sign(node.keyring.signing)

    with node.outgoing.path(part).open("rb") as file:
        told = hub.part_progress(part, shown("HEAD"))
        for _ in range(-(-length // MAX_PIECE_BYTES) + _MORE_PIECES):
            if told.complete:
                return
            # Where the hub has all bytes and no row of them, the last one is said again.
            start = min(told.offset, length - 1)
            file.seek(start)
            told = hub.put_part(part, shown("PUT"), start, length, file.read(MAX_PIECE_BYTES))
    if not told.complete:
        raise RemoteError("piece", "the hub took every piece and does not call the part whole")


def fetch_waiting(node: Node, hub: Source, clock: Callable[[], int]) -> None:
    """Fetch what entries of the inbox wait for, and act on each that is complete.

    Raises HubUnreachableError when the hub is not there. An entry whose parts it does not give yet goes on waiting.
    """
    with node.database.reading() as session:
        query = select(InboxEntry.pos, InboxEntry.raw).where(InboxEntry.waiting.is_(True)).order_by(InboxEntry.pos)
        waiting = list(session.execute(query).all())
    for pos, raw in waiting:
        entry = read_entry(raw).entry
        try:
            parts = _fetch(node, hub, entry, clock)
            with node.database.transaction() as session:
                take_waiting(session, node, pos, parts, clock())
        except (HubRefusedError, RemoteError, OSError) as error:
            _tell(node, f"{entry.kind} {entry.id} of {entry.sender} waits for its files: {_why(error)}", clock())
            continue
        for name in entry.files:
            node.incoming.remove(name.id)


def _fetch(node: Node, hub: Source, entry: Entry, clock: Callable[[], int]) -> dict[str, bytes]:
    """Return the seals and small files of an entry; its large files are then in `node.incoming`."""
    small: dict[str, bytes] = {}
    names: list[PartName | FileName] = [*entry.parts.values(), *entry.files]
    for name in names:
        asked = PartPass(node.federation.hub, node.member_id, clock(), "GET", name.id)
        shown = asked.sign(node.keyring.signing)
        if isinstance(name, FileName) and not name.bundled:
            _download(node, hub, name, shown)
            continue
        held = BytesIO()
        hub.get_part(name.id, shown, 0, _Limited(held, name.len))
        check_part(name, held.getvalue())
        small[name.id] = held.getvalue()
    return small


def _download(node: Node, hub: Source, name: FileName, shown: str) -> None:
    """Get a large file, going on where an earlier attempt broke off; raise RemoteError for other bytes than named."""
    if node.incoming.path(name.id).exists():
        return
    path = node.incoming.folder(_PARTIAL) / name.id
    with _appended(path) as file:
        if node.incoming.path(name.id).exists():
            return  # whoever had the lock before has put it there
        start = file.seek(0, 2)
        if start < name.len:
            hub.get_part(name.id, shown, start, _Limited(file, name.len))
        file.flush()
        with path.open("rb") as whole:
            digest = hashlib.file_digest(whole, "sha256").digest()
        if b64u.encode(digest) != name.id:
            file.truncate(0)
            raise RemoteError("part-id", "the bytes are not those of the part that the entry names", id=name.id)
        # A file that a power cut left half would be taken for the sender's fault.
        os.fsync(file.fileno())
    node.incoming.adopt(path, name.id)


class _Limited(Sink):
    """Takes a part into a file, and no more than was named."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file: Final = file
        self._left = length
        self._length: Final = length

    def begin(self, at: int) -> None:
        """Go on at a byte; what lies behind it is dropped."""
        if at > self._file.seek(0, 2):
            raise RemoteError("piece", "the part does not come from where it was asked for")
        self._file.seek(at)
        self._file.truncate()
        self._left = self._length - at

    def write(self, chunk: bytes) -> None:
        """Take bytes."""
        self._left -= len(chunk)
        if self._left < 0:
            raise RemoteError("part-id", "more bytes than the part that was named has")
        self._file.write(chunk)


def _appended(path: Path) -> BinaryIO:
    """Open a file to go on writing it, under a lock: it may come over the line and by hand at once."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    file = os.fdopen(handle, "r+b")
    fcntl.flock(handle, fcntl.LOCK_EX)
    return file


def _why(error: HubRefusedError | RemoteError | OSError) -> str:
    if isinstance(error, RemoteError):
        return error.rule.name
    return f"refused {error.status}" if isinstance(error, HubRefusedError) else type(error).__name__


def sweep(session: Session, node: Node, before: int) -> None:
    """Remove what was fetched for entries that wait no longer, if it is older than a time (Unix seconds)."""
    waiting = session.scalars(select(InboxEntry.raw).where(InboxEntry.waiting.is_(True)))
    wanted = {name.id for raw in waiting for name in read_entry(raw).entry.files}
    for path in [*node.incoming.directory.glob("??/*"), *node.incoming.directory.glob(f"{_PARTIAL}/*")]:
        if path.name not in wanted and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


def _tell(node: Node, detail: str, now: int) -> None:
    with node.database.transaction() as session:
        alarm(session, "part-missing", detail, now)
