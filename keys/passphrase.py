"""Where a passphrase comes from: a file, the environment, or the person at the keyboard, in this order."""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from keys.errors import ExposedKeyFileError, KeyFileError

FILE_VARIABLE: Final = "SIMPUL_PASSPHRASE_FILE"
VARIABLE: Final = "SIMPUL_PASSPHRASE"
MAX_PASSPHRASE_BYTES: Final = 4096


def passphrase_from(file: Path | None, environ: Mapping[str, str], prompt: Callable[[], str]) -> str:
    """The passphrase from `file` (--passphrase-file), SIMPUL_PASSPHRASE_FILE, SIMPUL_PASSPHRASE, or `prompt()`.

    The first that is named counts, and is not passed over when it is empty: a set but empty source is a mistake to
    show, not a reason to fall through. One newline at the end is no part of it. Raises KeyFileError for an empty
    passphrase or a file that cannot be read, ExposedKeyFileError for a file that others may read.
    """
    if file is None and FILE_VARIABLE in environ:
        file = Path(environ[FILE_VARIABLE])
    if file is not None:
        source, passphrase = str(file), _read(file)
    elif VARIABLE in environ:
        source, passphrase = VARIABLE, environ[VARIABLE]
    else:
        source, passphrase = "what was typed", prompt()
    passphrase = passphrase.removesuffix("\n").removesuffix("\r")
    if not passphrase:
        raise KeyFileError(f"the passphrase is empty ({source}): give one")
    return passphrase


def _read(file: Path) -> str:
    """The file's text; links are followed, since secret stores mount their files as links."""
    try:
        with file.open("rb") as handle:
            if os.fstat(handle.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ExposedKeyFileError(f"others may read the passphrase in {file}: run chmod 600 on it")
            content = handle.read(MAX_PASSPHRASE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"cannot read the passphrase file {file}: {error.strerror}") from error
    if len(content) > MAX_PASSPHRASE_BYTES:
        raise KeyFileError(f"{file} has more than {MAX_PASSPHRASE_BYTES} bytes: this is no passphrase file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise KeyFileError(f"the passphrase in {file} is not UTF-8 text: save it again as such") from error
