"""The desk: what officers may do in which state, and what each deed leaves behind."""

from dataclasses import replace

import pytest

from node.cases.desk import open_identity
from node.cases.lifecycle import NAMES, TRANSITIONS, LifecycleError, State, step
from node.cases.names import number_of
from node.cases.views import CaseAction, ForbiddenError, NoSuchCaseError
from node.models.cases import Case, CaseEvent, CaseNote
from node.models.sync import OutboxEntry
from protocol.custody import MAX_HOPS, Stance
from protocol.directory import Kind, Status
from protocol.entry import new_id
from tests.support.federation import member
from tests.support.hub import found_hub, served
from tests.support.nodes import CLERK, OFFICER, REPORTER_NAME, WORDS, Country, Office, open_node


def set_state(office: Office, number: str, state: State) -> None:
    with office.node.database.transaction() as session:
        session.get_one(Case, office.case(number).case_id).state = state.value


def test_an_unknown_number_is_told(land: Country) -> None:
    with pytest.raises(NoSuchCaseError):
        land.jabar.page("00000-00000")
    with pytest.raises(NoSuchCaseError):
        land.jabar.reply("00000-00000")


@pytest.mark.parametrize("state", list(State))
def test_the_table_alone_says_what_may_be_done(land: Country, state: State) -> None:
    number = land.jabar.file().number
    set_state(land.jabar, number, state)
    actions = land.jabar.page(number).actions
    expected = {
        "hand_over": State.OFFERED in TRANSITIONS[state] and state is not State.AWAITING_RULING,
        "ask_triage": State.AWAITING_RULING in TRANSITIONS[state],
        "reply": State.ANSWERED in TRANSITIONS[state],
        "close": State.RESOLVED in TRANSITIONS[state],
        "open_identity": True,
        "obey": False,
    }
    assert actions == {action for action, may in expected.items() if may}
    deeds = {
        "reply": land.jabar.reply,
        "close": land.jabar.close,
        "ask_triage": land.jabar.ask,
        "obey": land.jabar.obey,
    }
    before = land.jabar.dump()
    for action in deeds.keys() - actions:
        with pytest.raises(ForbiddenError):
            deeds[action](number)
    assert land.jabar.dump() == before


def test_every_state_has_a_row_and_two_names() -> None:
    assert set(TRANSITIONS) == set(NAMES) == set(State)
    assert all(name.indonesian and name.english for name in NAMES.values())


def test_a_step_that_the_table_lacks_is_refused() -> None:
    assert step(State.RECEIVED, State.VERIFIED) is State.VERIFIED
    with pytest.raises(LifecycleError):
        step(State.MERGED, State.RECEIVED)


def test_numbers_have_letters_that_nobody_misreads() -> None:
    numbers = {number_of(new_id()) for _ in range(200)}
    assert len(numbers) == 200
    assert not set("".join(numbers)) & set("ILOUilou")


@pytest.mark.parametrize("to", ["jabar", "nobody", "triase", ""])
def test_some_can_be_no_recipient(land: Country, to: str) -> None:
    number = land.jabar.file().number
    with pytest.raises(ForbiddenError):
        land.jabar.hand_over(number, to)
    assert (land.jabar.case(number).stance, land.jabar.queued()) == (Stance.HELD, [])


def test_a_case_that_wandered_too_far_goes_to_triage_not_on(land: Country) -> None:
    """The next recipient could not take a longer chain, so it is not offered."""
    number = land.jabar.file().number
    with land.jabar.node.database.transaction() as session:
        hop = {"offer": "a.b.c", "accept": "a.b.c"}
        session.get_one(Case, land.jabar.case(number).case_id).hops = [hop] * MAX_HOPS
    with pytest.raises(ForbiddenError):
        land.jabar.hand_over(number, "kemnaker")
    assert land.jabar.queued() == []


def test_words_too_long_for_one_seal_are_refused_before_anything_is_locked(land: Country) -> None:
    number = land.jabar.file(replace(WORDS, text="a" * 60_000)).number
    with pytest.raises(ForbiddenError):
        land.jabar.hand_over(number, "kemnaker", "b" * 6_000)
    assert (land.jabar.case(number).stance, land.jabar.queued()) == (Stance.HELD, [])
    land.jabar.hand_over(number, "kemnaker", "Singkat.")
    land.settle()
    complaint = land.kemnaker.page(number).complaint
    assert complaint is not None
    assert complaint.text == "a" * 60_000


def test_replies_and_the_last_word_reach_the_reporter(land: Country) -> None:
    filed = land.handed_to(land.kemnaker)
    land.clock.advance()
    land.kemnaker.reply(filed.number, "Kami panggil perusahaannya.")
    land.clock.advance()
    land.kemnaker.close(filed.number, "Upah sudah dibayar. 🙏")
    land.settle()
    tracking = land.jabar.track(filed.receipt)
    assert [(message.author, message.text) for message in tracking.messages] == [
        ("Kemnaker", "Kami panggil perusahaannya."),
        ("Kemnaker", "Upah sudah dibayar. 🙏"),
    ]
    assert tracking.state == State.RESOLVED
    assert tracking.due_at is None
    page = land.kemnaker.page(filed.number)
    assert [message.author for message in page.messages[-2:]] == ["Sari Wulandari"] * 2
    assert land.kemnaker.page(filed.number).actions == {"open_identity"}


def test_an_opening_is_seen_by_the_reporter_with_its_reason(land: Country) -> None:
    filed = land.handed_to(land.kemnaker)
    land.kemnaker.open_identity(filed.number, "Untuk menelepon pelapor.")
    land.settle()
    (opening,) = land.jabar.track(filed.receipt).openings
    assert (opening.member, opening.role, opening.reason) == ("Kemnaker", "custodian", "Untuk menelepon pelapor.")
    (own,) = land.kemnaker.page(filed.number).openings
    assert own.reason == "Untuk menelepon pelapor."


def test_an_opening_at_the_origin_is_seen_as_well(land: Country) -> None:
    filed = land.jabar.file()
    assert land.jabar.open_identity(filed.number, "Memastikan alamat.") == REPORTER_NAME
    (opening,) = land.jabar.track(filed.receipt).openings
    assert (opening.member, opening.reason) == ("Jabar", "Memastikan alamat.")


@pytest.mark.parametrize(("officer", "reason"), [(CLERK, "Ingin tahu."), (OFFICER, ""), (OFFICER, " \n")])
def test_only_a_custodian_with_a_reason_opens_an_identity(land: Country, officer: object, reason: str) -> None:
    filed = land.jabar.file()
    with pytest.raises(ForbiddenError):
        land.jabar.do(open_identity, CaseAction(filed.number, reason, officer))  # type: ignore[arg-type]
    assert land.jabar.track(filed.receipt).openings == ()
    assert land.jabar.rows(CaseNote) == []


def test_an_identity_is_shown_only_if_its_opening_was_noted(land: Country) -> None:
    """The transaction fails after the identity was decrypted: then the web has nothing to show."""
    command = CaseAction(land.jabar.file().number, "Alasan.", OFFICER)
    land.jabar.cut_short(lambda session: open_identity(session, land.jabar.node, command, 1))
    assert land.jabar.rows(CaseNote) == []


def test_the_history_names_offices_and_never_content(land: Country) -> None:
    filed = land.handed_to(land.kemnaker)
    land.kemnaker.reply(filed.number)
    details = {row.detail for office in (land.jabar, land.kemnaker) for row in office.rows(CaseEvent)}
    assert details <= {"", "kemnaker", "taken:kemnaker", "sari"}
    assert [event.detail for event in land.jabar.page(filed.number).history if event.detail] == [
        "Kemnaker",
        "taken:Kemnaker",
    ]


def test_the_list_shows_the_urgent_first_and_what_is_gone_last(land: Country) -> None:
    first = land.jabar.file().number
    land.clock.advance(86_400)
    second = land.jabar.file().number
    gone = land.jabar.file().number
    land.jabar.hand_over(gone, "kemnaker")
    land.settle()
    rows = land.jabar.cases()
    assert [row.number for row in rows] == [first, second, gone]
    assert [row.here for row in rows] == [True, True, False]
    assert [row.custody for row in rows] == ["held", "held", "gone"]
    land.clock.advance(86_400 * 30)
    assert [row.overdue for row in land.jabar.cases()] == [True, True, False]


def test_a_page_suggests_who_claims_the_matter_and_why(land: Country) -> None:
    number = land.jabar.file(replace(WORDS, region="33.74", topic="")).number
    page = land.jabar.page(number)
    assert page.suggestion is not None
    assert (page.suggestion.member, page.suggestion.why) == ("jateng", "Jawa Tengah")
    assert {found.member for found in page.recipients} == {"jateng", "kemnaker", "kemensos", "gelap"}


def test_before_the_first_contact_an_office_files_reads_and_answers(land: Country) -> None:
    """A node works without the hub: there is nobody to hand on to yet, and that is said plainly."""
    office = land.fresh("kemensos")
    filed = office.file()
    page = office.page(filed.number)
    assert (page.complaint, page.recipients, page.suggestion) == (WORDS, (), None)
    with pytest.raises(ForbiddenError):
        office.hand_over(filed.number, "jabar")
    with pytest.raises(ForbiddenError):
        office.ask(filed.number)
    office.reply(filed.number, "Baik.")
    office.open_identity(filed.number)
    assert [message.text for message in office.track(filed.receipt).messages] == ["Baik."]
    office.node.database.close()


def test_without_a_triage_node_there_is_nobody_to_ask(land: Country) -> None:
    hub = found_hub(land.folder / "small", member("jabar"), member("triase", Kind.TRIAGE, status=Status.SUSPENDED))
    with served(hub) as url:
        land.jabar.node = open_node(land.folder / "jabar-small", "jabar", hub)
        land.jabar.node.database.migrate()
        land.jabar.hub = replace(land.line, url=url)
        land.jabar.sync_well()
        number = land.jabar.file().number
        with pytest.raises(ForbiddenError):
            land.jabar.ask(number)
        assert land.jabar.rows(OutboxEntry) == []
