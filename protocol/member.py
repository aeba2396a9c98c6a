"""A member of the federation: what it answers for, and its public keys (docs/protocol.md section 7)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from keys import b64u
from keys.errors import BadKeyError
from keys.sealing import SealingPublicKey
from keys.signing import VerifyKey
from protocol.canonical import JsonValue
from protocol.errors import RemoteError
from protocol.party import hash_of, party_of
from protocol.shape import array, b64u_bytes, object_of, text

MAX_KEYS: Final = 500
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
        keys=tuple(read_key_record(record) for record in array(found["keys"], MAX_KEYS)),
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


def _one_of(enum: type[_E], value: JsonValue, name: str) -> _E:
    try:
        return enum(text(value, max_chars=32, name=name))
    except ValueError:
        raise RemoteError("members", f"{name} is none of the known ones", known=[str(item) for item in enum]) from None
