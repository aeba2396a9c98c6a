"""What a member remembers of a hub's log, and the pieces that it, or a liar, gives back; driven by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import requests
from sqlalchemy import select

from hub.models import DirectoryFile, DirectoryVersion, LoggedEntry, LogHead, LogLeaf, StoredPart
from keys.signing import VerifyKey
from protocol import checkpoint, merkle
from protocol.recovery import GiveBack, Given, Recovering, encode_piece, read_recovering
from tests.support.federation import HUB, NOW, signing
from tests.support.hub import FoundedHub

_DEADLINE_SECONDS: Final = 30
NOTHING: Final = Given()
#: Where no notice came yet.
NOBODY: Final = "AAAAAAAAAAAAAAAAAAAAAA"


@dataclass(frozen=True, slots=True)
class Memory:
    """A hub's log as it was at one moment: all that its members together know of it."""

    note: str
    hashes: tuple[bytes, ...]
    entries: dict[int, str]
    parts: dict[str, bytes]
    targets: dict[int, bytes]
    files: tuple[bytes, ...]

    @classmethod
    def of(cls, hub: FoundedHub) -> "Memory":
        with hub.database.reading() as session:
            return cls(
                note=session.scalars(select(LogHead.note)).one(),
                hashes=tuple(map(merkle.leaf_hash, session.scalars(select(LogLeaf.leaf).order_by(LogLeaf.index)))),
                entries=dict(session.execute(select(LoggedEntry.index, LoggedEntry.jws)).all()),
                parts=dict(session.execute(select(StoredPart.id, StoredPart.content)).all()),
                targets=dict(session.execute(select(DirectoryVersion.index, DirectoryVersion.raw)).all()),
                files=tuple(session.scalars(select(DirectoryFile.raw).order_by(DirectoryFile.h))),
            )

    @property
    def size(self) -> int:
        return len(self.hashes)

    def hash_of(self, level: int, index: int) -> bytes:
        return merkle.root(self.hashes[index << level : (index + 1) << level])

    def root_at(self, size: int) -> bytes:
        return merkle.root(self.hashes[:size])

    def proof(self, size: int) -> tuple[bytes, ...]:
        return tuple(merkle.consistency_proof(size, self.size, self.hash_of))

    def forked(self, hub: FoundedHub, size: int) -> "Memory":
        """Another log with the hub's own signature, which parts from this one at `size`."""
        hashes = (*self.hashes[:size], *(merkle.leaf_hash(bytes([n])) for n in range(self.size - size)))
        root = merkle.root(hashes)
        origin = hub.federation.log_origin
        note = checkpoint.sign(checkpoint.Checkpoint(origin, len(hashes), root), origin, hub.keys.log)
        return replace(self, note=note, hashes=hashes, entries={}, targets={})


@dataclass(slots=True)
class Giver:
    """A member that gives back, honestly unless a test changes what it says."""

    id: str
    url: str
    hub_key: VerifyKey
    memory: Memory
    recovery: str = NOBODY
    answers: list[Recovering] = field(default_factory=list)

    def piece(
        self,
        given: Given = NOTHING,
        *,
        signer: str | None = None,
        **changes: Any,  # noqa: ANN401  what a test changes
    ) -> bytes:
        """The wire bytes of one piece. The proof is the one that belongs to its hashes."""
        memory = self.memory
        start = changes.get("start", memory.size)
        manifest = GiveBack(
            hub=HUB,
            node=self.id,
            at=NOW,
            recovery=self.recovery,
            inc=1,
            ctr=0,
            req=None,
            checkpoint=memory.note,
            start=start,
            root=memory.root_at(start),
            consistency=() if "consistency" in changes else memory.proof(start + len(given.hashes)),
            after=0,
            done=False,
        )
        return encode_piece(replace(manifest, **changes).sign(given, signing(signer or self.id)), given)

    def post(self, raw: bytes) -> requests.Response:
        return requests.post(f"{self.url}/recover/v1", data=raw, timeout=_DEADLINE_SECONDS)

    def give(self, given: Given = NOTHING, **changes: Any) -> Recovering:  # noqa: ANN401  what a test changes
        """Give a piece that the hub must take; return the notice that answers it."""
        response = self.post(self.piece(given, **changes))
        assert response.status_code == 200, response.text
        notice = read_recovering(response.json()["recovering"], self.hub_key)
        self.recovery = notice.recovery
        self.answers.append(notice)
        return notice

    def give_leaves(self, start: int, end: int | None = None) -> Recovering:
        """Give the hashes [start, end)."""
        return self.give(Given(hashes=self.memory.hashes[start:end]), start=start)

    def entries(self, *indices: int) -> Given:
        """Entries with every part that is remembered."""
        raws = tuple(self.memory.entries[index] for index in indices)
        return Given(entries=raws, parts=self.memory.parts)

    def versions(self, indices: Sequence[int]) -> Given:
        """Versions of the directory with every file that is remembered."""
        return Given(targets=tuple(self.memory.targets[index] for index in indices), files=self.memory.files)
