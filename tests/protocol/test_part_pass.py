"""Passes: one method, one part, one hub, five minutes."""

from dataclasses import replace
from typing import Any

import pytest

from keys import b64u
from protocol import jws
from protocol.errors import LocalError
from protocol.part_pass import METHODS, PartPass, check_part_pass, read_part_pass
from tests.support.federation import HUB, NOW, forged, made_id, seed, signing
from tests.support.outcome import outcome_of

PART = b64u.encode(seed("part"))
PUT = PartPass(HUB, "jabar", NOW, "PUT", PART, 131_104)
GET = PartPass(HUB, "jabar", NOW, "GET", PART)


@pytest.mark.parametrize("shown", [PUT, GET, replace(GET, method="HEAD")])
def test_what_is_signed_is_what_is_read(shown: PartPass) -> None:
    found, token = read_part_pass(shown.sign(signing("jabar")))
    assert found == shown
    token.verify(signing("jabar").public)
    check_part_pass(found, hub=HUB, method=shown.method, part=PART, now=NOW)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"v": 2}, "members"),
        ({"method": "POST", "len": ...}, "members"),
        ({"method": "DELETE"}, "members"),
        ({"method": None}, "members"),
        ({"len": 131_105}, "part-form"),
        ({"len": None}, "members"),
        ({"len": ...}, "members"),
        ({"id": made_id("x")}, "base64url"),
        ({"id": "../" * 14 + "a"}, "base64url"),
        ({"node": "../x"}, "members"),
        ({"at": -1}, "members"),
        ({"more": 1}, "members"),
        ({"method": "GET"}, "members"),
    ],
)
def test_each_flaw_meets_its_rule(change: dict[str, Any], outcome: str) -> None:
    wire: dict[str, Any] = {
        "v": 1,
        "hub": HUB,
        "node": "jabar",
        "at": NOW,
        "method": "PUT",
        "id": PART,
        "len": 131_104,
    } | change
    raw = forged({name: value for name, value in wire.items() if value is not ...}, signing("jabar"), jws.PART)
    assert outcome_of(lambda: read_part_pass(raw)) == outcome


def test_a_payload_that_is_no_object_is_refused() -> None:
    raw = jws.sign(signing("jabar"), jws.PART, ["PUT"])
    assert outcome_of(lambda: read_part_pass(raw)) == "members"


def test_a_text_of_another_type_is_no_pass() -> None:
    assert outcome_of(lambda: read_part_pass(forged({}, signing("jabar"), jws.REQUEST))) == "jws-type"


@pytest.mark.parametrize(
    ("expected", "outcome"),
    [
        ({"hub": "lain"}, "addressed"),
        ({"method": "PUT"}, "pass"),
        ({"method": "HEAD"}, "pass"),
        ({"part": b64u.encode(seed("other"))}, "pass"),
        ({"now": NOW + 300}, "ok"),
        ({"now": NOW + 301}, "pass"),
        ({"now": NOW - 300}, "ok"),
        ({"now": NOW - 301}, "pass"),
    ],
)
def test_a_pass_opens_nothing_else(expected: dict[str, Any], outcome: str) -> None:
    given: dict[str, Any] = {"hub": HUB, "method": "GET", "part": PART, "now": NOW} | expected
    assert outcome_of(lambda: check_part_pass(GET, **given)) == outcome


def test_the_methods_are_a_closed_set() -> None:
    assert METHODS == ("GET", "HEAD", "PUT")
    with pytest.raises(LocalError):
        replace(PUT, len=2**60).sign(signing("jabar"))
