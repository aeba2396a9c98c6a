"""What only root may do to a machine: small disks, files that nothing may change, hosts with links of their own.

Each of these ends what it began, and nothing else. Where the machine does not let us, MachineError says what it lacks.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

from tests.chaos.country import Place

_BLOCKS: Final = (1 << 20, 1 << 12, 1)


class MachineError(Exception):
    """Something that this machine has not, or does not let us do; the message says which."""


def need(*commands: str) -> None:
    """Raise MachineError unless we are root and these commands are there."""
    if os.geteuid() != 0:
        raise MachineError("only root may do this")
    missing = [command for command in commands if shutil.which(command) is None]
    if missing:
        raise MachineError(f"this machine has no {' and no '.join(missing)}: ./run system-deps")


def _call(*command: str | Path) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """A file system of its own at `folder`, small enough to fill."""
    need("mount", "umount")
    folder.mkdir(parents=True, exist_ok=True)
    _call("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "tmpfs", folder)
    try:
        yield folder
    finally:
        _call("umount", "--lazy", folder)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Take every last byte of a file system, for a while."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            for block in _BLOCKS:
                try:
                    while file.write(bytes(block)):
                        pass
                except OSError:
                    continue
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(database: Path) -> Iterator[None]:
    """Let nobody write to a SQLite database, its log, or new files beside it, whoever has them open already."""
    need("chattr")
    # Not the shared memory beside them: it is mapped, and whoever wrote there would end by SIGBUS without a word.
    files = [path for path in (database, Path(f"{database}-wal")) if path.exists()]
    try:
        _call("chattr", "+i", *files, database.parent)
        yield
    finally:
        _call("chattr", "-i", *files, database.parent)


class Network:
    """A bridge with a host for each name: a network namespace with one link, which can be cut and joined again."""

    def __init__(self, names: Sequence[str]) -> None:
        need("ip")
        # Names of links have at most 15 characters; the process id keeps two runs apart.
        self._tag: Final = f"sc{os.getpid() % 100_000}"
        self._subnet: Final = f"10.77.{os.getpid() % 250}"
        self._numbers: Final = {name: number for number, name in enumerate(names, start=2)}
        self._undo: Final = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as half:
            half.push(self._undo)
            self._make("link", "add", self._tag, "type", "bridge", undo=("link", "del", self._tag))
            self._make("addr", "add", f"{self._subnet}.1/24", "dev", self._tag)
            self._make("link", "set", self._tag, "up")
            for name in self._numbers:
                self._add(name)
            half.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._undo.close()

    def place(self, name: str) -> Place:
        """Return where the party of this name lives."""
        return Place(host=self._address(name), before=("ip", "netns", "exec", self._space(name)))

    @contextmanager
    def cut(self, *names: str) -> Iterator[None]:
        """Pull these hosts' cables, for a while: what they send is lost, and nobody tells them."""
        for name in names:
            _call("ip", "link", "set", self._link(name), "down")
        try:
            yield
        finally:
            for name in names:
                _call("ip", "link", "set", self._link(name), "up")

    def _add(self, name: str) -> None:
        space, link, inner = self._space(name), self._link(name), f"{self._link(name)}i"
        self._make("netns", "add", space, undo=("netns", "del", space))
        self._make("link", "add", link, "type", "veth", "peer", "name", inner)
        self._make("link", "set", inner, "netns", space)
        self._make("link", "set", link, "master", self._tag)
        self._make("link", "set", link, "up")
        within = ("-n", space)
        self._make(*within, "addr", "add", f"{self._address(name)}/24", "dev", inner)
        self._make(*within, "link", "set", inner, "up")
        self._make(*within, "link", "set", "lo", "up")

    def _make(self, *command: str, undo: Sequence[str] = ()) -> None:
        _call("ip", *command)
        if undo:
            self._undo.callback(_call, "ip", *undo)

    def _space(self, name: str) -> str:
        return f"{self._tag}-{name}"

    def _link(self, name: str) -> str:
        return f"{self._tag}v{self._numbers[name]}"

    def _address(self, name: str) -> str:
        return f"{self._subnet}.{self._numbers[name]}"
