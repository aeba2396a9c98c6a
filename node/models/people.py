"""The tables of officers and of their sessions."""

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from node.models.base import Base


class Person(Base):
    """An officer's account. The password is kept as an Argon2id hash only."""

    __tablename__ = "person"

    username: Mapped[str] = mapped_column(String(64), primary_key=True)
    display_name: Mapped[str] = mapped_column(String(200))
    roles: Mapped[str] = mapped_column(String(100))  # sorted, separated by commas
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[int]
    disabled_at: Mapped[int | None]


class LoginSession(Base):
    """A login that is going on. The token itself is in the officer's browser only; here is its SHA-256."""

    __tablename__ = "login_session"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    username: Mapped[str] = mapped_column(ForeignKey("person.username"), index=True)
    created_at: Mapped[int]
    seen_at: Mapped[int]
