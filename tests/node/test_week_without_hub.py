"""A week without the hub: offices file, answer and hand on; then everything arrives in order, and no deadline moved."""

from dataclasses import replace
from typing import Final

import pytest

from node.cases.deadlines import due_at
from node.cases.lifecycle import State
from node.models.sync import OutboxEntry
from protocol.custody import Stance
from tests.node.test_sync_network import assert_every_link_is_whole, logged
from tests.support.nodes import WORDS, Country, GoesDark, Office

HOURS: Final = 7 * 24
HOUR: Final = 3_600
#: Cases that kemnaker handled already, for jabar's reporters, when the hub went away.
HANDED_ON_BEFORE: Final = 24


def waiting_for(office: Office, recipient: str) -> list[str]:
    """The ids of what is queued for somebody, in the order in which it was said."""
    rows = office.rows(OutboxEntry, OutboxEntry.state == "queued", OutboxEntry.recipient == recipient)
    return [row.entry_id for row in sorted(rows, key=lambda row: row.place)]


def words_of(hour: int) -> str:
    return f"Kabar dari jam ke-{hour}."


@pytest.mark.database("sqlite")
def test_after_a_week_without_the_hub_everything_arrives_in_order_and_no_deadline_moved(land: Country) -> None:
    before = [land.jabar.file() for _ in range(HANDED_ON_BEFORE)]
    for filed in before:
        land.jabar.hand_over(filed.number, "kemnaker")
    land.settle()
    dark = GoesDark(land.line, after=0)
    kept: dict[str, tuple[str, int, int]] = {}
    sent: dict[str, tuple[str, int, int]] = {}
    for hour in range(HOURS):
        at = land.clock.advance(HOUR)
        filed = land.jabar.file(replace(WORDS, text=words_of(hour)))
        if hour % 2:
            land.jabar.hand_over(filed.number, "jateng")
            sent[filed.receipt] = (filed.number, hour, at)
        else:
            land.jabar.reply(filed.number, words_of(hour))
            kept[filed.receipt] = (filed.number, hour, at)
        land.kemnaker.reply(before[hour % HANDED_ON_BEFORE].number, words_of(hour))
        for office in land.offices if hour % 12 == 0 else ():
            assert office.sync(dark).trouble == "unreachable:ConnectionError"

    # Everybody is shown at once what their own office did, with the deadline that follows from when it was done.
    for receipt, (number, _, at) in kept.items():
        assert (land.jabar.case(number).due_at, land.jabar.track(receipt).due_at) == (due_at(State.ANSWERED, at),) * 2
    for receipt, (number, _, at) in sent.items():
        assert (land.jabar.case(number).stance, land.jabar.track(receipt).custodian_id) == (Stance.OFFERED, "jabar")
        assert land.jabar.case(number).due_at == due_at(State.OFFERED, at)
    offers, answers = waiting_for(land.jabar, "jateng"), waiting_for(land.kemnaker, "jabar")
    assert len(offers) == HOURS // 2
    assert len(offers) + len(answers) > 300

    land.settle()
    assert_every_link_is_whole(land)
    order = {entry_id: (sender, recipient) for sender, recipient, _, entry_id in logged(land)}
    assert [entry_id for entry_id in order if entry_id in offers] == offers
    assert [entry_id for entry_id in order if entry_id in answers] == answers
    for first, filed in enumerate(before):
        hours = range(first, HOURS, HANDED_ON_BEFORE)
        told = [each.text for each in land.jabar.track(filed.receipt).messages]
        assert told == [words_of(hour) for hour in hours]
        answered_at = land.clock.seconds - (HOURS - 1 - hours[-1]) * HOUR
        assert land.kemnaker.case(filed.number).due_at == due_at(State.ANSWERED, answered_at)
        assert land.jabar.track(filed.receipt).due_at == due_at(State.ANSWERED, answered_at)
    for receipt, (number, hour, at) in kept.items():
        assert land.jabar.case(number).due_at == land.jabar.track(receipt).due_at == due_at(State.ANSWERED, at)
        assert [each.text for each in land.jabar.track(receipt).messages] == [words_of(hour)]
    for receipt, (number, hour, _) in sent.items():
        shown = land.jabar.track(receipt)
        assert (shown.custodian_id, shown.complaint.text) == ("jateng", words_of(hour))
        assert [land.jabar.case(number).stance, land.jateng.case(number).stance] == [Stance.ERASED, Stance.HELD]
        # The office that has it now could not know of it before: its own clock begins when it accepts.
        assert land.jateng.case(number).due_at == due_at(State.RECEIVED, land.clock.seconds)
    # The one thing that a person was told: for how long the list of offices was not refreshed.
    assert [set(office.alarms()) for office in land.offices] == [{"directory"}] * len(land.offices)
