"""Tables of the sync: what goes out, what came in, how far the log was read."""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from node.models.base import Base


class SyncState(Base):
    """The one row of this node's sync: counters and cursors (docs/protocol.md section 5), and how far after a start."""

    __tablename__ = "sync_state"

    id: Mapped[int] = mapped_column(primary_key=True)  # always 1
    inc: Mapped[int]
    ctr: Mapped[int] = mapped_column(BigInteger)
    request_h: Mapped[str | None] = mapped_column(String(43))
    inbox_pos: Mapped[int] = mapped_column(BigInteger)
    sent_pos: Mapped[int] = mapped_column(BigInteger)
    log_size: Mapped[int] = mapped_column(BigInteger)
    log_root: Mapped[str] = mapped_column(String(43))
    checkpoint: Mapped[str | None] = mapped_column(Text)
    contact_at: Mapped[int | None] = mapped_column(BigInteger)
    #: The last failure to reach or believe the hub, as the name of a rule or an exception; None when all is well.
    trouble: Mapped[str | None] = mapped_column(String(120))
    phase: Mapped[str] = mapped_column(String(8), default="acting", server_default="acting")  # protocol.custody.Phase
    phase_at: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    #: Since when it is acting, or when it last began to; None if it never started.
    acted_at: Mapped[int | None] = mapped_column(BigInteger)
    #: The fence that is on its way; None unless `phase` is fencing.
    fence_id: Mapped[str | None] = mapped_column(String(22))
    #: The position of the inbox that the last verified backup covers, and when that was made.
    floor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    backup_at: Mapped[int | None] = mapped_column(BigInteger)
    #: When this database was put in place from a backup, and of which time that was; None if it never was.
    restored_at: Mapped[int | None] = mapped_column(BigInteger)
    restored_to: Mapped[int | None] = mapped_column(BigInteger)


class Link(Base):
    """One peer: the next position to it, how far it was received from, how far the peer confirmed."""

    __tablename__ = "link"

    peer: Mapped[str] = mapped_column(String(63), primary_key=True)
    next_seq: Mapped[int] = mapped_column(BigInteger, default=1)
    received: Mapped[int] = mapped_column(BigInteger, default=0)
    confirmed: Mapped[int] = mapped_column(BigInteger, default=0)


class OutboxEntry(Base):
    """An entry of ours: queued, then logged (or refused, with the rule). Kept: it is our side of the evidence."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_state", "state", "place"),)

    place: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[str] = mapped_column(String(22), unique=True)
    h: Mapped[str] = mapped_column(String(43), unique=True)
    recipient: Mapped[str] = mapped_column(String(63))
    seq: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    raw: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(8))  # queued | logged | refused
    rule: Mapped[str | None] = mapped_column(String(32))
    log_index: Mapped[int | None] = mapped_column(BigInteger)
    queued_at: Mapped[int] = mapped_column(BigInteger)
    #: Queued while the boxes were read again after a start: what turns out to have been said already is dropped.
    replayed: Mapped[bool] = mapped_column(default=False, server_default=false())


class OutboxPart(Base):
    """A sealed part that an entry of the outbox names; kept until the recipient has confirmed the entry.

    A hub that was set back can be given it again.
    """

    __tablename__ = "outbox_part"

    part_id: Mapped[str] = mapped_column(String(43), primary_key=True)
    entry_id: Mapped[str] = mapped_column(ForeignKey("outbox.entry_id"), index=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class InboxEntry(Base):
    """An entry that came, as received. Its parts are not kept as they came.

    `waiting`: it names files that are still being fetched; nothing was done for it yet, and its parts will be asked
    for again.
    """

    __tablename__ = "inbox"

    pos: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    log_index: Mapped[int] = mapped_column(BigInteger)
    entry_id: Mapped[str] = mapped_column(String(22), index=True)
    h: Mapped[str] = mapped_column(String(43), unique=True)
    sender: Mapped[str] = mapped_column(String(63))
    seq: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    raw: Mapped[str] = mapped_column(Text)
    #: The rule that it broke for this reader; None when it was applied.
    rule: Mapped[str | None] = mapped_column(String(32))
    received_at: Mapped[int] = mapped_column(BigInteger)
    waiting: Mapped[bool] = mapped_column(default=False, server_default=false(), index=True)


class LogSlot(Base):
    """The first leaf with a slot, for every slot in the log."""

    __tablename__ = "log_slot"

    slot: Mapped[str] = mapped_column(String(22), primary_key=True)
    log_index: Mapped[int] = mapped_column(BigInteger)
    h: Mapped[str] = mapped_column(String(43))


class LogFence(Base):
    """A fence in the log: entries of `node` behind it count only from incarnation `inc` on."""

    __tablename__ = "log_fence"

    node: Mapped[str] = mapped_column(String(63), primary_key=True)
    log_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    inc: Mapped[int]


class ExportedRequest(Base):
    """A request that was written to a file and may be answered by a file, in whatever order."""

    __tablename__ = "exported_request"

    h: Mapped[str] = mapped_column(String(43), primary_key=True)
    ctr: Mapped[int] = mapped_column(BigInteger)
    seen_size: Mapped[int] = mapped_column(BigInteger)
    seen_root: Mapped[str] = mapped_column(String(43))
    made_at: Mapped[int] = mapped_column(BigInteger)


class LostCase(Base):
    """A case that was here and is in no backup: its keys are, or the hub's log shows that it was offered.

    `found` says where it is after all (a member), once a report of it came.
    """

    __tablename__ = "lost_case"

    case_id: Mapped[str] = mapped_column(String(22), primary_key=True)
    number: Mapped[str | None] = mapped_column(String(32), index=True)
    at: Mapped[int] = mapped_column(BigInteger)
    offered_to: Mapped[str | None] = mapped_column(String(63))
    found: Mapped[str | None] = mapped_column(String(63))


class LogTile(Base):
    """The log's hashes as tiles, from the leaves that this node read itself."""

    __tablename__ = "log_tile"

    level: Mapped[int] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class DirectoryVersion(Base):
    """A version of the directory, `targets.json` as the registrar signed it, with its hash and its leaf's position."""

    __tablename__ = "directory_version"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    log_index: Mapped[int] = mapped_column(BigInteger)
    h: Mapped[str] = mapped_column(String(43))
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class DirectoryRoot(Base):
    """A root of the directory that came after the one in the federation file."""

    __tablename__ = "directory_root"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class DirectoryFile(Base):
    """A file that versions of the directory name, under its SHA-256 (b64u)."""

    __tablename__ = "directory_file"

    h: Mapped[str] = mapped_column(String(43), primary_key=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class DirectoryFreshness(Base):
    """The one row of the last refresh that succeeded: of which version, when, and until when that word is good."""

    __tablename__ = "directory_freshness"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # always 1
    version: Mapped[int] = mapped_column(BigInteger)
    refreshed_at: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[int] = mapped_column(BigInteger)


class Alarm(Base):
    """Something that a person should look at. `detail` names rules, parties and ids, never content."""

    __tablename__ = "alarm"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)
    rule: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(String(400))
