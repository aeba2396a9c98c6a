"""`simpul-audit`: verify what a federation published, and say so by exit code, table or JSON."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import Progress as Bar

from audit.errors import AuditError, SourceError
from audit.log_checks import Progress
from audit.remote import HubSource
from audit.show import as_json, show
from audit.source import FolderSource, Source, find_folder
from audit.verify import Options, no_progress, verify
from protocol.checkpoint import MAX_NOTE_BYTES
from protocol.enrol import Federation, read_federation
from protocol.errors import RemoteError

_UNREADABLE: Final = 2
_MAX_SMALL_BYTES: Final = 65_536


@click.group()
def main() -> None:
    """Verify what a Simpul federation published: its log, directory, entries and custody."""


@main.command("verify")
@click.argument("place", metavar="PATH|URL")
@click.option("--json", "json_wanted", is_flag=True, help="Print JSON for a program instead of a table.")
@click.option("--all", "need_all", is_flag=True, help="Fail if the entry of any leaf is not there.")
@click.option(
    "--federation",
    type=click.Path(path_type=Path),
    help="The federation file that you were given by hand; without it the keys beside the log are believed.",
)
@click.option("--token-file", type=click.Path(path_type=Path), help="A file with an auditor's token, for a URL.")
@click.option(
    "--seen",
    type=click.Path(path_type=Path),
    help="Where the last verified checkpoint is kept; the log must extend it. Written after a run without failures.",
)
@click.pass_context
def verify_command(
    context: click.Context,
    place: str,
    *,
    json_wanted: bool,
    need_all: bool,
    federation: Path | None,
    token_file: Path | None,
    seen: Path | None,
) -> None:
    """Verify an audit folder, a folder that holds one, or a running hub.

    The exit code is 0 if everything holds, 1 if a check failed, 2 if nothing could be verified at all.
    """
    try:
        source = _source(place, token_file)
        anchors, warnings = _anchors(source, federation)
        remembered = None if seen is None else _read_if_there(seen, MAX_NOTE_BYTES)
        with _progress(sys.stderr.isatty()) as progress:
            audited = verify(source, Options(anchors, remembered, need_all), progress)
        report = audited.report
        report.warnings[:0] = warnings
        if not report.failures and seen is not None and audited.note is not None:
            _keep(seen, audited.note)
    except (AuditError, OSError) as error:
        click.echo(f"simpul-audit: {error}", err=True)
        context.exit(_UNREADABLE)
    if json_wanted:
        click.echo(as_json(report))
    else:
        show(report, Console())
    context.exit(1 if report.failures else 0)


def _source(place: str, token_file: Path | None) -> Source:
    if place.startswith(("http://", "https://")):
        return HubSource(place, None if token_file is None else _small_text(token_file))
    if token_file is not None:
        raise SourceError("a token is for the address of a hub, not for a folder")
    return FolderSource(find_folder(Path(place)))


def _anchors(source: Source, given: Path | None) -> tuple[Federation, list[str]]:
    """Return the trust anchors: those given by hand, else those that came with the log, with a loud warning."""
    try:
        beside = source.file("federation.json", _MAX_SMALL_BYTES)
    except RemoteError:
        beside = None
    if given is not None:
        found = _federation(_read(given, _MAX_SMALL_BYTES), str(given))
        differs = beside is not None and beside.strip() != found.encode()
        return found, ["the federation.json beside the log is not the one given"] if differs else []
    if beside is None:
        raise SourceError("no trust anchors: give the federation file that the registrar handed out, with --federation")
    found = _federation(beside, "federation.json")
    warning = (
        "TRUST ON FIRST USE: the keys came from whoever keeps the log. Compare them with what you were told elsewhere, "
        f"or give --federation: root {found.root_fingerprint}, log {found.log}"
    )
    return found, [warning]


def _federation(raw: bytes, name: str) -> Federation:
    try:
        return read_federation(raw)
    except RemoteError as error:
        raise SourceError(f"{name} is no federation file: {error}") from error


def _read(path: Path, max_bytes: int) -> bytes:
    with path.open("rb") as opened:
        raw = opened.read(max_bytes + 1)
    if len(raw) > max_bytes:
        raise SourceError(f"{path} is over {max_bytes} bytes")
    return raw


def _read_if_there(path: Path, max_bytes: int) -> bytes | None:
    with suppress(FileNotFoundError):
        return _read(path, max_bytes)
    return None


def _small_text(path: Path) -> str:
    try:
        token = _read(path, _MAX_SMALL_BYTES).decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} holds no token") from error
    if not token.isprintable() or not token:
        raise SourceError(f"{path} holds no token")
    return token


def _keep(path: Path, note: str) -> None:
    """Replace the remembered checkpoint, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(note.encode())
            opened.flush()
            os.fsync(opened.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _progress(wanted: bool) -> Iterator[Progress]:
    if not wanted:
        yield no_progress
        return
    with Bar(console=Console(stderr=True), transient=True) as bar:
        yield _moving(bar)


def _moving(bar: Bar) -> Callable[[str, int, int], None]:
    task = bar.add_task("")

    def move(step: str, done: int, total: int) -> None:
        bar.update(task, description=step, completed=done, total=total)

    return move
