"""Routing: a pure function of the directory. The questions are tests/vectors/routing/claims.json."""

from typing import Any

import pytest

from protocol.directory import Directory, Kind, Status, read_member
from protocol.routing import claims
from tests.support.federation import HUB, NOW, directory, member
from tests.support.outcome import vector_file, vectors

MEMBERS = [read_member(each) for each in vector_file("routing/claims.json")["members"]]
COUNTRY = Directory(1, NOW, HUB, (), {each.id: each for each in MEMBERS})


@pytest.mark.parametrize("vector", vectors("routing/claims.json"))
def test_each_question_has_its_answer(vector: dict[str, Any]) -> None:
    found = claims(COUNTRY, vector["region"], vector["topic"], excluded=vector["excluded"])
    assert [claim.member.id for claim in found] == vector["claims"]


def test_the_order_of_the_members_in_the_file_decides_nothing() -> None:
    backwards = Directory(1, NOW, HUB, (), {each.id: each for each in reversed(MEMBERS)})
    for vector in vector_file("routing/claims.json")["vectors"]:
        one, other = (claims(each, vector["region"], vector["topic"]) for each in (COUNTRY, backwards))
        assert one == other


def test_a_claim_says_by_what_it_is_one() -> None:
    best = claims(COUNTRY, "32.04.05", "jalan")[0]
    assert (best.member.id, best.region, best.topic) == ("bandung", "32.04", "")


def test_every_kind_that_takes_offers_has_its_place_in_the_order() -> None:
    """A kind that the order forgot would stop routing for the whole country."""
    offices = directory(*(member(f"m-{kind}", kind) for kind in Kind))
    assert {claim.member.kind for claim in claims(offices, "32", "jalan")} == set(Kind) - {Kind.TRIAGE}


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.RETIRED])
def test_who_takes_no_offers_is_never_named(status: Status) -> None:
    assert claims(directory(member("jabar", status=status)), "32", "") == []
