"""simpul-hub bundle: the exchange with nodes by hand, over a stick."""

from pathlib import Path
from typing import Final

import click

from hub import serving
from hub.carried.desk import Answered, Desk
from hub.clock import now
from hub.commandline import ask_passphrase, data_option, passphrase_option, settings_of
from hub.founding import load_keys, open_database, read_federation_file
from hub.recovery.head_note import HeadNote
from service.stick import StickError

_AGAIN: Final = "bring the stick back: the node imports this, and exports anew"
#: Rule → what to do about it; every other one is for the operators of both sides to look at.
_WAYS_OUT: Final = {
    "counter": f"the node was in contact since it wrote this; nothing is lost: {_AGAIN}",
    "incarnation": f"the node was started or restored since it wrote this; nothing is lost: {_AGAIN}",
    "unknown-key": "no open key of a member signed it: is the node enrolled, and its key the one in the directory?",
    "party": "another than the member that it names signed it: is the node enrolled under this name?",
    "member": "the node is no member: enrol it, and answer again",
    "tree": "the node has seen a log that is not this one: was this hub set back? Look at `simpul-hub status`",
}


@click.group()
def bundle() -> None:
    """Exchange with nodes by hand, over a stick; safe while this hub is being served."""


@bundle.command()
@data_option
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@passphrase_option
@click.pass_context
def answer(ctx: click.Context, folder: Path, passphrase_file: Path | None) -> None:
    """Answer every request in DIR, and write each answer beside it.

    Whatever is answered is logged as if it had come over the line. A request that was answered before keeps its answer.
    """
    settings = settings_of(ctx)
    federation = read_federation_file(settings)
    keys = load_keys(settings, ask_passphrase(passphrase_file))
    database = open_database(settings)
    serving.prepare(database)
    note = HeadNote(settings.head_note_file, federation)
    note.check(database, now())
    counted = failed = 0
    try:
        for done in Desk(settings, federation, keys, database).answer(folder, now()):
            counted += 1
            failed += done.trouble is not None or done.refused is not None
            click.echo(_line(done))
    except StickError as error:
        raise click.ClickException(str(error)) from error
    finally:
        note.write(database)
    if not counted:
        raise click.ClickException(f"{folder} holds no request: is it the right stick?")
    click.echo("Nothing was removed. Unmount the stick before you take it out.")
    if failed:
        ctx.exit(1)


def _line(done: Answered) -> str:
    if done.trouble is not None:
        return f"{done.name}: not answered: {done.trouble}"
    if done.refused is not None and done.known:
        return f"{done.name}: was answered before, and its answer is not here; nothing is lost: {_AGAIN}"
    if done.refused is not None:
        way = _WAYS_OUT.get(done.refused, "look at both machines; nothing was logged")
        return f"{done.name}: refused ({done.refused}): {way} ({done.written})"
    if done.known:
        return f"{done.name}: was answered before: {done.written} is kept as it is"
    line = f"{done.name}: answered: {done.pushed} taken in, {done.pulled} given: {done.written}"
    if done.left_out:
        line += f"; {done.left_out} large files found no room and come with the next answer"
    return line + ("; there is more for this node: it exports and you answer once more" if done.more else "")
