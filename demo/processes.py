"""Programs of the federation as processes: commands that end, and servers that are stopped by their own id."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from demo.waiting import TooLateError, wait_for

ROOT: Final = Path(__file__).resolve().parent.parent
_READY: Final = re.compile(r"^ready (http://\S+)$", re.MULTILINE)
_COMMAND_SECONDS: Final = 120
_START_SECONDS: Final = 90
_STOP_SECONDS: Final = 30
_SHOWN_LINES: Final = 15
#: How wide a command may print its tables, which the demo shows within its own lines.
_COLUMNS: Final = "110"


class ProcessError(Exception):
    """A program that failed; the message holds the end of what it said, and where the rest is."""


def run(module: str, *arguments: str | Path, accept: Sequence[int] = (0,)) -> str:
    """Run `python -m module arguments` to its end and return what it printed; raise ProcessError if it fails."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=_COMMAND_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ProcessError(f"{module} {arguments[0]} did not end within {_COMMAND_SECONDS} s") from error
    if done.returncode not in accept:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-_SHOWN_LINES:]
        raise ProcessError(f"{module} {arguments[0]} ended with {done.returncode}: " + "\n".join(said))
    return done.stdout


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """`python -m module serve …` on one port for all its lives; what it prints goes to `log`."""

    def __init__(self, module: str, data: Path, arguments: Sequence[str | Path], port: int) -> None:
        self.log: Final = data / "log" / "serve.log"
        self.port: Final = port
        self._command: Final = [
            sys.executable, "-m", module, "serve", "--data", str(data), "--port", str(port), *map(str, arguments)
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The id of its process; None while it does not run."""
        return None if self._process is None else self._process.pid

    def launch(self) -> None:
        """Start it without waiting."""
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._begins = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C on the terminal comes to us alone, and we stop it in good order.
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def wait_ready(self) -> None:
        """Return once it takes connections; raise ProcessError when it ends instead, or takes too long."""
        try:
            wait_for(f"{self._command[2]} on port {self.port}", self._is_ready, _START_SECONDS)
        except TooLateError as error:
            raise ProcessError(f"{error}; its log: {self.log}") from error

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self.launch()
        self.wait_ready()

    def _is_ready(self) -> bool:
        with self.log.open("rb") as log:
            log.seek(self._begins)
            said = log.read().decode("utf-8", "replace")
        if self._process is not None and self._process.poll() is not None:
            tail = "\n".join(said.splitlines()[-_SHOWN_LINES:])
            raise ProcessError(f"{self._command[2]} ended with {self._process.returncode}: {tail}\nits log: {self.log}")
        return _READY.search(said) is not None

    def stop(self) -> None:
        """End it as an operator does (SIGTERM); by force only if it does not go."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash does (SIGKILL)."""
        self._end(signal.SIGKILL)

    def signal_stop(self) -> None:
        """Ask it to end without waiting."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def _end(self, by: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(by)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment() -> Mapping[str, str]:
    # Whatever passphrase or data directory is set for real work must not reach the demo.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIMPUL_")}
    return {**kept, "COLUMNS": _COLUMNS, "PYTHONUNBUFFERED": "1"}
