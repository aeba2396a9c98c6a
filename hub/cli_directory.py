"""The commands of simpul-hub that change or show the directory: who is a member, in which status, by which keys."""

import time
from pathlib import Path
from typing import BinaryIO, Final

import click

from hub.clock import now
from hub.commandline import ask_passphrase, data_option, migrated, passphrase_option, registrar_option, settings_of
from hub.errors import EnrolmentError, FoundingError
from hub.founding import log_writer, read_federation_file
from hub.members.ceremony import Holders, Rotation
from hub.members.ceremony import rotate as rotate_root
from hub.members.enrolment import (
    Registrar,
    check_new,
    member_of,
    read_competence_file,
    remote_as_enrolment,
    standings,
)
from hub.members.online import warnings_of_expiry
from hub.members.retirement import check_untied
from hub.members.roster import Rosters
from hub.members.store import latest_directory
from hub.settings import Settings
from keys.keyring import Keyring
from protocol.directory import Kind, Member, Status, Use
from protocol.enrol import EnrolRequest, Federation, read_enrol_request
from protocol.errors import RemoteError

_KEY_FILE: Final = click.Path(path_type=Path)


@click.command()
@data_option
@click.argument("request", type=click.File("rb"))
@click.option("--kind", type=click.Choice([str(kind) for kind in Kind]), required=True)
@click.option("--region", default="", help="Kemendagri code of the member's region; empty for the whole country.")
@click.option("--parent", help="The member that sees this one's plans.")
@click.option("--inspectorate", help="The member that handles complaints about this one.")
@click.option("--competence", type=click.File("rb"), help='JSON list of {"regions":[…],"topics":[…]}.')
@click.option("--yes", is_flag=True, help="The fingerprint was compared already.")
@registrar_option
@passphrase_option
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
    settings = settings_of(ctx)
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
    database = migrated(settings)
    with database.reading() as session:
        check_new(latest_directory(session, federation), member)
    _show(member)
    if not yes:
        click.confirm("Is this the fingerprint that the office told you by another way?", abort=True)
    keys = _registrar(settings, registrar, passphrase_file)
    with database.transaction() as session:
        directory = keys.enrol(session, member, now())
    database.close()
    click.echo(f"enrolled {member.id}: directory version {directory.version}")


@click.command()
@data_option
@click.argument("member")
@registrar_option
@passphrase_option
@click.pass_context
def suspend(ctx: click.Context, member: str, registrar: Path | None, passphrase_file: Path | None) -> None:
    """Stop new offers to MEMBER; it may still answer, hand on and recall."""
    _set_status(ctx, member, Status.SUSPENDED, registrar, passphrase_file)


@click.command()
@data_option
@click.argument("member")
@registrar_option
@passphrase_option
@click.pass_context
def activate(ctx: click.Context, member: str, registrar: Path | None, passphrase_file: Path | None) -> None:
    """Let MEMBER get offers again."""
    _set_status(ctx, member, Status.ACTIVE, registrar, passphrase_file)


@click.command()
@data_option
@click.argument("member")
@click.option(
    "--drained", is_flag=True, help="The office says that its own filings are handed on and that its outbox is empty."
)
@registrar_option
@passphrase_option
@click.pass_context
def retire(
    ctx: click.Context, member: str, registrar: Path | None, passphrase_file: Path | None, *, drained: bool
) -> None:
    """Take MEMBER out of service: from then on it confirms what it gets, and says nothing else.

    Refused while the log shows a case with it. What it filed itself and still holds is in no log: ask the office.
    """
    settings = settings_of(ctx)
    database = migrated(settings)
    with database.reading() as session:
        # Told before anybody is asked for a passphrase; what counts is the same check under the lock.
        check_untied(session, member)
    if not drained:
        raise EnrolmentError(
            f"ask {member} whether its own filings are handed on and its outbox is empty, which cannot be seen here, "
            "and say so with --drained"
        )
    keys = _registrar(settings, registrar, passphrase_file)
    with database.transaction() as session:
        directory = keys.retire(session, member, now())
    click.echo(f"{member} is {Status.RETIRED}: directory version {directory.version}")


@click.command()
@data_option
@registrar_option
@passphrase_option
@click.pass_context
def renew(ctx: click.Context, registrar: Path | None, passphrase_file: Path | None) -> None:
    """Sign the directory again as it is: the registrar's signature is good for thirty days."""
    settings = settings_of(ctx)
    database = migrated(settings)
    keys = _registrar(settings, registrar, passphrase_file)
    with database.transaction() as session:
        directory = keys.renew(session, now())
    click.echo(f"renewed: directory version {directory.version}")


@click.command()
@data_option
@click.option(
    "--root-key",
    "root_keys",
    type=_KEY_FILE,
    multiple=True,
    help="A key file that signs the present root; several times for several holders. Default: the registrar's.",
)
@click.option(
    "--new-root-key",
    "new_root_keys",
    type=_KEY_FILE,
    multiple=True,
    help="A key file of a holder from now on; made where there is none. Default: the holders stay.",
)
@click.option("--threshold", type=click.IntRange(1), help="How many of the new holders must sign. Default: all.")
@click.option("--new-registrar", type=_KEY_FILE, help="The registrar's key file from now on; made where there is none.")
@click.option("--new-online", is_flag=True, help="Replace the hub's own key; start the serving hub anew after it.")
@registrar_option
@passphrase_option
@click.pass_context
def rotate(
    ctx: click.Context,
    root_keys: tuple[Path, ...],
    new_root_keys: tuple[Path, ...],
    threshold: int | None,
    new_registrar: Path | None,
    new_online: bool,
    registrar: Path | None,
    passphrase_file: Path | None,
) -> None:
    """Make the next root of the directory: for another year, or with other keys."""
    settings = settings_of(ctx)
    database = migrated(settings)
    federation = read_federation_file(settings)
    passphrase = ask_passphrase(passphrase_file)
    registrar_file = registrar or settings.registrar_key_file
    signers = [Keyring.load(path, passphrase).signing for path in root_keys or (registrar_file,)]
    holders = holders_of(new_root_keys, threshold, passphrase)
    signing = _made(new_registrar or registrar_file, passphrase)
    online_file = settings.online_key_file.with_suffix(".next") if new_online else settings.online_key_file
    online = _made(online_file, passphrase)
    log = log_writer(federation, Keyring.load(settings.log_key_file, passphrase).signing)
    change = Rotation(
        signers,
        holders,
        signing.signing.public if new_registrar else None,
        online.signing.public if new_online else None,
    )
    with database.transaction() as session:
        keys = Registrar(signing.signing, online.signing, log, federation)
        directory = rotate_root(session, keys, change, now())
    # Last: until here the serving hub's key is the one that its root names.
    online_file.replace(settings.online_key_file)
    click.echo(f"root {directory.root}: directory version {directory.version}")


@click.command()
@data_option
@click.pass_context
def members(ctx: click.Context) -> None:
    """List the members with their last contact, how many entries they have not fetched, and since when (UTC)."""
    settings = settings_of(ctx)
    federation = read_federation_file(settings)
    database = migrated(settings)
    with database.reading() as session:
        found_members = standings(session, Rosters(federation))
        warnings = warnings_of_expiry(session, federation, now())
    line = "{:<20} {:<32} {:<12} {:<10} {:<17} {:>6} {:<17}"
    click.echo(line.format("id", "name", "kind", "status", "last contact", "queue", "waiting since"))
    for standing in found_members:
        member = standing.member
        when, since = _minute(standing.last_contact, "never"), _minute(standing.waiting_since, "-")
        click.echo(line.format(member.id, member.name[:32], member.kind, member.status, when, standing.queued, since))
    for warning in warnings:
        click.echo(f"! {warning}", err=True)


def _minute(seconds: int | None, otherwise: str) -> str:
    return otherwise if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))


def holders_of(paths: tuple[Path, ...], threshold: int | None, passphrase: str) -> Holders | None:
    """Return the holders of a root by their key files, which are made where there are none; None for no files."""
    if not paths:
        if threshold is not None:
            raise FoundingError("a threshold is of root keys that are named")
        return None
    keys = tuple(_made(path, passphrase).signing for path in paths)
    return Holders(keys, len(keys) if threshold is None else threshold)


def _made(path: Path, passphrase: str) -> Keyring:
    if not path.exists():
        Keyring.for_signer().save(path, passphrase)
    return Keyring.load(path, passphrase)


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


def _registrar(settings: Settings, key_file: Path | None, passphrase_file: Path | None) -> Registrar:
    federation = read_federation_file(settings)
    passphrase = ask_passphrase(passphrase_file)
    paths = (key_file or settings.registrar_key_file, settings.online_key_file, settings.log_key_file)
    key, online, log = (Keyring.load(path, passphrase).signing for path in paths)
    return Registrar(key, online, log_writer(federation, log), federation)


def _set_status(
    ctx: click.Context, member: str, status: Status, registrar: Path | None, passphrase_file: Path | None
) -> None:
    settings = settings_of(ctx)
    database = migrated(settings)
    keys = _registrar(settings, registrar, passphrase_file)
    with database.transaction() as session:
        directory = keys.set_status(session, member, status, now())
    click.echo(f"{member} is {status}: directory version {directory.version}")


COMMANDS: Final = (enrol, suspend, activate, retire, renew, rotate, members)
