"""The command line of chaos: `./run chaos --kills N [--seed S]`, `./run chaos --fault NAME`."""

import argparse
import secrets
import shutil
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from demo.screen import Screen
from tests.chaos.count import Verdict
from tests.chaos.faults import FAULTS
from tests.chaos.machine import MachineError
from tests.chaos.story import Wanted, kill_and_count, strike_and_count

_INTERRUPTED: Final = 130
#: Something that this machine has not.
_NOT_HERE: Final = 3
_PACE_SECONDS: Final = 0.4
_MINUTES: Final = 0.3
_SECONDS_A_MINUTE: Final = 60
_ALL: Final = "all"


def main(arguments: Sequence[str]) -> int:
    """Run; return 0 when nothing was lost, doubled or out of place."""
    options = _parser().parse_args(arguments)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _stop)
    folder = options.data or Path(tempfile.mkdtemp(prefix="simpul-chaos-"))
    screen, status = Screen(), 1
    try:
        status = _kill(screen, folder, options) if options.fault is None else _strike(screen, folder, options)
    except MachineError as error:
        screen.say(f"not here: {error}")
        status = _NOT_HERE
    except KeyboardInterrupt:
        screen.say("\nstopped before the end")
        status = _INTERRUPTED
    finally:
        if status == 0 and options.data is None:
            shutil.rmtree(folder)
        else:
            screen.say(f"databases and logs: {folder}")
    return status


def _kill(screen: Screen, folder: Path, options: argparse.Namespace) -> int:
    screen.say(f"seed {options.seed}, data in {folder}")
    verdict = kill_and_count(screen, folder / "country", Wanted(options.kills, options.seed, options.pace))
    screen.say(f"    {screen.seconds:.0f} s in all")
    screen.say(f"kills {options.kills}, {_counted(verdict)}")
    return 0 if verdict.good else 1


def _strike(screen: Screen, folder: Path, options: argparse.Namespace) -> int:
    status = 0
    for name in FAULTS if options.fault == _ALL else [options.fault]:
        screen.say(f"seed {options.seed}, data in {folder / name}")
        seconds = options.minutes * _SECONDS_A_MINUTE
        verdict = strike_and_count(screen, folder / name, name, options.seed, seconds)
        screen.say(f"fault {name}, {_counted(verdict)}")
        status |= not verdict.good
    return status


def _counted(verdict: Verdict) -> str:
    return f"lost {len(verdict.lost)}, doubled {len(verdict.doubled)}, custodians {verdict.custodians}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run chaos", description="Break a country of real processes, and count.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--kills", type=int, metavar="N", help="kill -9 a random party N times under load")
    what.add_argument("--fault", choices=(*FAULTS, _ALL), help="another fault; some only root can make")
    parser.add_argument("--minutes", type=float, default=_MINUTES, help="how long the fault goes on (0.3)")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="what follows from chance follows from this")
    parser.add_argument("--pace", type=float, default=_PACE_SECONDS, metavar="SECONDS",
                        help="mean pause between two deeds of one person")  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="DIR", help="a new directory to keep everything in")
    return parser


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
