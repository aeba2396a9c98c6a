"""Where the demo keeps its data: a directory that is its own, for one demo at a time."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

#: Says that a directory is a demo's, and is locked while it is in use.
MARK: Final = ".simpul-demo"


class PlaceError(Exception):
    """A directory that cannot be used; the message says why and what to do."""


@contextmanager
def data_place(wanted: Path | None) -> Iterator[Path]:
    """Give an empty directory: a new temporary one, or `wanted`, whose older demo data are removed.

    Raises PlaceError for a directory with anything else in it, and for one in which another demo is at work.
    """
    data = Path(tempfile.mkdtemp(prefix="simpul-demo-")) if wanted is None else wanted.absolute()
    data.mkdir(parents=True, exist_ok=True)
    mark = data / MARK
    if not mark.is_file() and any(data.iterdir()):
        raise PlaceError(f"{data} holds something that is not a demo's: name an empty or a new directory")
    with mark.open("a") as lock:
        _lock(lock, data)
        for each in data.iterdir():
            if each != mark:
                shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
        data.chmod(0o700)
        yield data


def _lock(lock: IO[str], data: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise PlaceError(f"another demo is at work in {data}") from error
