"""Search the custody of one case through every state: `python -m tests.model`, or `./run model`."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from tests.model.search import Finding, Outcome, search
from tests.model.settings import DEEP, DEFAULT, WEAKENED, Setting

_SECONDS_BETWEEN_REPORTS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments name; return 0 when the rules hold everywhere, or when a weakened one was caught."""
    parser = argparse.ArgumentParser(prog="./run model", description=__doc__)
    parser.add_argument("--weaken", choices=list(WEAKENED), help="leave this rule out: a counterexample must be found")
    parser.add_argument("--only", metavar="NAME", help="only the setting of this name, or those that contain it")
    parser.add_argument("--deep", action="store_true", help="the larger settings as well: some minutes more")
    parser.add_argument("--list", action="store_true", help="name the settings and the rules, and search nothing")
    options = parser.parse_args(arguments)
    if options.list:
        return _list()
    if options.weaken:
        results = [_weakened(setting) for setting in WEAKENED[options.weaken]]
        return int(not all(results))
    chosen = _chosen(options.only, deep=options.deep)
    if not chosen:
        parser.error(f"no setting has {options.only!r} in its name; --list names them all")
    return _search_all(chosen)


def _chosen(only: str | None, *, deep: bool) -> list[Setting]:
    """Return the setting of exactly this name, or else those that contain it."""
    every = (*DEFAULT, *(DEEP if deep else ()))
    exact = [setting for setting in (*DEFAULT, *DEEP) if setting.name == only]
    return exact or [setting for setting in every if only is None or only in setting.name]


def _list() -> int:
    for title, settings in (("searched", DEFAULT), ("searched with --deep", DEEP)):
        _say(f"{title}:")
        _say("\n".join(f"  {setting.name} (up to {setting.faults.leaves} leaves)" for setting in settings))
    _say("--weaken:")
    _say("\n".join(f"  {rule}: {settings[0].name}" for rule, settings in WEAKENED.items()))
    return 0


def _search_all(settings: Sequence[Setting]) -> int:
    began, states, broken = time.perf_counter(), 0, 0
    _say(f"{'setting':44} {'states':>10} {'depth':>6} {'seconds':>8}  verdict")
    for setting in settings:
        outcome = _search(setting)
        holds = is_held(setting, outcome)
        figures = f"{outcome.states:10,} {outcome.depth:6} {outcome.seconds:8.1f}"
        _say(f"{setting.name:44} {figures}  {_verdict(setting, outcome)}")
        for finding in outcome.findings.values() if not holds else ():
            if finding.what not in setting.tolerated:
                _show(finding)
        states, broken = states + outcome.states, broken + (not holds)
    held = "every rule holds in all of them" if not broken else f"BROKEN in {broken} of them"
    counted = f"{len(settings)} setting{'s' if len(settings) > 1 else ''}"
    _say(f"{counted}, {states:,} states, {time.perf_counter() - began:.0f} s: {held}")
    return int(broken > 0)


def is_held(setting: Setting, outcome: Outcome) -> bool:
    """Whether every state was seen, and nothing in them is broken but what is told of."""
    return outcome.exhausted and set(outcome.findings) <= set(setting.tolerated)


def _verdict(setting: Setting, outcome: Outcome) -> str:
    broken = [what for what in outcome.findings if what not in setting.tolerated]
    if broken:
        return "BROKEN: " + "; ".join(broken)
    if not outcome.exhausted:
        return "NOT EXHAUSTED"
    seen = "".join(f"; {what}" for what in outcome.findings)
    return "holds" + ("" if outcome.stuck is None else f", stuck {outcome.stuck}") + seen


def _weakened(setting: Setting) -> bool:
    """Search without a rule; return whether that was noticed."""
    outcome = _search(setting)
    found = [finding for finding in outcome.findings.values() if finding.what not in setting.tolerated]
    _say(f"{setting.name}: {outcome.states:,} states, depth {outcome.depth}, {outcome.seconds:.1f} s")
    for finding in found:
        _show(finding)
    if not found:
        _say("  NO COUNTEREXAMPLE: nothing in this setting needs the rule")
    return bool(found)


def _show(finding: Finding) -> None:
    _say(f"  {finding.what}:")
    _say("\n".join(f"  {number:3}. {words}" for number, words in enumerate(finding.steps, start=1)))
    _say("  Then:")
    _say("\n".join(f"       {line}" for line in finding.parties.splitlines()))


def _search(setting: Setting) -> Outcome:
    return search(setting.rules, setting.faults, tolerated=setting.tolerated, progress=_reporter(setting.name))


def _reporter(name: str) -> Callable[[int, int, int], None]:
    began = last = time.perf_counter()

    def report(states: int, done: int, depth: int) -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last > _SECONDS_BETWEEN_REPORTS:
            last = now
            waiting = f"{states:,} states, {states - done:,} to visit, depth {depth}, {now - began:.0f} s"
            print(f"  ... {name}: {waiting}", file=sys.stderr, flush=True)  # noqa: T201

    return report


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
