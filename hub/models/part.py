"""Attachments too large for a bundle: who put them here, and which entries name them. Their bytes lie in files."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Count, HashText, Party


class UploadedPart(Base):
    """A part that a member has put here whole; `named` is true from the first of its logged entries on that names it.

    Two members that put the same bytes have a row and a file each: neither can take the other's away.
    """

    __tablename__ = "uploaded_part"

    id: Mapped[HashText] = mapped_column(primary_key=True)
    node: Mapped[Party] = mapped_column(primary_key=True)
    bytes_count: Mapped[Count]
    at: Mapped[Count]
    named: Mapped[bool] = mapped_column(index=True)


class NamedFile(Base):
    """That a logged entry names an uploaded part. The row is evidence and stays when the part has gone."""

    __tablename__ = "named_file"

    entry_index: Mapped[Count] = mapped_column(ForeignKey("entry.leaf_index"), primary_key=True, autoincrement=False)
    id: Mapped[HashText] = mapped_column(primary_key=True, index=True)
