"""The command simpul-node: found a node, name its officers, serve, sync."""

import json
import os
import secrets
from pathlib import Path
from typing import Final

import click
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from keys.errors import KeysError
from keys.keyring import Keyring
from keys.passphrase import passphrase_from
from node.cases.views import CaseError
from node.context import Node, open_case_keys
from node.models.sync import Alarm, DirectoryFreshness, OutboxEntry
from node.people.errors import PeopleError
from node.people.service import create_person
from node.settings import Settings, SettingsError
from node.sync.refresh import freshness
from node.sync.rows import sync_state
from node.web import clock
from protocol.directory import Use, sealing_record, signing_record
from protocol.enrol import EnrolRequest, read_federation
from protocol.errors import ProtocolError
from service.database import Database, UnusableDatabaseError, first_line

_DATA: Final = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), required=True, envvar="SIMPUL_NODE_DATA",
    help="The node's data directory (or SIMPUL_NODE_DATA).",
)  # fmt: skip
_PASSPHRASE: Final = click.option(
    "--passphrase-file", type=click.Path(path_type=Path), help="Read the passphrase of the key file from this file."
)
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_ROLES: Final = ("admin", "liaison", "custodian", "leader", "operator")


class _OneLineErrors(click.Group):
    """Shows what can go wrong as one line with exit code 1; click itself answers wrong usage with 2."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (KeysError, ProtocolError, SettingsError, CaseError, PeopleError, UnusableDatabaseError) as error:
            raise click.ClickException(str(error)) from error
        except DBAPIError as error:
            raise click.ClickException(f"the database cannot be used now: {first_line(error)}") from error
        except OSError as error:
            raise click.ClickException(f"{error.filename}: {error.strerror}") from error


@click.group(cls=_OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="simpul")
def main() -> None:
    """Run a Simpul node: it takes complaints, handles them, and hands on what is another office's.

    The passphrase comes from --passphrase-file, else from the file that SIMPUL_PASSPHRASE_FILE names, else from
    SIMPUL_PASSPHRASE, else it is asked for.
    """


@main.command()
@_DATA
@_PASSPHRASE
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
    passphrase = _passphrase(passphrase_file, confirm=True)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = clock.now()
    keyring = Keyring.for_node(now)
    keyring.save(settings.key_file, passphrase)
    settings.federation_file.write_bytes(trusted.encode())
    Database(settings.database_url, "node:migrations").migrate()
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
@_DATA
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
    database = Database(_settings(data).database_url, "node:migrations")
    with database.transaction() as session:
        create_person(session, username, display_name, frozenset(roles), password, clock.now())
    click.echo(f"{username} may now log in at /petugas.")
    if password_file is None:
        click.echo(f"Password (shown only now): {password}")


@main.command()
@_DATA
@_PASSPHRASE
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=8080, show_default=True, help="0 takes any free port.")
@click.option("--threads", type=click.IntRange(2, 64), default=16, show_default=True)
def serve(data: Path, passphrase_file: Path | None, host: str, port: int, threads: int) -> None:
    """Serve portal and console, and sync with the hub."""
    # The whole application is only loaded where it is served: the other commands start in a fifth of the time.
    from node import serving  # noqa: PLC0415

    serving.serve(_open(data, passphrase_file), host, port, threads)


@main.command()
@_DATA
@_PASSPHRASE
def sync(data: Path, passphrase_file: Path | None) -> None:
    """Sync once, now; for a node that is not being served."""
    from node.jobs import make_sync, take_scheduler_lock  # noqa: PLC0415  as above

    node = _open(data, passphrase_file)
    lock = take_scheduler_lock(data, node.database)
    if lock is None:
        raise SettingsError("this node is being served, and syncs by itself")
    done = make_sync(lambda: node, clock.now)()
    click.echo(f"{done.rounds} exchanges, {done.pushed} pushed, {done.pulled} pulled")
    if done.trouble is not None:
        raise click.ClickException(f"the hub could not be reached or believed ({done.trouble}); nothing is lost")


@main.command()
@_DATA
def status(data: Path) -> None:
    """Tell how the sync stands: last contact, what waits, alarms. Needs no passphrase and shows no content."""
    database = Database(_settings(data).database_url, "node:migrations")
    with database.transaction() as session:
        state = sync_state(session)
        waiting = session.scalar(select(func.count()).select_from(OutboxEntry).where(OutboxEntry.state == "queued"))
        click.echo(f"last contact: {state.contact_at or 'never'}  log read: {state.log_size}  waiting: {waiting}")
        click.echo(f"trouble: {state.trouble or 'none'}")
        click.echo(f"directory: {_freshness(freshness(session), clock.now())}")
        for row in session.scalars(select(Alarm).order_by(Alarm.id.desc()).limit(20)):
            click.echo(f"{row.at}  {row.rule}: {row.detail}")


def _freshness(known: DirectoryFreshness | None, now: int) -> str:
    if known is None:
        return "never refreshed"
    word = "fresh until" if now < known.until else "STALE since"
    return f"version {known.version}, refreshed: {known.refreshed_at}, {word}: {known.until}"


def _settings(data: Path) -> Settings:
    try:
        values = json.loads((data / "settings.json").read_text())
    except FileNotFoundError as error:
        raise SettingsError(f"{data} holds no node: simpul-node init --data {data} …") from error
    except ValueError as error:  # no JSON, or no text
        raise SettingsError(f"{data / 'settings.json'} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{data / 'settings.json'} is not a JSON object")
    return Settings.from_mapping(data, values)


def _open(data: Path, passphrase_file: Path | None) -> Node:
    settings = _settings(data)
    keyring = Keyring.load(settings.key_file, _passphrase(passphrase_file))
    return Node(
        settings=settings,
        keyring=keyring,
        case_keys=open_case_keys(settings, keyring),
        database=Database(settings.database_url, "node:migrations"),
        federation=read_federation(settings.federation_file.read_bytes()),
    )


def _passphrase(file: Path | None, *, confirm: bool = False) -> str:
    def prompt() -> str:
        return str(click.prompt("Passphrase of the key file", hide_input=True, confirmation_prompt=confirm))

    return passphrase_from(file, os.environ, prompt)


if __name__ == "__main__":
    main()
