"""The commands of simpul-hub that make backups and put a hub back from them."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from hub.backup.contents import DATA_DAYS, KEYS_DAYS, LAYOUT
from hub.backup.make import Hub, back_up, back_up_keys
from hub.backup.restore import Order, label_of, put_back
from hub.clock import now
from hub.commandline import ask_passphrase, data_option, passphrase_option, settings_of
from hub.founding import read_federation_file
from keys.keyring import Keyring
from service import restore as restoring
from service.backup import MAX_KEEP_DAYS
from service.watch import watched

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
    help=f"Remove this hub's older backups of this kind. Default: {DATA_DAYS}; with --keys {KEYS_DAYS}.",
)
@click.pass_context
def backup(ctx: click.Context, passphrase_file: Path | None, folder: Path, keys: bool, keep_days: int | None) -> None:
    """Write an encrypted backup into FOLDER and read it back, while the hub is served or not.

    The data backup holds the database, the large attachments and federation.json, and no key; that of the keys holds
    the key files of the hub, its log and its directory, never the registrar's. Each opens with the key file
    keys/hub.key and its passphrase alone.
    """
    settings, began = settings_of(ctx), time.monotonic()
    federation = read_federation_file(settings)
    hub = Hub(settings, federation, Keyring.load(settings.hub_key_file, ask_passphrase(passphrase_file)))
    make, days = (back_up_keys, KEYS_DAYS) if keys else (back_up, DATA_DAYS)
    with watched() as watch:
        made = make(hub, folder, now(), keep_days or days, watch)
    took = time.monotonic() - began
    click.echo(f"{made.path}  {made.file_bytes / _MEGABYTE:.1f} MB  {took:.1f} s  verified")
    if not keys:
        click.echo(f"log: {made.log_size} leaves")
    for path in made.removed:
        click.echo(f"removed {path}")


@click.command()
@data_option
@passphrase_option
@click.argument("file", type=_FILE)
@click.option(
    "--keys", "keys_file", type=_FILE, help="A backup of the keys. Default: those in the data directory stay."
)
@click.option("--database-url", help="An empty PostgreSQL database, for a dump; name it to `serve` as well.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def restore(
    ctx: click.Context,
    passphrase_file: Path | None,
    file: Path,
    keys_file: Path | None,
    database_url: str | None,
    yes: bool,
) -> None:
    """Put the hub back from the backup FILE.

    What is there is moved aside within the data directory, and nothing is deleted. Afterwards the hub signs nothing
    until its members have given back what it signed since.
    """
    present = settings_of(ctx)
    if restoring.finish(present.data_dir):
        click.echo(
            f"the restore of {present.data_dir} that was cut short is finished; give the command again for another"
        )
        return
    label = label_of(file, "data")
    click.echo(f"backup of hub {label.party} of {_when(label.at)}")
    if not yes:
        _ask(present.data_dir, keys_file)
    settings = settings_of(ctx, DATABASE_URL=database_url)
    order = Order(file, settings, present.database_url, ask_passphrase(passphrase_file), keys_file)
    with watched() as watch:
        done = put_back(order, now(), watch)
    click.echo(f"restored {done.hub} in {settings.data_dir}: a log of {done.log_size} leaves")
    if done.before is not None:
        click.echo(f"what was there: {done.before}")
    click.echo(f"next: simpul-hub serve --data {settings.data_dir}")


def _ask(data: Path, keys_file: Path | None) -> None:
    there = LAYOUT.owned(data)
    if not there:
        return
    stays = "and its keys as well" if keys_file else "and its keys stay"
    click.echo(f"{data} holds {', '.join(there)}: they are moved to a folder before-<time> in it, {stays}.")
    click.echo("What was logged since the backup must then be given back by the members.")
    click.confirm("Go on?", abort=True)


def _when(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
