"""Make the folder .venv what the lock files ask for, and nothing else: no package outside it, no file but its own."""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from house.screen import ROOMS, ROOT, say, step

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

# What an installer says, and the way out of it.
NO_NETWORK = (
    "NewConnectionError|name resolution|Name or service not known|unreachable|ConnectTimeout|dns error"
    "|error sending request|Connection refused|ProxyError|ReadTimeout|getaddrinfo"
)
WAYS_OUT = {
    "CERTIFICATE_VERIFY_FAILED|UnknownIssuer": """\
The registry's certificate is not trusted: name the right one in PIP_CERT or SSL_CERT_FILE.""",
    NO_NETWORK: """\
The package registry could not be reached. Check the network, or name your mirror with PIP_INDEX_URL
(uv: UV_DEFAULT_INDEX) or your proxy with HTTPS_PROXY; then run the same command again.""",
    "DO NOT MATCH THE HASHES|[Hh]ash mismatch": """\
A package is not the one that was locked, so it was not installed. Check the mirror that served it.""",
    "No space left on device": """\
The disk is full. Free some space, then run the same command again.""",
    "No matching distribution|no version of|has no wheels": """\
The registry has no wheel for this Python or machine. Supported are Python 3.11 to 3.14 on Linux
(x86-64, ARM) and on macOS (Apple silicon).""",
}


def stamp_path(kind: str) -> Path:
    """Where .venv remembers what it was installed from; `kind` is "runtime" or "dev"."""
    return VENV / f"simpul-{kind}.stamp"


def stamp_of(kind: str) -> str:
    """Digest all that an installed environment depends on: lock, packaging, rooms, Python and place."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}\0".encode())
    digest.update(" ".join(room for room in ROOMS if (ROOT / room).is_dir()).encode())
    for name in (f"requirements/{kind}.txt", "setup.cfg"):
        digest.update(b"\0" + (ROOT / name).read_bytes())
    return digest.hexdigest()


def is_installed(kind: str) -> bool:
    """Tell from files alone, without starting a process, whether .venv is what `kind` asks for."""
    if not os.access(PYTHON, os.X_OK) or not stamp_path(kind).is_file():
        return False
    stamped: str = stamp_path(kind).read_text()
    return stamped == stamp_of(kind)


def fault_of(venv: Path) -> str:
    """Say why an existing environment cannot be mended by installing into it; empty when it can."""
    config = venv / "pyvenv.cfg"
    activate = venv / "bin" / "activate"
    if (venv / "simpul-installing").exists():
        return "an installation was interrupted"
    if not os.access(venv / "bin" / "python", os.X_OK) or not config.is_file() or not activate.is_file():
        return "it is incomplete"
    if not re.search(rf"VIRTUAL_ENV=[\"']?{re.escape(str(venv))}[\"']?\s", activate.read_text()):
        return "the checkout has moved"
    version = re.search(r"^version(?:_info)? = (\d+)\.(\d+)", config.read_text(), re.MULTILINE)
    if version is None or tuple(map(int, version.groups())) != sys.version_info[:2]:
        return "it belongs to another Python"
    return ""


def make_venv() -> None:
    """Make .venv, or make it afresh where its fault cannot be mended; end with the way out when that fails."""
    uv = shutil.which("uv")
    if VENV.exists() or VENV.is_symlink():
        fault = fault_of(VENV)
        pip = [str(PYTHON), "-m", "pip", "--version"]
        if not fault and (uv or subprocess.run(pip, capture_output=True, check=False).returncode == 0):
            return
        say(f"  .venv is made afresh: {fault or 'it has no installer'}")
        if VENV.is_symlink() or VENV.is_file():
            VENV.unlink()
    found = ".".join(map(str, sys.version_info[:3]))
    # Started from inside the very environment that is to be replaced, the Python beneath it must do the work.
    python = sys.executable if sys.prefix == sys.base_prefix else str(Path(sys.executable).resolve())
    argv = [python, "-m", "venv", "--clear", str(VENV)]
    if importlib.util.find_spec("ensurepip") is None and uv:
        argv = [uv, "venv", "--quiet", "--clear", "--python", python, str(VENV)]
    status, output = step(f"making .venv with Python {found}", argv)
    if status:
        hint = "Debian packs a part of Python apart. As root: ./run system-deps (or apt-get install python3-venv)"
        sys.exit(f"{output}\n{hint if 'ensurepip' in output else 'The environment could not be made.'}")


def installers() -> list[list[str]]:
    """List the ways to install, best first; pip remains when uv is there but not set up for this network."""
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2"]
    uv = shutil.which("uv")
    with_uv = [[uv, "pip", "install", "--quiet", "--python", str(PYTHON)]] if uv else []
    return [*with_uv, pip] if (VENV / "bin" / "pip").exists() else with_uv


def install(label: str, arguments: list[str]) -> None:
    """Install `arguments` by the first way that works, or show every error whole and the way out, and end."""
    for argv in installers():
        status, output = step(f"{label} ({'pip' if 'pip' in argv[2] else 'uv'})", argv + arguments)
        if status == 0:
            return
        say(output)
    (VENV / "simpul-installing").unlink(missing_ok=True)
    way = next((way for pattern, way in WAYS_OUT.items() if re.search(pattern, output)), "Nothing was started.")
    sys.exit(f"Installation failed. {way}")


def ensure(kind: str) -> None:
    """Bring .venv to what `kind` ("runtime" or "dev", which holds all of runtime) asks for; immediate when it is."""
    if is_installed(kind):
        return
    with (ROOT / "run").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another ./run is installing; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if is_installed(kind):
            return
        began = time.monotonic()
        say(f"Preparing .venv from requirements/{kind}.txt (once; under a minute on most connections)")
        make_venv()
        for other in ("runtime", "dev"):
            stamp_path(other).unlink(missing_ok=True)
        # Whatever ends the process from here on, a kill included, leaves this file, and the next start begins afresh.
        installing = VENV / "simpul-installing"
        installing.touch()
        lines = (ROOT / "requirements" / f"{kind}.txt").read_text().splitlines()
        count = sum(1 for line in lines if re.match(r"[a-z0-9]", line))
        locked = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", f"requirements/{kind}.txt"]
        install(f"installing {count} locked packages", locked)
        install("installing Simpul itself", ["--no-deps", "--no-build-isolation", "--editable", "."])
        for done in ("runtime", "dev") if kind == "dev" else ("runtime",):
            stamp_path(done).write_text(stamp_of(done))
        installing.unlink()
        say(f"Ready in {time.monotonic() - began:.0f} s.\n")


def environment(**more: str) -> dict[str, str]:
    """Return the variables for child processes: .venv's commands come first, and `more` is added."""
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "VIRTUAL_ENV": str(VENV), **more}
