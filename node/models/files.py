"""Tables of attachments: for whose sake a ciphertext is kept, and what still has to be uploaded. No name, no key."""

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from node.models.base import Base


class StoredFile(Base):
    """A ciphertext on this node's disk, held by a case, by the reporter's own record of a complaint, or by both."""

    __tablename__ = "stored_file"

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    case_id: Mapped[str | None] = mapped_column(ForeignKey("case.case_id"), index=True)
    number: Mapped[str | None] = mapped_column(ForeignKey("tracked.number"))


class OutboxFile(Base):
    """A ciphertext that an entry of the outbox names and that does not travel in bundles; gone once it is logged."""

    __tablename__ = "outbox_file"

    part_id: Mapped[str] = mapped_column(String(43), primary_key=True)
    entry_id: Mapped[str] = mapped_column(ForeignKey("outbox.entry_id"), index=True)
    length: Mapped[int] = mapped_column(BigInteger)
    uploaded: Mapped[bool]
