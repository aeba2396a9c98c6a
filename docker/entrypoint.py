#!/usr/bin/env python3
"""Start a program of Simpul in its container, once the data directory and the passphrase are fit for it.

entrypoint.py PROGRAM ARGUMENTS...

It needs the standard library only, writes nothing, and lets the program take its place, so that signals reach that.
"""

import os
import stat
import sys
from pathlib import Path

#: Where each program keeps all that it writes, by the variable that tells it so.
DATA_VARIABLES = {"simpul-hub": "SIMPUL_HUB_DATA", "simpul-node": "SIMPUL_NODE_DATA"}
PASSPHRASE_VARIABLE = "SIMPUL_PASSPHRASE_FILE"  # noqa: S105  a name, not a secret
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class UnfitError(Exception):
    """Something outside the container that its operator has to put right; the message says what and how."""


def check_data(data: Path) -> None:
    """Raise UnfitError unless this user alone may read and write `data`."""
    try:
        status = data.stat()
    except OSError as error:
        raise UnfitError(f"{data}: {error.strerror}. Mount a volume there") from error
    if not stat.S_ISDIR(status.st_mode):
        raise UnfitError(f"{data} is no folder. Mount a volume there")
    if status.st_uid != os.geteuid():
        raise UnfitError(
            f"{data} belongs to user {status.st_uid}, and this container runs as user {os.geteuid()}. "
            f"On the host, for the folder that is mounted there: sudo chown -R {owner()} FOLDER"
        )
    if status.st_mode & OTHERS:
        raise UnfitError(
            f"others may open {data} (mode {stat.S_IMODE(status.st_mode):04o}), which will hold keys. "
            "On the host, for the folder that is mounted there: sudo chmod 0700 FOLDER"
        )
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise UnfitError(f"{data} cannot be written. Mount it without :ro, and with mode 0700")


def check_passphrase(file: Path) -> None:
    """Raise UnfitError if `file` is there but others may read it, or this user may not.

    Compose mounts a secret that comes from a file as that very file: its owner and mode on the host are what counts,
    and `uid`, `gid` and `mode` in compose.yaml change nothing. A missing file is left to the program, for not every
    command needs a passphrase.
    """
    try:
        status = file.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UnfitError(f"{file}: {error.strerror}") from error
    exposed = bool(status.st_mode & OTHERS)
    if exposed or not os.access(file, os.R_OK):
        trouble = "others may read the passphrase in" if exposed else "this container may not read the passphrase in"
        raise UnfitError(
            f"{trouble} {file} (owner {status.st_uid}, mode {stat.S_IMODE(status.st_mode):04o}). "
            f"On the host: sudo chown {owner()} FILE && sudo chmod 0400 FILE "
            "(a secret of Swarm or Kubernetes: the same owner and mode in its own settings)"
        )


def owner() -> str:
    """Return the user and group of this process as chown wants them."""
    return f"{os.geteuid()}:{os.getegid()}"


def main(arguments: list[str]) -> None:
    """Check, then become the program; end with one line and status 1 where something is unfit."""
    if not arguments or arguments[0] not in DATA_VARIABLES:
        sys.exit(f"usage: entrypoint.py {'|'.join(DATA_VARIABLES)} ARGUMENTS...")
    program = arguments[0]
    # Whatever is written from now on is for this user alone.
    os.umask(0o077)
    try:
        check_data(Path(os.environ.get(DATA_VARIABLES[program], "/data")))
        if PASSPHRASE_VARIABLE in os.environ:
            check_passphrase(Path(os.environ[PASSPHRASE_VARIABLE]))
    except UnfitError as error:
        sys.exit(f"{program}: {error}")
    os.execv(Path(sys.executable).with_name(program), arguments)  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
