"""The directory: who the members are, what they answer for, which keys count since when (docs/protocol.md section 7).

In this version one file signed by the registrar; TUF metadata takes its place behind the same values in a later one.
It knows nothing of where the file comes from, and never decides by a clock which key counts: the log's order does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self, TypeVar

from keys import b64u
from keys.errors import BadKeyError
from keys.sealing import SealingPublicKey
from keys.signing import SigningKey, VerifyKey
from protocol import jws
from protocol.canonical import JsonValue
from protocol.errors import LocalError, RemoteError
from protocol.party import MAX_U32, REPORTER, hash_of, party_of, time_of
from protocol.shape import array, b64u_bytes, integer, object_of, text

MAX_DIRECTORY_BYTES: Final = 16 * 1024 * 1024
_MAX_MEMBERS: Final = 5_000
_MAX_KEYS: Final = 500
_MAX_RULES: Final = 200
_MAX_PREFIXES: Final = 2_000
_MAX_NAME_CHARS: Final = 200
_E = TypeVar("_E", bound=StrEnum)
_SIGN_BYTES: Final = 32
_SEAL_BYTES: Final = 1_216


class Use(StrEnum):
    """What a key is for."""

    SIGN = "sign"
    CASE = "case"
    IDENTITY = "identity"


class Kind(StrEnum):
    """What sort of office a member is."""

    PROVINCE = "province"
    REGENCY = "regency"
    CITY = "city"
    MINISTRY = "ministry"
    AGENCY = "agency"
    OMBUDSMAN = "ombudsman"
    INSPECTORATE = "inspectorate"
    TRIAGE = "triage"


class Status(StrEnum):
    """Active; suspended (may answer, offer, grant and recall, gets no new offers); retired (holds no custody)."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A public key: `{"kid":…,"public":b64u,"state":"open","use":"sign"}`; 32 bytes to sign, 1,216 to seal."""

    kid: str
    use: Use
    public: bytes
    open: bool = True

    def wire(self) -> dict[str, JsonValue]:
        """Return the wire form."""
        state = "open" if self.open else "closed"
        return {"kid": self.kid, "public": b64u.encode(self.public), "state": state, "use": str(self.use)}


def signing_record(key: VerifyKey) -> KeyRecord:
    """Return the record of a signing key."""
    return KeyRecord(key.kid, Use.SIGN, key.raw)


def sealing_record(key: SealingPublicKey, use: Use) -> KeyRecord:
    """Return the record of a sealing key."""
    return KeyRecord(key.kid, use, key.raw)


def read_key_record(value: JsonValue) -> KeyRecord:
    """Parse a key record and check that the bytes are an acceptable key with this kid."""
    found = object_of(value, ("kid", "public", "state", "use"))
    use = _one_of(Use, found["use"], "use")
    raw = b64u_bytes(found["public"], _SIGN_BYTES if use is Use.SIGN else _SEAL_BYTES, name="public")
    try:
        kid = VerifyKey(raw).kid if use is Use.SIGN else SealingPublicKey(raw).kid
    except BadKeyError as error:
        raise RemoteError("directory", "not an acceptable public key") from error
    if kid != hash_of(found["kid"]):
        raise RemoteError("directory", "a kid that is not its key's", kid=kid)
    if found["state"] not in ("open", "closed"):
        raise RemoteError("members", "state is open or closed")
    return KeyRecord(kid, use, raw, open=found["state"] == "open")


@dataclass(frozen=True, slots=True)
class Competence:
    """What a member answers for: `{"regions":["32"],"topics":["ketenagakerjaan"]}`, prefixes; an empty list is all."""

    regions: tuple[str, ...]
    topics: tuple[str, ...]

    def wire(self) -> dict[str, JsonValue]:
        """Return the wire form."""
        return {"regions": list(self.regions), "topics": list(self.topics)}


@dataclass(frozen=True, slots=True)
class Member:
    """A member: name, kind, parent, region (Kemendagri code or empty), competence, inspectorate, keys, status."""

    id: str
    name: str
    kind: Kind
    region: str
    competence: tuple[Competence, ...]
    keys: tuple[KeyRecord, ...]
    parent: str | None = None
    inspectorate: str | None = None
    status: Status = Status.ACTIVE

    @property
    def takes_offers(self) -> bool:
        """Whether a case may be offered to it."""
        return self.status is Status.ACTIVE and self.kind is not Kind.TRIAGE

    def sealing_key(self, use: Use) -> SealingPublicKey:
        """Return the newest open key of a use (records stand oldest first); raise RemoteError("part-key")."""
        for record in reversed(self.keys):
            if record.use is use and record.open:
                return SealingPublicKey(record.public)
        raise RemoteError("part-key", f"{self.id} has no open {use} key")

    def has_key(self, kid: str, use: Use) -> bool:
        """Whether `kid` is open for `use`."""
        return any(record.kid == kid and record.use is use and record.open for record in self.keys)

    def wire(self) -> dict[str, JsonValue]:
        """Return the wire form."""
        return {
            "id": self.id,
            "name": self.name,
            "kind": str(self.kind),
            "region": self.region,
            "competence": [rule.wire() for rule in self.competence],
            "keys": [record.wire() for record in self.keys],
            "parent": self.parent,
            "inspectorate": self.inspectorate,
            "status": str(self.status),
        }


def read_member(value: JsonValue) -> Member:
    """Parse a member."""
    names = ("id", "name", "kind", "region", "competence", "keys", "parent", "inspectorate", "status")
    found = object_of(value, names)
    return Member(
        id=party_of(found["id"]),
        name=text(found["name"], max_chars=_MAX_NAME_CHARS),
        kind=_one_of(Kind, found["kind"], "kind"),
        region=text(found["region"], max_chars=16),
        competence=tuple(_read_competence(rule) for rule in array(found["competence"], _MAX_RULES)),
        keys=tuple(read_key_record(record) for record in array(found["keys"], _MAX_KEYS)),
        parent=None if found["parent"] is None else party_of(found["parent"]),
        inspectorate=None if found["inspectorate"] is None else party_of(found["inspectorate"]),
        status=_one_of(Status, found["status"], "status"),
    )


def _read_competence(value: JsonValue) -> Competence:
    found = object_of(value, ("regions", "topics"))
    return Competence(
        tuple(text(region, max_chars=16) for region in array(found["regions"], _MAX_PREFIXES)),
        tuple(text(topic, max_chars=120) for topic in array(found["topics"], _MAX_PREFIXES)),
    )


@dataclass(frozen=True, slots=True)
class Directory:
    """One version of the directory.

    Wire form, the payload of a `simpul-directory+jws`:
    `{"hub":{"id":…,"keys":[…]},"issued_at":…,"members":{id:member},"v":1,"version":3}`.
    """

    version: int
    issued_at: int
    hub: str
    hub_keys: tuple[KeyRecord, ...]
    members: Mapping[str, Member]

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

    def sign(self, registrar: SigningKey) -> str:
        """Return the file: a JWS by the registrar's key."""
        payload: dict[str, JsonValue] = {
            "v": 1,
            "version": self.version,
            "issued_at": self.issued_at,
            "hub": {"id": self.hub, "keys": [record.wire() for record in self.hub_keys]},
            "members": {party: member.wire() for party, member in self.members.items()},
        }
        return jws.sign(registrar, jws.DIRECTORY, payload)


def read_directory(raw: str | bytes, registrar: VerifyKey) -> Directory:
    """Verify and parse a version of the directory; raise RemoteError."""
    payload = jws.read(raw, jws.DIRECTORY, max_bytes=MAX_DIRECTORY_BYTES).verify(registrar).payload
    found = object_of(payload, ("v", "version", "issued_at", "hub", "members"))
    if integer(found["v"], 1, MAX_U32) != 1:
        raise RemoteError("directory", "a version of the format that this party does not speak", v=1)
    hub = object_of(found["hub"], ("id", "keys"))
    wire_members = found["members"]
    if not isinstance(wire_members, dict) or len(wire_members) > _MAX_MEMBERS:
        raise RemoteError("members", "members is an object", max_members=_MAX_MEMBERS)
    members = {party: read_member(value) for party, value in wire_members.items()}
    if any(party != member.id for party, member in members.items()):
        raise RemoteError("directory", "a member stands under another id than its own")
    directory = Directory(
        version=integer(found["version"], 1, MAX_U32),
        issued_at=time_of(found["issued_at"]),
        hub=party_of(hub["id"]),
        hub_keys=tuple(read_key_record(record) for record in array(hub["keys"], _MAX_KEYS)),
        members=members,
    )
    _check_parties(directory)
    return directory


def _check_parties(directory: Directory) -> None:
    """Raise RemoteError("directory") where one name or one key would stand for two parties or two uses."""
    if not directory.members.keys().isdisjoint((directory.hub, REPORTER)):
        raise RemoteError("directory", "the hub and the reporter are no members")
    records = [*directory.hub_keys, *(record for member in directory.members.values() for record in member.keys)]
    if len({record.kid for record in records}) != len(records):
        raise RemoteError("directory", "a key stands twice: each has one owner, one use and one state")


def directory_digest(raw: str) -> bytes:
    """Return H(file), 32 bytes: what the log's `dir` leaf holds. Raises LocalError for what no reader let through."""
    return jws.digest(raw)


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


def _one_of(enum: type[_E], value: JsonValue, name: str) -> _E:
    try:
        return enum(text(value, max_chars=32, name=name))
    except ValueError:
        raise RemoteError("members", f"{name} is none of the known ones", known=[str(item) for item in enum]) from None
