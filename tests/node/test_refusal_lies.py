"""A hub that says it refused what it has logged: the lie jams no link, and the case goes on where the log says."""

from dataclasses import replace

from protocol.bundle import Answer
from tests.support.nodes import Country, Meddler, lying


def test_an_offer_that_was_called_closed_and_logged_is_taken_up_again(land: Country) -> None:
    """The position it had is used up, whatever the hub said: what was queued behind it moves on."""
    filed = land.jabar.file()
    land.jabar.hand_over(filed.number, "kemnaker")

    def closed(answer: Answer, _entries: tuple[str, ...]) -> tuple[Answer, tuple[str, ...]]:
        push = tuple(replace(one, state="closed", index=None, pos=None, reason="closed") for one in answer.push)
        return replace(answer, push=push, pull=(), more=False), ()

    land.jabar.sync(Meddler(land.line, answer=lying(land.founded.keys.hub, closed)))
    land.settle()
    assert land.jabar.case(filed.number).stance == "erased"
    assert land.kemnaker.case(filed.number).stance == "held"
    assert land.kemnaker.open_identity(filed.number).name is not None
