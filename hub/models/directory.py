"""Every version of the directory, as signed."""

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Count


class DirectoryVersion(Base):
    """One version: the registrar's file and the log position of its leaf."""

    __tablename__ = "directory_version"

    version: Mapped[Count] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[Count] = mapped_column("leaf_index", ForeignKey("log_leaf.leaf_index"), unique=True)
    raw: Mapped[str] = mapped_column(Text)
