"""Numbers of cases and names of offices, as people see them."""

import secrets
from typing import Final

from sqlalchemy.orm import Session

from node.context import Node
from node.sync.log import read_history

#: Crockford's base 32: no I, L, O or U to misread on the telephone.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_GROUP: Final = 5


def new_number() -> str:
    """Return a fresh case number of 50 random bits, `7K3M9-QX2TB`: it tells nothing, not even how many there are."""
    first, second = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(2))
    return f"{first}-{second}"


def office_name(session: Session, node: Node, member: str) -> str:
    """Return an office's display name from the newest directory; its id where the directory does not know it yet."""
    if member == node.member_id:
        return node.settings.display_name
    versions = read_history(session, node.federation).versions
    found = versions[-1][1].members.get(member) if versions else None
    return found.name if found else member
