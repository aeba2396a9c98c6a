"""What `simpul-node status` tells of the links to other members."""

from datetime import UTC, datetime

import click
from sqlalchemy.orm import Session

from node.sync.links import LinkReport, link_report


def show_links(session: Session, now: int) -> None:
    """Print every link on which something is missing, and since when."""
    for row in link_report(session, now):
        told = _missing(row)
        if told:
            click.echo(f"link {row.peer}: {', '.join(told)}; heard {_when(row.heard_at)}")


def _missing(row: LinkReport) -> list[str]:
    told = []
    if row.unconfirmed:
        told.append(f"{row.unconfirmed} logged and not confirmed since {_when(row.unconfirmed_since)}")
    if row.waiting:
        told.append(f"{row.waiting} not logged since {_when(row.waiting_since)}")
    if row.fetching:
        told.append(f"{row.fetching} whose files are not here")
    if row.withheld:
        told.append("WITHHELD: it speaks and does not confirm")
    return told


def _when(at: int | None) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
