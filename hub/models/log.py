"""The log: its leaves, its tiles, and the one head that was signed last."""

from sqlalchemy import LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Count, Hash, Id


class LogLeaf(Base):
    """One leaf: the canonical bytes that the tree hashes. The table itself lets a slot stand on one leaf only."""

    __tablename__ = "log_leaf"

    index: Mapped[Count] = mapped_column("leaf_index", primary_key=True, autoincrement=False)
    leaf: Mapped[bytes] = mapped_column(LargeBinary)
    slot: Mapped[Id | None] = mapped_column(unique=True)


class LogTile(Base):
    """A tile of hashes as it is now: 1 to 256 of 32 bytes. A narrower one is its beginning."""

    __tablename__ = "log_tile"

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[Count] = mapped_column(primary_key=True, autoincrement=False)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class LogHead(Base):
    """The only row: the tree as it was signed last. Whoever appends locks it, and moves it by compare-and-swap."""

    __tablename__ = "log_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[Count]
    root: Mapped[Hash]
    frontier: Mapped[bytes] = mapped_column(LargeBinary)
    note: Mapped[str] = mapped_column(Text)
    signed_at: Mapped[Count]
