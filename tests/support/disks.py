"""Disks as a thief sees them: every sealed thing in a party's files, every key in its key files, and every try.

Databases are read as plain SQLite from a copy of the whole folder, write-ahead log included; no code of hub or node
helps. A seal is tried in its true context: a thief knows the entry that names it.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from keys.errors import CannotOpenError, KeysError
from keys.keyring import Keyring
from keys.sealing import SealingKey, SealingPublicKey
from keys.wrapping import AtRestKey, CaseKeyStore
from protocol.entry import Entry, read_entry
from protocol.errors import RemoteError
from protocol.party import REPORTER
from protocol.seal import SealContext, open_part

_WRAPPED: Final = ("content", "identity")
#: What each use of an at-rest key protects (the word that it is bound to).
_PLACES: Final = {"content": ("content", "note"), "identity": ("identity",)}
_FOR_THE_REPORTER: Final = frozenset({"reply", "file"})


@dataclass(frozen=True, slots=True)
class Sealed:
    """Something sealed to a public key, in its context; `entry` names it, unless it is the reporter's own file."""

    where: str
    ciphertext: bytes
    context: SealContext
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class AtRest:
    """Something encrypted under a case's own key."""

    where: str
    case_id: str
    blob: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """What a key opened."""

    key: str
    what: Sealed | AtRest
    content: bytes


@dataclass(frozen=True, slots=True)
class Keys:
    """Every 32 secret bytes of a party, by name: seeds, secrets, and the cases' own keys that still unwrap."""

    secrets: Mapping[str, bytes]

    def opened(self, sealed: Iterable[Sealed], at_rest: Iterable[AtRest] = ()) -> list[Opened]:
        """Try every key on everything: as a sealing seed, and as the key of any case for any use."""
        found: list[Opened] = []
        at_rest = list(at_rest)
        seeds = {name: SealingKey.from_seed(secret) for name, secret in self.secrets.items()}
        for each in sealed:
            for name, key in seeds.items():
                try:
                    found.append(Opened(name, each, open_part(each.ciphertext, key, each.context)))
                except RemoteError:
                    continue
        for kept in at_rest:
            for name, secret in self.secrets.items():
                found += [Opened(name, kept, content) for content in _tried(kept, secret)]
        return found


def _tried(kept: AtRest, secret: bytes) -> Iterator[bytes]:
    for use, places in _PLACES.items():
        for place in places:
            try:
                yield AtRestKey(kept.case_id, use, secret).open(kept.blob, place)
            except CannotOpenError:
                continue


def keys_in(*key_files: Path, passphrase: str, case_keys: Path | None = None) -> Keys:
    """Return all secrets of key files, and of every wrapping in a folder that any of them unwraps."""
    secrets: dict[str, bytes] = {}
    for path in key_files:
        ring = Keyring.load(path, passphrase)
        secrets[f"{path.name} signing"] = ring.signing.seed
        secrets |= {f"{path.name} {each.use} {each.key.public.kid}": each.key.seed for each in ring.sealing}
        secrets |= {f"{path.name} {name}": secret for name, secret in ring.secrets.items()}
    if case_keys is not None:
        secrets |= dict(_unwrapped(case_keys, dict(secrets)))
    return Keys(secrets)


def _unwrapped(folder: Path, secrets: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for name, secret in secrets.items():
        store = CaseKeyStore(folder, dict.fromkeys(_WRAPPED, secret))
        for case_id, use in store.listing():
            if use in _WRAPPED:
                try:
                    yield f"{use} key of {case_id} by {name}", store.get(case_id, use).key
                except KeysError:
                    continue


def hub_parts(database: Path) -> list[Sealed]:
    """Return every part that a hub keeps."""
    # Small attachments stand beside the seals; each is under a key that only its seal tells.
    query = (
        "SELECT entry.jws, part.purpose, part.content FROM part JOIN entry ON entry.leaf_index = part.entry_index"
        " WHERE part.purpose NOT LIKE 'file:%'"
    )
    return [_part("hub", *row) for row in _rows(database, query)]


def _part(where: str, jws: str, purpose: str, content: bytes) -> Sealed:
    entry = read_entry(jws).entry
    reader = REPORTER if purpose in _FOR_THE_REPORTER else entry.recipient
    context = SealContext(
        entry.sender, reader, entry.id, entry.ref or "", entry.parts[purpose].kid, purpose, entry.epoch
    )
    return Sealed(f"{where}: {entry.kind} {purpose}", content, context, entry)


def node_seals(database: Path) -> list[Sealed]:
    """Return everything in a node's database that is sealed to a public key: its outbox and the reporters' mail."""
    found = []
    for jws, part_id, content in _rows(
        database, "SELECT outbox.raw, part_id, content FROM outbox_part JOIN outbox USING (entry_id)"
    ):
        named = read_entry(jws).entry.parts
        found += [_part("outbox", jws, purpose, content) for purpose, name in named.items() if name.id == part_id]
    for form_id, mailbox, own in _rows(database, "SELECT form_id, mailbox, own_file FROM tracked"):
        kid = SealingPublicKey(mailbox).kid
        found.append(Sealed("own file", own, SealContext(REPORTER, REPORTER, form_id, form_id, kid, "file")))
    mail = "SELECT entry_id, member, return_ref, mailbox, sealed FROM tracked_mail JOIN tracked USING (number)"
    for letter, member, thread, mailbox, sealed in _rows(database, mail):
        kid = SealingPublicKey(mailbox).kid
        found.append(Sealed("mail", sealed, SealContext(member, REPORTER, letter, thread, kid, "reply")))
    return found


def node_at_rest(database: Path) -> list[AtRest]:
    """Return everything in a node's database that is encrypted under a case's own key."""
    found = []
    for case_id, content, identity in _rows(database, 'SELECT case_id, content, identity FROM "case"'):
        found += [AtRest(name, case_id, blob) for name, blob in (("content", content), ("identity", identity)) if blob]
    found += [AtRest("note", *row) for row in _rows(database, "SELECT case_id, sealed FROM case_note")]
    found += [
        AtRest("ask", *row) for row in _rows(database, "SELECT ask_id, content FROM ask WHERE content IS NOT NULL")
    ]
    return found


def case_ids(database: Path, number: str) -> set[str]:
    """Return a node's own ids of a case."""
    return {row[0] for row in _rows(database, 'SELECT case_id FROM "case" WHERE number = ?', number)}


def backup(database: Path, to: Path) -> Path:
    """Make an online backup of a database that is in use, as an operator does."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)
    return to


def _rows(database: Path, query: str, *values: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query, values).fetchall()
