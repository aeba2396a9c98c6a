"""Every fault of `./run chaos --fault`, for a few seconds each: what must go on does, and all converges by itself."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest

from demo.screen import Screen
from tests.chaos.count import count, count_rows
from tests.chaos.faults import FAULTS, Setting
from tests.chaos.machine import MachineError
from tests.chaos.rest import come_to_rest
from tests.chaos.stage import Stage
from tests.chaos.story import audit, strike
from tests.conftest import missing

SECONDS = 3.0
REST_SECONDS = 120
SETTINGS = list(dict.fromkeys(kind.setting for kind in FAULTS.values()))
BY_SETTING = [(setting, name) for setting in SETTINGS for name, kind in FAULTS.items() if kind.setting is setting]


Open: TypeAlias = Callable[[Setting], Stage]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Return `stages(setting)`: one country for all faults that can come over it, ended when another is asked for."""
    with ExitStack() as held:
        made: list[tuple[Setting, Stage]] = []

        def open_stage(setting: Setting) -> Stage:
            if not made or made[-1][0] is not setting:
                held.close()
                folder = tmp_path_factory.mktemp("faults") / "country"
                made.append((setting, held.enter_context(setting(folder, Screen(), "faults", SECONDS))))
            return made[-1][1]

        yield open_stage


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("setting", "name"), BY_SETTING, ids=[name for _, name in BY_SETTING])
def test_a_fault_passes_and_leaves_nothing_lost_doubled_or_out_of_place(
    stages: Open, setting: Setting, name: str
) -> None:
    try:
        stage = stages(setting)
        strike(stage, name)
    except MachineError as error:
        missing(str(error))
    come_to_rest(stage.country, REST_SECONDS, lambda _: None)
    verdict = count(stage.country, stage.ledger)
    count_rows(stage.country, stage.ledger, verdict)
    assert stage.ledger.filings
    assert (stage.ledger.troubles, verdict.lost, verdict.doubled, verdict.astray) == ([], [], [], [])
    assert verdict.custodians == 1
    if dict(BY_SETTING)[setting] == name:
        # The last fault of this country: now an auditor looks at all that was said in it.
        audit(stage.country)
