"""What every table of the node has in common."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Integer, MetaData
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Times are whole seconds since 1970 (UTC) as integers; ids and hashes are b64u text; sealed bytes are blobs."""

    #: The protocol's numbers go beyond 31 bits. SQLite makes a key of type INTEGER, and of no other, the row's own.
    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigInteger().with_variant(Integer(), "sqlite")}
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
