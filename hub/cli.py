"""The command simpul-hub: found a hub, enrol members, serve, export."""

from pathlib import Path

import click

from hub import serving
from hub.auditors.access import add_auditor
from hub.cli_backup import backup, restore
from hub.cli_bundle import bundle
from hub.cli_directory import COMMANDS, holders_of
from hub.cli_recovery import resume, status
from hub.clock import now
from hub.commandline import OneLineErrors, ask_passphrase, data_option, migrated, passphrase_option, settings_of
from hub.export import export_folder
from hub.founding import found, load_keys, open_database, read_federation_file
from hub.settings import PREFIX


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", metavar="DIR", help=f"The hub's data directory. Default: {PREFIX}DATA.")
@click.pass_context
def main(ctx: click.Context, data: str | None) -> None:
    """Run a Simpul hub: it passes entries between members, logs each one and proves it; it can read none of them.

    The passphrase comes from --passphrase-file, else from the file that SIMPUL_PASSPHRASE_FILE names, else from
    SIMPUL_PASSPHRASE, else it is asked for.
    """
    ctx.obj = data


for command in (*COMMANDS, backup, restore, bundle, status, resume):
    main.add_command(command)


@main.command()
@data_option
@click.option("--name", default="pusat", show_default=True, help="The hub's party id.")
@click.option("--url", required=True, help="Where nodes reach the hub, for example https://hub.example.go.id.")
@click.option(
    "--root-key",
    "root_keys",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A key file of a holder of the directory's root, one for each; made where there is none. "
    "Default: the registrar's key is the root's as well.",
)
@click.option("--root-threshold", type=click.IntRange(1), help="How many holders must sign. Default: all.")
@passphrase_option
@click.pass_context
def init(
    ctx: click.Context,
    name: str,
    url: str,
    root_keys: tuple[Path, ...],
    root_threshold: int | None,
    passphrase_file: Path | None,
) -> None:
    """Found a hub: keys, database, the first version of the directory, federation.json."""
    settings = settings_of(ctx)
    passphrase = ask_passphrase(passphrase_file, confirm=True)
    holders = holders_of(root_keys, root_threshold, passphrase)
    federation = found(settings, name, url.rstrip("/"), passphrase, now(), holders=holders)
    click.echo(f"founded {federation.hub} in {settings.data_dir}")
    click.echo(f"log       {federation.log}")
    click.echo(f"root      {federation.root_fingerprint}")
    click.echo(f"give every node {settings.federation_file}; keep {settings.registrar_key_file} offline")


@main.command()
@data_option
@click.option("--host", help="The address to listen on. Default: 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port; 0 for any free one. Default: 8400.")
@passphrase_option
@click.pass_context
def serve(ctx: click.Context, host: str | None, port: int | None, passphrase_file: Path | None) -> None:
    """Serve /sync/v1, the log and the directory until interrupted."""
    settings = settings_of(ctx, HOST=host, PORT=port)
    federation = read_federation_file(settings)
    keys = load_keys(settings, ask_passphrase(passphrase_file))
    serving.serve(settings, federation, keys, open_database(settings), now)


@main.group()
def auditor() -> None:
    """Give auditors access to all entries."""


@auditor.command("add")
@data_option
@click.argument("name")
@click.pass_context
def auditor_add(ctx: click.Context, name: str) -> None:
    """Make a token for the auditor NAME and print it, once."""
    database = migrated(settings_of(ctx))
    with database.transaction() as session:
        token = add_auditor(session, name, now())
    click.echo(token)


@main.command()
@data_option
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--entries", is_flag=True, help="With all entries: for an auditor who may see every one.")
@click.pass_context
def export(ctx: click.Context, folder: Path, entries: bool) -> None:
    """Write what the hub publishes into FOLDER, for `simpul-audit verify FOLDER`."""
    settings = settings_of(ctx)
    federation = read_federation_file(settings)
    database = migrated(settings)
    with database.reading() as session:
        size = export_folder(session, federation, folder, entries=entries)
    click.echo(f"exported {size} leaves to {folder}")
