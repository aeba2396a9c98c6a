"""Counters: how far each link and each box is. They are moved in the transaction of the append, never apart from it."""

from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Count, Party


class LinkHead(Base):
    """The last position that was logged on the link from one party to another."""

    __tablename__ = "link_head"

    sender: Mapped[Party] = mapped_column(primary_key=True)
    recipient: Mapped[Party] = mapped_column(primary_key=True)
    seq: Mapped[Count]


class BoxHead(Base):
    """How many entries a party's two boxes hold; positions count from 1."""

    __tablename__ = "box_head"

    party: Mapped[Party] = mapped_column(primary_key=True)
    inbox: Mapped[Count]
    sent: Mapped[Count]
