"""When the next step of a case is due: working days by state, counted in the country's own calendar."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from lokal.holidays import is_working_day

from node.cases.lifecycle import State

#: Working days from entering a state (PermenPANRB 62/2018 as told in the product design; rows with dates come later).
WORKING_DAYS: Final[dict[State, int]] = {
    State.RECEIVED: 3,
    State.INCOMPLETE: 10,
    State.OFFERED: 1,
    State.RETURNED: 2,
    State.AWAITING_RULING: 2,
    State.VERIFIED: 5,
    State.ASSIGNED: 5,
    State.IN_PROGRESS: 14,
    State.ANSWERED: 10,
    State.DISPUTED: 5,
}
_ZONE: Final = ZoneInfo("Asia/Jakarta")
_SATURDAY: Final = 5


def due_at(state: State, since: int) -> int | None:
    """Return the last second of the day by which `state`, entered at `since` (Unix seconds), must be left; or None."""
    left = WORKING_DAYS.get(state)
    if left is None:
        return None
    day = datetime.fromtimestamp(since, UTC).astimezone(_ZONE).date()
    while left > 0:
        day += timedelta(days=1)
        left -= _is_working_day(day)
    return int(datetime.combine(day, time(23, 59, 59), _ZONE).timestamp())


def _is_working_day(day: date) -> bool:
    try:
        return is_working_day(day)
    except ValueError:
        # The joint decree on that year's holidays is not out yet. A deadline a little early beats a complaint refused.
        return day.weekday() < _SATURDAY
