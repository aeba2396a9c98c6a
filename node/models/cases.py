"""Tables of the cases. Content and identity are sealed under keys whose wrappings lie outside the database."""

from sqlalchemy import JSON, BigInteger, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from node.models.base import Base


class Case(Base):
    """A case that this node holds or held. After hand-over the row is a stub: the blobs are gone, the record stays."""

    __tablename__ = "case"

    #: The id of the offer that brought it, or the form id at its origin.
    case_id: Mapped[str] = mapped_column(String(22), primary_key=True)
    number: Mapped[str] = mapped_column(String(32), index=True)
    origin: Mapped[str] = mapped_column(String(63))
    return_ref: Mapped[str] = mapped_column(String(22), index=True)
    mailbox: Mapped[bytes] = mapped_column(LargeBinary)
    filed_at: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[int] = mapped_column(BigInteger, index=True)
    sender: Mapped[str | None] = mapped_column(String(63))  # who offered it; None at its origin
    hops: Mapped[list[dict[str, str]]] = mapped_column(JSON)  # proven hand-overs up to this node

    stance: Mapped[str] = mapped_column(String(12), index=True)
    epoch: Mapped[int]
    returns: Mapped[int] = mapped_column(default=0, server_default="0")  # offers of it that were rejected
    state: Mapped[str] = mapped_column(String(20))
    due_at: Mapped[int | None] = mapped_column(BigInteger)
    step: Mapped[int]  # progress reports made so far

    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    identity: Mapped[bytes | None] = mapped_column(LargeBinary)

    answer_id: Mapped[str | None] = mapped_column(String(22))  # our accept or reject
    offer_id: Mapped[str | None] = mapped_column(String(22), index=True)  # our open (or won) offer
    offered_to: Mapped[str | None] = mapped_column(String(63))
    grant_id: Mapped[str | None] = mapped_column(String(22))  # our grant
    ask_id: Mapped[str | None] = mapped_column(String(22), index=True)
    ruling_id: Mapped[str | None] = mapped_column(String(22))
    ruled_for: Mapped[str | None] = mapped_column(String(63))


class CaseEvent(Base):
    """A line of the case's history at this node. `detail` is a member's id or a username, never content."""

    __tablename__ = "case_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.case_id"), index=True)
    at: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(String(120))


class CaseNote(Base):
    """A text of the thread, sealed under the case's content key: a reply, a reason, what the reporter adds."""

    __tablename__ = "case_note"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.case_id"), index=True)
    at: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(12))  # reply | reason | ruling | opening | message
    member: Mapped[str] = mapped_column(String(63))
    author: Mapped[str] = mapped_column(String(120))  # username or role
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Tracked(Base):
    """The origin's own record of a complaint that was filed here: what a receipt code finds, for ever."""

    __tablename__ = "tracked"

    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    form_id: Mapped[str] = mapped_column(String(22), unique=True)
    lookup_h: Mapped[str] = mapped_column(String(43), unique=True)
    return_ref: Mapped[str] = mapped_column(String(22), unique=True)
    mailbox: Mapped[bytes] = mapped_column(LargeBinary)
    own_file: Mapped[bytes] = mapped_column(LargeBinary)  # sealed to the mailbox: the reporter alone opens it
    filed_at: Mapped[int] = mapped_column(BigInteger)
    custodian: Mapped[str] = mapped_column(String(63))
    hops: Mapped[list[dict[str, str]]] = mapped_column(JSON)  # the proofs along which `custodian` moved
    state: Mapped[str] = mapped_column(String(20))
    due_at: Mapped[int | None] = mapped_column(BigInteger)


class TrackedEvent(Base):
    """A line of what a receipt code shows. `role` is set where the identity was opened."""

    __tablename__ = "tracked_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(ForeignKey("tracked.number"), index=True)
    at: Mapped[int] = mapped_column(BigInteger)
    member: Mapped[str] = mapped_column(String(63))
    state: Mapped[str] = mapped_column(String(20))
    role: Mapped[str | None] = mapped_column(String(32))
    mail_id: Mapped[str | None] = mapped_column(String(22))  # the letter that says why


class TrackedMail(Base):
    """A letter in the reporter's mailbox: sealed, with all that its seal is bound to."""

    __tablename__ = "tracked_mail"

    entry_id: Mapped[str] = mapped_column(String(22), primary_key=True)
    number: Mapped[str] = mapped_column(ForeignKey("tracked.number"), index=True)
    at: Mapped[int] = mapped_column(BigInteger)
    member: Mapped[str] = mapped_column(String(63))
    #: The order in which letters came: two of the same second stand as they were written.
    place: Mapped[int] = mapped_column(default=0, server_default="0")
    kind: Mapped[str] = mapped_column(String(12))  # reply | opening | message (the reporter's own)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Ask(Base):
    """A question before this node as triage. Its content is erased when the ruling goes out."""

    __tablename__ = "ask"

    ask_id: Mapped[str] = mapped_column(String(22), primary_key=True)
    asked_by: Mapped[str] = mapped_column(String(63))
    asked_at: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    ruled_at: Mapped[int | None] = mapped_column(BigInteger)
    ruled_for: Mapped[str | None] = mapped_column(String(63))
    ruling_id: Mapped[str | None] = mapped_column(String(22))
