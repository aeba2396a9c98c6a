"""What suspended and retired members may still say, and what keeps a member from being retired."""

from collections.abc import Callable

import pytest

from hub.errors import EnrolmentError
from hub.members.retirement import ties_of
from protocol.directory import Status
from tests.hub.conftest import Town
from tests.support.federation import NOW, made_id
from tests.support.hub import Said, TestNode

Saying = Callable[[Town], Said]


def accept(town: Town) -> Said:
    return town.kemnaker.answer("accept", town.logged_offer())


def reject(town: Town) -> Said:
    return town.kemnaker.answer("reject", town.logged_offer())


def recall(town: Town) -> Said:
    offer = own_offer(town)
    assert town.kemnaker.sync(offer).verdict(offer).state == "ok"
    return town.kemnaker.answer("recall", offer)


def grant(town: Town) -> Said:
    offer = own_offer(town)
    town.kemnaker.sync(offer)
    taken = town.kemensos.answer("accept", offer)
    town.kemensos.sync(taken)
    return town.kemnaker.grant(offer, taken)


def own_offer(town: Town) -> Said:
    return town.kemnaker.offer("kemensos")


def said(kind: str, to: str = "jabar") -> Saying:
    return lambda town: town.kemnaker.say(kind, to, ref=made_id("return"))


def receipt(town: Town) -> Said:
    return town.kemnaker.receipt("jabar")


#: What kemnaker says, made before its status changes.
SAYINGS: dict[str, Saying] = {
    "accept": accept,
    "reject": reject,
    "recall": recall,
    "grant": grant,
    "offer": own_offer,
    "ask": lambda town: town.kemnaker.say("ask", "triase"),
    "consult": lambda town: town.kemnaker.say("consult", "jabar"),
    "message": said("message"),
    "reply": said("reply"),
    "progress": said("progress"),
    "refer": said("refer"),
    "fence": lambda town: town.kemnaker.say("fence", "pusat"),
    "stats": lambda town: town.kemnaker.say("stats", "pusat"),
}


@pytest.mark.parametrize("kind", [*SAYINGS, "receipt"])
def test_a_suspended_member_finishes_what_it_has(town: Town, kind: str) -> None:
    made = receipt(town) if kind == "receipt" else SAYINGS[kind](town)
    town.hub.set_status("kemnaker", Status.SUSPENDED)
    assert town.kemnaker.sync(made).verdict(made).state == "ok"


@pytest.mark.parametrize("kind", sorted(SAYINGS.keys() - {"message", "fence"}))
def test_a_retired_member_begins_nothing(town: Town, kind: str) -> None:
    made = SAYINGS[kind](town)
    town.hub.set_status("kemnaker", Status.RETIRED)
    before = town.hub.dump(without=("member_state",))
    verdict = town.kemnaker.sync(made).verdict(made)
    assert (verdict.state, verdict.reason) == ("bad", "member")
    assert town.hub.dump(without=("member_state",)) == before


def test_a_retired_member_gets_and_confirms_what_is_on_its_way(town: Town) -> None:
    late = town.jabar.say("message", "kemnaker", ref=made_id("return"))
    town.jabar.sync(late)
    town.hub.set_status("kemnaker", Status.RETIRED)
    assert town.kemnaker.sync().bundle.entries == (late.signed.raw,)
    # A late message goes after its case, and a start is fenced as ever, or nothing could be confirmed after it.
    for made in (receipt(town), SAYINGS["message"](town), SAYINGS["fence"](town)):
        assert town.kemnaker.sync(made).verdict(made).state == "ok"


def test_what_a_member_said_before_it_retired_is_still_told_as_logged(town: Town) -> None:
    made = own_offer(town)
    town.kemnaker.post(town.kemnaker.bundle(made))
    town.hub.set_status("kemnaker", Status.RETIRED)
    assert town.kemnaker.sync(made).verdict(made).state == "dup"


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.RETIRED])
def test_it_gets_no_new_offers(town: Town, status: Status) -> None:
    town.hub.set_status("kemnaker", status)
    refused = town.jabar.offer("kemnaker")
    verdict = town.jabar.sync(refused).verdict(refused)
    assert (verdict.state, verdict.reason) == ("closed", "closed")


# Retiring


def retire(town: Town, party: str = "kemnaker") -> None:
    with town.hub.database.transaction() as session:
        town.hub.registrar.retire(session, party, NOW)


def tied(town: Town, party: str = "kemnaker") -> str:
    """Try to retire a member, and return why it cannot be; nothing has changed then."""
    before = town.hub.dump()
    with pytest.raises(EnrolmentError) as refusal:
        retire(town, party)
    assert town.hub.dump() == before
    return str(refusal.value)


def push(node: TestNode, made: Said) -> Said:
    assert node.sync(made).verdict(made).state == "ok"
    return made


def taken_over(town: Town, **changes: object) -> Said:
    """A case of jabar's that kemnaker has taken over, identity and all."""
    offer = town.logged_offer(**changes)
    won = push(town.kemnaker, town.kemnaker.answer("accept", offer))
    push(town.jabar, town.jabar.grant(offer, won))
    return offer


def handed_on(town: Town, epoch: int, to: str = "kemensos") -> Said:
    onward = push(town.kemnaker, town.kemnaker.offer(to, epoch=epoch))
    heir: TestNode = getattr(town, to)
    won = push(heir, heir.answer("accept", onward))
    push(town.kemnaker, town.kemnaker.grant(onward, won))
    return onward


def test_one_without_any_case_retires(town: Town) -> None:
    retire(town, "jateng")
    made = town.jateng.offer("kemnaker")
    assert town.jateng.sync(made).verdict(made).reason == "member"


def test_an_offer_to_it_must_be_answered(town: Town) -> None:
    offer = town.logged_offer()
    assert tied(town) == f"kemnaker cannot be retired: 1 offers to it are unanswered ({offer.entry.id})"
    push(town.kemnaker, town.kemnaker.answer("reject", offer))
    retire(town)


def test_a_recalled_offer_ties_nobody_but_its_sender(town: Town) -> None:
    offer = town.logged_offer()
    push(town.jabar, town.jabar.answer("recall", offer))
    assert f"it holds 1 cases (they came by the offers {offer.entry.id})" in tied(town, "jabar")
    retire(town)


def test_a_case_that_it_took_over_must_be_handed_on(town: Town) -> None:
    offer = taken_over(town)
    told = tied(town)
    assert told == f"kemnaker cannot be retired: it holds 1 cases (they came by the offers {offer.entry.id})"
    onward = push(town.kemnaker, town.kemnaker.offer("kemensos", epoch=1))
    assert tied(town) == f"kemnaker cannot be retired: 1 of its own offers are unanswered ({onward.entry.id})"
    won = push(town.kemensos, town.kemensos.answer("accept", onward))
    owed = f"1 of its own offers were accepted, and their grants are not in the log ({onward.entry.id})"
    assert tied(town) == f"kemnaker cannot be retired: {owed}"
    push(town.kemnaker, town.kemnaker.grant(onward, won))
    retire(town)


@pytest.mark.parametrize("kind", ["reject", "recall"])
def test_a_case_that_came_back_is_its_own_again(town: Town, kind: str) -> None:
    taken_over(town)
    onward = push(town.kemnaker, town.kemnaker.offer("kemensos", epoch=1))
    node = town.kemensos if kind == "reject" else town.kemnaker
    push(node, node.answer(kind, onward))
    assert f"it holds 1 cases (they came by the offers {onward.entry.id})" in tied(town)
    handed_on(town, epoch=2)
    retire(town)


def test_a_filing_of_its_own_that_was_handed_on_leaves_nothing(town: Town) -> None:
    handed_on(town, epoch=0)
    retire(town)


def test_a_filing_of_its_own_that_came_back_is_held(town: Town) -> None:
    onward = push(town.kemnaker, own_offer(town))
    push(town.kemensos, town.kemensos.answer("reject", onward))
    assert onward.entry.id in tied(town)


def test_of_several_cases_the_number_is_told(town: Town) -> None:
    """Which one went is sealed; how many are left is not."""
    offers = [taken_over(town, epoch=epoch) for epoch in (0, 0, 4)]
    handed_on(town, epoch=6)
    handed_on(town, epoch=0)
    with town.hub.database.reading() as session:
        held = ties_of(session, "kemnaker").held
    assert held == [offer.entry.id for offer in offers[:2]]
    handed_on(town, epoch=1)
    handed_on(town, epoch=1)
    retire(town)


def test_a_retired_member_is_retired_once(town: Town) -> None:
    retire(town)
    assert "already" in tied(town)
    assert "no member" in tied(town, "nobody")
