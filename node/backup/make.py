"""Making backups of a node while it runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from keys.backup import Label, SealedReader, SealedWriter
from keys.errors import KeysError
from node.backup.contents import CASE_KEYS, KEY_FILE, ROLE, content_of, naming_of, secret_of
from node.context import Node
from node.sync.rows import sync_state
from service import snapshot as copies
from service.archive import Member, Packer
from service.backup import Run, Told, alone, remove_old, write, write_data


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was verified, and what was removed after it.

    `floor` is the position of the inbox that a data backup covers; `damaged` names the cases whose keys do not unwrap.
    """

    path: Path
    file_bytes: int
    removed: list[Path]
    floor: int = 0
    damaged: tuple[str, ...] = ()


def back_up(node: Node, folder: Path, now: int, keep_days: int, told: Told) -> Made:
    """Make a data backup in `folder`, verify it, note how far it goes, and remove those older than `keep_days`.

    Raises BackupError; then nothing was changed, and no file is left.
    """
    run = _run(node, "backup", folder, now, told)
    label, secret = Label(ROLE, node.member_id, "data", now), secret_of(node.keyring)
    with alone(run.data_dir, keep_days):
        path, size, found = write_data(
            run,
            content_of(node),
            lambda file: SealedWriter(file, label, secret),
            lambda file: SealedReader(file, secret),
        )
        floor = int(found.get("sync_state", 0))
        with node.database.transaction() as session:
            state = sync_state(session)
            state.floor, state.backup_at = floor, now
        return Made(path, size, remove_old(folder, run.naming, now, keep_days), floor=floor)


def back_up_keys(node: Node, folder: Path, now: int, keep_days: int, told: Told) -> Made:
    """Make a backup of the key file and of the cases' wrapped keys; otherwise as `back_up`."""
    run = _run(node, "keys", folder, now, told)
    files = {KEY_FILE: node.settings.key_file.read_bytes()}
    label, secret = Label(ROLE, node.member_id, "keys", now, files), secret_of(node.keyring)
    damaged: list[str] = []
    with alone(run.data_dir, keep_days):
        path, size, _ = write(
            run,
            lambda file: SealedWriter(file, label, secret),
            lambda file: SealedReader(file, secret),
            lambda packer: damaged.extend(_pack_keys(node, packer)),
            _read_all,
        )
        removed = remove_old(folder, run.naming, now, keep_days)
    return Made(path, size, removed, damaged=tuple(sorted(set(damaged))))


def snapshot(node: Node, target: Path) -> int:
    """Copy a node's SQLite database to a new file, check the copy, and return the position of the inbox in it."""
    copies.copy(node.database, target, lambda _done, _total: None)
    copies.check(target)
    return int(copies.values(target, {"sync_state": "inbox_pos"}).get("sync_state", 0))


def _run(node: Node, ending: str, folder: Path, now: int, told: Told) -> Run:
    return Run(naming_of(node.member_id, ending), folder, node.settings.data_dir, now, told)


def _pack_keys(node: Node, packer: Packer) -> Iterator[str]:
    """Add every wrapping that unwraps; give the cases of the others."""
    for case_id, use in sorted(node.case_keys.listing()):
        try:
            wrapped, made_at = node.case_keys.wrapping(case_id, use)
            node.case_keys.get(case_id, use)
        except KeysError:
            # Gone, or half gone, since it was listed: it was being destroyed.
            if (case_id, use) in node.case_keys.listing():
                yield case_id
            continue
        packer.add(f"{CASE_KEYS}/{case_id}.{use}", wrapped, int(made_at))


def _read_all(found: Iterator[Member]) -> None:
    for member in found:
        member.skip()
