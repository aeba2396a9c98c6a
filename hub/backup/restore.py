"""Putting a hub back from its backups: checked whole, then changed for what is there."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from hub.backup.contents import HUB_KEY, KEY_FILES, LAYOUT, ROLE, secret_of
from hub.founding import MIGRATIONS, read_federation_file
from hub.log.tree import check_stored_tree
from hub.recovery.state import mark_restored
from hub.settings import Settings
from keys.backup import Label, SealedReader, read_label
from keys.keyring import Keyring
from protocol.enrol import read_federation
from service import private, restore
from service.backup import Told, alone
from service.errors import BackupError


@dataclass(frozen=True, slots=True)
class Order:
    """What is restored where: to the data directory and the database of `settings`.

    `present_url` is the database of what is there. `keys` is a backup of the keys; without it those there stay.
    """

    file: Path
    settings: Settings
    present_url: str
    passphrase: str
    keys: Path | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """A hub that was put back: the time of its backup, the length of its log, and where what was there is now."""

    hub: str
    backup_at: int
    log_size: int
    before: Path | None


def label_of(path: Path, what: str) -> Label:
    """Return what a file tells of itself; raise BackupError unless it is a hub's backup of `what`."""
    with path.open("rb") as file:
        label = read_label(file)
    if (label.role, label.what) != (ROLE, what):
        raise BackupError(f"{path} holds the {label.what} of {label.role} {label.party}, not the {what} of a hub")
    return label


def put_back(order: Order, now: int, told: Told) -> Restored:
    """Restore a hub; raises BackupError, KeysError or HubError, and then what was there is as it was."""
    label, data_dir = label_of(order.file, "data"), order.settings.data_dir
    _check_present(order.settings, label)
    private.make_folder(data_dir)
    with ExitStack() as stack:
        stack.enter_context(alone(data_dir))
        stack.enter_context(restore.nobody_serving(data_dir / "jobs.lock", order.present_url))
        folder = stack.enter_context(restore.staging(data_dir))
        keyring = Keyring.load(_keys_for(order, label, folder) / HUB_KEY, order.passphrase)
        copied, dumped = _unpack(order, keyring, folder, told)
        restore.check_target(order.settings.database_url, LAYOUT, data_dir, dumped=dumped)
        sizes: list[int] = []

        def mark(session: Session) -> None:
            sizes.append(check_stored_tree(session).size)
            mark_restored(session, now, label.at)

        restore.revive(copied, order.settings.database_url, MIGRATIONS, mark, dumped=dumped)
        before = restore.place(data_dir, LAYOUT, now)
    return Restored(label.party, label.at, sizes[0], before)


def _check_present(settings: Settings, label: Label) -> None:
    if settings.federation_file.exists():
        present = read_federation_file(settings).hub
        if present != label.party:
            raise BackupError(f"{settings.data_dir} is of hub {present}, and the backup of {label.party}")


def _keys_for(order: Order, label: Label, folder: Path) -> Path:
    """Return the folder in which the keys are: the data directory, or the staging folder with those of the backup."""
    if order.keys is None:
        for name in KEY_FILES:
            if not (order.settings.data_dir / name).exists():
                raise BackupError(f"no key file at {order.settings.data_dir / name}: name a backup of the keys, --keys")
        return order.settings.data_dir
    found = label_of(order.keys, "keys")
    if found.party != label.party or set(found.files) != set(KEY_FILES):
        raise BackupError(f"{order.keys} holds the keys of {found.party}, and the backup is of {label.party}")
    private.make_folder(folder / "keys")
    for name in KEY_FILES:
        private.write(folder / name, found.files[name])
    with order.keys.open("rb") as file:
        SealedReader(file, secret_of(Keyring.load(folder / HUB_KEY, order.passphrase))).drain()
    return folder


def _unpack(order: Order, keyring: Keyring, folder: Path, told: Told) -> tuple[Path, bool]:
    total = order.file.stat().st_size
    with order.file.open("rb") as file:
        source = SealedReader(file, secret_of(keyring))
        copied, dumped = restore.unpack(source, LAYOUT, folder, lambda done: told("unpacking", done, total))
    told("checking", 0, 0)
    restore.check_copy(copied, dumped=dumped)
    read_federation((folder / "federation.json").read_bytes())
    return copied, dumped
