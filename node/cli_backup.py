"""The commands of simpul-node that make backups and put a node back from them."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from sqlalchemy.orm import Session

from node.backup.contents import DATA_DAYS, KEYS_DAYS, LAYOUT
from node.commandline import (
    MIGRATIONS,
    ask_passphrase,
    data_option,
    open_node,
    passphrase_option,
    read_settings,
)
from node.models.sync import LostCase, SyncState
from node.web import clock
from service import restore as restoring
from service.backup import MAX_KEEP_DAYS
from service.database import Database
from service.watch import watched

if TYPE_CHECKING:
    from node.backup.restore import Restored

_MEGABYTE: Final = 1_000_000
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@data_option
@passphrase_option
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--keys", is_flag=True, help="The keys instead of the data: into another FOLDER, on another medium.")
@click.option(
    "--keep-days",
    type=click.IntRange(1, MAX_KEEP_DAYS),
    help=f"Remove this node's older backups of this kind. Default: {DATA_DAYS}; with --keys {KEYS_DAYS}.",
)
def backup(data: Path, passphrase_file: Path | None, folder: Path, keys: bool, keep_days: int | None) -> None:
    """Write an encrypted backup into FOLDER and read it back, while the node is served or not.

    The data backup holds the database, the attachments and the settings, and no key; that of the keys holds the key
    file and the cases' wrapped keys. Each opens with this node's key file and passphrase alone.
    """
    # What makes backups knows the cases, and is only loaded where one is made: the other commands start faster.
    from node.backup.make import back_up, back_up_keys  # noqa: PLC0415

    node, began = open_node(data, passphrase_file), time.monotonic()
    make, days = (back_up_keys, KEYS_DAYS) if keys else (back_up, DATA_DAYS)
    try:
        with watched() as watch:
            made = make(node, folder, clock.now(), keep_days or days, watch)
    finally:
        node.database.close()
    took = time.monotonic() - began
    click.echo(f"{made.path}  {made.file_bytes / _MEGABYTE:.1f} MB  {took:.1f} s  verified")
    if not keys:
        click.echo(f"floor: {made.floor}")
    for path in made.removed:
        click.echo(f"removed {path}")
    for case_id in made.damaged:
        click.echo(f"! a key of case {case_id} does not unwrap, and is not in the backup", err=True)


@click.command()
@data_option
@passphrase_option
@click.argument("file", type=_FILE)
@click.option(
    "--keys", "keys_file", type=_FILE, help="A backup of the keys. Default: those in the data directory stay."
)
@click.option("--database-url", help="An empty PostgreSQL database, for a dump. Default: the one of the settings.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(
    data: Path, passphrase_file: Path | None, file: Path, keys_file: Path | None, database_url: str | None, yes: bool
) -> None:
    """Put the node back from the backup FILE.

    What is there is moved aside within the data directory, and nothing is deleted. Afterwards the node reads from the
    hub what happened since, before it moves custody again.
    """
    from node.backup.restore import Order, label_of, put_back  # noqa: PLC0415  as above

    if restoring.finish(data):
        click.echo(f"the restore of {data} that was cut short is finished; give the command again for another")
        return
    label = label_of(file, "data")
    click.echo(f"backup of node {label.party} of {_when(label.at)}")
    if not yes:
        _ask(data, keys_file)
    order = Order(file, data, ask_passphrase(passphrase_file), keys_file, database_url)
    with watched() as watch:
        done = put_back(order, clock.now(), watch)
    _tell(data, done)


def show_standing(session: Session) -> None:
    """Print how far the node is after its last start, what its backups cover, and every case that is lost."""
    from node.custody.lost import lost_cases  # noqa: PLC0415  as above

    state = session.get(SyncState, 1)
    if state is not None:
        click.echo(f"phase: {state.phase}")
        backed_up = "never" if state.backup_at is None else f"{_when(state.backup_at)}, floor {state.floor}"
        click.echo(f"backup: {backed_up}")
    if state is not None and state.restored_at is not None:
        click.echo(f"restored: {_when(state.restored_at)} from the backup of {_when(state.restored_to or 0)}")
    for row in lost_cases(session):
        click.echo(f"lost: {_line(row)}")


def _ask(data: Path, keys_file: Path | None) -> None:
    there = LAYOUT.owned(data)
    if not there:
        return
    stays = "and its keys as well" if keys_file else "and its keys stay"
    click.echo(f"{data} holds {', '.join(there)}: they are moved to a folder before-<time> in it, {stays}.")
    click.echo("What officers wrote since the backup is then there alone.")
    click.confirm("Go on?", abort=True)


def _tell(data: Path, done: "Restored") -> None:
    from node.custody.lost import lost_cases  # noqa: PLC0415  as above

    click.echo(f"restored {done.member_id} in {data}")
    if done.before is not None:
        click.echo(f"what was there: {done.before}; remove it when all is well, for it keeps what is erased here")
    if done.lost:
        click.echo(f"{len(done.lost)} cases have keys here and are not in the backup:")
        database = Database(read_settings(data).database_url, MIGRATIONS)
        with database.reading() as session:
            for row in lost_cases(session):
                if row.case_id in done.lost:
                    click.echo(f"lost: {_line(row)}")
        database.close()
        click.echo("A case comes again from the hub if it came from another office or was handed on.")
    for number in done.keyless:
        click.echo(f"no key: {number}  was erased since the backup, or its key is newer than the backup of the keys")
    click.echo(f"next: simpul-node serve --data {data}")


def _line(row: LostCase) -> str:
    found = f", now at {row.found}" if row.found else f", offered to {row.offered_to}" if row.offered_to else ""
    return f"{row.number or row.case_id}  of {_when(row.at)}{found}"


def _when(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
