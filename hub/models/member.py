"""What the hub knows of a member's requests; who the member is stands in the directory."""

from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Count, Hash, Party


class MemberState(Base):
    """The last request that counted: its counter, incarnation and hash, and what the node said of itself in it.

    `floor` is the inbox position that its last verified backup covers, `inbox` the one that it has stored.
    """

    __tablename__ = "member_state"

    member: Mapped[Party] = mapped_column(primary_key=True)
    inc: Mapped[Count]
    ctr: Mapped[Count]
    request: Mapped[Hash]
    inbox: Mapped[Count]
    floor: Mapped[Count]
    seen_size: Mapped[Count]
    seen_root: Mapped[Hash]
    last_contact: Mapped[Count]
