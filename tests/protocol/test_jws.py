"""Compact JWS: one statement, one text. The catalogue of threats is tests/vectors/jws/threats.json."""

import json
import string
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws as joserfc_jws
from joserfc.jwk import OKPKey

from keys import b64u
from keys.digest import sha256
from keys.errors import BadSignatureError
from keys.signing import SigningKey, VerifyKey
from protocol import jws
from protocol.errors import LocalError, RemoteError

VECTORS = Path(__file__).parents[1] / "vectors" / "jws"
THREATS = json.loads((VECTORS / "threats.json").read_text("utf-8"))
KEY = SigningKey.from_seed(bytes.fromhex(THREATS["seed"]))
LIMIT = 64 * 1024
ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def outcome_of(raw: str | bytes, typ: str = jws.ENTRY, key: VerifyKey = KEY.public) -> str:
    try:
        verified = jws.read(raw, typ, max_bytes=LIMIT).verify(key)
    except RemoteError as error:
        return error.rule.name
    assert verified.raw == (raw if isinstance(raw, str) else raw.decode())
    return "ok"


@pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["threat"]) for vector in THREATS["vectors"]])
def test_each_threat_is_met_by_its_rule(vector: dict[str, str]) -> None:
    assert outcome_of(vector["jws"]) == vector["outcome"]
    if vector["jws"].isascii():
        assert outcome_of(vector["jws"].encode()) == vector["outcome"]


@pytest.mark.parametrize("segment", [0, 1, 2])
def test_of_the_texts_that_differ_in_loose_bits_only_one_passes(segment: int) -> None:
    """86 characters of a signature carry 516 bits for 512: sixteen texts, of which a lenient decoder takes all."""
    segments = jws.sign(KEY, jws.ENTRY, {"a": 1, "bb": segment}).split(".")
    bits = {0: 0, 2: 4, 3: 2}[len(segments[segment]) % 4]
    first = ALPHABET.index(segments[segment][-1]) >> bits << bits
    outcomes = []
    for last in range(first, first + (1 << bits)):
        twin = [*segments]
        twin[segment] = twin[segment][:-1] + ALPHABET[last]
        outcomes.append(outcome_of(".".join(twin)))
    assert outcomes.count("ok") == 1
    assert set(outcomes) <= {"ok", "base64url"}
    if segment == 2:
        assert len(outcomes) == 16


def test_what_was_signed_is_read_back_with_its_bytes() -> None:
    payload: dict[str, Any] = {"text": "Lampu jalan mati 💡", "at": 5, "list": [None, True]}
    raw = jws.sign(KEY, jws.REQUEST, payload)
    unverified = jws.read(raw, jws.REQUEST, max_bytes=LIMIT)
    assert (unverified.kid, unverified.typ) == (KEY.public.kid, jws.REQUEST)
    assert unverified.payload_bytes == '{"at":5,"list":[null,true],"text":"Lampu jalan mati 💡"}'.encode()
    assert unverified.verify(KEY.public) == jws.Verified(raw, jws.REQUEST, KEY.public.kid, payload)


def test_the_same_statement_of_the_same_key_is_the_same_text() -> None:
    assert jws.sign(KEY, jws.ENTRY, {"a": 1, "b": 2}) == jws.sign(KEY, jws.ENTRY, {"b": 2, "a": 1})


def test_the_header_is_the_canonical_json_of_the_profile() -> None:
    header = b64u.decode(jws.sign(KEY, jws.ENTRY, None).split(".")[0])
    assert header == b'{"alg":"Ed25519","kid":"%s","typ":"simpul-entry+jws"}' % KEY.public.kid.encode()


@pytest.mark.parametrize("signed_as", sorted(jws.TYPES))
def test_a_text_passes_as_its_own_type_only(signed_as: str) -> None:
    raw = jws.sign(KEY, signed_as, {})
    assert {typ for typ in jws.TYPES if outcome_of(raw, typ) == "ok"} == {signed_as}
    assert {outcome_of(raw, typ) for typ in jws.TYPES - {signed_as}} == {"jws-type"}


def test_there_are_no_types_beside_the_closed_set() -> None:
    for typ in ("JWT", "entry", ""):
        with pytest.raises(LocalError):
            jws.sign(KEY, typ, {})
        with pytest.raises(LocalError):
            jws.read("..", typ, max_bytes=LIMIT)


def test_a_payload_outside_canonical_json_is_never_signed() -> None:
    with pytest.raises(LocalError):
        jws.sign(KEY, jws.ENTRY, {"a": 1.5})  # type: ignore[dict-item]


def test_a_text_above_the_limit_is_refused_before_anything_is_decoded() -> None:
    raw = jws.sign(KEY, jws.ENTRY, {"a": 1})
    assert jws.read(raw, jws.ENTRY, max_bytes=len(raw)).kid == KEY.public.kid
    with pytest.raises(RemoteError) as caught:
        jws.read(raw, jws.ENTRY, max_bytes=len(raw) - 1)
    assert caught.value.rule.name == "too-large"


def test_another_key_is_told_apart_from_a_false_signature() -> None:
    """The hub looks keys up by kid; a mix-up there must not look like a forgery."""
    raw = jws.sign(KEY, jws.ENTRY, {})
    assert outcome_of(raw, key=SigningKey.from_seed(bytes(32)).public) == "unknown-key"


def test_every_changed_character_is_noticed() -> None:
    raw = jws.sign(KEY, jws.ENTRY, {"a": "xyz"})
    for at in range(len(raw)):
        changed = raw[:at] + ("A" if raw[at] != "A" else "B") + raw[at + 1 :]
        assert outcome_of(changed) != "ok"


def test_an_error_never_quotes_the_payload() -> None:
    for payload in (b'{"nama":"Siti Rahayu","nama":1}', b"Siti Rahayu"):
        signed = f"{jws.sign(KEY, jws.ENTRY, {}).split('.')[0]}.{b64u.encode(payload)}"
        with pytest.raises(RemoteError) as caught:
            jws.read(f"{signed}.{b64u.encode(KEY.sign(signed.encode()))}", jws.ENTRY, max_bytes=LIMIT)
        assert "Siti" not in str(caught.value)


def test_the_digest_is_that_of_the_text_as_received() -> None:
    raw = jws.sign(KEY, jws.ENTRY, {})
    assert jws.digest(raw) == sha256(raw.encode())
    with pytest.raises(LocalError):
        jws.digest("é")


def test_the_published_ed25519_example_verifies_but_its_header_is_outside_the_profile() -> None:
    vector = json.loads((VECTORS / "rfc8037-a4.json").read_text("utf-8"))
    key = SigningKey.from_seed(b64u.decode(vector["d"]))
    assert (key.public.raw, key.public.kid) == (b64u.decode(vector["x"]), vector["kid"])
    signed, _, signature = vector["jws"].rpartition(".")
    key.public.verify(b64u.decode(signature), signed.encode())
    with pytest.raises(BadSignatureError):
        key.public.verify(b64u.decode(signature), signed.encode() + b" ")
    assert outcome_of(vector["jws"], key=key.public) == vector["outcome"]


def joserfc_key() -> OKPKey:
    jwk: dict[str, str | list[str]] = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": b64u.encode(KEY.public.raw),
        "d": b64u.encode(KEY.seed),
    }
    return OKPKey.import_key(jwk)


def test_an_independent_library_verifies_ours_and_we_verify_its() -> None:
    payload: dict[str, Any] = {"at": 1, "text": "Jalan rusak"}
    ours = jws.sign(KEY, jws.ENTRY, payload)
    read = joserfc_jws.deserialize_compact(ours, joserfc_key(), algorithms=["Ed25519"])
    assert json.loads(read.payload or b"") == payload
    header = {"alg": "Ed25519", "kid": KEY.public.kid, "typ": jws.ENTRY}
    theirs = joserfc_jws.serialize_compact(
        header, b'{"at":1,"text":"Jalan rusak"}', joserfc_key(), algorithms=["Ed25519"]
    )
    assert theirs == ours
    assert outcome_of(theirs) == "ok"


def test_our_kid_is_the_thumbprint_that_an_independent_library_computes() -> None:
    assert joserfc_key().thumbprint() == KEY.public.kid
