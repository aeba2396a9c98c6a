"""Numbers of cases and names of offices, as people see them."""

from typing import Final

from sqlalchemy.orm import Session

from keys import b64u
from keys.digest import sha256
from node.context import Node
from node.sync.log import read_history
from protocol.party import HASH_BYTES, ID_BYTES

#: Crockford's base 32: no I, L, O or U to misread on the telephone.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_GROUP: Final = 5
_NUMBER_LABEL: Final = b"simpul/number/v1\0"
_RETURN_LABEL: Final = b"simpul/return/v1\0"


def number_of(form_id: str) -> str:
    """Return the case number of a form: 50 bits of its hash, `7K3M9-QX2TB`. It tells nothing, not even how many.

    Whoever has nothing left of a case but its id still can name it (docs/adr/0013).
    """
    bits = int.from_bytes(sha256(_NUMBER_LABEL, b64u.decode(form_id, size=ID_BYTES))[:8]) >> 14
    letters = "".join(_ALPHABET[bits >> 5 * place & 31] for place in range(2 * _GROUP))
    return f"{letters[:_GROUP]}-{letters[_GROUP:]}"


def return_ref_of(lookup_h: str) -> str:
    """Return the return reference of a complaint, from H(lookup) as b64u: the receipt's holder can name it again."""
    return b64u.encode(sha256(_RETURN_LABEL, b64u.decode(lookup_h, size=HASH_BYTES))[:ID_BYTES])


def office_name(session: Session, node: Node, member: str) -> str:
    """Return an office's display name from the newest directory; its id where the directory does not know it yet."""
    if member == node.member_id:
        return node.settings.display_name
    versions = read_history(session, node.federation).versions
    found = versions[-1][1].members.get(member) if versions else None
    return found.name if found else member
