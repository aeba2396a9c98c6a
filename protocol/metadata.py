"""The directory's metadata: TUF 1.0 by python-tuf, narrowed to one profile (docs/protocol.md section 7).

It reads the four roles from bytes; protocol.publishing makes them. It fetches nothing, and it judges no expiry: which
version counts is decided by the log's order, and whether the newest one is fresh is for python-tuf's own client to say
(node.sync.refresh).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from securesystemslib.signer import Key
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from keys.digest import sha256
from keys.errors import BadKeyError
from keys.signing import VerifyKey
from protocol import canonical
from protocol.errors import RemoteError
from protocol.party import MAX_U32, time_of
from protocol.shape import integer, object_of

MAX_ROOT_BYTES: Final = 32_768
MAX_TARGETS_BYTES: Final = 4 * 1024 * 1024
MAX_SMALL_BYTES: Final = 16_384
MAX_FILE_BYTES: Final = 1024 * 1024
MAX_FILES: Final = 5_001
#: The registrar's word lasts so long and no longer: whoever holds only the hub's own key cannot freeze it.
MAX_TARGETS_SECONDS: Final = 30 * 86_400
#: A chain of roots longer than this is no chain that people made.
MAX_ROOTS: Final = 256
#: What stands in `targets.json` beside the members of TUF, and is signed with them.
OWN: Final = "simpul"
_S = TypeVar("_S", Root, Targets, Snapshot, Timestamp)


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """Who may sign as a role, and how many of them have to."""

    keys: tuple[VerifyKey, ...]
    threshold: int = 1


@dataclass(frozen=True, slots=True)
class TrustedRoot:
    """A root that was verified, by itself or by the one before it.

    Wire form: the canonical JSON of TUF's `root.json`, at most 32 KiB. Equal and hashed by these bytes.
    """

    raw: bytes = field(repr=False)
    version: int = field(compare=False)
    expires: int = field(compare=False)
    _root: Root = field(repr=False, compare=False)

    def keys(self, role: str) -> RoleKeys:
        """Return who signs as `role`: "root", "targets", "snapshot" or "timestamp"."""
        found = self._root.roles[role]
        return RoleKeys(tuple(_verify_key(self._root.keys[keyid]) for keyid in found.keyids), found.threshold)

    def verify(self, role: str, found: Metadata[_S]) -> _S:
        """Return what enough keys of `role` have signed; raise RemoteError("signature")."""
        try:
            self._root.verify_delegate(role, found.signed_bytes, found.signatures)
        except RepositoryError:
            raise RemoteError("signature", f"not signed by enough keys of the role {role}", root=self.version) from None
        return found.signed


@dataclass(frozen=True, slots=True)
class Roots:
    """The chain of roots, oldest first; the first is the one that was trusted by hand."""

    chain: tuple[TrustedRoot, ...]

    @property
    def newest(self) -> TrustedRoot:
        """The last of the chain."""
        return self.chain[-1]

    def added(self, raw: bytes) -> "Roots":
        """Return the chain with the next root, signed as the last one and as itself demand; raise RemoteError."""
        found = _parsed(raw, Root, MAX_ROOT_BYTES)
        if found.signed.version != self.newest.version + 1 or len(self.chain) == MAX_ROOTS:
            raise RemoteError("directory", "not the next root", version=self.newest.version + 1)
        self.newest.verify("root", found)
        return Roots((*self.chain, _trusted(raw, found)))

    def at(self, version: int) -> TrustedRoot:
        """Return one of the chain; raise RemoteError("directory")."""
        for root in self.chain:
            if root.version == version:
                return root
        raise RemoteError("directory", "a root that the chain does not reach", version=version)


def read_roots(first: bytes, later: Sequence[bytes] = ()) -> Roots:
    """Return the chain from the root that is trusted by hand, which must verify under its own keys."""
    roots = Roots((_trusted(first, _parsed(first, Root, MAX_ROOT_BYTES)),))
    for raw in later:
        roots = roots.added(raw)
    return roots


@dataclass(frozen=True, slots=True)
class FileName:
    """One file that a version of the directory consists of: its path, SHA-256 (32 bytes) and length in bytes."""

    path: str
    h: bytes
    length: int

    @property
    def url(self) -> str:
        """Where it is published below `targets/`: `members/<sha256>.jabar.json` (TUF's consistent snapshots)."""
        folder, slash, name = self.path.rpartition("/")
        return f"{folder}{slash}{self.h.hex()}.{name}"


def parse_file_url(url: str) -> tuple[str, bytes]:
    """Return path and SHA-256 (32 bytes) of what is published at `url`; raise RemoteError("directory")."""
    folder, slash, name = url.rpartition("/")
    digest, _, rest = name.partition(".")
    return f"{folder}{slash}{rest}", _hash(digest)


@dataclass(frozen=True, slots=True)
class Contents:
    """What the registrar signed: one version's files by path, under which root, since when and until when (seconds).

    Wire form: TUF's `targets.json` with `"simpul":{"issued_at":…,"root":1}` beside its own members.
    """

    version: int
    root: int
    issued_at: int
    expires: int
    files: Mapping[str, FileName]


def read_contents(raw: bytes, roots: Roots) -> Contents:
    """Verify a version's `targets.json` under the root that it names; raise RemoteError."""
    found = _parsed(raw, Targets, MAX_TARGETS_BYTES)
    root, issued_at = _own_members(found.signed)
    targets = roots.at(root).verify("targets", found)
    if targets.delegations is not None or len(targets.targets) > MAX_FILES:
        raise RemoteError("directory", "no delegations, and so many files at most", max_files=MAX_FILES)
    expires = _seconds(targets.expires)
    if not issued_at < expires <= issued_at + MAX_TARGETS_SECONDS:
        raise RemoteError("directory", "it expires within 30 days of its making", max_seconds=MAX_TARGETS_SECONDS)
    files = {path: _file_name(path, target) for path, target in targets.targets.items()}
    return Contents(targets.version, root, issued_at, expires, files)


def named_root(raw: bytes) -> int:
    """Return the root that a version says it was signed under, unverified: which ones to ask for before reading it."""
    return _own_members(_parsed(raw, Targets, MAX_TARGETS_BYTES).signed)[0]


def check_file(name: FileName, content: bytes) -> bytes:
    """Return a file's bytes if they are the ones that were signed; raise RemoteError("directory")."""
    if len(content) != name.length or sha256(content) != name.h:
        raise RemoteError("directory", "a file of the directory is not the one that was signed", path=name.path)
    return content


@dataclass(frozen=True, slots=True)
class Fresh:
    """What the hub's own key vouches for: a version of the snapshot, and through it the newest version of targets."""

    version: int
    expires: int
    names: int
    h: bytes


def read_timestamp(raw: bytes, root: TrustedRoot) -> Fresh:
    """Verify a `timestamp.json`; `names` and `h` are those of the snapshot."""
    found = root.verify("timestamp", _parsed(raw, Timestamp, MAX_SMALL_BYTES))
    return _fresh(found, found.snapshot_meta)


def read_snapshot(raw: bytes, root: TrustedRoot) -> Fresh:
    """Verify a `snapshot.json`; `names` and `h` are those of `targets.json`."""
    found = root.verify("snapshot", _parsed(raw, Snapshot, MAX_SMALL_BYTES))
    if found.meta.keys() != {"targets.json"}:
        raise RemoteError("directory", "a snapshot names targets.json and nothing else")
    return _fresh(found, found.meta["targets.json"])


def _parsed(raw: bytes, kind: type[_S], max_bytes: int) -> Metadata[_S]:
    """Parse strictly: what python-tuf verifies is byte for byte what was received."""
    value = object_of(canonical.decode(raw, max_bytes=max_bytes), ("signatures", "signed"))
    try:
        found: Metadata[_S] = Metadata.from_bytes(raw)
        payload = found.signed_bytes
    except RepositoryError:
        raise RemoteError("directory", "not metadata of TUF 1.0") from None
    if not isinstance(found.signed, kind) or payload != canonical.encode(value["signed"]):
        raise RemoteError("directory", f"not metadata of the role {kind.type} in its one form")
    return found


def _trusted(raw: bytes, found: Metadata[Root]) -> TrustedRoot:
    """Return a root that follows our profile and that enough of its own keys have signed."""
    root = found.signed
    if not root.consistent_snapshot:
        raise RemoteError("directory", "a root without consistent snapshots")
    publics = [_verify_key(key).raw for key in root.keys.values()]
    # One key under two names would count twice towards a threshold.
    if len(set(publics)) != len(publics):
        raise RemoteError("directory", "a root names one key twice")
    trusted = TrustedRoot(raw, root.version, _seconds(root.expires), root)
    trusted.verify("root", found)
    return trusted


def _verify_key(key: Key) -> VerifyKey:
    if (key.keytype, key.scheme) != ("ed25519", "ed25519"):
        raise RemoteError("directory", "a root's keys are Ed25519")
    try:
        return VerifyKey(bytes.fromhex(str(key.keyval["public"])))
    except (BadKeyError, ValueError, KeyError):
        raise RemoteError("directory", "a root's key is no acceptable key") from None


def _own_members(targets: Targets) -> tuple[int, int]:
    own = object_of(targets.unrecognized_fields.get(OWN), ("issued_at", "root"))
    return integer(own["root"], 1, MAX_U32, name="root"), time_of(own["issued_at"])


def _file_name(path: str, target: TargetFile) -> FileName:
    digest = target.hashes.get("sha256", "")
    if target.hashes.keys() != {"sha256"} or not 0 < target.length <= MAX_FILE_BYTES:
        raise RemoteError("directory", "a file has a SHA-256, nothing else, and a length", max_bytes=MAX_FILE_BYTES)
    return FileName(path, _hash(digest), target.length)


def _fresh(found: Timestamp | Snapshot, meta: MetaFile) -> Fresh:
    return Fresh(found.version, _seconds(found.expires), meta.version, _hash((meta.hashes or {}).get("sha256", "")))


def _hash(digest: str) -> bytes:
    try:
        raw = bytes.fromhex(digest)
    except ValueError:
        raw = b""
    # One digest has one spelling: the address under which its file is published follows from it.
    if len(raw) != len(sha256(b"")) or raw.hex() != digest:
        raise RemoteError("directory", "not the hexadecimal form of a SHA-256")
    return raw


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
