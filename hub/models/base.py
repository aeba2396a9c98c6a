"""What all tables share: names of constraints, and the column types of the protocol's values."""

from typing import Annotated, Final, TypeAlias

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData, String
from sqlalchemy.orm import DeclarativeBase, mapped_column

#: SQLite makes a key of type INTEGER, and of no other, the row's own number.
BIG: Final = BigInteger().with_variant(Integer(), "sqlite")

#: A position, a size, a counter, seconds since 1970.
Count: TypeAlias = Annotated[int, mapped_column(BIG)]
#: SHA-256.
Hash: TypeAlias = Annotated[bytes, mapped_column(LargeBinary(32))]
#: b64u of 16 bytes: an entry id, a thread, a slot.
Id: TypeAlias = Annotated[str, mapped_column(String(22))]
#: b64u of 32 bytes: a kid, a part's id.
HashText: TypeAlias = Annotated[str, mapped_column(String(43))]
#: A party id.
Party: TypeAlias = Annotated[str, mapped_column(String(63))]


class Base(DeclarativeBase):
    """The base of every table of the hub."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
