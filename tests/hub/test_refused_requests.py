"""Whole requests that break a rule: the status, the rule by name, and nothing that changed."""

from collections.abc import Callable
from dataclasses import dataclass

import orjson
import pytest
import requests

from keys.signing import VerifyKey
from protocol import jws
from protocol.bundle import ANSWER_TYPE, MAX_BUNDLE_BYTES, Bundle, read_bundle, read_conflict
from protocol.entry import TreeHead
from protocol.seal import part_id
from tests.hub.conftest import Town
from tests.support.federation import made_id, seed, signing

EMPTY = b'{"entries":[],"manifest":"","parts":{}}'


@dataclass(frozen=True, slots=True)
class Threat:
    """A request that an honest node never sends, and what the hub says to it."""

    name: str
    status: int
    rule: str
    send: Callable[[Town], bytes]


def flipped(text: str) -> str:
    """The same JWS with another, well-formed signature."""
    head, _, signature = text.rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def with_manifest(town: Town, change: Callable[[dict[str, object]], object], *, typ: str = jws.REQUEST) -> bytes:
    """A bundle whose manifest is signed well and says something else."""
    payload = orjson.loads(orjson.dumps(jws.read(town.jabar.request(), jws.REQUEST, max_bytes=1 << 18).payload))
    change(payload)
    return Bundle(jws.sign(signing("jabar"), typ, payload), (), {}).encode()


def swapped_entry(town: Town) -> bytes:
    """The manifest names one entry, another one comes."""
    one, other = town.jabar.receipt("jateng"), town.jabar.receipt("kemnaker")
    return town.jabar.bundle(other, manifest=town.jabar.request(one))


def altered_part(town: Town) -> bytes:
    """A part whose bytes are not those of its name."""
    offer = town.jabar.offer("kemnaker")
    part = offer.parts[0]
    return town.jabar.bundle(offer, parts={part.name.id: part.ciphertext[:-1] + b"\0"})


def loose_part(town: Town) -> bytes:
    """A part whose base64url has another last character for the same bytes: 4 loose bits under two bytes' text."""
    raw = town.jabar.bundle(parts={part_id(b"\0\0"): b"\0\0"})
    assert raw.count(b'"AAA"') == 1
    return raw.replace(b'"AAA"', b'"AAB"')


THREATS = (
    Threat("no JSON at all", 400, "canonical", lambda _: b"offer=1"),
    Threat("nothing", 400, "canonical", lambda _: b""),
    Threat("JSON with a space", 400, "canonical", lambda _: EMPTY.replace(b":", b": ")),
    Threat("a member twice", 400, "canonical", lambda _: EMPTY.replace(b"{}}", b'{},"parts":{}}')),
    Threat("a member too many", 400, "members", lambda _: EMPTY.replace(b"{}}", b'{},"x":1}')),
    Threat("a manifest that is no JWS", 400, "jws-form", lambda _: EMPTY),
    Threat("an entry that is not ASCII", 400, "jws-form", lambda _: EMPTY.replace(b"[]", '["é"]'.encode())),
    Threat("an answer sent as a request", 400, "jws-type", lambda t: with_manifest(t, lambda _: 0, typ=ANSWER_TYPE)),
    Threat("a manifest without ctr", 400, "members", lambda t: with_manifest(t, lambda m: m.pop("ctr"))),
    Threat("a counter of 0", 400, "members", lambda t: with_manifest(t, lambda m: m.update(ctr=0))),
    Threat("a version from the future", 400, "members", lambda t: with_manifest(t, lambda m: m.update(v=2))),
    Threat("a part with loose last characters", 400, "base64url", loose_part),
    Threat("over 8 MiB", 413, "too-large", lambda _: b" " * (MAX_BUNDLE_BYTES + 1)),
    Threat("257 entries", 413, "too-large", lambda _: EMPTY.replace(b"[]", orjson.dumps(["a.b.c"] * 257))),
    Threat("a key that nobody enrolled", 401, "unknown-key", lambda t: t.jabar.bundle(signer="stranger")),
    Threat("a party that nobody enrolled", 403, "party", lambda t: t.jabar.bundle(node="nobody")),
    Threat("another member's key", 403, "party", lambda t: t.jabar.bundle(signer="jateng")),
    Threat("another member's name", 403, "party", lambda t: t.jabar.bundle(node="jateng")),
    Threat("the hub's name", 403, "party", lambda t: t.jabar.bundle(node="pusat")),
    Threat("a wrong signature", 403, "signature", lambda t: t.jabar.bundle(manifest=flipped(t.jabar.request()))),
    Threat("another hub", 422, "addressed", lambda t: t.jabar.bundle(hub="daerah")),
    Threat("another entry than the manifest names", 422, "manifest", swapped_entry),
    Threat(
        "an entry that the manifest does not name",
        422,
        "manifest",
        lambda t: t.jabar.bundle(t.jabar.receipt("jateng"), manifest=t.jabar.request()),
    ),
    Threat("an altered part", 422, "part-id", altered_part),
    Threat("a log with another root", 422, "tree", lambda t: t.jabar.bundle(seen=TreeHead(2, seed("root")))),
    Threat("a log that is longer than ours", 422, "tree", lambda t: t.jabar.bundle(seen=TreeHead(99, seed("root")))),
)


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.name)
def test_a_request_that_breaks_a_rule_is_refused_by_name_and_changes_nothing(town: Town, threat: Threat) -> None:
    town.jabar.sync(town.jabar.receipt("kemnaker"))
    before = town.hub.dump()
    response = town.jabar.post(threat.send(town))
    problem = response.json()
    assert (response.status_code, problem["rule"]) == (threat.status, threat.rule)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == f"urn:simpul:rule:{threat.rule}"
    assert problem["status"] == threat.status
    assert problem["title"]
    assert problem["detail"]
    assert problem["section"]
    assert town.hub.dump() == before


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.name)
def test_a_problem_document_repeats_nothing_that_was_sent(town: Town, threat: Threat) -> None:
    """Longer than a hash, by which things are named."""
    raw = threat.send(town)
    answer = town.jabar.post(raw).content
    assert not [raw[at : at + 48] for at in range(min(len(raw), 20_000) - 48) if raw[at : at + 48] in answer]


def test_the_limit_is_named(town: Town) -> None:
    problem = town.jabar.post(b" " * (MAX_BUNDLE_BYTES + 1)).json()
    assert problem["max_bytes"] == MAX_BUNDLE_BYTES


def test_far_above_the_limit_the_connection_is_refused_without_reading(town: Town) -> None:
    response = requests.post(f"{town.url}/sync/v1", data=b" " * (MAX_BUNDLE_BYTES * 2 + 1), timeout=30)
    assert response.status_code == 413


def conflict(response: requests.Response, key: VerifyKey) -> tuple[int, int, bytes | None]:
    assert response.status_code == 409
    assert response.headers["Content-Type"] == "application/problem+json"
    found = read_conflict(response.json()["conflict"], key)
    return found.ctr, found.inc, found.known


class TestReplays:
    """A request counts once; the signed 409 says which one counted last."""

    def test_the_same_bytes_again(self, town: Town) -> None:
        raw = town.jabar.bundle(town.jabar.receipt("kemnaker"))
        assert town.jabar.post(raw).status_code == 200
        before = town.hub.dump()
        digest = jws.digest(read_bundle(raw).manifest)
        response = town.jabar.post(raw)
        assert response.json()["rule"] == "counter"
        assert conflict(response, town.hub.keys.hub.public) == (1, 1, digest)
        assert town.hub.dump() == before

    def test_a_counter_that_was_used_for_another_request(self, town: Town) -> None:
        town.jabar.sync()
        counted = town.jabar.request(ctr=7)
        assert town.jabar.post(town.jabar.bundle(manifest=counted)).status_code == 200
        response = town.jabar.post(town.jabar.bundle(town.jabar.receipt("kemnaker"), ctr=7))
        assert conflict(response, town.hub.keys.hub.public) == (7, 1, jws.digest(counted))

    def test_an_incarnation_below_the_one_in_force(self, town: Town) -> None:
        town.jabar.inc = 3
        town.jabar.sync()
        town.jabar.inc = 2
        before = town.hub.dump()
        response = town.jabar.post(town.jabar.bundle(town.jabar.receipt("kemnaker")))
        assert response.json()["rule"] == "incarnation"
        assert conflict(response, town.hub.keys.hub.public)[:2] == (1, 3)
        assert town.hub.dump() == before

    def test_the_409_is_one_for_the_request_that_was_refused(self, town: Town) -> None:
        town.jabar.sync()
        manifest = town.jabar.request(ctr=1)
        response = town.jabar.post(town.jabar.bundle(manifest=manifest))
        found = read_conflict(response.json()["conflict"], town.hub.keys.hub.public)
        assert (found.hub, found.node, found.req) == ("pusat", "jabar", jws.digest(manifest))


def test_a_lost_answer_is_mended_by_the_next_request(town: Town) -> None:
    """New counter, same pushes, unmoved cursors: every entry is told once more, none is logged twice."""
    town.kemnaker.sync()
    offer = town.jabar.offer("kemnaker")
    assert town.jabar.post(town.jabar.bundle(offer)).status_code == 200
    before = town.hub.dump(without=("member_state",))
    reply = town.jabar.sync(offer)
    verdict = reply.verdict(offer)
    assert (verdict.state, verdict.pos, verdict.reason) == ("dup", 1, "")
    assert town.hub.dump(without=("member_state",)) == before
    lost = town.kemnaker.bundle()
    town.kemnaker.post(lost)
    assert [pulled.index for pulled in town.kemnaker.sync().answer.pull] == [verdict.index]


def test_ids_of_others_stay_unknown(town: Town) -> None:
    """A made-up id in a URL is a plain 404, and a wrong method says which is right."""
    assert requests.get(f"{town.url}/nothing/{made_id('x')}", timeout=30).status_code == 404
    response = requests.get(f"{town.url}/sync/v1", timeout=30)
    assert (response.status_code, response.headers["Content-Type"]) == (405, "application/problem+json")
    assert "POST" in response.headers["Allow"]
