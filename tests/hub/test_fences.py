"""After a fence in the log its member speaks under no older incarnation, whatever the hub has forgotten otherwise."""

import pytest
from sqlalchemy import delete, update
from sqlalchemy.sql import Executable

from hub.models import MemberState
from protocol.bundle import Conflict, read_conflict
from tests.hub.conftest import Town
from tests.support.hub import Said, TestNode


@pytest.fixture
def fenced(town: Town) -> Town:
    """A town whose jabar was restored once: it speaks under incarnation 2, and said so."""
    town.jabar.sync(town.jabar.receipt("kemnaker"))
    fence = town.jabar.fence()
    assert town.jabar.sync(fence).verdict(fence).state == "ok"
    return town


#: How a hub may lose what it knew of a member's requests.
LOST = (
    pytest.param(delete(MemberState), id="the row is gone"),
    pytest.param(update(MemberState).values(inc=1, ctr=1), id="the row is an old one"),
)


def run(town: Town, statement: Executable) -> None:
    with town.hub.database.transaction() as session:
        session.execute(statement)


def older(node: TestNode) -> TestNode:
    """The copy of a node that still runs beside its restored self; its counter is ahead."""
    return TestNode(node.id, node.federation, node.url, node.hub_key, inc=1, ctr=100)


def refused(town: Town, node: TestNode, *said: Said) -> Conflict:
    """Push, and return what the hub says of its refusal."""
    before = town.hub.dump()
    response = node.post(node.bundle(*said))
    assert (response.status_code, response.json()["rule"]) == (409, "incarnation")
    assert town.hub.dump() == before
    return read_conflict(response.json()["conflict"], town.hub.keys.hub.public)


@pytest.mark.parametrize("lost", LOST)
def test_an_older_copy_is_refused_by_the_log_alone(fenced: Town, lost: Executable) -> None:
    """It is told the incarnation of the fence, so that a node that was set back knows where to begin."""
    run(fenced, lost)
    ghost = older(fenced.jabar)
    ghost.links["kemnaker"] = 1
    conflict = refused(fenced, ghost, ghost.receipt("kemnaker"))
    assert conflict.inc == 2


def test_a_member_that_the_hub_forgot_is_told_that_nothing_of_it_is_known(fenced: Town) -> None:
    run(fenced, delete(MemberState))
    conflict = refused(fenced, older(fenced.jabar))
    assert (conflict.inc, conflict.ctr, conflict.known) == (2, 0, None)


@pytest.mark.parametrize("lost", LOST)
def test_a_forgotten_member_goes_on_under_its_incarnation(fenced: Town, lost: Executable) -> None:
    run(fenced, lost)
    said = fenced.jabar.receipt("kemnaker")
    assert fenced.jabar.sync(said).verdict(said).state == "ok"


@pytest.mark.parametrize("lost", [pytest.param(None, id="all is known"), *LOST])
def test_a_fence_that_does_not_rise_is_refused(fenced: Town, lost: Executable | None) -> None:
    if lost is not None:
        run(fenced, lost)
    before = fenced.hub.dump(without=("member_state",))
    again = fenced.jabar.fence(2)
    verdict = fenced.jabar.sync(again).verdict(again)
    assert (verdict.state, verdict.reason) == ("bad", "incarnation")
    assert fenced.hub.dump(without=("member_state",)) == before


def test_a_fence_counts_for_what_stands_behind_it_in_its_bundle(town: Town) -> None:
    fence, twice, receipt = town.jabar.fence(), town.jabar.fence(2), town.jabar.receipt("kemnaker")
    reply = town.jabar.sync(fence, twice, receipt)
    assert [(push.state, push.reason) for push in reply.answer.push] == [("ok", ""), ("bad", "incarnation"), ("ok", "")]


def test_a_fence_that_is_said_again_after_a_lost_answer_is_the_same_fence(fenced: Town) -> None:
    fence = fenced.jabar.fence(3)
    fenced.jabar.post(fenced.jabar.bundle(fence))
    reply = fenced.jabar.sync(fence)
    assert reply.verdict(fence).state == "dup"


def test_fences_rise_and_each_shuts_out_the_one_before(fenced: Town) -> None:
    ghost = TestNode("jabar", fenced.jabar.federation, fenced.url, fenced.jabar.hub_key, inc=2, ctr=100)
    fence = fenced.jabar.fence(7)
    assert fenced.jabar.sync(fence).verdict(fence).state == "ok"
    run(fenced, delete(MemberState))
    assert refused(fenced, ghost).inc == 7


def test_a_members_fence_is_no_fence_of_others(fenced: Town) -> None:
    said = fenced.jateng.receipt("kemnaker")
    assert fenced.jateng.inc == 1
    assert fenced.jateng.sync(said).verdict(said).state == "ok"
