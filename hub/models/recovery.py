"""Whether this hub may log, and what members give back to one that was set back (docs/adr/0015)."""

from sqlalchemy import LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Count, Hash, HashText, Id, Party


class HubState(Base):
    """The only row: `serving` or `recovering`, since when and why; no row is a hub that never was anything but serving.

    `restored_to` is the time of the backup, where that is known. `frontier` is the right edge of the leaves whose
    hashes are proven (protocol.merkle.Frontier). `recovery` names this recovery: who answers under it answers now.
    """

    __tablename__ = "hub_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(200))
    recovery: Mapped[Id]
    since: Mapped[Count]
    restored_at: Mapped[Count | None]
    restored_to: Mapped[Count | None]
    frontier: Mapped[bytes] = mapped_column(LargeBinary)


class RecoveryLeaf(Base):
    """A leaf beyond our log that we once logged: its proven hash and, once it was given back, what it is of.

    `raw` is an entry's JWS, or with `version` that version's `targets.json`. `lacks` says that something which it names
    is not here: parts of an entry, files of a version.
    """

    __tablename__ = "recovery_leaf"

    index: Mapped[Count] = mapped_column("leaf_index", primary_key=True, autoincrement=False)
    h: Mapped[Hash] = mapped_column(unique=True)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[Count | None]
    sender: Mapped[Party | None]
    lacks: Mapped[bool]


class RecoveryPart(Base):
    """A part that an entry of a RecoveryLeaf names."""

    __tablename__ = "recovery_part"

    id: Mapped[HashText] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class RecoveryCheckpoint(Base):
    """A checkpoint with our log's signature that reaches beyond our log, and who showed it.

    `member` is empty for the one in `head.note`. `contradicts`: our tree is none that it grew from.
    """

    __tablename__ = "recovery_checkpoint"

    size: Mapped[Count] = mapped_column(primary_key=True, autoincrement=False)
    root: Mapped[Hash] = mapped_column(primary_key=True)
    member: Mapped[Party] = mapped_column(primary_key=True)
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[Count]
    contradicts: Mapped[bool]


class RecoveryMember(Base):
    """A member that said all it had since the hub was set back, or that the operator goes on without."""

    __tablename__ = "recovery_member"

    member: Mapped[Party] = mapped_column(primary_key=True)
    heard_at: Mapped[Count | None]
    waived_at: Mapped[Count | None]
