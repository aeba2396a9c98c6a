"""Content at rest: everything a person wrote is encrypted under its case's own key before a row is made of it."""

from keys.errors import KeyDestroyedError, KeyExistsError
from keys.wrapping import AtRestKey
from node.context import Node


def new_key(node: Node, case_id: str, use: str) -> AtRestKey:
    """Return the key of a case that is being stored: made now, or left by an attempt whose transaction failed."""
    try:
        return node.case_keys.get(case_id, use)
    except KeyDestroyedError:
        return node.case_keys.create(case_id, use)


def new_keys(node: Node, case_id: str, uses: tuple[str, ...]) -> list[AtRestKey]:
    """Return keys of a case that is being stored, in the order of `uses`; together they cost the disk little more."""
    try:
        return node.case_keys.create_all(case_id, uses)
    except KeyExistsError:
        return [new_key(node, case_id, use) for use in uses]


def seal_content(node: Node, case_id: str, plaintext: bytes, what: str) -> bytes:
    """Encrypt a text of the case under its content key; `what` (content, note) is bound to it."""
    return node.case_keys.get(case_id, "content").seal(plaintext, what)


def open_content(node: Node, case_id: str, sealed: bytes, what: str) -> bytes:
    """Decrypt a text of the case; raise KeyDestroyedError once it was erased."""
    return node.case_keys.get(case_id, "content").open(sealed, what)


def open_identity(node: Node, case_id: str, sealed: bytes) -> bytes:
    """Decrypt the identity of the case; raise KeyDestroyedError once it was erased."""
    return node.case_keys.get(case_id, "identity").open(sealed, "identity")


def erase(node: Node, case_id: str) -> None:
    """Destroy the case's keys: what stands in the database, its WAL and its backups opens for nobody any more."""
    for use in ("content", "identity"):
        node.case_keys.destroy(case_id, use)
