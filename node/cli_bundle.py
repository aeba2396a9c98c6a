"""simpul-node bundle: the exchange with the hub by hand, over a stick."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from node.commandline import data_option, open_node, passphrase_option
from node.context import Node
from node.sync.rows import phase_of
from node.web import clock
from protocol.carried import CarriedKind
from protocol.custody import Phase
from service.stick import StickError

if TYPE_CHECKING:
    from node.carried.take import Taken

_NEXT: Final = {
    Phase.READING: "After its start this node reads what the hub has; until then it neither hands on nor accepts.",
    Phase.FENCING: "After its start this node has yet to tell the hub that it is back, and to see that the hub knows; "
    "until then it neither hands on nor accepts.",
    Phase.ACTING: "",
}
_AGAIN: Final = "Next: export, and bring the stick to the hub once more."
#: Rule → what to do about it.
_WAYS_OUT: Final = {
    "counter": "this node was in contact since it wrote the request, or it was answered before: nothing is lost",
    "incarnation": "this node was started since it wrote the request: nothing is lost",
    "unknown-key": "the hub does not know this node's key: ask its registrar whether the node is enrolled",
    "party": "the hub knows this node's key under another name: ask its registrar",
    "member": "the hub does not know this node: ask its registrar whether it is enrolled",
    "tree": "the hub's log is not the one that this node has read: ask its operator",
}
_folder: Final = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def bundle() -> None:
    """Exchange with the hub by hand, over a stick; safe beside the node that is being served, and beside its sync."""


@bundle.command("export")
@data_option
@_folder
@passphrase_option
def export(data: Path, folder: Path, passphrase_file: Path | None) -> None:
    """Write what waits for the hub into DIR, and ask for what the hub has.

    Nothing leaves the outbox before the hub has confirmed it: a stick that is lost loses nothing.
    """
    # Loaded where it is used: the other commands start sooner.
    from node.carried.export import export_requests  # noqa: PLC0415

    node = open_node(data, passphrase_file)
    _check_served(node)
    try:
        for done in export_requests(node, folder, clock.now()):
            files = f" with {done.files} large files" if done.files else ""
            click.echo(f"{done.name}: says {done.pushed} entries{files}")
    except StickError as error:
        raise click.ClickException(str(error)) from error
    _tell_phase(node)
    click.echo("Unmount the stick, bring it to the hub (simpul-hub bundle answer), then back here: bundle import.")


@bundle.command("import")
@data_option
@_folder
@passphrase_option
@click.pass_context
def import_(ctx: click.Context, data: Path, folder: Path, passphrase_file: Path | None) -> None:
    """Take in every answer for this node that lies in DIR. Doing it again does no harm."""
    from node.carried.take import find_answers, take_file  # noqa: PLC0415  as above

    node = open_node(data, passphrase_file)
    taken: list[Taken] = []
    try:
        for name in find_answers(node, folder):
            taken.append(take_file(node, folder, name, clock.now))
            click.echo(_line(taken[-1]))
    except StickError as error:
        raise click.ClickException(str(error)) from error
    if not taken:
        raise click.ClickException(f"{folder} holds no answer for {node.member_id}: was it at the hub?")
    acting = _tell_phase(node)
    if not acting or any(done.more or done.refused is not None for done in taken):
        click.echo(_AGAIN)
    done = [name for each in taken if each.trouble is None for name in _pair(each)]
    if done:
        click.echo(f"Nothing was removed. No longer needed: {' '.join(dict.fromkeys(done))}")
    if any(each.trouble is not None for each in taken):
        ctx.exit(1)


def _check_served(node: Node) -> None:
    """Let only a node speak whose start was noted: whoever serves it has done so."""
    from node.jobs import scheduler_turn  # noqa: PLC0415  as above

    turn = scheduler_turn(node.settings.data_dir, node.database)
    free = turn.take()
    turn.close()
    if free:
        raise click.ClickException("nobody serves this node: start it (simpul-node serve), then export beside it")


def _tell_phase(node: Node) -> bool:
    """Tell how far the node is after its start; return whether it acts."""
    with node.database.transaction() as session:
        phase = phase_of(session)
    if _NEXT[phase]:
        click.echo(_NEXT[phase])
    return phase is Phase.ACTING


def _line(done: "Taken") -> str:
    if done.trouble is not None:
        return f"{done.name}: not used: {done.trouble}"
    if done.refused is not None:
        why = _WAYS_OUT.get(done.refused, "ask the hub's operator; everything stays queued")
        return f"{done.name}: the hub refused the request ({done.refused or 'no rule named'}): {why}"
    more = "; the hub has more" if done.more else ""
    return f"{done.name}: {done.logged} entries of this node are in the log, {done.pulled} came from the hub{more}"


def _pair(done: "Taken") -> list[str]:
    name = done.name.rpartition(".")[0]
    return [f"{name}.{CarriedKind.REQUEST}", done.name]
