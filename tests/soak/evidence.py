"""What an auditor finds in what the hubs published and the nodes were shown: attackers must leave evidence here."""

import shutil
from contextlib import suppress

from audit.source import FolderSource
from audit.verify import Options, verify
from hub.export import export_folder
from tests.soak.world import World


def findings(world: World) -> list[str]:
    """Return what audits of every hub's log find, with the checkpoints of all nodes beside it."""
    found = []
    notes = [eye.ask("SELECT checkpoint FROM sync_state") for eye in world.observer.eyes.values()]
    for hub in world.country.hubs[: 2 if world.plan.liar == "forks" else 1]:
        folder = world.country.folder / "audit"
        shutil.rmtree(folder, ignore_errors=True)
        with hub.founded.database.reading() as session:
            export_folder(session, hub.founded.federation, folder, entries=True)
        shown = folder / "checkpoints"
        shown.mkdir(exist_ok=True)
        for number, rows in enumerate(notes):
            with suppress(IndexError, TypeError):
                (shown / f"{number}.note").write_text(rows[0][0])
        report = verify(FolderSource(folder), Options(hub.founded.federation)).report
        for name, check in report.checks.items():
            found += [f"{hub.name}: {name}: {one.rule}: {one.detail}" for one in check.findings]
    return found
