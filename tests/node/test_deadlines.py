"""Working days as the country counts them: weekends, national holidays and joint leave."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest

from node.cases.deadlines import WORKING_DAYS, _is_working_day, due_at
from node.cases.lifecycle import State

JAKARTA = ZoneInfo("Asia/Jakarta")


def at(day: date, hour: int = 9, minute: int = 0) -> int:
    return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=JAKARTA).timestamp())


def due(state: State, day: date, hour: int = 9, minute: int = 0) -> date:
    found = due_at(state, at(day, hour, minute))
    assert found is not None
    told = datetime.fromtimestamp(found, UTC).astimezone(JAKARTA)
    assert (told.hour, told.minute, told.second) == (23, 59, 59)
    return told.date()


@pytest.mark.parametrize(
    ("state", "since", "until"),
    [
        # Nyepi, the long leave around Idul Fitri, and two weekends lie between.
        (State.VERIFIED, date(2026, 3, 17), date(2026, 3, 31)),
        (State.RECEIVED, date(2026, 11, 16), date(2026, 11, 19)),
        (State.RECEIVED, date(2026, 11, 20), date(2026, 11, 25)),
        (State.RECEIVED, date(2026, 11, 21), date(2026, 11, 25)),
        (State.OFFERED, date(2026, 12, 31), date(2027, 1, 4)),
        (State.OFFERED, date(2026, 5, 13), date(2026, 5, 18)),
    ],
)
def test_known_deadlines(state: State, since: date, until: date) -> None:
    assert due(state, since) == until


def test_a_day_begins_in_jakarta_not_in_greenwich() -> None:
    """Half past midnight on Tuesday in Jakarta is still Monday in UTC."""
    assert due(State.OFFERED, date(2026, 11, 17), 0, 30) == date(2026, 11, 18)
    assert due(State.OFFERED, date(2026, 11, 16), 23, 59) == date(2026, 11, 17)


@pytest.mark.parametrize("state", sorted(set(State) - WORKING_DAYS.keys()))
def test_states_without_a_clock_have_no_deadline(state: State) -> None:
    assert due_at(state, at(date(2026, 11, 20))) is None


@pytest.mark.parametrize("state", sorted(WORKING_DAYS))
def test_a_deadline_is_a_working_day_with_exactly_that_many_between(state: State) -> None:
    since = date(2026, 3, 2)
    until = due(state, since)
    between = [since + timedelta(days=n) for n in range(1, (until - since).days + 1)]
    assert sum(map(_is_working_day, between)) == WORKING_DAYS[state]
    assert _is_working_day(until)


def test_the_year_2026_agrees_with_an_independent_calendar() -> None:
    """Joint leave counts: the package leaves it out unless the government's days are asked for."""
    calendar = holidays.country_holidays("ID", years=2026, categories=("public", "government"))
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert [day for day in days if _is_working_day(day) != (day.weekday() < 5 and day not in calendar)] == []


@pytest.mark.parametrize("day", [date(2035, 3, 5), date(2060, 3, 3)])
def test_a_year_without_its_decree_counts_weekends_alone(day: date) -> None:
    """A deadline a little early beats a complaint refused."""
    assert due(State.VERIFIED, day) == day + timedelta(days=7)
