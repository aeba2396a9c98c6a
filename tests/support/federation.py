"""A small federation in memory: real keys, signed directories, entries and a log, and the folder an auditor gets.

Everything but the randomness of seals follows from the names given: a failing test fails the same way again.
The federation trusts whoever uses it: `say` logs what the protocol forbids as readily as what it asks for.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from keys import b64u
from keys.digest import sha256
from keys.sealing import SealingKey
from keys.signing import SigningKey
from protocol import canonical, checkpoint, custody, jws, merkle, tiles
from protocol.content import receipt_body, ruling_body
from protocol.directory import (
    Competence,
    Directory,
    DirectoryHistory,
    KeyRecord,
    Kind,
    Member,
    Publication,
    Use,
    directory_digest,
    publish,
    sealing_record,
    signing_record,
)
from protocol.enrol import Federation
from protocol.entry import Entry, SignedEntry, TreeHead
from protocol.kinds import KINDS, Thread
from protocol.leaf import Leaf, leaf_of, read_leaf
from protocol.metadata import FileName, RoleKeys
from protocol.publishing import sign_root, sign_snapshot, sign_timestamp
from protocol.seal import SEALED_BYTES, PartName

NOW: Final = 1_790_000_000
HUB: Final = "pusat"
ORIGIN: Final = "hub.simpul.example/log1"
ENTRIES_A_FILE: Final = 4
_IDENTITY_PURPOSES: Final = {"identity"}


def seed(name: str) -> bytes:
    """32 bytes that belong to a name."""
    return sha256(b"simpul/test/", name.encode())


def made_id(name: str) -> str:
    """An entry id, thread or slot that belongs to a name."""
    return b64u.encode(seed(name)[:16])


def signing(name: str) -> SigningKey:
    """The signing key that belongs to a name."""
    return SigningKey.from_seed(seed(f"{name}/sign"))


def sealing(name: str, use: Use = Use.CASE) -> SealingKey:
    """The sealing key that belongs to a name and use."""
    return SealingKey.from_seed(seed(f"{name}/{use}"))


def records(name: str) -> tuple[KeyRecord, ...]:
    """The three open keys of a member."""
    return (
        signing_record(signing(name).public),
        *(sealing_record(sealing(name, use).public, use) for use in (Use.CASE, Use.IDENTITY)),
    )


def member(name: str, kind: Kind = Kind.PROVINCE, *, regions: tuple[str, ...] = ("32",), **changes: object) -> Member:
    """A member with the keys that belong to its name."""
    made = Member(name, name.title(), kind, "", (Competence(regions, ()),), records(name))
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names the members it changes


def directory(*members: Member, version: int = 1) -> Directory:
    """A version of the directory with these members."""
    hub = (signing_record(signing(HUB).public),)
    return Directory(version, NOW, HUB, hub, {each.id: each for each in members})


DAY: Final = 86_400
#: The one who signs the directory, and at first its root as well; and the hub's own key for what is renewed daily.
REGISTRAR: Final = "registrar"
ONLINE: Final = "online"


def root(version: int = 1, *holders: str, signers: tuple[str, ...] = (), **roles: RoleKeys) -> bytes:
    """A root whose holders (the registrar, if none is named) must all sign, and `signers` do too; with other roles."""
    names = holders or (REGISTRAR,)
    keys = {name: RoleKeys((signing(name).public,)) for name in (REGISTRAR, ONLINE)}
    usual = {"targets": keys[REGISTRAR], "snapshot": keys[ONLINE], "timestamp": keys[ONLINE]}
    own = RoleKeys(tuple(signing(name).public for name in names), len(names))
    signed = [signing(name) for name in (*names, *signers)]
    return sign_root(version, NOW + 365 * DAY, {"root": own, **usual, **roles}, signed)


def paths_of(made: Publication, version: int) -> dict[str, bytes]:
    """The published files of a version below `directory/`, without the hub's own metadata."""
    files = {
        f"targets/{FileName(path, sha256(content), len(content)).url}": content for path, content in made.files.items()
    }
    return {f"metadata/{version}.targets.json": made.targets, **files}


MEMBERS: Final = (
    ("jabar", Kind.PROVINCE, ("32",)),
    ("jateng", Kind.PROVINCE, ("33",)),
    ("kemnaker", Kind.MINISTRY, ()),
    ("triase", Kind.TRIAGE, ()),
)


@dataclass(frozen=True, slots=True)
class Handed:
    """A hand-over as three entries."""

    offer: SignedEntry
    accept: SignedEntry
    grant: SignedEntry


class World:
    """A federation with one log; it is also the custody.LogView of a reader who has read all of it."""

    def __init__(self, *, origin: str = ORIGIN) -> None:
        self.origin = origin
        self.log_key = signing("log")
        self.registrar = signing(REGISTRAR)
        self.leaves: list[bytes] = []
        self.entries: list[tuple[int, str]] = []
        self.directories: dict[str, bytes] = {"metadata/1.root.json": root()}
        self.history = DirectoryHistory()
        #: Under which incarnation each party speaks.
        self.incarnations: defaultdict[str, int] = defaultdict(lambda: 1)
        self._positions: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._hashes: list[bytes] = []
        self._made = 0

    @classmethod
    def founded(cls) -> "World":
        """A world whose first leaf is a directory of four members."""
        world = cls()
        world.publish(directory(*(member(name, kind, regions=regions) for name, kind, regions in MEMBERS)))
        return world

    # The log as a reader sees it.

    @property
    def size(self) -> int:
        return len(self.leaves)

    def root_at(self, size: int) -> bytes:
        return merkle.root(self._hashes[:size])

    def first_with_slot(self, slot: str) -> tuple[int, bytes] | None:
        for index, raw in enumerate(self.leaves):
            found = canonical.decode(raw, max_bytes=1_024)
            assert isinstance(found, dict)
            if found.get("slot") == slot:
                return index, b64u.decode(str(found["h"]))
        return None

    def fence_before(self, party: str, index: int) -> int:
        found = (read_leaf(raw).fence for raw in self.leaves[:index] if b'"fence"' in raw)
        return max((fence.inc for fence in found if fence is not None and fence.node == party), default=0)

    # What the parties and the registrar do.

    def publish(self, version: Directory, *, signer: SigningKey | None = None) -> int:
        """Sign a version of the directory and log it; returns its leaf's index."""
        made = publish(version, [signer or self.registrar])
        self.directories |= paths_of(made, version.version)
        index = self.append(Leaf(directory_digest(made.targets), directory=version.version))
        number = sum(path.endswith("snapshot.json") for path in self.directories) + 1
        snapshot = sign_snapshot(number, NOW + 7 * DAY, made.targets, version.version, signing(ONLINE))
        self.directories[f"metadata/{number}.snapshot.json"] = snapshot
        timestamp = sign_timestamp(number, NOW + DAY, snapshot, number, signing(ONLINE))
        self.directories["metadata/timestamp.json"] = timestamp
        self.history = DirectoryHistory((*self.history.versions, (index, version)))
        return index

    def rotate(self, raw: bytes) -> None:
        """Publish the next root."""
        number = sum(path.endswith("root.json") for path in self.directories) + 1
        self.directories[f"metadata/{number}.root.json"] = raw

    def append(self, leaf: Leaf | bytes) -> int:
        """Log a leaf, or any bytes; returns the index."""
        raw = leaf if isinstance(leaf, bytes) else leaf.encode()
        self.leaves.append(raw)
        self._hashes.append(merkle.leaf_hash(raw))
        return len(self.leaves) - 1

    def head(self) -> TreeHead:
        """What a party has read that has read everything."""
        return TreeHead(self.size, self.root_at(self.size))

    def draft(self, kind: str, sender: str, recipient: str, *, ref: str | None = None, **changes: object) -> Entry:
        """An entry as an honest party would make it now, with the given members changed."""
        self._made += 1
        rule, own = KINDS[kind], made_id(f"entry {self._made}")
        entry = Entry(
            id=own,
            sender=sender,
            recipient=recipient,
            seq=self._positions[sender, recipient] + 1,
            inc=self.incarnations[sender],
            at=NOW + self._made,
            kind=kind,
            ref=own if rule.thread is Thread.OWN else ref,
            parts={purpose: self.part(recipient, purpose) for purpose in sorted(rule.parts)},
            slot=made_id(f"slot {self._made}") if rule.slot else None,
            seen=self.head() if rule.custody else None,
            body={} if rule.body else None,
        )
        return replace(entry, **changes)  # type: ignore[arg-type]  # a test names the members it changes

    def part(self, recipient: str, purpose: str) -> PartName:
        """The name of a part that nobody will look at, under the recipient's key."""
        use = Use.IDENTITY if purpose in _IDENTITY_PURPOSES else Use.CASE
        name = f"{recipient}/{purpose}/{self._made}"
        return PartName(b64u.encode(seed(name)), min(SEALED_BYTES), sealing(recipient, use).public.kid)

    def log(self, signed: SignedEntry) -> SignedEntry:
        """Log an entry as the hub does."""
        entry = signed.entry
        self._positions[entry.sender, entry.recipient] = max(entry.seq, self._positions[entry.sender, entry.recipient])
        self.entries.append((self.append(leaf_of(signed)), signed.raw))
        return signed

    def say(
        self,
        kind: str,
        sender: str,
        recipient: str,
        *,
        ref: str | None = None,
        key: SigningKey | None = None,
        **changes: object,
    ) -> SignedEntry:
        """Draft, sign and log."""
        return self.log(self.draft(kind, sender, recipient, ref=ref, **changes).sign(key or signing(sender)))

    def fence(self, party: str, inc: int | None = None) -> SignedEntry:
        """Let a party take an incarnation, the next one unless it is given, and say so."""
        self.incarnations[party] = self.incarnations[party] + 1 if inc is None else inc
        return self.say("fence", party, HUB)

    def offer(self, sender: str, recipient: str, *, epoch: int = 0, **changes: object) -> SignedEntry:
        return self.say("offer", sender, recipient, epoch=epoch, **changes)  # type: ignore[arg-type]

    def answer(self, kind: str, offer: SignedEntry, **changes: object) -> SignedEntry:
        """A fitting answer to an offer, with the given members changed."""
        return self.log(self.answer_draft(kind, offer, **changes).sign(signing(self._answerer(kind, offer, changes))))

    def answer_draft(self, kind: str, offer: SignedEntry, **changes: object) -> Entry:
        asked = offer.entry
        forth = kind == "recall"
        entry = self.draft(
            kind,
            asked.sender if forth else asked.recipient,
            asked.recipient if forth else asked.sender,
            ref=asked.id,
            re=asked.id,
            epoch=asked.epoch,
            slot=custody.answer_slot(offer.raw),
        )
        return replace(entry, **changes)  # type: ignore[arg-type]  # a test names the members it changes

    @staticmethod
    def _answerer(kind: str, offer: SignedEntry, changes: Mapping[str, object]) -> str:
        usual = offer.entry.sender if kind == "recall" else offer.entry.recipient
        return str(changes.get("sender", usual))

    def grant(self, offer: SignedEntry, accept: SignedEntry, **changes: object) -> SignedEntry:
        asked = offer.entry
        sender, recipient = str(changes.pop("sender", asked.sender)), str(changes.pop("recipient", asked.recipient))
        members: dict[str, object] = {"re": accept.entry.id, "epoch": asked.epoch + 1} | changes
        return self.say("grant", sender, recipient, ref=asked.id, **members)  # type: ignore[arg-type]

    def hand_over(self, sender: str, recipient: str, *, epoch: int = 0, re: str | None = None) -> Handed:
        """Offer, accept and grant."""
        offer = self.offer(sender, recipient, epoch=epoch, re=re)
        accept = self.answer("accept", offer)
        return Handed(offer, accept, self.grant(offer, accept))

    def ask(self, holder: str, triage: str = "triase") -> SignedEntry:
        return self.say("ask", holder, triage)

    def rule(self, ask: SignedEntry, named: str, **changes: object) -> SignedEntry:
        members: dict[str, object] = {"ref": ask.entry.id, "body": ruling_body(named)} | changes
        sender, recipient = str(members.pop("sender", "triase")), str(members.pop("recipient", ask.entry.sender))
        return self.say("ruling", sender, recipient, **members)  # type: ignore[arg-type]

    def receipt(self, sender: str, recipient: str, upto: int) -> SignedEntry:
        return self.say("receipt", sender, recipient, body=receipt_body(upto))

    # What is published.

    def federation(self) -> Federation:
        """The trust anchors."""
        vkey = checkpoint.vkey(self.origin, self.log_key.public)
        return Federation(HUB, "https://hub.simpul.example", vkey, root())

    def checkpoint(self, size: int | None = None) -> str:
        """The signed note over the first `size` leaves."""
        size = self.size if size is None else size
        head = checkpoint.Checkpoint(self.origin, size, self.root_at(size))
        return checkpoint.sign(head, self.origin, self.log_key)

    def files(self) -> dict[str, bytes]:
        """Every file of the audit folder by its path."""
        found = {
            "federation.json": self.federation().encode(),
            "checkpoint": self.checkpoint().encode(),
            **{f"directory/{name}": raw for name, raw in self.directories.items()},
            **self.tiles(),
        }
        for start in range(0, self.size, ENTRIES_A_FILE):
            here = [(index, raw) for index, raw in self.entries if start <= index < start + ENTRIES_A_FILE]
            if here:
                found[f"entries/{start:09d}.json"] = entries_file(here)
        return found

    def tiles(self) -> dict[str, bytes]:
        """Every tile of hashes and of entries by its path."""
        found = {}
        for (level, n), content in tiles.extend_tiles(0, _no_tile, self._hashes).items():
            found[tiles.tile_path(level, n, len(content) // merkle.HASH_BYTES)] = content
        for start in range(0, self.size, tiles.WIDTH):
            leaves = self.leaves[start : start + tiles.WIDTH]
            found[tiles.entries_path(start // tiles.WIDTH, len(leaves))] = tiles.encode_entries(leaves)
        return found

    def write(self, folder: Path) -> Path:
        """Write the audit folder."""
        for path, content in self.files().items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return folder


def entries_file(entries: list[tuple[int, str]]) -> bytes:
    """A file of entries: `{"entries":[{"index":7,"jws":…}]}`."""
    return canonical.encode({"entries": [{"index": index, "jws": raw} for index, raw in entries]})


def forged(payload: Mapping[str, canonical.JsonInput], signer: SigningKey, typ: str = jws.ENTRY) -> str:
    """Sign any payload at all, as a hostile member can."""
    return jws.sign(signer, typ, payload)


def story() -> World:
    """An honest log with every way that a case may take: handed on twice, refused, recalled, ruled on, answered."""
    world = World.founded()
    first = world.hand_over("jabar", "kemnaker")
    world.receipt("kemnaker", "jabar", first.grant.entry.seq)
    thread = made_id("return 1")
    world.say("progress", "kemnaker", "jabar", ref=thread)
    world.hand_over("kemnaker", "jateng", epoch=1)
    world.say("message", "jabar", "kemnaker", ref=thread)
    world.say("reply", "jateng", "jabar", ref=thread)
    refused = world.offer("jateng", "kemnaker")
    world.answer("reject", refused)
    ask = world.ask("jateng")
    ruling = world.rule(ask, "kemnaker")
    world.hand_over("jateng", "kemnaker", epoch=1, re=ruling.entry.id)
    unanswered = world.offer("jabar", "jateng")
    world.answer("recall", unanswered)
    world.hand_over("jabar", "kemnaker", epoch=1)
    consult = world.say("consult", "kemnaker", "jabar")
    world.say("opinion", "jabar", "kemnaker", ref=consult.entry.id)
    world.say("stats", "jabar", HUB, body={"cases": 3})
    world.say("notice", HUB, "jabar", body={"text": "Laporan B06 ditunggu."})
    return world


def _no_tile(level: int, n: int, width: int) -> bytes:
    raise AssertionError(f"a fresh log has no tile {level}/{n}.p/{width}")
