"""System components that some tests need: what they are, whether they are here, and how Debian installs them.

The one table is requirements/system.json; a row more there is all that a new component needs.
"""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from house.screen import ROOT, step


def components() -> dict[str, dict[str, Any]]:
    """Read the one table of system components, requirements/system.json: name → what, how found, apt, needed_by."""
    table: dict[str, dict[str, Any]] = json.loads((ROOT / "requirements" / "system.json").read_text())
    return table


def find_component(row: dict[str, Any]) -> str:
    """Return where a component is: the path of its first command or file, or a module's name; empty when missing."""
    commands = (shutil.which(name) for name in row.get("commands", ()))
    paths = (path for path in row.get("paths", ()) if Path(path).exists())
    modules = (name for name in row.get("modules", ()) if importlib.util.find_spec(name))
    return next((found for found in (*commands, *paths, *modules) if found), "")


def missing_components() -> list[str]:
    """Name the system components that this machine lacks."""
    return [name for name, row in components().items() if not find_component(row)]


def install_components(names: list[str]) -> None:
    """Install the named components with Debian's apt as root, or end by saying what to install by hand."""
    packages = sorted({package for name in names for package in components()[name]["apt"]})
    wanted = "\n".join(f"  {name}: {components()[name]['what']}" for name in names)
    if shutil.which("apt-get") is None:
        sys.exit(f"This is not Debian or a relative of it. Install these by hand:\n{wanted}")
    if os.geteuid() != 0:
        sys.exit(
            f"Only root may install these; run: sudo ./run system-deps\nor: sudo apt-get install {' '.join(packages)}"
        )
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    for label, argv in (
        ("refreshing apt's lists", [*apt, "update"]),
        (f"installing {' '.join(packages)}", [*apt, "install", "--yes", "--no-install-recommends", *packages]),
    ):
        status, output = step(label, argv)
        if status:
            sys.exit(f"{output}\napt-get failed; nothing else was tried.")
    still = missing_components()
    if still:
        sys.exit(f"apt-get ended well, but these are still not found: {', '.join(still)}")
