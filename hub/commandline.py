"""What the commands of simpul-hub share: options, settings, an open database, and errors in one line."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from sqlalchemy.exc import DBAPIError

from hub.errors import HubError
from hub.founding import open_database, read_federation_file
from hub.settings import PREFIX, Settings
from keys.errors import KeysError
from keys.passphrase import passphrase_from
from protocol.errors import ProtocolError
from service.database import Database, UnusableDatabaseError, first_line
from service.errors import BackupError, UnusableAddressError

passphrase_option: Final = click.option(
    "--passphrase-file", type=click.Path(path_type=Path), help="Read the passphrase of the key files from this file."
)
registrar_option: Final = click.option(
    "--registrar",
    type=click.Path(path_type=Path),
    help="The registrar's key file, where it is kept offline. Default: DATA/registrar/registrar.key.",
)


class OneLineErrors(click.Group):
    """Shows what can go wrong as one line with exit code 1; click itself answers wrong usage with 2."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (HubError, KeysError, ProtocolError, UnusableDatabaseError, UnusableAddressError, BackupError) as error:
            raise click.ClickException(str(error)) from error
        except DBAPIError as error:
            raise click.ClickException(f"the database cannot be used now: {first_line(error)}") from error
        except OSError as error:
            raise click.ClickException(f"{error.filename}: {error.strerror}") from error


def data_option(command: Callable[..., None]) -> Callable[..., None]:
    """Let --data stand behind the command's name as well as before it."""

    def keep(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.obj = value

    return click.option("--data", metavar="DIR", expose_value=False, callback=keep, help="The hub's data directory.")(
        command
    )


def settings_of(ctx: click.Context, **options: object) -> Settings:
    """Return the settings from the environment, with what the command line says on top."""
    given = {"DATA": ctx.obj, **options}
    values = {PREFIX + name: str(value) for name, value in given.items() if value is not None}
    return Settings.from_mapping({**os.environ, **values})


def migrated(settings: Settings) -> Database:
    """Open the hub's database at the newest version of its schema; raise FoundingError where there is no hub."""
    read_federation_file(settings)
    database = open_database(settings)
    database.migrate()
    return database


def ask_passphrase(file: Path | None, *, confirm: bool = False) -> str:
    """Return the passphrase of the key files, from wherever it is given."""
    return passphrase_from(file, os.environ, lambda: _ask(confirm=confirm))


def _ask(*, confirm: bool) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    answer: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
    return answer
