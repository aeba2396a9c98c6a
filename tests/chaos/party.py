"""One party of the federation as a process that is killed, stopped for a while and started again, any number of times.

Nothing is asked of it that an operator cannot do: `simpul-hub serve` and `simpul-node serve`, and signals.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from demo.waiting import wait_for
from house.screen import ROOT

_READY: Final = re.compile(rb"^ready http://\S+$", re.MULTILINE)
_START_SECONDS: Final = 90
_STOP_SECONDS: Final = 30


class PartyError(Exception):
    """A process that ended by itself; the message holds the last lines of its log."""


class Party:
    """`python -m module serve` for one data directory, at one address for all its lives.

    `before` goes in front of the command, for example `ip netns exec NAME`.
    """

    def __init__(
        self,
        name: str,
        module: str,
        data: Path,
        passphrase_file: Path,
        *,
        port: int,
        host: str = "127.0.0.1",
        before: Sequence[str] = (),
    ) -> None:
        self.name: Final = name
        self.data: Final = data
        self.url: Final = f"http://{host}:{port}"
        self.port: Final = port
        # Beside the data directory, not in it: a full disk must not keep the server from telling so.
        self.log: Final = data.parent / f"{data.name}.log"
        self.starts = 0
        #: Seconds from each start to its readiness.
        self.start_seconds: Final[list[float]] = []
        self._arguments: Final = [
            *before, sys.executable, "-m", module, "serve", "--data", str(data), "--host", host, "--port", str(port),
            "--passphrase-file", str(passphrase_file),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._begins = 0
        self._began = 0.0

    @property
    def database(self) -> Path:
        """Its SQLite file."""
        return self.data / ("hub.db" if (self.data / "hub.db").exists() else "node.db")

    @property
    def pid(self) -> int | None:
        """The id of its process; None while it does not run."""
        return None if self._process is None else self._process.pid

    def launch(self, environ: Mapping[str, str] | None = None) -> None:
        """Start it without waiting."""
        self._begins = self.log.stat().st_size if self.log.exists() else 0
        self._began, self._ready = time.monotonic(), False
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SIMPUL_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments, cwd=ROOT, env={**kept, **(environ or {})}, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
        self.starts += 1

    def is_ready(self) -> bool:
        """Whether it takes connections by now; raise PartyError when it has ended by itself."""
        if self._ready:
            return True
        said = self.said()
        if self._process is not None and self._process.poll() is not None:
            raise PartyError(f"{self.name} ended with {self._process.returncode}: {said[-2000:].decode()}")
        if self._process is not None and _READY.search(said) is not None:
            self._ready = True
            self.start_seconds.append(time.monotonic() - self._began)
        return self._ready

    def said(self) -> bytes:
        """What it wrote to its log since it was started last."""
        if not self.log.exists():
            return b""
        with self.log.open("rb") as log:
            log.seek(self._begins)
            return log.read()

    def wait_ready(self) -> None:
        """Return once it takes connections."""
        wait_for(f"{self.name} ready", self.is_ready, _START_SECONDS)

    def runs(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self.launch()
        self.wait_ready()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process is None:
            raise PartyError(f"{self.name} does not run")
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut does (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator does (SIGTERM)."""
        self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> None:
        process, self._process, self._ready = self._process, None, False
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(by)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
