"""How the node stands: its connections, and which cases are in no backup."""

from dataclasses import dataclass

from flask import render_template
from sqlalchemy.orm import Session

from node.cases.names import office_name
from node.console import guard
from node.console.blueprint import console
from node.custody.lost import lost_cases
from node.people.permissions import Action
from node.sync.links import LinkReport, link_report, read_health, recent_alarms
from node.sync.refresh import freshness
from node.web import current


@dataclass(frozen=True, slots=True)
class _Lost:
    """A lost case as it is shown: its number, since when it existed, and the office that has it or was offered it."""

    number: str
    at: int
    offered_to: str
    found: str


@console.get("/sambungan")
def connections() -> str:
    """Show how the sync stands, link by link, and what people should look at."""
    guard.require(Action.CONNECTIONS)
    node, now = current.node(), current.now()
    with node.database.reading() as session:
        rows = [(row, office_name(session, node, row.peer)) for row in link_report(session, now)]
        known = freshness(session)
        return render_template(
            "console/connections.html",
            hub=read_health(session),
            missing=[each for each in rows if _lacks(each[0])],
            whole=[each for each in rows if not _lacks(each[0])],
            alarms=recent_alarms(session, now),
            directory_until=None if known is None else known.until,
        )


@console.get("/hilang")
def lost() -> str:
    """Show which cases are in no backup, by number."""
    guard.require(Action.LOST)
    node = current.node()
    with node.database.reading() as session:
        rows = _lost_rows(session)
        return render_template(
            "console/lost.html",
            missing=[row for row in rows if not row.found],
            found=[row for row in rows if row.found],
        )


def _lacks(row: LinkReport) -> bool:
    return bool(row.unconfirmed or row.waiting or row.fetching)


def _lost_rows(session: Session) -> list[_Lost]:
    node = current.node()

    def named(member: str | None) -> str:
        return office_name(session, node, member) if member else ""

    return [
        _Lost(row.number or row.case_id, row.at, named(row.offered_to), named(row.found)) for row in lost_cases(session)
    ]
