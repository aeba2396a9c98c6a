"""An entry that arrived, with all that its handler needs: verified, its leaf read, its parts at hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from keys import b64u
from keys.errors import KeysError
from node.context import Node
from node.sync.log import NodeLog
from protocol.attachment import Attachment, decrypt
from protocol.custody import check_incarnation, check_seen
from protocol.directory import DirectoryHistory
from protocol.entry import Entry, SignedEntry, read_entry
from protocol.errors import RemoteError
from protocol.leaf import leaf_of
from protocol.merkle import leaf_hash
from protocol.seal import SealContext, check_part, open_part


@dataclass(frozen=True, slots=True)
class Arrival:
    """One verified entry of the inbox in its surroundings; `index` is its leaf's."""

    session: Session
    node: Node
    log: NodeLog
    history: DirectoryHistory
    signed: SignedEntry
    index: int
    parts: Mapping[str, bytes]
    now: int

    @property
    def entry(self) -> Entry:
        """The entry itself."""
        return self.signed.entry

    def ciphertext(self, purpose: str) -> bytes:
        """Return a sealed part as it came; raise RemoteError if it is not the one that the entry names."""
        name = self.entry.parts[purpose]
        found = self.parts.get(name.id)
        if found is None:
            raise RemoteError("part-missing", "a part that the entry names did not come with it", id=name.id)
        check_part(name, found)
        return found

    def open(self, purpose: str) -> bytes:
        """Return the content of a part that is sealed to this node; raise RemoteError("seal", "part-key")."""
        entry = self.entry
        name = entry.parts[purpose]
        try:
            key = self.node.keyring.by_kid(name.kid)
        except KeysError as error:
            raise RemoteError("part-key", "sealed to a key that this node does not have", kid=name.kid) from error
        context = SealContext(
            entry.sender, entry.recipient, entry.id, entry.ref or "", name.kid, purpose, epoch=entry.epoch
        )
        return open_part(self.ciphertext(purpose), key, context)

    def file(self, attachment: Attachment) -> Iterator[bytes]:
        """Give the bytes of a file that the entry names and its seal tells of.

        Raises RemoteError where it does not open, OSError where its ciphertext, which was fetched, is gone again.
        """
        name = attachment.outside
        if not name.bundled:
            return decrypt(self.node.incoming.chunks(name.id), attachment)
        found = self.parts.get(name.id)
        if found is None:
            raise RemoteError("part-missing", "a file that the entry names did not come with it", id=name.id)
        return decrypt([found], attachment)


def verify_entry(raw: str, index: int, log: NodeLog, history: DirectoryHistory) -> SignedEntry:
    """Return the entry, verified under a key of its sender that was in force at its leaf, which this node has read."""
    unverified = read_entry(raw)
    signed = unverified.verify(history.signing_key(unverified.entry.sender, unverified.kid, index))
    if index >= log.size or log.leaf_hash(index) != leaf_hash(leaf_of(signed).encode()):
        raise RemoteError("tree", "the entry is not the leaf that the hub says it is", index=index)
    check_incarnation(signed.entry, index, log)
    if signed.entry.rule.custody:
        check_seen(signed.entry, log)
    return signed


def digest_text(signed: SignedEntry) -> str:
    """Return b64u(H(entry JWS)): how rows and verdicts name an entry."""
    return b64u.encode(signed.digest)
