"""Our signed texts and those of npm's jose, an independent JOSE library; and where ours must be the stricter one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from keys import b64u
from keys.errors import BadKeyError
from keys.signing import SigningKey, VerifyKey
from protocol import canonical, jws
from protocol.bundle import Bundle, read_answer, read_bundle, read_request
from protocol.entry import read_entry
from tests.oracles.asking import AskNode
from tests.support.federation import HUB, signing, story
from tests.support.hub import found_hub, node_of, served
from tests.support.outcome import outcome_of, vector_file

_LIMIT: Final = 64 * 1024
_THREATS: Final = vector_file("jws/threats.json")
_KEY: Final = SigningKey.from_seed(bytes.fromhex(_THREATS["seed"]))
_HEADER: Final = f'{{"alg":"Ed25519","kid":"{_KEY.public.kid}","typ":"simpul-entry+jws"}}'

#: Threats that jose lets through when it is given a key and nothing else: what our profile adds to it.
_JOSE_ACCEPTS: Final = (
    "alg twice in the header, the good one last",
    "alg twice with the same value",
    "the key itself in the header (jwk)",
    "a key to fetch in the header (jku)",
    "an unknown header member",
    "no kid",
    "no typ",
    "alg EdDSA (RFC 8037, the older name)",
    "another kid of the same signer",
    "a request passed off as an entry",
    "an answer passed off as an entry",
    "typ with the application/ prefix",
    "header members in another order",
    "whitespace in the header",
    "an escape in the header",
    "a long header",
    "b64 false in the header, payload encoded",
    "empty payload, signed",
    "payload with a member twice",
    "payload with members out of order",
    "payload that is not JSON",
    "payload that is not UTF-8",
    "a trailing newline",
    "a newline within the signature",
    "signature padded",
    "a loose last character in the payload, signed",
)

#: More of the same, as header and payload: what a parser of JavaScript takes without a word.
_MORE: Final = {
    "a byte order mark before the header": ("\ufeff" + _HEADER, "{}", "jws-form"),
    "a newline before the header": ("\n" + _HEADER, "{}", "jws-form"),
    "__proto__ in the header": (_HEADER.replace("{", '{"__proto__":{},', 1), "{}", "jws-form"),
    "a critical extension that changes nothing": (_HEADER[:-1] + ',"b64":true,"crit":["b64"]}', "{}", "jws-form"),
    "a byte order mark before the payload": (_HEADER, "\ufeff{}", "canonical"),
    "a payload in a number that no double holds": (_HEADER, '{"at":9007199254740993}', "canonical"),
}


def public_jwk(key: VerifyKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": b64u.encode(key.raw)}


def private_jwk(key: SigningKey) -> dict[str, str]:
    return {**public_jwk(key.public), "d": b64u.encode(key.seed)}


def verifying(raw: str, key: VerifyKey) -> dict[str, Any]:
    """The question whether `raw` verifies under `key`."""
    return {"op": "verify", "jwk": public_jwk(key), "jws": raw}


def read_with(raw: str, key: VerifyKey, typ: str = jws.ENTRY) -> Callable[[], object]:
    return lambda: jws.read(raw, typ, max_bytes=_LIMIT).verify(key)


def signed(header: str, payload: str) -> str:
    """A text with any header and payload at all under a true signature."""
    text = f"{b64u.encode(header.encode())}.{b64u.encode(payload.encode())}"
    return f"{text}.{b64u.encode(_KEY.sign(text.encode()))}"


def exchange(folder: Path) -> tuple[Bundle, Bundle, VerifyKey]:
    """What a node sent to a real hub and what that answered."""
    hub = found_hub(folder / "hub")
    with served(hub) as url:
        jabar = node_of(hub, "jabar", url)
        sent = jabar.bundle(jabar.offer("kemnaker"), jabar.say("ask", "triase"), jabar.receipt("jateng"))
        got = jabar.post(sent)
        assert got.status_code == 200
        return read_bundle(sent), read_bundle(got.content), hub.keys.hub.public


def test_jose_verifies_what_node_and_hub_say_to_each_other(ask_node: AskNode, tmp_path: Path) -> None:
    """A request, its entries and the answer, taken from the wire; jose finds the payload and the key's own name."""
    sent, got, hub_key = exchange(tmp_path)
    said = [(sent.manifest, signing("jabar").public), (got.manifest, hub_key)]
    said += [(raw, signing("jabar").public) for raw in sent.entries]
    answers = ask_node("jose", *(verifying(raw, key) for raw, key in said))
    for (raw, key), found in zip(said, answers, strict=True):
        header, payload, _ = raw.split(".")
        assert found == {"header": json.loads(b64u.decode(header)), "payload": payload, "thumbprint": key.kid}
    assert {found["header"]["typ"] for found in answers} == {jws.REQUEST, jws.ANSWER, jws.ENTRY}
    states = json.loads(b64u.decode(answers[1]["payload"]))["push"]
    assert [each["state"] for each in states] == ["ok", "ok", "ok"]


def test_jose_verifies_every_entry_of_a_whole_story_and_under_no_other_key(ask_node: AskNode) -> None:
    said = [(raw, signing(read_entry(raw).entry.sender).public) for _, raw in story().entries]
    right = ask_node("jose", *(verifying(raw, key) for raw, key in said))
    assert [found["header"]["kid"] for found in right] == [key.kid for _, key in said]
    wrong = ask_node("jose", *(verifying(raw, signing("another").public) for raw, _ in said))
    assert wrong == [{"refused": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"}] * len(said)


@pytest.mark.parametrize("typ", sorted(jws.TYPES))
def test_of_one_key_and_payload_jose_makes_the_text_that_we_make(ask_node: AskNode, typ: str) -> None:
    """Byte for byte, as every byte of the text is determined; so the hash by which parties name it is the same too."""
    payload: dict[str, canonical.JsonValue] = {"at": 5, "list": [None, True, -1], "teks": "Lampu jalan mati 💡"}
    header = {"alg": "Ed25519", "kid": _KEY.public.kid, "typ": typ}
    question = {"op": "sign", "jwk": private_jwk(_KEY), "header": header}
    [made] = ask_node("jose", question | {"payload": b64u.encode(canonical.encode(payload))})
    assert made == {"jws": jws.sign(_KEY, typ, payload)}


def test_we_read_an_entry_and_the_manifests_that_jose_signed_with_a_key_of_its_own(
    ask_node: AskNode, tmp_path: Path
) -> None:
    [made] = ask_node("jose", {"op": "generate"})
    key = VerifyKey(b64u.decode(made["jwk"]["x"]))
    assert made["thumbprint"] == key.kid
    assert SigningKey.from_seed(b64u.decode(made["jwk"]["d"])).public == key
    sent, got, _ = exchange(tmp_path)
    texts = {jws.ENTRY: sent.entries[0], jws.REQUEST: sent.manifest, jws.ANSWER: got.manifest}
    entry, request, answer = (
        said["jws"]
        for said in ask_node(
            "jose",
            *(
                {
                    "op": "sign",
                    "jwk": made["jwk"],
                    "header": {"alg": "Ed25519", "kid": key.kid, "typ": typ},
                    "payload": raw.split(".")[1],
                }
                for typ, raw in texts.items()
            ),
        )
    )
    assert read_entry(entry).verify(key).entry == read_entry(sent.entries[0]).entry
    ours, token = read_request(request)
    assert token.verify(key).raw == request
    assert ours == read_request(sent.manifest)[0]
    assert read_answer(answer, key).hub == HUB


@pytest.fixture(scope="module")
def accepted(ask_node: AskNode) -> set[str]:
    """Which texts of the catalogue of threats jose accepts."""
    answers = ask_node("jose", *(verifying(vector["jws"], _KEY.public) for vector in _THREATS["vectors"]))
    return {vector["threat"] for vector, found in zip(_THREATS["vectors"], answers, strict=True) if "header" in found}


def test_what_we_accept_jose_accepts(accepted: set[str]) -> None:
    """Our profile is a part of JOSE, never something beside it."""
    ours = {vector["threat"] for vector in _THREATS["vectors"] if vector["outcome"] == "ok"}
    assert ours
    assert ours <= accepted


@pytest.mark.parametrize("threat", _JOSE_ACCEPTS)
def test_what_jose_accepts_and_we_refuse(accepted: set[str], threat: str) -> None:
    [vector] = [vector for vector in _THREATS["vectors"] if vector["threat"] == threat]
    assert threat in accepted
    assert outcome_of(read_with(vector["jws"], _KEY.public)) == vector["outcome"] != "ok"


def test_what_a_parser_of_javascript_takes_without_a_word_we_refuse(ask_node: AskNode) -> None:
    texts = {name: signed(header, payload) for name, (header, payload, _) in _MORE.items()}
    answers = ask_node("jose", *(verifying(raw, _KEY.public) for raw in texts.values()))
    assert [name for name, found in zip(texts, answers, strict=True) if "refused" in found] == []
    ours = {name: outcome_of(read_with(raw, _KEY.public)) for name, raw in texts.items()}
    assert ours == {name: rule for name, (_, _, rule) in _MORE.items()}


def test_sixteen_texts_of_one_signature_are_one_statement_to_jose_and_one_text_to_us(ask_node: AskNode) -> None:
    """Each would have a hash of its own, and be an entry of its own at the same position of its link."""
    raw = jws.sign(_KEY, jws.ENTRY, {})
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    first = alphabet.index(raw[-1]) // 16 * 16
    texts = [raw[:-1] + alphabet[first + loose] for loose in range(16)]
    assert len({found["payload"] for found in ask_node("jose", *(verifying(text, _KEY.public) for text in texts))}) == 1
    assert [text for text in texts if outcome_of(read_with(text, _KEY.public)) == "ok"] == [raw]


def test_under_a_key_of_small_order_jose_takes_one_signature_for_any_text_and_we_take_no_such_key(
    ask_node: AskNode,
) -> None:
    """R and the key are the neutral point and S is zero: the equation of RFC 8032 holds whatever the message is."""
    neutral = bytes([1]) + bytes(31)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64u.encode(neutral)}
    signature = b64u.encode(neutral + bytes(32))
    texts = [f"{b64u.encode(_HEADER.encode())}.{b64u.encode(said)}.{signature}" for said in (b'"ya"', b'"tidak"')]
    answers = ask_node("jose", *({"op": "verify", "jwk": jwk, "jws": text} for text in texts))
    assert [b64u.decode(found["payload"]) for found in answers] == [b'"ya"', b'"tidak"']
    with pytest.raises(BadKeyError):
        VerifyKey(neutral)
