"""Backups and restores for tests, by the commands that an operator gives."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from click.testing import CliRunner, Result

from keys.backup import SealedReader
from keys.keyring import Keyring
from node import cli
from node.backup.contents import secret_of
from node.commandline import open_node
from service.archive import members
from tests.support.hub import PASSPHRASE
from tests.support.nodes import Country, Office, lay_out


def run(*args: object, passphrase: str = PASSPHRASE, typed: str | None = None) -> Result:
    """`simpul-node …`, in this process."""
    environ = {"SIMPUL_PASSPHRASE": passphrase, "SIMPUL_PASSPHRASE_FILE": None, "SIMPUL_NODE_DATA": None}
    return CliRunner().invoke(cli.main, [str(arg) for arg in args], env=environ, input=typed)


def well(result: Result) -> str:
    """What a command that ended well printed."""
    assert result.exit_code == 0, result.output
    return result.output


def one_line_error(result: Result) -> str:
    """The last line of a command that failed, which must be its error."""
    assert result.exit_code == 1, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    line = result.output.strip().splitlines()[-1]
    assert line.startswith("Error: "), result.output
    return line


def tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder, but for those that only bear locks."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@dataclass(slots=True)
class Kept:
    """An office laid out in a folder, and where its backups go. `empty` names a database to restore to, if one must."""

    land: Country
    name: str
    data: Path
    folder: Path
    empty: list[str]

    @property
    def office(self) -> Office:
        """The office as a country has it."""
        found: Office = getattr(self.land, self.name)
        return found

    def back_up(self, *more: object) -> Path:
        """Make a backup, and return its file."""
        before = set(self.folder.iterdir())
        well(run("backup", self.folder, "--data", self.data, *more))
        (made,) = set(self.folder.iterdir()) - before
        return made

    def restore(self, file: Path, *more: object, typed: str | None = None, passphrase: str = PASSPHRASE) -> Result:
        """Give the command to put the office back."""
        yes = [] if typed is not None else ["--yes"]
        args = ("restore", file, "--data", self.data, *self.empty, *yes, *more)
        return run(*args, typed=typed, passphrase=passphrase)

    @contextmanager
    def reopened(self) -> Iterator[Office]:
        """The office as its folder has it now, in its place in the country."""
        passphrase = self.data.parent / f"{self.name}.passphrase"
        passphrase.write_text(PASSPHRASE)
        passphrase.chmod(0o600)
        node = open_node(self.data, passphrase)
        office = self.office
        office.node = replace(node, federation=office.node.federation)
        yield office
        office.node.database.close()

    def content_of(self, file: Path) -> dict[str, bytes]:
        """What a backup holds, opened with the office's own keys."""
        keyring = Keyring.load(self.data / "keys" / "node.key", PASSPHRASE)
        with file.open("rb") as opened:
            return {member.name: member.open.read() for member in members(SealedReader(opened, secret_of(keyring)))}


def keep(land: Country, name: str, folder: Path, empty_url: str | None) -> Kept:
    """Lay an office out; `empty_url` names the database to restore to where that is none of its files."""
    folder.mkdir()
    return Kept(land, name, lay_out(land, name), folder, ["--database-url", empty_url] if empty_url else [])
