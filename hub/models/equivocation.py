"""Evidence against a member that signed two texts for one position."""

from sqlalchemy import Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Count, Hash, Party


class Equivocation(Base):
    """The text that was refused; the one that is logged stands in `entry` under the same link and position.

    One text a position is evidence enough, and no member can fill the disk with more.
    """

    __tablename__ = "equivocation"
    __table_args__ = (UniqueConstraint("sender", "recipient", "seq"),)

    h: Mapped[Hash] = mapped_column(primary_key=True)
    sender: Mapped[Party]
    recipient: Mapped[Party]
    seq: Mapped[Count]
    jws: Mapped[str] = mapped_column(Text)
    at: Mapped[Count]
