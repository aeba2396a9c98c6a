"""The search of custody: it exhausts small settings, misses every rule that is left out, and follows the one table."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from protocol import custody
from protocol.custody import Event, Phase, Stance, Step
from tests.model.__main__ import is_held, main
from tests.model.invariants import CONTRADICTION, FORK, NO_ROW, STUCK, TWO
from tests.model.rules import SHIPPED, Faults
from tests.model.search import Outcome, search
from tests.model.settings import DEEP, DEFAULT, WEAKENED, Setting

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {setting.name: setting for setting in DEFAULT}
#: `./run model --weaken` finds the counterexamples of these too, after half a minute each.
SLOW = {"past", "seen"}


@cache
def run(setting: Setting, leaves: int | None = None) -> Outcome:
    faults = setting.faults if leaves is None else replace(setting.faults, leaves=leaves)
    return search(setting.rules, faults, tolerated=setting.tolerated)


# The shipped rules


@pytest.mark.parametrize(
    ("name", "leaves", "least"),
    [
        ("no faults", 6, 15_000),
        ("crashes, two in all", 3, 15_000),
        ("A restored", 4, 20_000),
        ("B restored", 4, 15_000),
        ("A restored twice", 3, 25_000),
        ("A restored, and a crash", 3, 50_000),
        ("C closed and opened", 4, 7_000),
        ("C closed and opened, A restored", 3, 30_000),
        ("grants", 5, 7_000),
        ("grants, A restored", 4, 25_000),
        ("grants, B restored", 4, 20_000),
        ("C squats, forges, forks", 6, 35_000),
        ("C carries bundles too", 5, 15_000),
        ("C carries bundles, A restored", 4, 30_000),
        ("C carries bundles, B restored", 4, 15_000),
        ("hub withholds, A restored", 3, 15_000),
        ("hub withholds and lies, B restored", 3, 60_000),
        ("hub and C dishonest, A restored", 4, 15_000),
        ("hub shows two logs", 3, 10_000),
        ("hub shows two logs, A restored", 2, 5_000),
    ],
)
def test_with_the_shipped_rules_a_case_has_one_custodian_and_is_never_stuck(name: str, leaves: int, least: int) -> None:
    """Every state within the bound was seen: a count far below the known one means that the model lost a fault."""
    outcome = run(SETTINGS[name], leaves)
    assert is_held(SETTINGS[name], outcome), outcome.findings
    assert outcome.states > least
    assert outcome.stuck == (None if SETTINGS[name].faults.dishonest else 0)


def test_every_setting_has_a_name_of_its_own() -> None:
    names = [setting.name for setting in (*DEFAULT, *DEEP)]
    assert len(names) == len(set(names))


def test_a_member_that_gives_one_custody_twice_is_given_away_by_its_two_offers() -> None:
    assert FORK in run(SETTINGS["C squats, forges, forks"], 6).findings


def test_a_hub_that_shows_two_logs_makes_two_custodians_only_where_two_checkpoints_contradict() -> None:
    assert set(run(SETTINGS["hub shows two logs"], 3).findings) == {CONTRADICTION}


# A rule left out


@pytest.mark.parametrize("rule", sorted(set(WEAKENED) - SLOW))
def test_a_rule_that_is_left_out_is_missed(rule: str) -> None:
    for setting in WEAKENED[rule]:
        assert not getattr(setting.rules, rule)
        found = [one for one in run(setting).findings.values() if one.what not in setting.tolerated]
        assert found
        assert all(finding.steps for finding in found)


@pytest.mark.parametrize("rule", sorted(set(WEAKENED) - SLOW))
def test_with_the_rule_the_same_setting_holds(rule: str) -> None:
    """So it is the rule that is missed there, and nothing else."""
    for faults, tolerated in {(setting.faults, setting.tolerated) for setting in WEAKENED[rule]}:
        bounded = replace(faults, leaves=min(faults.leaves, 4))
        assert is_held(Setting(rule, bounded, SHIPPED, tolerated), search(SHIPPED, bounded, tolerated=tolerated))


# One table for code and model

A = Faults(leaves=4, restored=(0,), restores=1)
TWICE = Faults(leaves=3, restored=(0,), restores=2)
CLOSED = Faults(leaves=3, suspends=True)
COURIER = Faults(leaves=3, evil=True, squats=1, courier=True)
GRANTS = Faults(leaves=3, grants=True)


def broken(*settings: Faults) -> set[str]:
    return {what for faults in settings for what in search(SHIPPED, faults, tolerated=(FORK,)).findings} - {FORK}


def test_the_settings_for_the_table_hold_with_the_table_as_it_is() -> None:
    assert broken(A, TWICE, CLOSED, COURIER, GRANTS) == set()


@pytest.mark.parametrize("row", list(custody.TRANSITIONS), ids="-".join)
def test_the_model_takes_every_row_of_the_table(row: tuple[Stance, Step], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(custody.TRANSITIONS, row)
    assert any(NO_ROW in broken(faults) for faults in (CLOSED, COURIER, GRANTS, A, TWICE))


@pytest.mark.parametrize(
    ("row", "instead", "faults"),
    [
        ((Stance.HELD, Step.OFFER), (Stance.HELD, 0), A),
        ((Stance.HELD, Step.OFFER_FOUND), (Stance.HELD, 0), A),
        ((Stance.OFFERED, Step.ACCEPT_WON), (Stance.HELD, 1), A),
        ((Stance.OFFERED, Step.RECALL_WON), (Stance.PASSED, 1), A),
        ((Stance.OFFERED, Step.RECALL_WON), (Stance.HELD, 0), A),
        ((Stance.OFFERED, Step.OFFER_CLOSED), (Stance.HELD, 0), CLOSED),
        ((Stance.OFFERED, Step.OFFER_FENCED), (Stance.OFFERED, 0), CLOSED),
        ((Stance.OFFERED, Step.OFFER_LOST), (Stance.OFFERED, 1), COURIER),
        ((Stance.INVITED, Step.ACCEPT_WON), (Stance.DECLINED, 1), GRANTS),
        ((Stance.INVITED, Step.RECALL_WON), (Stance.HELD, 1), A),
        ((Stance.INVITED, Step.REJECT_WON), (Stance.HELD, 1), A),
    ],
)
def test_a_row_that_is_changed_breaks_the_model(
    row: tuple[Stance, Step], instead: tuple[Stance, int], faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(custody.TRANSITIONS, row, instead)
    assert broken(faults)


@pytest.mark.parametrize(
    ("row", "instead", "faults"),
    [
        ((Phase.ACTING, Event.START), Phase.ACTING, A),
        ((Phase.READING, Event.BOXES_READ), Phase.ACTING, A),
        ((Phase.FENCING, Event.FENCE_READ), Phase.FENCING, A),
        ((Phase.FENCING, Event.FENCE_REFUSED), Phase.ACTING, TWICE),
        ((Phase.ACTING, Event.OFFER_REFUSED), Phase.ACTING, CLOSED),
    ],
)
def test_a_phase_that_is_changed_breaks_the_model(
    row: tuple[Phase, Event], instead: Phase, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(custody.PHASES, row, instead)
    assert broken(faults)


def test_an_incarnation_that_does_not_rise_leaves_the_case_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custody, "next_incarnation", lambda known, _fenced: known)
    assert STUCK in broken(A)


def test_who_may_act_is_decided_by_the_table_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(phase: Phase, stance: Stance, *, slot_taken: bool, taker_held: bool) -> bool:
        del slot_taken, taker_held
        return phase is Phase.ACTING and stance is Stance.HELD

    monkeypatch.setattr(custody, "may_act", careless)
    assert broken(replace(A, dishonest=True, withholds=1)) == {TWO}


# The command


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "tests.model", *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_counterexample_is_told_step_by_step() -> None:
    answer = command("--weaken", "lock")
    assert answer.returncode == 0
    assert "  1. A queues A's offer to B, epoch 0, without a lock\n" in answer.stdout
    assert "  2. the hub takes A's offer to B, epoch 0\n" in answer.stdout


def test_a_setting_is_searched_by_its_name() -> None:
    answer = command("--only", "no faults")
    assert answer.returncode == 0
    assert [line.split("  ")[0] for line in answer.stdout.splitlines()[1:-1]] == ["no faults"]
    assert "holds, stuck 0" in answer.stdout


def test_every_setting_and_every_rule_is_named() -> None:
    answer = command("--list")
    assert answer.returncode == 0
    for name in (*(setting.name for setting in (*DEFAULT, *DEEP)), *WEAKENED):
        assert f"  {name}" in answer.stdout


@pytest.mark.parametrize("arguments", [("--only", "nothing of this name"), ("--weaken", "everything")])
def test_what_is_not_there_is_refused(arguments: tuple[str, ...]) -> None:
    answer = command(*arguments)
    assert answer.returncode == 2
    assert arguments[1] in answer.stderr


def test_a_broken_rule_ends_the_command_with_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(custody.TRANSITIONS, (Stance.HELD, Step.OFFER), (Stance.HELD, 0))
    assert main(["--only", "no faults"]) == 1
    printed = capsys.readouterr().out
    assert "BROKEN" in printed
    assert "  1. " in printed


def test_a_rule_that_nobody_misses_ends_the_command_with_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(WEAKENED, "lock", (replace(WEAKENED["lock"][0], rules=SHIPPED),))
    assert main(["--weaken", "lock"]) == 1
    assert "NO COUNTEREXAMPLE" in capsys.readouterr().out


def test_a_search_that_is_cut_short_is_no_proof() -> None:
    setting = SETTINGS["no faults"]
    outcome = search(setting.rules, setting.faults, most_states=1000)
    assert not outcome.exhausted
    assert not is_held(setting, outcome)


@pytest.mark.parametrize(
    "faults",
    [
        lambda: Faults(restores=1),
        lambda: Faults(restored=(0,)),
        lambda: Faults(squats=1),
        lambda: Faults(withholds=1),
        lambda: Faults(split=True),
    ],
)
def test_a_fault_that_could_not_happen_is_refused(faults: Callable[[], Faults]) -> None:
    with pytest.raises(ValueError, match=r"only|need"):
        faults()
