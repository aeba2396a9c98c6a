"""Joining: what a node is told by hand, and what it asks of the registrar."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from protocol import canonical, jws
from protocol.directory import Use, sealing_record
from protocol.enrol import EnrolRequest, read_enrol_request, read_federation
from tests.support.federation import HUB, NOW, ORIGIN, World, records, sealing, signing
from tests.support.outcome import outcome_of

FEDERATION = World().federation()
REQUEST = EnrolRequest("jabar", "Provinsi Jawa Barat", HUB, NOW, records("jabar"))
Change = Callable[[dict[str, Any]], object]


def test_trust_anchors_come_through_with_or_without_a_last_newline() -> None:
    assert read_federation(FEDERATION.encode()) == FEDERATION
    assert read_federation(FEDERATION.encode() + b"\n") == FEDERATION
    assert FEDERATION.log_origin == ORIGIN
    assert FEDERATION.log_key == signing("log").public
    assert FEDERATION.roots().newest.keys("targets").keys == (signing("registrar").public,)
    assert len(FEDERATION.root_fingerprint) == 43


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        pytest.param(lambda v: v.update(v=2), "members", id="another version"),
        pytest.param(lambda v: v.update(hub="Pusat!"), "members", id="no party"),
        pytest.param(lambda v: v.update(url=7), "members", id="an address that is no text"),
        pytest.param(lambda v: v.update(url="x" * 2_049), "members", id="an address that is too long"),
        pytest.param(lambda v: v.pop("log"), "members", id="no log key"),
        pytest.param(lambda v: v.update(log="hub+1234+AAAA"), "note", id="no log key of ours"),
        pytest.param(lambda v: v.update(log="x" * 1_025), "members", id="a log key that is too long"),
        pytest.param(lambda v: v.pop("root"), "members", id="no root"),
        pytest.param(lambda v: v.update(root={}), "members", id="a root that is none"),
        pytest.param(lambda v: v["root"].update(signatures=[]), "signature", id="a root that nobody signed"),
        pytest.param(lambda v: v.update(registrar="A" * 43), "members", id="a file of an older version"),
        pytest.param(lambda v: v.update(more=1), "members", id="an unknown member"),
    ],
)
def test_trust_anchors_of_another_form_are_refused(change: Change, outcome: str) -> None:
    wire = json.loads(FEDERATION.encode())
    change(wire)
    assert outcome_of(lambda: read_federation(canonical.encode(wire))) == outcome


@pytest.mark.parametrize("raw", [b"", b"\n", b"{}\n\n", b"\xff", b"[]"])
def test_what_is_no_federation_file_is_refused(raw: bytes) -> None:
    assert outcome_of(lambda: read_federation(raw)) in {"canonical", "members"}


def test_a_request_comes_through() -> None:
    raw = REQUEST.sign(signing("jabar"))
    assert read_enrol_request(raw) == REQUEST
    assert read_enrol_request(raw.encode()) == REQUEST


def test_a_request_is_signed_by_the_key_that_it_brings() -> None:
    """Otherwise anybody could enrol with another's key."""
    assert outcome_of(lambda: read_enrol_request(REQUEST.sign(signing("maling")))) == "unknown-key"
    raw = REQUEST.sign(signing("jabar"))
    assert outcome_of(lambda: read_enrol_request(raw[:-86] + "A" * 86)) == "signature"


def without(use: Use) -> Change:
    return lambda v: v.update(keys=[key for key in v["keys"] if key["use"] != use])


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        pytest.param(lambda v: v.update(v=2), "members", id="another version"),
        pytest.param(lambda v: v.update(id="J"), "members", id="no party"),
        pytest.param(lambda v: v.update(id=HUB), "party", id="the hub's own name"),
        pytest.param(lambda v: v.update(id="reporter"), "party", id="the reporter's name"),
        pytest.param(lambda v: v.update(name="x" * 201), "members", id="a name of 201 characters"),
        pytest.param(lambda v: v.update(at=-1), "members", id="a negative time"),
        pytest.param(lambda v: v.update(keys=[]), "members", id="no keys"),
        pytest.param(without(Use.SIGN), "members", id="no signing key"),
        pytest.param(without(Use.CASE), "members", id="no key for cases"),
        pytest.param(without(Use.IDENTITY), "members", id="no key for identities"),
        pytest.param(lambda v: v["keys"].append(records("dua")[0].wire()), "members", id="two signing keys"),
        pytest.param(lambda v: v["keys"].append(v["keys"][1]), "members", id="a key twice"),
        pytest.param(
            lambda v: v["keys"].append(sealing_record(sealing("jabar").public, Use.IDENTITY).wire()),
            "members",
            id="one key for cases and identities",
        ),
        pytest.param(lambda v: v["keys"][0].update(state="closed"), "members", id="a closed key"),
        pytest.param(lambda v: v.update(keys=v["keys"] * 6), "too-large", id="18 keys"),
        pytest.param(lambda v: v.update(kind="ministry"), "members", id="a rank that it gives itself"),
    ],
)
def test_a_request_of_another_form_is_refused(change: Change, outcome: str) -> None:
    payload = jws.read(REQUEST.sign(signing("jabar")), jws.ENROL, max_bytes=65_536).payload
    wire = json.loads(json.dumps(payload))
    change(wire)
    raw = jws.sign(signing("jabar"), jws.ENROL, wire)
    assert outcome_of(lambda: read_enrol_request(raw)) == outcome


def test_an_entry_is_no_request() -> None:
    payload = jws.read(REQUEST.sign(signing("jabar")), jws.ENROL, max_bytes=65_536).payload
    raw = jws.sign(signing("jabar"), jws.ENTRY, payload)
    assert outcome_of(lambda: read_enrol_request(raw)) == "jws-type"


def test_a_request_over_the_limit_is_refused_before_it_is_parsed() -> None:
    assert outcome_of(lambda: read_enrol_request("A" * 65_537)) == "too-large"
