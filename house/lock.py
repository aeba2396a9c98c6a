"""Make the lock files: every package that Simpul installs, pinned, with the hash of each of its files on PyPI."""

import argparse
import configparser
import os
import subprocess
import tomllib

from house.environment import VENV, ensure
from house.screen import ROOT, say


def run_lock(arguments: list[str]) -> int:
    """Make the lock files again from setup.cfg and pyproject.toml; needs the network.

    ./run lock [--upgrade]

    --upgrade  take the newest versions allowed; without it, what is locked stays unless it no longer fits

    Only PyPI is asked, whatever mirrors this machine is set up for, so that everyone's lock is the same.
    """
    parser = argparse.ArgumentParser(prog="./run lock")
    parser.add_argument("--upgrade", action="store_true")
    upgrade = ["--upgrade"] if parser.parse_args(arguments).upgrade else []
    ensure("dev")
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    runtime = [*build, *setup["options"]["install_requires"].split("\n")]
    dev = [*runtime, *setup["options.extras_require"]["dev"].split("\n")]
    compile_lock("runtime", runtime, upgrade)
    # The first is a constraint on the second, so that both always name the same versions.
    compile_lock("dev", dev, [*upgrade, "--constraints", "requirements/runtime.txt"])
    return 0


def compile_lock(kind: str, wanted: list[str], more: list[str]) -> None:
    """Resolve the requirements `wanted` for every Python and platform at once, and write requirements/<kind>.txt."""
    say(f"  requirements/{kind}.txt")
    argv = [str(VENV / "bin" / "uv"), "--no-config", "--system-certs", "pip", "compile", "--quiet", *more]
    argv += ["--universal", "--python-version", "3.11", "--only-binary", ":all:", "--generate-hashes"]
    argv += ["--default-index", "https://pypi.org/simple", "--no-emit-index-url", "--no-emit-find-links"]
    argv += [
        "--no-annotate",
        "--custom-compile-command",
        "./run lock",
        "--output-file",
        f"requirements/{kind}.txt",
        "-",
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    wanted_text = "\n".join(wanted)
    subprocess.run(argv, cwd=ROOT, env=clean, input=wanted_text, text=True, check=True, stdout=subprocess.DEVNULL)
