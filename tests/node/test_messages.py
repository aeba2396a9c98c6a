"""What a reporter adds reaches whoever has the case, is readable there alone, and nobody else can write it."""

from pathlib import Path

import pytest

from node.cases.messages import add_message
from node.cases.views import NoSuchCaseError, Words
from node.models.cases import Case, CaseNote, TrackedMail
from node.models.sync import InboxEntry
from protocol.content import ReporterMessage
from protocol.custody import Stance
from tests.support.federation import NOW, made_id
from tests.support.nodes import Country, Office, case_file

ADDED = "Kejadiannya hari Senin pukul 9, saksinya Pak Dadang."


def add(office: Office, receipt: str, text: str = ADDED) -> None:
    office.do(add_message, Words(receipt, text))


def read(office: Office, number: str) -> list[str]:
    """What the reporter added, as an officer there reads it."""
    return [line.text for line in office.page(number).messages if line.from_reporter]


def broken_rules(office: Office) -> list[str | None]:
    rows = office.rows(InboxEntry, InboxEntry.kind == "message")
    return [row.rule for row in sorted(rows, key=lambda row: row.pos)]


def return_ref(office: Office) -> str:
    return office.rows(Case)[0].return_ref


def test_where_the_origin_has_the_case_nothing_is_sent(land: Country) -> None:
    filed = land.jabar.file()
    add(land.jabar, filed.receipt)
    assert read(land.jabar, filed.number) == [ADDED]
    assert land.jabar.queued() == []
    assert [(each.text, each.from_reporter) for each in land.jabar.track(filed.receipt).messages] == [(ADDED, True)]


def test_a_message_reaches_the_custodian_and_stays_with_the_reporter(land: Country) -> None:
    filed = land.handed_to(land.kemnaker)
    add(land.jabar, filed.receipt)
    land.settle()
    assert read(land.kemnaker, filed.number) == [ADDED]
    assert read(land.jabar, filed.number) == []
    assert [each.text for each in land.jabar.track(filed.receipt).messages] == [ADDED]


def test_what_was_added_before_a_hand_over_comes_along(land: Country) -> None:
    filed = land.jabar.file()
    add(land.jabar, filed.receipt, "Sebelum diteruskan.")
    land.jabar.hand_over(filed.number, "kemnaker")
    add(land.jabar, filed.receipt, "Sementara ditawarkan.")
    land.settle()
    assert read(land.kemnaker, filed.number) == ["Sebelum diteruskan.", "Sementara ditawarkan."]
    land.kemnaker.hand_over(filed.number, "kemensos")
    land.settle()
    assert read(land.kemensos, filed.number) == ["Sebelum diteruskan.", "Sementara ditawarkan."]
    assert read(land.kemnaker, filed.number) == []


def test_a_late_message_is_passed_on_and_kept_nowhere_on_the_way(land: Country) -> None:
    filed = land.handed_to(land.kemnaker)
    land.kemnaker.hand_over(filed.number, "kemensos")
    land.settle(land.kemnaker, land.kemensos)
    # The origin has not heard of it, and sends to the office that it knows.
    assert land.jabar.track(filed.receipt).custodian == "Kemnaker"
    add(land.jabar, filed.receipt)
    land.settle()
    assert read(land.kemensos, filed.number) == [ADDED]
    assert (read(land.kemnaker, filed.number), land.kemnaker.rows(CaseNote, CaseNote.kind == "message")) == ([], [])
    assert land.kemnaker.case(filed.number).stance == Stance.ERASED
    assert not [path for path in files_of(land.kemnaker) if ADDED.encode() in path.read_bytes()]


def files_of(office: Office) -> list[Path]:
    return [path for path in office.node.settings.data_dir.rglob("*") if path.is_file()]


def test_a_case_that_comes_back_gets_the_message_where_it_is(land: Country) -> None:
    filed = land.handed_to(land.kemnaker)
    land.kemnaker.hand_over(filed.number, "jabar")
    land.settle()
    add(land.jabar, filed.receipt)
    land.settle()
    assert read(land.jabar, filed.number) == [ADDED]
    assert read(land.kemnaker, filed.number) == []
    land.jabar.hand_over(filed.number, "kemensos")
    land.settle()
    assert read(land.kemensos, filed.number) == [ADDED]


def test_a_message_after_the_case_was_closed_is_still_read(land: Country) -> None:
    filed = land.handed_to(land.kemnaker)
    land.kemnaker.reply(filed.number)
    land.kemnaker.close(filed.number)
    land.settle()
    add(land.jabar, filed.receipt)
    land.settle()
    assert read(land.kemnaker, filed.number) == [ADDED]


def test_an_unknown_receipt_adds_nothing(land: Country) -> None:
    filed = land.jabar.file()
    with pytest.raises(NoSuchCaseError):
        add(land.kemnaker, filed.receipt)
    assert land.kemnaker.rows(TrackedMail) == []


# What others say in the reporter's name.


def said(act: str = "add") -> dict[str, bytes]:
    return {"message": ReporterMessage(act, NOW, ADDED).encode()}


def test_a_stranger_does_not_speak_for_the_reporter(land: Country) -> None:
    filed, crook = land.handed_to(land.kemnaker), land.crook()
    crook.push(crook.tell("message", "kemnaker", said(), ref=return_ref(land.jabar)))
    land.settle()
    assert broken_rules(land.kemnaker) == ["party"]
    assert read(land.kemnaker, filed.number) == []


def test_a_case_under_a_stolen_reference_gives_no_say_over_the_real_one(land: Country) -> None:
    filed, crook = land.handed_to(land.kemnaker), land.crook()
    stolen = case_file(crook.id, return_ref=return_ref(land.jabar))
    crook.push(crook.tell("offer", "kemnaker", {"case": stolen.encode()}))
    land.settle()
    crook.push(crook.tell("message", "kemnaker", said(), ref=return_ref(land.jabar)))
    land.settle()
    assert read(land.kemnaker, filed.number) == []
    assert read(land.kemnaker, stolen.number) == [ADDED]


def test_a_message_of_no_thread_is_refused(land: Country) -> None:
    crook = land.crook()
    crook.push(crook.tell("message", "kemnaker", said(), ref=made_id("nothing")))
    land.settle()
    assert broken_rules(land.kemnaker) == ["thread"]


@pytest.mark.parametrize(
    ("content", "rule"),
    [(said("rate"), "members"), ({"message": b'{"v":1}'}, "members"), ({"message": b"?"}, "canonical")],
)
def test_what_the_custodian_does_not_understand_changes_nothing(
    land: Country, content: dict[str, bytes], rule: str
) -> None:
    crook = land.crook()
    offer = crook.tell("offer", "kemnaker", {"case": case_file(crook.id).encode()})
    crook.push(offer, crook.tell("message", "kemnaker", content, ref=made_id("return")))
    land.settle()
    assert broken_rules(land.kemnaker) == [rule]
    assert land.kemnaker.rows(CaseNote, CaseNote.kind == "message") == []
