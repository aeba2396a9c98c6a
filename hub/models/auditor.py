"""Who may read all entries."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Count, Hash


class Auditor(Base):
    """An auditor's name and H(token); the token itself is shown once and not kept."""

    __tablename__ = "auditor"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    token_hash: Mapped[Hash] = mapped_column(unique=True)
    made_at: Mapped[Count]
