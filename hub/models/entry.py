"""Entries that were logged, as received, and the sealed parts that they name."""

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Count, Hash, HashText, Id, Party

_FENCES = text("kind = 'fence'")


class LoggedEntry(Base):
    """One entry: its bytes, what is looked up of it, and its places in the log and in both parties' boxes.

    `answer_slot` stands on offers: the slot that their answers share, kept for a fitting answer alone.
    """

    __tablename__ = "entry"
    __table_args__ = (
        UniqueConstraint("sender", "recipient", "seq"),
        UniqueConstraint("sender", "sent_pos"),
        UniqueConstraint("recipient", "inbox_pos"),
        Index("ix_entry_fence", "sender", "inc", sqlite_where=_FENCES, postgresql_where=_FENCES),
    )

    index: Mapped[Count] = mapped_column(
        "leaf_index", ForeignKey("log_leaf.leaf_index"), primary_key=True, autoincrement=False
    )
    h: Mapped[Hash] = mapped_column(unique=True)
    id: Mapped[Id] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    sender: Mapped[Party]
    recipient: Mapped[Party]
    seq: Mapped[Count]
    inc: Mapped[Count]
    at: Mapped[Count]
    ref: Mapped[Id | None]
    re: Mapped[Id | None] = mapped_column(index=True)
    answer_slot: Mapped[Id | None] = mapped_column(unique=True)
    sent_pos: Mapped[Count]
    inbox_pos: Mapped[Count]
    received_at: Mapped[Count]
    jws: Mapped[str] = mapped_column(Text)


class StoredPart(Base):
    """A part that came in a bundle, under the entry that names it.

    `purpose` is that of a seal, or `file:` and the place of a small attachment among the entry's files.
    """

    __tablename__ = "part"

    entry_index: Mapped[Count] = mapped_column(ForeignKey("entry.leaf_index"), primary_key=True, autoincrement=False)
    purpose: Mapped[str] = mapped_column(String(16), primary_key=True)
    id: Mapped[HashText] = mapped_column(index=True)
    bytes_count: Mapped[Count]
    content: Mapped[bytes] = mapped_column(LargeBinary)
