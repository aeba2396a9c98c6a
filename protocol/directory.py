"""The directory: who the members are, what they answer for, which keys count since when (docs/protocol.md section 7).

A version is TUF's targets metadata, signed by the registrar, and the files that it names: one a member and one for the
hub. This module knows nothing of where they come from, and never decides by a clock which key counts: the log's order
does.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self

from keys.digest import sha256
from keys.signing import SigningKey, VerifyKey
from protocol import canonical
from protocol.errors import LocalError, RemoteError
from protocol.member import (
    MAX_KEYS,
    Competence,
    KeyRecord,
    Kind,
    Member,
    Status,
    Use,
    read_key_record,
    read_member,
    sealing_record,
    signing_record,
)
from protocol.metadata import (
    MAX_FILE_BYTES,
    MAX_TARGETS_SECONDS,
    Contents,
    FileName,
    Roots,
    check_file,
    read_contents,
)
from protocol.party import REPORTER, party_of
from protocol.publishing import sign_contents
from protocol.shape import array, object_of

if TYPE_CHECKING:
    from protocol.canonical import JsonValue

__all__ = [
    "Competence",
    "Directory",
    "DirectoryHistory",
    "KeyRecord",
    "Kind",
    "Member",
    "Publication",
    "Status",
    "Use",
    "directory_digest",
    "publish",
    "read_directory",
    "read_key_record",
    "read_member",
    "sealing_record",
    "signing_record",
]

_HUB_FILE: Final = "hub.json"
_MEMBERS: Final = "members/"
_JSON: Final = ".json"
#: About three versions of a national directory: files that did not change are parsed once for each process.
_KEPT_FILES: Final = 2_048


@dataclass(frozen=True, slots=True)
class Directory:
    """One version of the directory: `version` is that of `targets.json`, `root` the root under which it was signed.

    Wire form: the files `hub.json`, `{"id":"pusat","keys":[…]}`, and `members/<id>.json` for each member.
    """

    version: int
    issued_at: int
    hub: str
    hub_keys: tuple[KeyRecord, ...]
    members: Mapping[str, Member]
    root: int = 1

    def member(self, party: str) -> Member:
        """Return a member; raise RemoteError("member") if there is none."""
        try:
            return self.members[party]
        except KeyError:
            raise RemoteError("member", "no such member in the directory") from None

    def signing_keys(self, party: str) -> tuple[VerifyKey, ...]:
        """Return the open signing keys of a member or of the hub; empty for an unknown party."""
        if party == self.hub:
            records: Iterable[KeyRecord] = self.hub_keys
        else:
            records = self.members[party].keys if party in self.members else ()
        return tuple(VerifyKey(r.public) for r in records if r.use is Use.SIGN and r.open)

    def triage(self) -> Member:
        """Return the triage node; raise RemoteError("member") if the directory names none."""
        for member in self.members.values():
            if member.kind is Kind.TRIAGE and member.status is Status.ACTIVE:
                return member
        raise RemoteError("member", "the directory names no triage node")

    def with_member(self, member: Member, issued_at: int) -> Self:
        """Return the next version, in which `member` is added or replaced. Nothing is ever deleted.

        Raises RemoteError("directory") when one of its keys stands already for another party.
        """
        if member.id in (self.hub, REPORTER):
            raise LocalError("the hub and the reporter are no members")
        members = {**self.members, member.id: member}
        after = replace(self, version=self.version + 1, issued_at=issued_at, members=members)
        _check_parties(after)
        return after

    def renewed(self, issued_at: int, root: int) -> Self:
        """Return the next version, which says the same again: for longer, or under a new root."""
        return replace(self, version=self.version + 1, issued_at=issued_at, root=root)

    def files(self) -> dict[str, bytes]:
        """Return the files that it consists of, canonical JSON by path."""
        hub: dict[str, JsonValue] = {"id": self.hub, "keys": [record.wire() for record in self.hub_keys]}
        members = {f"{_MEMBERS}{party}{_JSON}": member.wire() for party, member in self.members.items()}
        return {path: canonical.encode(wire) for path, wire in {_HUB_FILE: hub, **members}.items()}


@dataclass(frozen=True, slots=True)
class Publication:
    """A version as bytes: `targets.json`, and its files by path."""

    targets: bytes
    files: Mapping[str, bytes]


def publish(
    directory: Directory, signers: Iterable[SigningKey], *, lifetime_seconds: int = MAX_TARGETS_SECONDS
) -> Publication:
    """Sign a version as the registrar: for 30 days, which is as long as readers allow."""
    files = directory.files()
    names = {path: FileName(path, sha256(content), len(content)) for path, content in files.items()}
    expires = directory.issued_at + lifetime_seconds
    contents = Contents(directory.version, directory.root, directory.issued_at, expires, names)
    return Publication(sign_contents(contents, list(signers)), files)


def read_directory(targets: bytes, file: Callable[[FileName], bytes], roots: Roots) -> Directory:
    """Verify and parse a version; raise RemoteError. `file` returns the bytes found for a name, whatever they are."""
    contents = read_contents(targets, roots)
    read = {path: check_file(name, file(name)) for path, name in contents.files.items()}
    if _HUB_FILE not in read:
        raise RemoteError("directory", "the file of the hub is missing", path=_HUB_FILE)
    hub, hub_keys = _hub(read.pop(_HUB_FILE))
    members = {}
    for path, raw in read.items():
        member = _member(raw)
        if path != f"{_MEMBERS}{member.id}{_JSON}":
            raise RemoteError("directory", "a file under another name than its member's", path=path)
        members[member.id] = member
    directory = Directory(contents.version, contents.issued_at, hub, hub_keys, members, contents.root)
    _check_parties(directory)
    return directory


@lru_cache(maxsize=_KEPT_FILES)
def _member(raw: bytes) -> Member:
    return read_member(canonical.decode(raw, max_bytes=MAX_FILE_BYTES))


def _hub(raw: bytes) -> tuple[str, tuple[KeyRecord, ...]]:
    found = object_of(canonical.decode(raw, max_bytes=MAX_FILE_BYTES), ("id", "keys"))
    return party_of(found["id"]), tuple(read_key_record(record) for record in array(found["keys"], MAX_KEYS))


def _check_parties(directory: Directory) -> None:
    """Raise RemoteError("directory") where one name or one key would stand for two parties or two uses."""
    if not directory.members.keys().isdisjoint((directory.hub, REPORTER)):
        raise RemoteError("directory", "the hub and the reporter are no members")
    records = [*directory.hub_keys, *(record for member in directory.members.values() for record in member.keys)]
    if len({record.kid for record in records}) != len(records):
        raise RemoteError("directory", "a key stands twice: each has one owner, one use and one state")


def directory_digest(targets: bytes) -> bytes:
    """Return H(targets.json), 32 bytes: what the log's `dir` leaf holds, and through it every file."""
    return sha256(targets)


@dataclass(frozen=True, slots=True)
class DirectoryHistory:
    """All versions with the log positions of their leaves, oldest first: which key counted where.

    A key counts for the leaf at `index` if the newest version whose leaf stands before `index` lists it as open.
    """

    versions: tuple[tuple[int, Directory], ...] = ()

    def added(self, index: int, directory: Directory) -> "DirectoryHistory":
        """Return the history with a newer version; raise RemoteError("directory") unless it follows the last one."""
        if self.versions:
            last_index, last = self.versions[-1]
            if index <= last_index or directory.version != last.version + 1:
                raise RemoteError("directory", "not the next version", version=last.version + 1)
            _check_next(last, directory)
        elif directory.version != 1:
            raise RemoteError("directory", "the first version of the history is missing", version=1)
        return DirectoryHistory((*self.versions, (index, directory)))

    @property
    def latest(self) -> Directory:
        """The newest version; raises RemoteError("directory") while there is none."""
        if not self.versions:
            raise RemoteError("directory", "no version of the directory has been read yet")
        return self.versions[-1][1]

    def at(self, index: int) -> Directory:
        """Return the version in force for the leaf at `index`; raise RemoteError("directory") if none was yet."""
        for position, directory in reversed(self.versions):
            if position < index:
                return directory
        raise RemoteError("directory", "no version of the directory was in force at that log position")

    def signing_key(self, party: str, kid: str, index: int | None = None) -> VerifyKey:
        """Return the key `kid` of `party`, in force at log position `index` (None: in the newest version).

        Raises RemoteError: "unknown-key" if nobody has the kid, "party" if it is another party's.
        """
        directory = self.latest if index is None else self.at(index)
        for key in directory.signing_keys(party):
            if key.kid == kid:
                return key
        others = (directory.hub, *directory.members)
        if any(key.kid == kid for other in others for key in directory.signing_keys(other)):
            raise RemoteError("party", "the key belongs to another party than the one named")
        raise RemoteError("unknown-key", "no open signing key has this kid")


def _check_next(old: Directory, new: Directory) -> None:
    """Raise RemoteError("directory") where `new` takes back what `old` said: nothing is deleted, no key opens again."""
    # A root that was replaced must not come back: its keys may have been the reason.
    if new.root < old.root:
        raise RemoteError("directory", "signed under an older root than the version before", root=old.root)
    if new.hub != old.hub:
        raise RemoteError("directory", "the hub of the version before is another", hub=old.hub)
    if not old.members.keys() <= new.members.keys():
        raise RemoteError("directory", "a member of the version before is missing")
    _check_keys(old.hub_keys, new.hub_keys)
    for party, member in old.members.items():
        _check_keys(member.keys, new.members[party].keys)


def _check_keys(old: Iterable[KeyRecord], new: Iterable[KeyRecord]) -> None:
    after = {(record.kid, record.use): record for record in new}
    for record in old:
        kept = after.get((record.kid, record.use))
        if kept is None:
            raise RemoteError("directory", "a key of the version before is missing", kid=record.kid)
        # A key counts up to the first leaf that closes it, whatever is said later.
        if kept.open and not record.open:
            raise RemoteError("directory", "a closed key is open again", kid=record.kid)
