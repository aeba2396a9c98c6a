"""What the commands of simpul-node share: options, settings, an open node, and errors in one line."""

import json
import os
from pathlib import Path
from typing import Final

import click
from sqlalchemy.exc import DBAPIError

from keys.errors import KeysError
from keys.keyring import Keyring
from keys.passphrase import passphrase_from
from node.cases.views import CaseError
from node.context import Node, open_case_keys
from node.people.errors import PeopleError
from node.settings import Settings, SettingsError
from protocol.enrol import read_federation
from protocol.errors import ProtocolError
from service.database import Database, UnusableDatabaseError, first_line
from service.errors import BackupError, UnusableAddressError
from service.restore import is_cut_short

MIGRATIONS: Final = "node:migrations"
data_option: Final = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), required=True, envvar="SIMPUL_NODE_DATA",
    help="The node's data directory (or SIMPUL_NODE_DATA).",
)  # fmt: skip
passphrase_option: Final = click.option(
    "--passphrase-file", type=click.Path(path_type=Path), help="Read the passphrase of the key file from this file."
)


class OneLineErrors(click.Group):
    """Shows what can go wrong as one line with exit code 1; click itself answers wrong usage with 2."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (
            KeysError,
            ProtocolError,
            SettingsError,
            CaseError,
            PeopleError,
            UnusableDatabaseError,
            UnusableAddressError,
            BackupError,
        ) as error:
            raise click.ClickException(str(error)) from error
        except DBAPIError as error:
            raise click.ClickException(f"the database cannot be used now: {first_line(error)}") from error
        except OSError as error:
            raise click.ClickException(f"{error.filename}: {error.strerror}") from error


def read_settings(data: Path) -> Settings:
    """Return the settings of the node in a folder; raise SettingsError where there is none."""
    try:
        values = json.loads((data / "settings.json").read_text())
    except FileNotFoundError as error:
        if is_cut_short(data):
            raise SettingsError(f"a restore of {data} was cut short: run simpul-node restore again") from error
        raise SettingsError(f"{data} holds no node: simpul-node init --data {data} …") from error
    except ValueError as error:  # no JSON, or no text
        raise SettingsError(f"{data / 'settings.json'} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{data / 'settings.json'} is not a JSON object")
    return Settings.from_mapping(data, values)


def open_node(data: Path, passphrase_file: Path | None) -> Node:
    """Return the node in a folder, its keys opened; its database is not opened yet."""
    settings = read_settings(data)
    keyring = Keyring.load(settings.key_file, ask_passphrase(passphrase_file))
    return Node(
        settings=settings,
        keyring=keyring,
        case_keys=open_case_keys(settings, keyring),
        database=Database(settings.database_url, MIGRATIONS),
        federation=read_federation(settings.federation_file.read_bytes()),
    )


def ask_passphrase(file: Path | None, *, confirm: bool = False) -> str:
    """Return the passphrase of the key file, from wherever it is given."""

    def prompt() -> str:
        return str(click.prompt("Passphrase of the key file", hide_input=True, confirmation_prompt=confirm))

    return passphrase_from(file, os.environ, prompt)
