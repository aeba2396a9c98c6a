"""The subcommands of ./run: each takes its arguments and returns an exit status; its docstring is its help."""

import argparse
import json
import os
import shutil
import subprocess
from collections.abc import Callable

from house.components import components, find_component, install_components, missing_components
from house.environment import PYTHON, VENV, ensure, environment
from house.lock import run_lock
from house.screen import ROOMS, ROOT, refuse_arguments, say

# What must be covered, in per cent of lines and of branches each: name, files, least.
COVERAGE_GATES = (
    ("keys/ and protocol/", "keys/*,protocol/*", 95.0),
    ("all rooms", "*", 85.0),
)


def run_demo(arguments: list[str]) -> int:
    """Walk the story: real servers, one complaint after another, and the proof that only its handler can read it.

    ./run demo [--once] [--state FILE]

    --once        end after the story, with a status other than 0 if a step failed
    --state FILE  write addresses, logins and receipts there when all is ready

    Without --once the servers stay up until Ctrl-C. Every argument is passed on to `python -m demo`.
    """
    ensure("runtime")
    os.execve(PYTHON, [str(PYTHON), "-m", "demo", *arguments], environment())  # noqa: S606


def run_bench(arguments: list[str]) -> int:
    """Measure against bare references in the same run: seals, bundles, the hub's ingest, filing.

    ./run bench [--json FILE] [--only PART]

    The figures are ratios, so that they mean something on another machine; docs/performance.md has a table. Every
    argument is passed on to `python -m bench`.
    """
    ensure("runtime")
    os.execve(PYTHON, [str(PYTHON), "-m", "bench", *arguments], environment())  # noqa: S606


def run_chaos(arguments: list[str]) -> int:
    """Break a country of real processes under load, let it mend itself, and count what was promised.

    ./run chaos --kills N [--seed S] | --fault NAME [--minutes M]

    The last line of a run is `kills N, lost 0, doubled 0, custodians 1`, and the status 0, or something is wrong.
    docs/chaos.md says what is done and counted. Every argument is passed on to `python -m tests.chaos`.
    """
    ensure("dev")
    os.execve(PYTHON, [str(PYTHON), "-m", "tests.chaos", *arguments], environment())  # noqa: S606


def run_tests(arguments: list[str]) -> int:
    """Run the tests on two processes, and check how much of the code they cover.

    ./run test [ARGUMENTS OF PYTEST]

    With arguments (./run test tests/keys -k receipt) only what they select is run, and coverage is not checked.
    Tests that need a system component that is missing are skipped and say so; SIMPUL_CI=1 turns that into a failure.
    """
    ensure("dev")
    missing = missing_components()
    if missing:
        needs = {components()[name]["needed_by"] for name in missing}
        say(f"Missing on this machine: {', '.join(missing)}. Skipped without them: {'; '.join(sorted(needs))}.")
        say("One command, as root on Debian, installs them: ./run system-deps\n")
    pytest = [
        "-m",
        "pytest",
        *(() if {"-n", "--pdb", "-s"} & set(arguments) else ("-n", "2", "--dist", "loadfile")),
        *arguments,
    ]
    if arguments:
        return subprocess.run([PYTHON, *pytest], cwd=ROOT, env=environment(), check=False).returncode
    coverage = [str(PYTHON), "-m", "coverage"]
    subprocess.run([*coverage, "erase"], cwd=ROOT, check=True)
    status = subprocess.run([*coverage, "run", *pytest], cwd=ROOT, env=environment(), check=False).returncode
    return status or check_coverage(coverage)


def check_coverage(coverage: list[str]) -> int:
    """Join what every process measured, print the gaps, and hold lines and branches each to the gates."""
    subprocess.run([*coverage, "combine", "--quiet"], cwd=ROOT, check=True)
    subprocess.run([*coverage, "report"], cwd=ROOT, check=True)
    status = 0
    for name, files, least in COVERAGE_GATES:
        argv = [*coverage, "json", "--quiet", "-o", "-", f"--include={files}"]
        totals = json.loads(subprocess.run(argv, cwd=ROOT, check=True, capture_output=True).stdout)["totals"]
        lines = 100 * totals["covered_lines"] / max(totals["num_statements"], 1)
        branches = 100 * totals["covered_branches"] / max(totals["num_branches"], 1)
        passed = min(lines, branches) > least
        status |= not passed
        verdict = "enough" if passed else "TOO LITTLE"
        say(f"{name}: {lines:.2f} % of lines, {branches:.2f} % of branches; above {least:g} % each is {verdict}")
    return status


def run_model(arguments: list[str]) -> int:
    """Search custody through every state: what is broken with the shipped rules, and with one of them left out.

    ./run model [--weaken RULE] [--only NAME] [--deep] [--list]

    --weaken RULE  leave out lock, order, leaves, fence, sent, slotkey or another: a counterexample must be found
    --only NAME    only the setting of this name, or those that contain it
    --deep         the larger settings as well
    --list         name the settings and the rules

    docs/model.md says what is modelled. Every argument is passed on to `python -m tests.model`.
    """
    ensure("dev")
    os.execve(PYTHON, [str(PYTHON), "-m", "tests.model", *arguments], environment())  # noqa: S606


def run_soak(arguments: list[str]) -> int:
    """Play seeds of a simulated country, with faults and attackers: custody must survive anything.

    ./run soak [--seeds N] [--seed S] [--weaken RULE] [--processes P]

    A seed that breaks an invariant is told with its story, and with the command that plays it again. With --weaken one
    rule is left out, and the run must fail. docs/soak.md tells what is simulated.
    """
    ensure("dev")
    # The same hashes in every run: nothing may hang on the order of a set, and if it does, it is to be had again.
    fixed = {**environment(), "PYTHONHASHSEED": "0"}
    os.execve(PYTHON, [str(PYTHON), "-m", "tests.soak", *arguments], fixed)  # noqa: S606


def run_lint(arguments: list[str]) -> int:
    """Run every static check: style, format, types, import rules.

    ./run lint

    All are run even when one fails; the summary names those that did.
    """
    refuse_arguments("lint", arguments)
    ensure("dev")
    absent = [room for room in ROOMS if not (ROOT / room / "__init__.py").is_file()]
    results = {"rooms": len(absent)}
    if absent:
        say(f"Rooms that are missing, so that nothing of theirs was checked: {', '.join(absent)}")
    for name, argv in (
        ("ruff check", ["ruff", "check", "."]),
        ("ruff format", ["ruff", "format", "--check", "."]),
        ("mypy", ["mypy", *(room for room in ROOMS if room not in absent), "house", "bench", "tests", "run"]),
        ("import rules", ["lint-imports", "--no-cache"]),
    ):
        say(f"--- {name}")
        argv[0] = str(VENV / "bin" / argv[0])
        results[name] = subprocess.run(argv, cwd=ROOT, env=environment(), check=False).returncode
    say("--- summary")
    for name, status in results.items():
        say(f"{'failed' if status else 'passed'}  {name}")
    return int(any(results.values()))


def run_system_deps(arguments: list[str]) -> int:
    """Install the system components that some tests need, with Debian's apt, as root.

    ./run system-deps [--list | --check]

    --list   only show what is there and what is missing
    --check  the same, with status 1 when something is missing
    """
    parser = argparse.ArgumentParser(prog="./run system-deps")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--list", action="store_true")
    choice.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    missing = missing_components()
    if missing and not (options.list or options.check):
        install_components(missing)
        missing = []
    for name, row in components().items():
        say(f"{name:12} {find_component(row) or 'MISSING'}\n{'':12} {row['what']}; apt: {' '.join(row['apt'])}")
    return int(options.check and bool(missing))


def run_clean(arguments: list[str]) -> int:
    """Remove .venv, caches and build leftovers, after asking.

    ./run clean [--yes]
    """
    parser = argparse.ArgumentParser(prog="./run clean")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    patterns = (".venv", "build", "dist", "*.egg-info", ".*_cache", ".hypothesis", ".coverage*", "htmlcov")
    found = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    say("\n".join(f"  {path.name}" for path in found) or "Nothing to remove.")
    if found and not options.yes and input("Remove these? [y/N] ").strip().lower() not in {"y", "yes"}:
        return 1
    for path in found:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "demo": run_demo,
    "test": run_tests,
    "model": run_model,
    "lint": run_lint,
    "bench": run_bench,
    "soak": run_soak,
    "chaos": run_chaos,
    "system-deps": run_system_deps,
    "lock": run_lock,
    "clean": run_clean,
}
