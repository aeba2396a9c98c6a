"""How programs of other makers are made ready and asked, in JSON: npm's jose and @hpke under Node.js, and Go.

What npm installs and Go compiles stays beside the environment that runs the tests, not in the tree: the packages
under the hash of their lock, the compiler's work in a cache that Go itself keeps right. Only the first run pays.
"""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

import pytest

from keys.digest import sha256

_HERE: Final = Path(__file__).parent
_KEPT: Final = Path(sys.prefix) / "oracles"
_INSTALL_SECONDS: Final = 240
_ANSWER_SECONDS: Final = 60

#: Asks one script a list of questions, {"op":…}; gives as many answers, of which some may be {"refused":code}.
AskNode: TypeAlias = Callable[..., list[dict[str, Any]]]
#: Asks logreader's command one question; gives its status and its answer.
AskGo: TypeAlias = Callable[[str, object], tuple[int, Any]]


def node_asker(node: Path, npm: Path, folder: Path) -> AskNode:
    """Install what the scripts need, and copy them to a folder of this run's own."""
    for script in (_HERE / "js").glob("*.mjs"):
        copy(script, folder)
    # Node.js looks for a module's packages beside the module, and nowhere else.
    (folder / "node_modules").symlink_to(_installed(npm))

    def ask(script: str, *questions: dict[str, Any]) -> list[dict[str, Any]]:
        done = _run([node, folder / f"{script}.mjs"], said=json.dumps(questions))
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout)
        assert len(answers) == len(questions)
        return answers

    return ask


def _installed(npm: Path) -> Path:
    """Return the folder of the packages that package-lock.json pins; npm checks the hash of each."""
    manifests = [_HERE / "js" / "package.json", _HERE / "js" / "package-lock.json"]
    with _alone() as kept:
        # A package finds those that it needs itself only in a folder of just this name.
        packages = kept / f"js-{sha256(*(path.read_bytes() for path in manifests)).hex()[:16]}" / "node_modules"
        if not packages.exists():
            with TemporaryDirectory(dir=kept) as fresh:
                for path in manifests:
                    copy(path, fresh)
                # The packages' own scripts are not run: what is needed of them is their code alone.
                _make([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=Path(fresh))
                packages.parent.mkdir(exist_ok=True)
                (Path(fresh) / "node_modules").rename(packages)
    return packages


def go_asker(go: Path, module: Path, folder: Path) -> AskGo:
    """Compile logreader into a folder of this run's own, with the packages that `module` is a file of."""
    program = folder / "logreader"
    with _alone() as kept:
        environ = {
            # GOPATH mode with Debian's packages: no module, no proxy, no other tool chain, so no network.
            "GO111MODULE": "off",
            "GOPATH": f"{kept / 'gopath'}{os.pathsep}{str(module).partition('/src/')[0]}",
            "GOCACHE": str(kept / "gocache"),
            "GOENV": "off",
            "GOFLAGS": "",
            "GOPROXY": "off",
            "GOTOOLCHAIN": "local",
            # So that no C compiler is needed.
            "CGO_ENABLED": "0",
        }
        _make([go, "vet", "."], cwd=_HERE / "go", environ=environ)
        _make([go, "build", "-o", program, "."], cwd=_HERE / "go", environ=environ)

    def ask(command: str, question: object) -> tuple[int, Any]:
        done = _run([program, command], said=json.dumps(question))
        assert done.returncode in {0, 1}, done.stderr
        return done.returncode, json.loads(done.stdout)

    return ask


@contextmanager
def _alone() -> Iterator[Path]:
    """Hold the folder of what is kept: of several processes that run the tests, one makes and the others wait."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    with (_KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield _KEPT


def _make(argv: Sequence[str | Path], *, cwd: Path, environ: Mapping[str, str] | None = None) -> None:
    """Run what makes a program ready, or fail with what it said."""
    done = _run(argv, cwd=cwd, environ=environ, seconds=_INSTALL_SECONDS)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, argv))}\n{done.stdout}{done.stderr}", pytrace=False)


def _run(
    argv: Sequence[str | Path],
    *,
    said: str = "",
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    seconds: int = _ANSWER_SECONDS,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        input=said,
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        encoding="utf-8",
        timeout=seconds,
        check=False,
    )
