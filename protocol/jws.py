"""Compact JWS (RFC 7515) with Ed25519 (RFC 9864), in the one form that the protocol knows (section 1).

Wire form, three base64url segments of ASCII:

    b64u({"alg":"Ed25519","kid":"<thumbprint>","typ":"simpul-entry+jws"}) . b64u(payload) . b64u(64-byte signature)

Header and payload are canonical JSON. Because every byte of the text is determined by key, type and payload, one
statement has one text and one hash. General JOSE libraries accept more (a member twice, an unused `jwk`, loose
last characters), so none of them stands between the wire and this check.
"""

from dataclasses import dataclass
from typing import Final

from keys import b64u
from keys.digest import sha256
from keys.errors import BadSignatureError
from keys.signing import SigningKey, VerifyKey
from protocol import canonical, shape
from protocol.canonical import JsonInput, JsonValue
from protocol.errors import LocalError, RemoteError

ENTRY: Final = "simpul-entry+jws"
REQUEST: Final = "simpul-request+jws"
ANSWER: Final = "simpul-answer+jws"
PART: Final = "simpul-part+jws"
ENROL: Final = "simpul-enrol+jws"
#: The closed set: a text signed as one type never passes as another.
TYPES: Final = frozenset({ENTRY, REQUEST, ANSWER, PART, ENROL})

ALGORITHM: Final = "Ed25519"
SIGNATURE_BYTES: Final = 64
KID_BYTES: Final = 32
_MAX_HEADER_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class Verified:
    """A JWS whose signature was verified with the key named `kid`; whether that key may say this is for the caller."""

    raw: str
    typ: str
    kid: str
    payload: JsonValue


@dataclass(frozen=True, slots=True)
class Unverified:
    """A well-formed JWS that nobody vouches for yet: good for finding the key that should verify it, nothing else.

    `raw` is the text as received, `payload` the value of `payload_bytes`.
    """

    raw: str
    typ: str
    kid: str
    payload: JsonValue
    payload_bytes: bytes
    signature: bytes

    def verify(self, key: VerifyKey) -> Verified:
        """Return the verified JWS. Raises RemoteError: "unknown-key" if it names another key, else "signature"."""
        if key.kid != self.kid:
            raise RemoteError("unknown-key", "signed under another key than the one given", kid=key.kid)
        signed = self.raw.rpartition(".")[0].encode("ascii")
        try:
            key.verify(self.signature, signed)
        except BadSignatureError:
            raise RemoteError("signature", f"the {self.typ} does not verify under the key that it names") from None
        return Verified(self.raw, self.typ, self.kid, self.payload)


def sign(key: SigningKey, typ: str, payload: JsonInput) -> str:
    """Return the compact JWS of a payload. Raises LocalError for a type outside TYPES, or outside canonical JSON."""
    _check_type(typ)
    signed = f"{b64u.encode(_header(key.public.kid, typ))}.{b64u.encode(canonical.encode(payload))}"
    return f"{signed}.{b64u.encode(key.sign(signed.encode('ascii')))}"


def read(raw: str | bytes, typ: str, *, max_bytes: int) -> Unverified:
    """Parse one compact JWS of the expected type, at most `max_bytes` long.

    Raises RemoteError: "too-large", "jws-form" (segments, header, algorithm, signature length), "base64url",
    "jws-type" (well-formed, but of another type), "canonical" (the payload); LocalError if `typ` is none of TYPES.
    """
    _check_type(typ)
    if len(raw) > max_bytes:
        raise RemoteError("too-large", f"a JWS of {len(raw)} bytes", max_bytes=max_bytes)
    text = _ascii(raw)
    segments = text.split(".")
    if len(segments) != 3:  # noqa: PLR2004  # header, payload and signature of RFC 7515 section 3.1
        raise RemoteError("jws-form", "not three segments")
    header_bytes, payload_bytes, signature = (
        shape.b64u_bytes(segment, None, name=f"the {name}")
        for segment, name in zip(segments, ("header", "payload", "signature"), strict=True)
    )
    kid = _read_header(header_bytes, typ)
    if len(signature) != SIGNATURE_BYTES:
        raise RemoteError("jws-form", f"the signature has not {SIGNATURE_BYTES} bytes")
    payload = canonical.decode(payload_bytes, max_bytes=max_bytes)
    return Unverified(text, typ, kid, payload, payload_bytes, signature)


def digest(raw: str) -> bytes:
    """Return H(JWS): the SHA-256, 32 bytes, of the ASCII text as received. Raises LocalError if it is not ASCII."""
    if not raw.isascii():
        raise LocalError("only a JWS that was read or signed here has a digest")
    return sha256(raw.encode("ascii"))


def _header(kid: str, typ: str) -> bytes:
    return canonical.encode({"alg": ALGORITHM, "kid": kid, "typ": typ})


def _read_header(raw: bytes, typ: str) -> str:
    """Return the kid of a header that is exactly the one of the profile."""
    if len(raw) > _MAX_HEADER_BYTES:
        raise RemoteError("jws-form", "the header is longer than any of the profile")
    header = canonical.decode(raw, max_bytes=_MAX_HEADER_BYTES, rule="jws-form")
    if not isinstance(header, dict) or header.keys() != {"alg", "kid", "typ"}:
        raise RemoteError("jws-form", "the header has not exactly alg, kid and typ")
    if header["alg"] != ALGORITHM:
        raise RemoteError("jws-form", "another algorithm", alg=ALGORITHM)
    if header["typ"] != typ:
        raise RemoteError("jws-type", "a JWS of another type", typ=typ)
    kid = header["kid"]
    shape.b64u_bytes(kid, KID_BYTES, name="kid")
    return str(kid)


def _ascii(raw: str | bytes) -> str:
    try:
        return raw.decode("ascii") if isinstance(raw, bytes) else raw.encode("ascii").decode("ascii")
    except UnicodeError:
        raise RemoteError("jws-form", "not ASCII") from None


def _check_type(typ: str) -> None:
    if typ not in TYPES:
        raise LocalError("the type is none of the closed set jws.TYPES")
