"""Making backups of a hub while it runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub.backup.contents import KEY_FILES, ROLE, content_of, naming_of, secret_of
from hub.founding import open_database
from hub.settings import Settings
from keys.backup import Label, SealedReader, SealedWriter
from keys.keyring import Keyring
from protocol.enrol import Federation
from service.archive import Member
from service.backup import Run, Told, alone, remove_old, write, write_data


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was verified, and what was removed after it; `log_size` is how many leaves a data backup holds."""

    path: Path
    file_bytes: int
    removed: list[Path]
    log_size: int = 0


@dataclass(frozen=True, slots=True)
class Hub:
    """Whose backup it is: the keyring is that of `keys/hub.key`."""

    settings: Settings
    federation: Federation
    keyring: Keyring


def back_up(hub: Hub, folder: Path, now: int, keep_days: int, told: Told) -> Made:
    """Make a data backup in `folder`, verify it, and remove those older than `keep_days`.

    Raises BackupError; then nothing was changed, and no file is left.
    """
    run = Run(naming_of(hub.federation, "backup"), folder, hub.settings.data_dir, now, told)
    label, secret = Label(ROLE, hub.federation.hub, "data", now), secret_of(hub.keyring)
    database = open_database(hub.settings)
    try:
        with alone(run.data_dir, keep_days):
            path, size, found = write_data(
                run,
                content_of(hub.settings, database),
                lambda file: SealedWriter(file, label, secret),
                lambda file: SealedReader(file, secret),
            )
            removed = remove_old(folder, run.naming, now, keep_days)
    finally:
        database.close()
    return Made(path, size, removed, int(found.get("log_head", 0)))


def back_up_keys(hub: Hub, folder: Path, now: int, keep_days: int, told: Told) -> Made:
    """Make a backup of the key files that a serving hub needs; otherwise as `back_up`."""
    run = Run(naming_of(hub.federation, "keys"), folder, hub.settings.data_dir, now, told)
    files = {name: (hub.settings.data_dir / name).read_bytes() for name in KEY_FILES}
    label, secret = Label(ROLE, hub.federation.hub, "keys", now, files), secret_of(hub.keyring)
    with alone(run.data_dir, keep_days):
        path, size, _ = write(
            run,
            lambda file: SealedWriter(file, label, secret),
            lambda file: SealedReader(file, secret),
            lambda _packer: None,
            _read_all,
        )
        removed = remove_old(folder, run.naming, now, keep_days)
    return Made(path, size, removed)


def _read_all(found: Iterator[Member]) -> None:
    for member in found:
        member.skip()
