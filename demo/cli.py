"""The demo's command line: `python -m demo [--once] [--state FILE] [--data DIR] [--keep] [--reports FILE]`."""

import argparse
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import requests

from demo.citizen import FilingError
from demo.complaints import ComplaintsError, load_stories
from demo.desk import RefusedError
from demo.federation import Federation
from demo.pages import PageError
from demo.place import PlaceError, data_place
from demo.processes import ProcessError
from demo.sample import sample_of
from demo.screen import Screen
from demo.state import state_of, write_state
from demo.story import case_states, show_addresses, tell
from demo.waiting import TooLateError
from demo.walk import StoryError

#: What can go wrong in a step; anything else is a mistake in the demo itself, and shows whole.
_FAILURES: Final = (
    ComplaintsError,
    FilingError,
    OSError,
    PageError,
    ProcessError,
    RefusedError,
    StoryError,
    TooLateError,
    requests.RequestException,
)
_INTERRUPTED: Final = 130


def main(arguments: Sequence[str]) -> int:
    """Run the demo; return 0 when every step passed, 1 when one failed, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    # SIGINT too: a shell's background job inherits it as ignored, and could then be ended by force alone.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _stop)
    screen = Screen()
    try:
        with data_place(options.data) as data:
            status = _run(screen, data, options)
            temporary = options.data is None and options.state is None and not options.keep
            if temporary and status == 0:
                shutil.rmtree(data)
            else:
                screen.say(f"\nData dan log: {data}  (data and logs)")
            return status
    except PlaceError as error:
        screen.say(str(error))
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run demo", description="Walk Simpul's story with real servers.")
    parser.add_argument("--once", action="store_true", help="end after the story; status 1 if a step failed")
    parser.add_argument("--state", type=Path, metavar="FILE", help="write addresses, logins and receipts there")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the data there (default: a temporary directory)")
    parser.add_argument("--keep", action="store_true", help="keep the temporary directory when all went well")
    parser.add_argument("--reports", type=Path, metavar="FILE", help="walk other reports than demo/complaints.json")
    return parser


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(screen: Screen, data: Path, options: argparse.Namespace) -> int:
    screen.say("Simpul: laporan warga menyeberangi federasi, dan hanya penangannya dapat membaca siapa pengirimnya.")
    screen.say("(Reports cross the federation, and only their handler can read who sent them.)")
    screen.say(f"Data: {data}")
    with Federation(data) as federation:
        try:
            walks = tell(screen, federation, load_stories(options.reports))
            if options.state is not None:
                write_state(options.state, state_of(federation, case_states(walks), sample_of(federation)))
        except KeyboardInterrupt:
            screen.say("\nDihentikan sebelum selesai. (Stopped before the end.)")
            return _INTERRUPTED
        except _FAILURES as error:
            screen.say(f"\n✗ Gagal pada langkah (failed at step) {screen.present}: {error}")
            screen.say(f"Log setiap server (each server's log): {data}/<nama>/log/serve.log")
            return 1
        screen.say(f"\nSelesai dalam {screen.seconds:.0f} s, tidak ada yang hilang. (Done; none lost.)")
        if not options.once:
            show_addresses(screen, federation, walks)
            _wait_for_the_end(screen)
    return 0


def _wait_for_the_end(screen: Screen) -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        screen.say("\nServer dihentikan. (Stopping the servers.)")
