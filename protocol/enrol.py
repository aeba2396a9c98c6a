"""How a member joins: a federation file goes out, an enrolment request comes back, the registrar signs a directory."""

from dataclasses import dataclass
from typing import Final

from keys import b64u
from keys.digest import sha256
from keys.signing import SigningKey, VerifyKey
from protocol import canonical, checkpoint, jws
from protocol.directory import KeyRecord, Use, read_key_record
from protocol.errors import RemoteError
from protocol.metadata import MAX_ROOT_BYTES, Roots, read_roots
from protocol.party import REPORTER, party_of, time_of
from protocol.shape import array, integer, object_of, text

_MAX_REQUEST_BYTES: Final = 65_536
_MAX_KEYS: Final = 16


@dataclass(frozen=True, slots=True)
class Federation:
    """What a node must be told by hand, once: whom to dial, and which keys to trust first.

    Wire form: `{"hub":"pusat","log":vkey,"root":{"signatures":[…],"signed":{…}},"url":"https://…","v":1}`. `root` is
    the first root of the directory that this reader trusts, whole: every later one is signed by the one before.
    """

    hub: str
    url: str
    log: str
    root: bytes

    @property
    def log_origin(self) -> str:
        """The log's name: the origin line of its checkpoints."""
        return checkpoint.parse_vkey(self.log)[0]

    @property
    def log_key(self) -> VerifyKey:
        """The key of the log's checkpoints."""
        return checkpoint.parse_vkey(self.log)[1]

    @property
    def root_fingerprint(self) -> str:
        """H(root) as b64u: what two people compare by another way."""
        return b64u.encode(sha256(self.root))

    def roots(self) -> Roots:
        """Return the chain that begins, and so far ends, with the trusted root."""
        return read_roots(self.root)

    def encode(self) -> bytes:
        """Return the file's bytes."""
        root = canonical.decode(self.root, max_bytes=MAX_ROOT_BYTES)
        return canonical.encode({"v": 1, "hub": self.hub, "url": self.url, "log": self.log, "root": root})


def read_federation(raw: bytes) -> Federation:
    """Parse a federation file; one newline at its end is allowed, for people's editors. Raises RemoteError."""
    value = canonical.decode(raw.removesuffix(b"\n"), max_bytes=_MAX_REQUEST_BYTES)
    if isinstance(value, dict) and "registrar" in value:
        raise RemoteError("members", "a federation file of Simpul 0.1: ask the hub's operator for the present one")
    found = object_of(value, ("v", "hub", "url", "log", "root"))
    integer(found["v"], 1, 1, name="v")
    log = text(found["log"], max_chars=1_024, name="log")
    checkpoint.parse_vkey(log)
    root = canonical.encode(found["root"])
    read_roots(root)
    return Federation(party_of(found["hub"]), text(found["url"], max_chars=2_048, name="url"), log, root)


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """A node's request to be enrolled, signed by the signing key that it names.

    Wire form (typ `simpul-enrol+jws`): `{"at":…,"hub":"pusat","id":"jabar","keys":[…],"name":…,"v":1}`. Kind, region
    and competence are the registrar's to say, not the node's.
    """

    id: str
    name: str
    hub: str
    at: int
    keys: tuple[KeyRecord, ...]

    def sign(self, key: SigningKey) -> str:
        """Return the request's JWS."""
        return jws.sign(
            key,
            jws.ENROL,
            {
                "v": 1,
                "id": self.id,
                "name": self.name,
                "hub": self.hub,
                "at": self.at,
                "keys": [record.wire() for record in self.keys],
            },
        )


def read_enrol_request(raw: str | bytes) -> EnrolRequest:
    """Verify and parse a request; it proves possession of the signing key, nothing about who stands behind it."""
    token = jws.read(raw, jws.ENROL, max_bytes=_MAX_REQUEST_BYTES)
    found = object_of(token.payload, ("v", "id", "name", "hub", "at", "keys"))
    integer(found["v"], 1, 1, name="v")
    keys = tuple(read_key_record(record) for record in array(found["keys"], _MAX_KEYS, name="keys"))
    signing = [record for record in keys if record.use is Use.SIGN]
    if len(signing) != 1 or {record.use for record in keys} != set(Use) or not all(record.open for record in keys):
        raise RemoteError("members", "a request brings one signing key and open case and identity keys")
    if len({record.kid for record in keys}) != len(keys):
        raise RemoteError("members", "a key stands twice: each key has one use")
    token.verify(VerifyKey(signing[0].public))
    party, hub = party_of(found["id"]), party_of(found["hub"])
    if party in (hub, REPORTER):
        raise RemoteError("party", "the hub and the reporter are no members")
    return EnrolRequest(
        id=party,
        name=text(found["name"], max_chars=200, name="name"),
        hub=hub,
        at=time_of(found["at"]),
        keys=keys,
    )
