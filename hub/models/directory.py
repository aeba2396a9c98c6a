"""The directory as published: its versions, the files that they name, and the metadata around them. Nothing goes."""

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Count, Hash


class DirectoryVersion(Base):
    """One version: the registrar's `targets.json`, until when it is good, and the log position of its leaf."""

    __tablename__ = "directory_version"

    version: Mapped[Count] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[Count] = mapped_column("leaf_index", ForeignKey("log_leaf.leaf_index"), unique=True)
    expires: Mapped[Count]
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class DirectoryFile(Base):
    """A file that a version names, under its hash: what does not change from version to version is kept once."""

    __tablename__ = "directory_file"

    h: Mapped[Hash] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(80))
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class DirectoryMetadata(Base):
    """A version of one of the other roles: `root`, `snapshot` or `timestamp`."""

    __tablename__ = "directory_metadata"

    role: Mapped[str] = mapped_column(String(16), primary_key=True)
    version: Mapped[Count] = mapped_column(primary_key=True, autoincrement=False)
    expires: Mapped[Count]
    raw: Mapped[bytes] = mapped_column(LargeBinary)
