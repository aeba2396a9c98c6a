"""The commands of simpul-hub for a hub that was set back: status, resume."""

import time
from typing import Final

import click

from hub.clock import now
from hub.commandline import data_option, migrated, settings_of
from hub.founding import read_federation_file
from hub.recovery.report import HEAD_NOTE, Report, go_on_without, last_contacts, read_report
from hub.settings import Settings

_RISK: Final = """\
What these have read is not known. If one of them has read further than all that were heard, this hub will sign a log
that contradicts what it signed before; that member will refuse it for good, and whatever only it and others on this
list know is lost. Ask them first, by telephone: a member is heard as soon as its node reaches this hub once."""


@click.command()
@data_option
@click.pass_context
def status(ctx: click.Context) -> None:
    """Show whether this hub serves or recovers what it signed, and what it still waits for."""
    settings = settings_of(ctx)
    database = migrated(settings)
    with database.reading() as session:
        report = read_report(session, read_federation_file(settings))
    database.close()
    for name, words in _lines(report):
        click.echo(f"{name:<12} {words}")


@click.command()
@data_option
@click.option("--without", "left_out", multiple=True, metavar="MEMBER", help="Go on without MEMBER; several times.")
@click.option("--all-heard", is_flag=True, help="Count everybody as heard who was not.")
@click.option("--yes", is_flag=True, help="The warning was read.")
@click.pass_context
def resume(ctx: click.Context, left_out: tuple[str, ...], all_heard: bool, yes: bool) -> None:
    """Let a recovering hub go on without members that do not come.

    It goes on by itself once all members were heard and nothing is missing. `head.note` stands for the checkpoint in
    that file, where nobody has read as far.
    """
    settings = settings_of(ctx)
    federation = read_federation_file(settings)
    database = migrated(settings)
    with database.reading() as session:
        report = read_report(session, federation)
        before = last_contacts(session, report.unheard)
    if not report.recovering:
        click.echo(f"serving: {report.size} leaves")
        return
    chosen = sorted({*left_out, *(report.unheard if all_heard else ())})
    for name in chosen:
        click.echo(f"! without {name}, {_last_seen(name, before)}", err=True)
    if chosen and not yes:
        click.echo(_RISK, err=True)
        click.confirm("Go on without them?", abort=True, err=True)
    with database.transaction() as session:
        go_on_without(session, report, chosen, now())
        report = read_report(session, federation)
    if HEAD_NOTE in chosen:
        _put_aside(settings)
    database.close()
    for name, words in _lines(report):
        click.echo(f"{name:<12} {words}")
    if not (report.unheard or report.others or report.missing) and report.proven >= report.target:
        click.echo("the serving process goes on with the next request of a member")


def _lines(report: Report) -> list[tuple[str, str]]:
    if not report.recovering:
        since = "" if report.since is None else f"; it last had to recover at {_when(report.since)}"
        return [("state", f"serving{since}"), ("log", f"{report.size} leaves")]
    found = [
        ("state", f"recovering since {_when(report.since)}: {report.reason}"),
        ("restored to", _when(report.restored_to)),
        ("log", f"{report.size} leaves"),
        ("target", f"{report.target} leaves, of which {report.proven} are known by their hashes"),
        ("missing", _missing(report)),
    ]
    if report.lacking_parts:
        found.append(("parts", f"{report.lacking_parts} entries lack parts, which their recipients may have confirmed"))
    found += [("heard", f"{member} at {_when(at)}") for member, at in report.heard]
    found += [("not heard", member) for member in report.unheard]
    found += [("left out", member) for member in report.left_out]
    found += [("ALARM", f"{member} has a checkpoint of another log with our signature") for member in report.others]
    return found


def _missing(report: Report) -> str:
    """Say which leaves are missing, and who can have them: whoever was heard has given all that it had."""
    if not report.missing:
        return "nothing that is known of" if report.proven >= report.target else "not yet seen"
    leaves = ", ".join(str(a) if b == a + 1 else f"{a}-{b - 1}" for a, b in report.missing)
    if not report.unheard:
        return f"{leaves}: everybody was heard and nobody has them; only an older backup of a member can bring them"
    return f"{leaves}: not yet seen; between members that were not heard, or by one of them to this hub"


def _put_aside(settings: Settings) -> None:
    file = settings.head_note_file
    if file.exists():
        file.replace(file.with_name(f"{file.name}.{now()}"))


def _last_seen(name: str, before: dict[str, int]) -> str:
    return (
        f"last heard before the backup at {_when(before[name])}" if name in before else "never heard before the backup"
    )


def _when(at: int | None) -> str:
    return "unknown" if at is None else time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
