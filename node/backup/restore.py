"""Putting a node back from its backups: checked whole, then changed for what is there."""

import json
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys.backup import Label, SealedReader, read_label
from keys.keyring import Keyring
from node.backup.contents import CASE_KEYS, KEY_FILE, LAYOUT, ROLE, secret_of
from node.backup.restored import begin_restored, note_lacking, without_keys
from node.commandline import MIGRATIONS, read_settings
from node.context import Node, open_case_keys
from node.models.cases import Case
from node.settings import Settings, SettingsError
from protocol.enrol import read_federation
from service import private, restore
from service.archive import members
from service.backup import Told, alone
from service.database import Database
from service.errors import BackupError


@dataclass(frozen=True, slots=True)
class Order:
    """What is restored where. `keys` is a backup of the keys; without it those in `data_dir` stay.

    `database_url` names the empty PostgreSQL database for a dump; without it the one of the backup's settings is meant.
    """

    file: Path
    data_dir: Path
    passphrase: str
    keys: Path | None = None
    database_url: str | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """A node that was put back: the time of its backup, and where what was there is now.

    `lost` names the ids of cases that the backup lacks, `keyless` the numbers of those in it whose content has no key.
    """

    member_id: str
    backup_at: int
    before: Path | None
    lost: list[str]
    keyless: list[str]


def label_of(path: Path, what: str) -> Label:
    """Return what a file tells of itself; raise BackupError unless it is a node's backup of `what`."""
    with path.open("rb") as file:
        label = read_label(file)
    if (label.role, label.what) != (ROLE, what):
        raise BackupError(f"{path} holds the {label.what} of {label.role} {label.party}, not the {what} of a node")
    return label


def put_back(order: Order, now: int, told: Told) -> Restored:
    """Restore a node; raises BackupError, KeysError or SettingsError, and then what was there is as it was."""
    label = label_of(order.file, "data")
    present = _present(order.data_dir)
    if present is not None and present.member_id != label.party:
        raise BackupError(f"{order.data_dir} is of node {present.member_id}, and the backup of {label.party}")
    private.make_folder(order.data_dir)
    with ExitStack() as stack:
        stack.enter_context(alone(order.data_dir))
        lock = order.data_dir / "scheduler.lock"
        stack.enter_context(restore.nobody_serving(lock, present.database_url if present else None))
        folder = stack.enter_context(restore.staging(order.data_dir))
        keys_dir = _keys_for(order, label, folder, told)
        keyring = Keyring.load(keys_dir / KEY_FILE, order.passphrase)
        if order.keys is not None:
            _unpack_case_keys(order.keys, keyring, folder)
        copied, dumped = _unpack(order.file, keyring, folder, told)
        settings = _settle_settings(order, folder, dumped=dumped)
        if settings.member_id != label.party:
            raise BackupError("the backup's settings are of another node than its label")
        lost, keyless = _revive(settings, keyring, keys_dir, copied, now, label.at, dumped=dumped)
        before = restore.place(order.data_dir, LAYOUT, now)
    return Restored(label.party, label.at, before, lost, keyless)


def _present(data_dir: Path) -> Settings | None:
    try:
        return read_settings(data_dir)
    except SettingsError:
        # There is none, or what is there is beyond reading: it is moved aside as it is.
        return None


def _keys_for(order: Order, label: Label, folder: Path, told: Told) -> Path:
    """Return the folder in which the keys are: the data directory, or the staging folder with those of the backup."""
    if order.keys is None:
        if not (order.data_dir / KEY_FILE).exists():
            raise BackupError(f"no key file at {order.data_dir / KEY_FILE}: name a backup of the keys with --keys")
        return order.data_dir
    told("reading keys", 0, 0)
    found = label_of(order.keys, "keys")
    if found.party != label.party or KEY_FILE not in found.files:
        raise BackupError(f"{order.keys} holds the keys of {found.party}, and the backup is of {label.party}")
    private.make_folder(folder / "keys")
    private.write(folder / KEY_FILE, found.files[KEY_FILE])
    return folder


def _unpack_case_keys(path: Path, keyring: Keyring, folder: Path) -> None:
    private.make_folder(folder / CASE_KEYS)
    case_keys = open_case_keys(_anywhere(folder), keyring)
    with path.open("rb") as file:
        for member in members(SealedReader(file, secret_of(keyring))):
            head, _, name = member.name.partition("/")
            case_id, _, use = name.partition(".")
            if head != CASE_KEYS:
                raise BackupError(f"the backup of the keys holds something else: {member.name!r}")
            case_keys.put_back(case_id, use, (member.open.read(), member.at))


def _anywhere(folder: Path) -> Settings:
    return Settings.from_mapping(folder, {"member_id": "restored", "display_name": "restored"})


def _unpack(path: Path, keyring: Keyring, folder: Path, told: Told) -> tuple[Path, bool]:
    total = path.stat().st_size
    with path.open("rb") as file:
        source = SealedReader(file, secret_of(keyring))
        copied, dumped = restore.unpack(source, LAYOUT, folder, lambda done: told("unpacking", done, total))
    told("checking", 0, 0)
    restore.check_copy(copied, dumped=dumped)
    read_federation((folder / "federation.json").read_bytes())
    return copied, dumped


def _settle_settings(order: Order, folder: Path, *, dumped: bool) -> Settings:
    """Write the settings as they will be, and return them; raise BackupError where the database has no place."""
    values = json.loads((folder / LAYOUT.mark).read_text())
    if order.database_url is not None:
        values["database_url"] = order.database_url
    elif not dumped:
        # Wherever the file was: it is put where a node has it.
        values.pop("database_url", None)
    settings = Settings.from_mapping(order.data_dir, values)
    restore.check_target(settings.database_url, LAYOUT, order.data_dir, dumped=dumped)
    (folder / LAYOUT.mark).write_text(json.dumps(values, indent=2) + "\n")
    return settings


def _revive(
    settings: Settings, keyring: Keyring, keys_dir: Path, copied: Path, now: int, backup_at: int, *, dumped: bool
) -> tuple[list[str], list[str]]:
    lost: list[str] = []
    keyless: list[str] = []
    with_keys = replace(settings, data_dir=keys_dir)
    node = Node(
        settings=with_keys,
        keyring=keyring,
        case_keys=open_case_keys(with_keys, keyring),
        database=Database(settings.database_url, MIGRATIONS),
        federation=read_federation((copied.parent / "federation.json").read_bytes()),
    )

    def mark(session: Session) -> None:
        if not node.settings.case_keys_dir.is_dir():
            _check_nothing_to_open(session, node.settings.case_keys_dir)
        lost.extend(begin_restored(session, node, now, backup_at))
        if keys_dir != settings.data_dir:
            # The keys that are there, and are moved aside, may be of cases that no backup knows.
            lost.extend(note_lacking(session, open_case_keys(settings, keyring)))
        keyless.extend(without_keys(session, node.case_keys))

    restore.revive(copied, settings.database_url, MIGRATIONS, mark, dumped=dumped)
    return lost, keyless


def _check_nothing_to_open(session: Session, case_keys: Path) -> None:
    if session.scalar(select(Case.case_id).where(Case.content.is_not(None)).limit(1)) is not None:
        raise BackupError(
            f"{case_keys} is not there, and no case opens without it: name a backup of the keys with --keys, or make it"
            " as an empty folder if there is none"
        )
