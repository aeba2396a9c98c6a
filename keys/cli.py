"""The command simpul-keys: make, show and re-encrypt key files, test the cryptography, check a receipt code."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Final

import click

from keys import b64u, selftest
from keys.errors import KeyFileError, KeysError
from keys.keyring import Keyring
from keys.passphrase import passphrase_from
from keys.receipt import ReceiptCode
from keys.sealing import SealingPublicKey
from keys.signing import VerifyKey

MIN_PASSPHRASE_CHARACTERS: Final = 12

_FILE = click.argument("file", type=click.Path(path_type=Path))
_PASSPHRASE_FILE = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="Read the passphrase from this file, which only you may read.",
)


class _OneLineErrors(click.Group):
    """Shows what can go wrong as one line with exit code 1; click itself answers wrong usage with 2."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeysError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Keep the keys of a Simpul node or hub.

    The passphrase comes from --passphrase-file, else from the file that SIMPUL_PASSPHRASE_FILE names, else from
    SIMPUL_PASSPHRASE, else it is asked for. No secret is ever printed.
    """


@main.command()
@_FILE
@_PASSPHRASE_FILE
@click.option("--signing-only", is_flag=True, help="No sealing keys and secrets: for a hub, log, registrar or witness.")
def new(file: Path, passphrase_file: Path | None, *, signing_only: bool) -> None:
    """Make fresh keys and write them to FILE, which must not exist.

    Write the passphrase down where only you find it: without it the keys, and all that is sealed to them, are lost.
    """
    passphrase = _long_enough(passphrase_from(passphrase_file, os.environ, _ask_new))
    # The command line is an edge of the system, where reading the clock is allowed.
    keyring = Keyring.for_signer() if signing_only else Keyring.for_node(int(time.time()))  # noqa: TID251
    keyring.save(file, passphrase)
    click.echo(f"wrote {file}")
    _print(keyring)


@main.command()
@_FILE
@_PASSPHRASE_FILE
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for a program.")
def show(file: Path, passphrase_file: Path | None, *, as_json: bool) -> None:
    """Show the public keys in FILE and their names (kid); nothing secret."""
    keyring = Keyring.load(file, passphrase_from(passphrase_file, os.environ, _ask))
    if as_json:
        click.echo(json.dumps(_public(keyring), indent=2))
    else:
        _print(keyring)


@main.command()
@_FILE
@_PASSPHRASE_FILE
@click.option(
    "--new-passphrase-file",
    type=click.Path(path_type=Path),
    help="Read the new passphrase from this file; otherwise it is asked for, twice.",
)
def passphrase(file: Path, passphrase_file: Path | None, new_passphrase_file: Path | None) -> None:
    """Change the passphrase of FILE.

    The keys stay the same: whoever has an old copy of the file still opens that one with the old passphrase.
    """
    keyring = Keyring.load(file, passphrase_from(passphrase_file, os.environ, _ask))
    # The environment holds the present passphrase, so the new one never comes from there.
    chosen = _long_enough(passphrase_from(new_passphrase_file, {}, _ask_new))
    keyring.save(file, chosen, replace=True)
    click.echo(f"changed the passphrase of {file}")


@main.command("selftest")
def selftest_command() -> None:
    """Check that this machine's cryptography gives the known answers."""
    for name in selftest.run():
        click.echo(f"ok  {name}")


@main.command()
def receipt() -> None:
    """Check the form of a receipt code, typed or piped in; it is not shown, and never an argument.

    A well-formed code may still belong to no case: only the office that gave it can tell.
    """
    ReceiptCode.parse(_hidden("Receipt code"))
    click.echo("well-formed")


def _hidden(label: str, *, confirm: bool = False) -> str:
    if not sys.stdin.isatty():
        # Piped in: nothing is echoed, and there is nobody to type it twice.
        return sys.stdin.readline()
    answer: str = click.prompt(label, hide_input=True, confirmation_prompt=confirm, err=True)
    return answer


def _ask() -> str:
    return _hidden("Passphrase")


def _ask_new() -> str:
    return _hidden("New passphrase", confirm=True)


def _long_enough(chosen: str) -> str:
    if len(chosen) < MIN_PASSPHRASE_CHARACTERS:
        raise KeyFileError(
            f"a passphrase of {len(chosen)} characters is guessed too soon: take at least"
            f" {MIN_PASSPHRASE_CHARACTERS}, four or more random words are good"
        )
    return chosen


def _public(keyring: Keyring) -> dict[str, object]:
    """What others may know of a keyring; the form of `show --json`."""
    return {
        "signing": {"kid": keyring.signing.public.kid, "key": b64u.encode(keyring.signing.public.raw)},
        "sealing": [
            {
                "use": record.use,
                "kid": record.key.public.kid,
                "key": b64u.encode(record.key.public.raw),
                "made_at": record.made_at,
            }
            for record in keyring.sealing
        ],
    }


def _print(keyring: Keyring) -> None:
    _print_key("signing", keyring.signing.public)
    for record in keyring.sealing:
        _print_key(record.use, record.key.public)


def _print_key(use: str, key: VerifyKey | SealingPublicKey) -> None:
    click.echo(f"{use:<9} kid {key.kid}\n{'':<9} key {b64u.encode(key.raw)}")
