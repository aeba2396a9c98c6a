"""Ask, ruling, obey: triage names whose matter it is, sees no identity, and keeps no content."""

import pytest

from keys.errors import KeyDestroyedError
from node.cases.atrest import open_content
from node.cases.lifecycle import State
from node.cases.triage import list_asks, read_ask, rule
from node.cases.views import AskPage, AskRow, ForbiddenError, NoSuchCaseError, Rule
from node.models.cases import Ask
from node.models.sync import OutboxEntry
from protocol.custody import Stance
from protocol.directory import Status
from protocol.entry import new_id, read_entry
from tests.support.nodes import OFFICER, REPORTER_NAME, WORDS, Country, Office


def ask_page(triage: Office, ask_id: str) -> AskPage:
    with triage.node.database.reading() as session:
        return read_ask(session, triage.node, ask_id, OFFICER)


def ask_rows(triage: Office) -> list[AskRow]:
    with triage.node.database.reading() as session:
        return list_asks(session, triage.node)


def asked(place: Country) -> tuple[str, str, str]:
    """A case of jabar that waits for triage: its number, the receipt and the ask."""
    filed = place.jabar.file()
    place.jabar.ask(filed.number, "Pabriknya di dua provinsi.")
    place.settle()
    (ask_id,) = place.triase.asks()
    return filed.number, filed.receipt, ask_id


def test_triage_sees_the_content_and_the_reason_and_no_identity(land: Country) -> None:
    number, receipt, ask_id = asked(land)
    assert land.jabar.case(number).state == State.AWAITING_RULING
    assert land.jabar.page(number).actions == {"open_identity"}
    assert land.jabar.page(number).row.custody == "asking"
    page = ask_page(land.triase, ask_id)
    assert (page.complaint, page.reason, page.row.asked_by) == (WORDS, "Pabriknya di dua provinsi.", "Jabar")
    assert {found.member for found in page.recipients} == {"jabar", "jateng", "kemnaker", "kemensos", "gelap"}
    assert {use for _, use in land.triase.node.case_keys.listing()} == {"content"}
    assert land.jabar.track(receipt).state == State.AWAITING_RULING


def test_a_ruling_binds_and_is_obeyed(land: Country) -> None:
    number, receipt, ask_id = asked(land)
    land.clock.advance()
    land.triase.rule(ask_id, "kemnaker", "Pengawasan upah.")
    land.settle()
    page = land.jabar.page(number)
    assert page.ruling is not None
    assert page.ruling.member == "kemnaker"
    assert page.actions == {"obey", "open_identity"}
    assert "Pengawasan upah." in [message.text for message in page.messages]
    land.jabar.obey(number)
    land.settle()
    (offer,) = land.jabar.rows(OutboxEntry, OutboxEntry.kind == "offer")
    assert read_entry(offer.raw).entry.re == land.jabar.case(number).ruling_id
    assert land.kemnaker.open_identity(number) == REPORTER_NAME
    assert land.jabar.track(receipt).custodian == "Kemnaker"
    assert land.jabar.case(number).stance == Stance.ERASED


def test_triage_keeps_no_content_once_it_has_ruled(land: Country) -> None:
    _, _, ask_id = asked(land)
    (before,) = land.triase.rows(Ask)
    assert before.content is not None
    land.triase.rule(ask_id, "kemnaker")
    (after,) = land.triase.rows(Ask)
    assert (after.content, after.ruled_for, after.ruled_at) == (None, "kemnaker", land.clock.now())
    with pytest.raises(KeyDestroyedError):
        open_content(land.triase.node, ask_id, before.content, "content")
    page = ask_page(land.triase, ask_id)
    assert (page.complaint, page.reason, page.row.ruled_for) == (None, "", "Kemnaker")


def test_a_ruling_that_fails_erases_nothing(land: Country) -> None:
    """Erasure comes after the commit: what rolls back must still be readable."""
    _, _, ask_id = asked(land)
    land.triase.cut_short(lambda s: rule(s, land.triase.node, Rule(ask_id, "kemnaker", "", OFFICER), 1))
    assert ask_page(land.triase, ask_id).complaint == WORDS
    assert land.triase.queued() == []


def test_a_ruling_may_name_the_one_who_asked(land: Country) -> None:
    """There is nobody to offer to: the case goes on where it is."""
    number, receipt, ask_id = asked(land)
    land.triase.rule(ask_id, "jabar")
    land.settle()
    land.jabar.obey(number)
    case = land.jabar.case(number)
    assert (case.stance, case.state, case.ruled_for, case.ask_id) == (Stance.HELD, State.VERIFIED, None, None)
    assert land.jabar.rows(OutboxEntry, OutboxEntry.kind == "offer") == []
    assert land.jabar.track(receipt).state == State.VERIFIED
    assert {"hand_over", "ask_triage", "reply"} <= land.jabar.page(number).actions
    land.jabar.ask(number)
    land.settle()
    assert len(land.triase.asks()) == 2


def test_a_case_from_elsewhere_may_be_asked_about(land: Country) -> None:
    filed = land.handed_to(land.jateng)
    land.jateng.ask(filed.number)
    land.settle()
    (ask_id,) = land.triase.asks()
    land.triase.rule(ask_id, "kemensos")
    land.settle()
    land.jateng.obey(filed.number)
    land.settle()
    assert land.kemensos.open_identity(filed.number) == REPORTER_NAME
    assert land.jabar.track(filed.receipt).custodian == "Kemensos"


def test_an_unknown_ask_an_unknown_office_and_a_second_ruling_are_refused(land: Country) -> None:
    _, _, ask_id = asked(land)
    with pytest.raises(NoSuchCaseError):
        land.triase.rule(new_id(), "kemnaker")
    land.founded.set_status("jateng", Status.SUSPENDED)
    land.triase.sync_well()
    for to in ("nobody", "triase", "jateng", ""):
        with pytest.raises(ForbiddenError):
            land.triase.rule(ask_id, to)
    land.triase.rule(ask_id, "kemnaker")
    with pytest.raises(ForbiddenError):
        land.triase.rule(ask_id, "kemnaker")


def test_open_questions_stand_before_ruled_ones(land: Country) -> None:
    _, _, first = asked(land)
    land.clock.advance()
    land.jateng.ask(land.jateng.file().number)
    land.settle()
    second = next(ask_id for ask_id in land.triase.asks() if ask_id != first)
    assert land.triase.asks() == [first, second]
    land.triase.rule(first, "kemnaker")
    assert [(row.ask_id, row.ruled_for) for row in ask_rows(land.triase)] == [(second, ""), (first, "Kemnaker")]
