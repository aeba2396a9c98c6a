"""Bundles and their manifests. The catalogues are the files below tests/vectors/bundle."""

from collections.abc import Callable
from typing import Any

import pytest

from keys.signing import SigningKey, VerifyKey
from protocol import bundle, jws
from protocol.bundle import MAX_BUNDLE_BYTES, Answer, Bundle, Conflict, Pull, Pulled, Pushed, Request
from protocol.entry import TreeHead
from protocol.errors import LocalError
from protocol.seal import part_id
from tests.support.federation import HUB, World, seed, signing
from tests.support.outcome import outcome_of, vector_file, vectors

HUB_KEY = signing(HUB)
REQUEST = Request(HUB, "jabar", 1, 2, (seed("e"),), Pull(3, 4, 256), 1, TreeHead(7, seed("root")))


def signer_of(path: str) -> SigningKey:
    return SigningKey.from_seed(bytes.fromhex(vector_file(path)["seed"]))


@pytest.mark.parametrize("vector", vectors("bundle/bundles.json"))
def test_each_envelope_meets_its_rule(vector: dict[str, Any]) -> None:
    raw = vector["bundle"].encode()
    assert outcome_of(lambda: bundle.read_bundle(raw)) == vector["outcome"]
    if vector["outcome"] == "ok":
        assert bundle.read_bundle(raw).encode() == raw


@pytest.mark.parametrize("vector", vectors("bundle/requests.json"))
def test_each_request_meets_its_rule(vector: dict[str, Any]) -> None:
    def read() -> None:
        request, token = bundle.read_request(vector["jws"])
        token.verify(signer_of("bundle/requests.json").public)
        assert request.sign(signer_of("bundle/requests.json")) == vector["jws"]

    assert outcome_of(read) == vector["outcome"]


@pytest.mark.parametrize("vector", vectors("bundle/answers.json"))
def test_each_answer_meets_its_rule(vector: dict[str, Any]) -> None:
    def read() -> None:
        key = signer_of("bundle/answers.json")
        assert bundle.read_answer(vector["jws"], key.public).sign(key) == vector["jws"]

    assert outcome_of(read) == vector["outcome"]


@pytest.mark.parametrize("vector", vectors("bundle/conflicts.json"))
def test_each_conflict_meets_its_rule(vector: dict[str, Any]) -> None:
    def read() -> None:
        key = signer_of("bundle/conflicts.json")
        assert bundle.read_conflict(vector["jws"], key.public).sign(key) == vector["jws"]

    assert outcome_of(read) == vector["outcome"]


@pytest.mark.parametrize("read", [bundle.read_answer, bundle.read_conflict])
def test_a_manifest_over_the_limit_is_refused_before_it_is_parsed(read: Callable[[str, VerifyKey], object]) -> None:
    assert outcome_of(lambda: read("A" * 262_145, HUB_KEY.public)) == "too-large"
    assert outcome_of(lambda: bundle.read_request("A" * 262_145)) == "too-large"


def test_a_bundle_over_the_limit_is_refused_before_it_is_parsed() -> None:
    assert outcome_of(lambda: bundle.read_bundle(b"\xff" * (MAX_BUNDLE_BYTES + 1))) == "too-large"


@pytest.mark.parametrize(
    "over",
    [
        pytest.param(Bundle("m", ("e",) * 257, {}), id="257 entries"),
        pytest.param(Bundle("m", ("e" * MAX_BUNDLE_BYTES,), {}), id="over 8 MiB"),
    ],
)
def test_a_bundle_over_the_limits_is_never_sent(over: Bundle) -> None:
    with pytest.raises(LocalError):
        over.encode()


@pytest.mark.parametrize("state", bundle.PUSH_STATES)
def test_every_verdict_of_the_hub_comes_through(state: bundle.PushState) -> None:
    pushed = Pushed(part_id(b"e"), state, 7, 3, "slot-taken")
    answer = Answer(HUB, "jabar", seed("r"), (pushed,), (), True, "note", ())
    assert bundle.read_answer(answer.sign(HUB_KEY), HUB_KEY.public) == answer


def test_a_full_answer_fits_its_own_limit() -> None:
    """256 verdicts, 256 pulled entries, the longest proof and a checkpoint with sixteen signatures."""
    answer = Answer(
        hub="h" * 63,
        node="n" * 63,
        req=seed("r"),
        push=(Pushed(part_id(b"e"), "closed", 2**53 - 1, 2**53 - 1, "r" * 32),) * 256,
        pull=(Pulled("inbox", 2**53 - 1, 2**53 - 1, seed("h")),) * 256,
        more=True,
        checkpoint="— example.com/log AAAA\n" * 700,
        consistency=(seed("c"),) * 64,
    )
    assert bundle.read_answer(answer.sign(HUB_KEY), HUB_KEY.public) == answer


def test_entries_are_those_that_the_manifest_signs_in_its_order() -> None:
    world = World.founded()
    first, second = (world.draft("ask", "jabar", "triase").sign(signing("jabar")) for _ in range(2))
    expected = [first.digest, second.digest]
    bundle.check_manifest_entries(expected, [first.raw, second.raw])
    for wrong in ([second.raw, first.raw], [first.raw], [first.raw, second.raw, second.raw], [first.raw, first.raw]):
        assert outcome_of(lambda wrong=wrong: bundle.check_manifest_entries(expected, wrong)) == "manifest"  # type: ignore[misc]


def test_an_entry_of_any_letters_never_becomes_our_own_bug() -> None:
    """Hostile text reaches the hash only after the envelope was read, and the envelope lets ASCII through alone."""
    for text in ("é", "\U0001f4a1", "\u0000é"):
        raw = Bundle("m", (text,), {}).encode()
        assert outcome_of(lambda raw=raw: bundle.read_bundle(raw)) == "jws-form"  # type: ignore[misc]


def test_a_request_that_names_another_key_is_not_the_nodes() -> None:
    _, token = bundle.read_request(REQUEST.sign(signing("jateng")))
    assert outcome_of(lambda: token.verify(signing("jabar").public)) == "unknown-key"


def test_an_answer_is_no_conflict_and_a_conflict_no_answer() -> None:
    """Both are signed as the same type, so their members alone must tell them apart."""
    answer = Answer(HUB, "jabar", seed("r"), (), (), False, "note", ()).sign(HUB_KEY)
    conflict = Conflict(HUB, "jabar", seed("r"), 1, 1, None).sign(HUB_KEY)
    assert outcome_of(lambda: bundle.read_conflict(answer, HUB_KEY.public)) == "members"
    assert outcome_of(lambda: bundle.read_answer(conflict, HUB_KEY.public)) == "members"


def test_the_types_are_those_of_the_closed_set() -> None:
    assert {bundle.REQUEST_TYPE, bundle.ANSWER_TYPE} < jws.TYPES
