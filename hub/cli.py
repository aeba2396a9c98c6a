"""The command simpul-hub: found a hub, enrol members, serve, export."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

import click
from sqlalchemy.exc import DBAPIError

from hub import serving
from hub.auditors.access import add_auditor
from hub.clock import now
from hub.errors import HubError
from hub.export import export_folder
from hub.founding import found, load_keys, log_writer, open_database, read_federation_file
from hub.members.enrolment import (
    Registrar,
    check_new,
    latest_version,
    member_of,
    read_competence_file,
    remote_as_enrolment,
    standings,
)
from hub.members.roster import Rosters
from hub.settings import PREFIX, Settings
from keys.errors import KeysError
from keys.keyring import Keyring
from keys.passphrase import passphrase_from
from protocol.directory import Kind, Member, Status, Use, read_directory
from protocol.enrol import EnrolRequest, Federation, read_enrol_request
from protocol.errors import ProtocolError, RemoteError
from service.database import Database, UnusableDatabaseError, first_line

_PASSPHRASE_FILE: Final = click.option(
    "--passphrase-file", type=click.Path(path_type=Path), help="Read the passphrase of the key files from this file."
)
_REGISTRAR: Final = click.option(
    "--registrar",
    type=click.Path(path_type=Path),
    help="The registrar's key file, where it is kept offline. Default: DATA/registrar/registrar.key.",
)


class _OneLineErrors(click.Group):
    """Shows what can go wrong as one line with exit code 1; click itself answers wrong usage with 2."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (HubError, KeysError, ProtocolError, UnusableDatabaseError) as error:
            raise click.ClickException(str(error)) from error
        except DBAPIError as error:
            raise click.ClickException(f"the database cannot be used now: {first_line(error)}") from error
        except OSError as error:
            raise click.ClickException(f"{error.filename}: {error.strerror}") from error


@click.group(cls=_OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", metavar="DIR", help=f"The hub's data directory. Default: {PREFIX}DATA.")
@click.pass_context
def main(ctx: click.Context, data: str | None) -> None:
    """Run a Simpul hub: it passes entries between members, logs each one and proves it; it can read none of them.

    The passphrase comes from --passphrase-file, else from the file that SIMPUL_PASSPHRASE_FILE names, else from
    SIMPUL_PASSPHRASE, else it is asked for.
    """
    ctx.obj = data


def _settings(ctx: click.Context, **options: object) -> Settings:
    """Return the settings from the environment, with what the command line says on top."""
    given = {"DATA": ctx.obj, **options}
    values = {PREFIX + name: str(value) for name, value in given.items() if value is not None}
    return Settings.from_mapping({**os.environ, **values})


def _data_option(command: Callable[..., None]) -> Callable[..., None]:
    """Let --data stand behind the command's name as well as before it."""

    def keep(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.obj = value

    return click.option("--data", metavar="DIR", expose_value=False, callback=keep, help="The hub's data directory.")(
        command
    )


@main.command()
@_data_option
@click.option("--name", default="pusat", show_default=True, help="The hub's party id.")
@click.option("--url", required=True, help="Where nodes reach the hub, for example https://hub.example.go.id.")
@_PASSPHRASE_FILE
@click.pass_context
def init(ctx: click.Context, name: str, url: str, passphrase_file: Path | None) -> None:
    """Found a hub: keys, database, the first version of the directory, federation.json."""
    settings = _settings(ctx)
    passphrase = passphrase_from(passphrase_file, os.environ, lambda: _ask(confirm=True))
    federation = found(settings, name, url.rstrip("/"), passphrase, now())
    click.echo(f"founded {federation.hub} in {settings.data_dir}")
    click.echo(f"log       {federation.log}")
    click.echo(f"registrar {federation.registrar.kid}")
    click.echo(f"give every node {settings.federation_file}; keep {settings.registrar_key_file} offline")


@main.command()
@_data_option
@click.argument("request", type=click.File("rb"))
@click.option("--kind", type=click.Choice([str(kind) for kind in Kind]), required=True)
@click.option("--region", default="", help="Kemendagri code of the member's region; empty for the whole country.")
@click.option("--parent", help="The member that sees this one's plans.")
@click.option("--inspectorate", help="The member that handles complaints about this one.")
@click.option("--competence", type=click.File("rb"), help='JSON list of {"regions":[…],"topics":[…]}.')
@click.option("--yes", is_flag=True, help="The fingerprint was compared already.")
@_REGISTRAR
@_PASSPHRASE_FILE
@click.pass_context
def enrol(
    ctx: click.Context,
    request: BinaryIO,
    kind: str,
    region: str,
    parent: str | None,
    inspectorate: str | None,
    competence: BinaryIO | None,
    yes: bool,
    registrar: Path | None,
    passphrase_file: Path | None,
) -> None:
    """Enrol the member whose REQUEST file `simpul-node init` wrote."""
    settings = _settings(ctx)
    federation = read_federation_file(settings)
    asked = _read_request(request.read(), federation)
    member = member_of(
        asked,
        kind=Kind(kind),
        region=region,
        competence=() if competence is None else read_competence_file(competence.read()),
        parent=parent,
        inspectorate=inspectorate,
    )
    database = _migrated(settings)
    with database.reading() as session:
        check_new(read_directory(latest_version(session).raw, federation.registrar), member)
    _show(member)
    if not yes:
        click.confirm("Is this the fingerprint that the office told you by another way?", abort=True)
    keys = _registrar(settings, federation, registrar, passphrase_file)
    with database.transaction() as session:
        directory = keys.enrol(session, member, now())
    database.close()
    click.echo(f"enrolled {member.id}: directory version {directory.version}")


@main.command()
@_data_option
@click.argument("member")
@_REGISTRAR
@_PASSPHRASE_FILE
@click.pass_context
def suspend(ctx: click.Context, member: str, registrar: Path | None, passphrase_file: Path | None) -> None:
    """Stop new offers to MEMBER; it may still answer, hand on and recall."""
    _set_status(ctx, member, Status.SUSPENDED, registrar, passphrase_file)


@main.command()
@_data_option
@click.argument("member")
@_REGISTRAR
@_PASSPHRASE_FILE
@click.pass_context
def activate(ctx: click.Context, member: str, registrar: Path | None, passphrase_file: Path | None) -> None:
    """Let MEMBER get offers again."""
    _set_status(ctx, member, Status.ACTIVE, registrar, passphrase_file)


@main.command()
@_data_option
@click.pass_context
def members(ctx: click.Context) -> None:
    """List the members with their last contact and what waits for them."""
    settings = _settings(ctx)
    federation = read_federation_file(settings)
    database = _migrated(settings)
    with database.reading() as session:
        found_members = standings(session, Rosters(federation.registrar))
    line = "{:<20} {:<32} {:<12} {:<10} {:<17} {:>6}"
    click.echo(line.format("id", "name", "kind", "status", "last contact", "queue"))
    for standing in found_members:
        member, contact = standing.member, standing.last_contact
        when = "never" if contact is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(contact))
        click.echo(line.format(member.id, member.name[:32], member.kind, member.status, when, standing.queued))


@main.command()
@_data_option
@click.option("--host", help="The address to listen on. Default: 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port; 0 for any free one. Default: 8400.")
@_PASSPHRASE_FILE
@click.pass_context
def serve(ctx: click.Context, host: str | None, port: int | None, passphrase_file: Path | None) -> None:
    """Serve /sync/v1, the log and the directory until interrupted."""
    settings = _settings(ctx, HOST=host, PORT=port)
    federation = read_federation_file(settings)
    keys = load_keys(settings, passphrase_from(passphrase_file, os.environ, _ask))
    serving.serve(settings, federation, keys, open_database(settings), now)


@main.group()
def auditor() -> None:
    """Give auditors access to all entries."""


@auditor.command("add")
@_data_option
@click.argument("name")
@click.pass_context
def auditor_add(ctx: click.Context, name: str) -> None:
    """Make a token for the auditor NAME and print it, once."""
    database = _migrated(_settings(ctx))
    with database.transaction() as session:
        token = add_auditor(session, name, now())
    click.echo(token)


@main.command()
@_data_option
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--entries", is_flag=True, help="With all entries: for an auditor who may see every one.")
@click.pass_context
def export(ctx: click.Context, folder: Path, entries: bool) -> None:
    """Write what the hub publishes into FOLDER, for `simpul-audit verify FOLDER`."""
    settings = _settings(ctx)
    federation = read_federation_file(settings)
    database = _migrated(settings)
    with database.reading() as session:
        size = export_folder(session, federation, folder, entries=entries)
    click.echo(f"exported {size} leaves to {folder}")


def _ask(*, confirm: bool = False) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    answer: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
    return answer


def _migrated(settings: Settings) -> Database:
    read_federation_file(settings)
    database = open_database(settings)
    database.migrate()
    return database


def _read_request(raw: bytes, federation: Federation) -> EnrolRequest:
    try:
        asked = read_enrol_request(raw.strip())
    except RemoteError as error:
        raise remote_as_enrolment(error) from error
    if asked.hub != federation.hub:
        raise remote_as_enrolment(RemoteError("addressed", "it is addressed to another hub"))
    return asked


def _show(member: Member) -> None:
    click.echo(f"{member.id}: {member.name} ({member.kind})")
    for record in member.keys:
        if record.use is Use.SIGN:
            click.echo(f"fingerprint {record.kid}")


def _registrar(
    settings: Settings, federation: Federation, key_file: Path | None, passphrase_file: Path | None
) -> Registrar:
    passphrase = passphrase_from(passphrase_file, os.environ, _ask)
    key = Keyring.load(key_file or settings.registrar_key_file, passphrase).signing
    log_key = Keyring.load(settings.log_key_file, passphrase).signing
    return Registrar(key, log_writer(federation, log_key))


def _set_status(
    ctx: click.Context, member: str, status: Status, registrar: Path | None, passphrase_file: Path | None
) -> None:
    settings = _settings(ctx)
    database = _migrated(settings)
    keys = _registrar(settings, read_federation_file(settings), registrar, passphrase_file)
    with database.transaction() as session:
        directory = keys.set_status(session, member, status, now())
    click.echo(f"{member} is {status}: directory version {directory.version}")
