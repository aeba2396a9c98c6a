"""Where the checkout is, and how a step of ./run is shown: one line each, with the time that it took."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("keys", "protocol", "service", "hub", "node", "audit", "demo")


def say(text: str) -> None:
    """Print one line at once, in order with what child processes print."""
    print(text, flush=True)


def step(label: str, argv: list[str]) -> tuple[int, str]:
    """Run `argv` quietly at the root under one line of progress; return its exit status and all that it printed."""
    began = time.monotonic()
    live = sys.stdout.isatty()
    print(f"  {label} …", end="", flush=True)
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        while True:
            try:
                output, _ = child.communicate(timeout=1)
                break
            except subprocess.TimeoutExpired:
                if live:
                    print(f"\r  {label} … {time.monotonic() - began:.0f} s", end="", flush=True)
    ending = "" if child.returncode == 0 else ", failed"
    print(f"{chr(13) + '  ' + label + ' …' if live else ''} {time.monotonic() - began:.1f} s{ending}", flush=True)
    return child.returncode, output


def refuse_arguments(command: str, arguments: list[str]) -> None:
    """End with a plain sentence when a command that takes no arguments was given some."""
    if arguments:
        sys.exit(f"./run {command} takes no arguments, but was given: {' '.join(arguments)}")
