"""A folder that stands for an image's file system, and a user for its container, where no container engine runs.

Every absolute path that the images know (/opt/simpul, /src, /data …) is put below the folder; commands get the image's
environment alone, and run as another user than root wherever the tests themselves run as root.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Never

from house.screen import ROOT
from tests.docker.dockerfile import Instruction, Stage

#: The images' own user, where the tests may become another one.
UID: Final = 10001
_PATHS: Final = re.compile(r"(?<![\w.:/-])/(opt/simpul|src|wheels|data|exchange|run/secrets)(?![\w-])")
_SYSTEM_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
#: How this machine reaches its registry: whatever its owner set for pip, and for certificates and proxies.
_REGISTRY: Final = re.compile(r"^(PIP_|SSL_CERT_|REQUESTS_CA_BUNDLE$|https?_proxy$|no_proxy$)", re.IGNORECASE)
_FIT_PYTHON: Final = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
_COMMAND_SECONDS: Final = 180


def user() -> dict[str, Any]:
    """What makes a subprocess the images' user; nothing where we are no root, and so already another."""
    return {"user": UID, "group": UID, "extra_groups": []} if os.geteuid() == 0 else {}


def system_python(missing: Callable[[str], Never]) -> str:
    """Return a Python that the images' user may start, as the base image has one; `missing` where there is none."""
    own = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    for path in (str(own), shutil.which("python3", path=_SYSTEM_PATH)):
        try:
            if path and subprocess.run([path, "-c", _FIT_PYTHON], check=False, cwd="/", **user()).returncode == 0:
                return path
        except PermissionError:
            continue
    return missing(
        "needs Python 3.11 with ensurepip that users other than root may start: apt-get install python3-venv"
    )


@dataclass(slots=True)
class Place:
    """A folder below which an image is laid out. `mounts` maps a container's path to where it lies on this machine."""

    root: Path
    python: str
    mounts: dict[str, Path] = field(default_factory=dict)

    def inside(self, text: str) -> str:
        """Put every path of the image that the text names below the folder, or where it is mounted."""

        def place(found: re.Match[str]) -> str:
            return str(self.mounts.get(found[0], self.root / found[1]))

        return _PATHS.sub(place, text)

    def environment(self, stage: Stage) -> dict[str, str]:
        """Return what a program of the image would see, and nothing of ours."""
        given = {"PATH": f"{self.root / 'bin'}:{_SYSTEM_PATH}", "HOME": "/nonexistent"}
        return {name: self.inside(value) for name, value in stage.environment(**given).items()}

    def run(
        self, argv: Sequence[str], environment: Mapping[str, str], *, folder: Path = Path("/"), said: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the image to its end, as its user; `said` is what it reads."""
        return subprocess.run(
            [self.inside(word) for word in argv], env=dict(environment), cwd=folder, input=said, capture_output=True,
            text=True, check=False, timeout=_COMMAND_SECONDS, **user(),
        )  # fmt: skip

    def build(self, stage: Stage, cache: Path) -> None:
        """Do what the stage does, line by line; raise AssertionError with the output of the line that failed.

        Two things differ from a builder: the paths, and that pip keeps what it fetched in `cache`.
        """
        self._lend_python()
        folder = self.root
        kept = {name: value for name, value in os.environ.items() if _REGISTRY.match(name)}
        environment = kept | self.environment(stage) | {"HOME": str(self.root), "PIP_CACHE_DIR": str(cache)}
        del environment["PIP_NO_CACHE_DIR"]
        for each in stage.instructions:
            if each.name == "WORKDIR":
                folder = Path(self.inside(each.body))
                folder.mkdir(parents=True)
                own(folder)
            elif each.name == "COPY":
                self.copy(each, folder)
            elif each.name == "RUN":
                done = self.run(["/bin/sh", "-c", self.inside(each.body)], environment, folder=folder)
                assert done.returncode == 0, f"{each.body}\n{done.stdout}{done.stderr}"

    def copy(self, instruction: Instruction, folder: Path) -> None:
        """COPY from the checkout: files into a folder, or what a folder holds into another."""
        *sources, target = instruction.body.split()
        into = folder / self.inside(target)
        for source in (ROOT / name for name in sources):
            if source.is_dir():
                shutil.copytree(source, into, ignore=shutil.ignore_patterns("__pycache__"))
                own(into)
                continue
            file = into / source.name if target.endswith("/") else into
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, file)
            file.chmod(int(instruction.flags.get("chmod", "0644"), 8))
            own(file.parent)

    def make(self, path: Path, mode: int = 0o700) -> Path:
        """Make a folder that the image's user owns, as a new volume is."""
        path.mkdir(parents=True)
        path.chmod(mode)
        own(path)
        return path

    def _lend_python(self) -> None:
        # A script and not a link: through a link Python would look for its library beside that.
        script = self.root / "bin" / "python"
        script.parent.mkdir()
        script.write_text(f'#!/bin/sh\nexec {self.python} "$@"\n')
        script.chmod(0o755)


def own(path: Path) -> None:
    """Give a file, or a folder with all in it, to the images' user."""
    if os.geteuid() == 0:
        for each in (path, *path.rglob("*")):
            os.chown(each, UID, UID)
