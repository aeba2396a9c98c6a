"""Tracking: what a receipt code shows, and what it needs no network for."""

import pytest

from keys.errors import ReceiptCodeError
from keys.receipt import ReceiptCode
from node.cases.lifecycle import State
from node.cases.tracked import Letter, apply_progress, move_pointer, put_letter, tracked_by_return
from node.cases.views import NoSuchCaseError
from node.models.cases import Tracked, TrackedMail
from protocol.content import Progress
from protocol.custody import Hop
from protocol.errors import RemoteError
from tests.support.federation import made_id
from tests.support.nodes import WORDS, Country


def test_a_code_finds_its_complaint_however_it_is_typed(land: Country) -> None:
    filed = land.jabar.file()
    for typed in (filed.receipt, filed.receipt.lower(), filed.receipt.replace("-", ""), f" {filed.receipt} "):
        assert land.jabar.track(typed).number == filed.number


def test_a_code_of_another_office_finds_nothing_here(land: Country) -> None:
    filed = land.jabar.file()
    with pytest.raises(NoSuchCaseError):
        land.jateng.track(filed.receipt)
    with pytest.raises(NoSuchCaseError):
        land.jabar.track(ReceiptCode.generate().text)


@pytest.mark.parametrize("typed", ["", "halo", "0000-0000-0000-0000-0000-01", "U" * 22])
def test_what_is_no_code_is_told_so(land: Country, typed: str) -> None:
    with pytest.raises(ReceiptCodeError):
        land.jabar.track(typed)


def test_tracking_shows_state_deadline_and_the_own_words(land: Country) -> None:
    filed = land.jabar.file()
    tracking = land.jabar.track(filed.receipt)
    assert (tracking.state, tracking.custodian, tracking.complaint) == (State.RECEIVED, "Jabar", WORDS)
    assert tracking.due_at is not None
    assert [event.state for event in tracking.history] == [State.RECEIVED]
    assert (tracking.messages, tracking.openings, tracking.hops) == ((), (), ())


def test_tracking_works_after_the_content_was_erased(land: Country) -> None:
    """The reporter's own file is sealed to the mailbox: the office cannot read it, and the reporter always can."""
    filed = land.handed_to(land.kemnaker)
    assert land.jabar.page(filed.number).complaint is None
    assert land.jabar.track(filed.receipt).complaint == WORDS


# The record itself.


def hop(name: str) -> Hop:
    return Hop(f"{name}.offer", f"{name}.accept")


@pytest.mark.parametrize(
    ("known", "told", "moves"),
    [
        ([], ["a"], True),
        (["a"], ["a", "b"], True),
        (["a"], ["a"], False),
        (["a", "b"], ["a"], False),
        (["a"], ["x", "b"], False),
        (["a"], ["x"], False),
        ([], [], False),
    ],
)
def test_the_pointer_moves_only_along_a_longer_chain(known: list[str], told: list[str], moves: bool) -> None:
    rows = [{"offer": hop(name).offer, "accept": hop(name).accept} for name in known]
    tracked = Tracked(custodian="before", hops=rows)
    move_pointer(tracked, "after", [hop(name) for name in told])
    assert tracked.custodian == ("after" if moves else "before")
    assert len(tracked.hops) == (len(told) if moves else len(known))


def test_the_same_letter_twice_is_one(land: Country) -> None:
    land.jabar.file()
    letter = Letter(made_id("letter"), "reply", b"sealed")
    with land.jabar.node.database.transaction() as session:
        tracked = tracked_by_return(session, land.jabar.rows(Tracked)[0].return_ref)
        for _ in range(2):
            put_letter(session, tracked, "kemnaker", letter, 1)
    assert len(land.jabar.rows(TrackedMail)) == 1


def test_letters_of_the_same_second_stand_in_the_order_in_which_they_came(land: Country) -> None:
    filed = land.jabar.file()
    texts = [f"Jawaban {at}" for at in range(8)]
    for text in texts:
        land.jabar.reply(filed.number, text)
    assert [message.text for message in land.jabar.track(filed.receipt).messages] == texts


def test_a_state_of_no_table_and_a_thread_of_no_complaint_are_refused(land: Country) -> None:
    land.jabar.file()
    with land.jabar.node.database.transaction() as session:
        with pytest.raises(RemoteError, match="thread"):
            tracked_by_return(session, made_id("nothing"))
        tracked = tracked_by_return(session, land.jabar.rows(Tracked)[0].return_ref)
        with pytest.raises(RemoteError, match="members"):
            apply_progress(session, tracked, "jabar", Progress(1, "hilang", None, (), 1, "7K3M9-QX2TB"), None)
