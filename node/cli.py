"""The command simpul-node: found a node, name its officers, serve, sync."""

import json
import secrets
from pathlib import Path
from typing import Final

import click
from sqlalchemy import func, select

from keys.keyring import Keyring
from node.cli_backup import backup, restore, show_standing
from node.cli_bundle import bundle
from node.cli_links import show_links
from node.commandline import (
    MIGRATIONS,
    OneLineErrors,
    ask_passphrase,
    data_option,
    open_node,
    passphrase_option,
    read_settings,
)
from node.models.sync import Alarm, DirectoryFreshness, OutboxEntry
from node.people.service import create_person
from node.settings import Settings, SettingsError
from node.sync.refresh import freshness
from node.sync.rows import sync_state
from node.web import clock
from protocol.directory import Use, sealing_record, signing_record
from protocol.enrol import EnrolRequest, read_federation
from service.database import Database

_ROLES: Final = ("admin", "liaison", "custodian", "leader", "operator")


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="simpul")
def main() -> None:
    """Run a Simpul node: it takes complaints, handles them, and hands on what is another office's.

    The passphrase comes from --passphrase-file, else from the file that SIMPUL_PASSPHRASE_FILE names, else from
    SIMPUL_PASSPHRASE, else it is asked for.
    """


main.add_command(backup)
main.add_command(restore)
main.add_command(bundle)


@main.command()
@data_option
@passphrase_option
@click.option("--id", "member_id", required=True, help="This office's id in the directory: a-z, 0-9 and -.")
@click.option("--name", required=True, help="The office's name as people know it.")
@click.option(
    "--federation", type=click.Path(exists=True, path_type=Path), required=True, help="The hub's federation.json."
)
@click.option(
    "--request",
    type=click.Path(path_type=Path),
    help="Where to write the enrolment request. Default: DATA/enrol-request.jws.",
)
@click.option("--accent", help="One accent colour of the pages, as #rrggbb.")
@click.option(
    "--contact", help="How people reach the office otherwise: address, telephone. Shown when reports are lost."
)
@click.option("--database-url", help="SQLAlchemy URL. Default: DATA/node.db (SQLite).")
@click.option(
    "--sync-every", "sync_every_seconds", type=click.IntRange(1, 900), help="Seconds between syncs. Default: 30."
)
def init(
    data: Path, passphrase_file: Path | None, member_id: str, name: str, federation: Path, request: Path | None,
    **more: object,
) -> None:  # fmt: skip
    """Make keys and database, and the request that the hub's registrar enrols."""
    values = {"member_id": member_id, "display_name": name, **{k: v for k, v in more.items() if v is not None}}
    settings = Settings.from_mapping(data, values)
    trusted = read_federation(federation.read_bytes())
    if (data / "settings.json").exists():
        raise SettingsError(f"{data} holds a node already: choose another --data")
    passphrase = ask_passphrase(passphrase_file, confirm=True)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = clock.now()
    keyring = Keyring.for_node(now)
    keyring.save(settings.key_file, passphrase)
    settings.federation_file.write_bytes(trusted.encode())
    Database(settings.database_url, MIGRATIONS).migrate()
    records = (
        signing_record(keyring.signing.public),
        sealing_record(keyring.present("case").public, Use.CASE),
        sealing_record(keyring.present("identity").public, Use.IDENTITY),
    )
    target = request or data / "enrol-request.jws"
    target.write_text(EnrolRequest(member_id, name, trusted.hub, now, records).sign(keyring.signing))
    # Last: a directory with settings is a whole node.
    (data / "settings.json").write_text(json.dumps(values, indent=2) + "\n")
    click.echo(f"Node {member_id} is ready in {data}.")
    click.echo(f"Signing key {keyring.signing.public.kid}: tell it to the registrar by another way.")
    click.echo(f"Next: give {target} to the hub's registrar (simpul-hub enrol), then simpul-node serve --data {data}.")


@main.group()
def person() -> None:
    """Manage the node's officers."""


@person.command("add")
@data_option
@click.option("--username", required=True)
@click.option("--name", "display_name", required=True, help="As colleagues, and reporters in answers, see it.")
@click.option(
    "--role", "roles", type=click.Choice(_ROLES), multiple=True, required=True, help="May be given several times."
)
@click.option(
    "--password-file", type=click.Path(exists=True, path_type=Path), help="Default: one is made and shown once."
)
def person_add(
    data: Path, username: str, display_name: str, roles: tuple[str, ...], password_file: Path | None
) -> None:
    """Add an officer."""
    password = secrets.token_urlsafe(12) if password_file is None else password_file.read_text().strip()
    database = Database(read_settings(data).database_url, MIGRATIONS)
    with database.transaction() as session:
        create_person(session, username, display_name, frozenset(roles), password, clock.now())
    click.echo(f"{username} may now log in at /petugas.")
    if password_file is None:
        click.echo(f"Password (shown only now): {password}")


@main.command()
@data_option
@passphrase_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=8080, show_default=True, help="0 takes any free port.")
@click.option("--threads", type=click.IntRange(2, 64), default=16, show_default=True)
def serve(data: Path, passphrase_file: Path | None, host: str, port: int, threads: int) -> None:
    """Serve portal and console, and sync with the hub."""
    # The whole application is only loaded where it is served: the other commands start in a fifth of the time.
    from node import serving  # noqa: PLC0415

    serving.serve(open_node(data, passphrase_file), host, port, threads)


@main.command()
@data_option
@passphrase_option
def sync(data: Path, passphrase_file: Path | None) -> None:
    """Sync once, now; for a node that is not being served."""
    from node.jobs import make_sync, take_scheduler_lock  # noqa: PLC0415  as above
    from node.sync.start import begin  # noqa: PLC0415

    node = open_node(data, passphrase_file)
    lock = take_scheduler_lock(data, node.database)
    if lock is None:
        raise SettingsError("this node is being served, and syncs by itself")
    begin(node, clock.now())
    done = make_sync(lambda: node, clock.now)()
    click.echo(f"{done.rounds} exchanges, {done.pushed} pushed, {done.pulled} pulled")
    if done.trouble is not None:
        raise click.ClickException(f"the hub could not be reached or believed ({done.trouble}); nothing is lost")


@main.command()
@data_option
def status(data: Path) -> None:
    """Tell how the sync stands: last contact, what waits, alarms. Needs no passphrase and shows no content."""
    database = Database(read_settings(data).database_url, MIGRATIONS)
    with database.transaction() as session:
        state = sync_state(session)
        waiting = session.scalar(select(func.count()).select_from(OutboxEntry).where(OutboxEntry.state == "queued"))
        click.echo(f"last contact: {state.contact_at or 'never'}  log read: {state.log_size}  waiting: {waiting}")
        click.echo(f"trouble: {state.trouble or 'none'}")
        click.echo(f"directory: {_freshness(freshness(session), clock.now())}")
        show_standing(session)
        show_links(session, clock.now())
        for row in session.scalars(select(Alarm).order_by(Alarm.id.desc()).limit(20)):
            click.echo(f"{row.at}  {row.rule}: {row.detail}")


def _freshness(known: DirectoryFreshness | None, now: int) -> str:
    if known is None:
        return "never refreshed"
    word = "fresh until" if now < known.until else "STALE since"
    return f"version {known.version}, refreshed: {known.refreshed_at}, {word}: {known.until}"


if __name__ == "__main__":
    main()
