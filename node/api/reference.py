"""Codes that an outsider needs: topics, regions and the members of the federation."""

from typing import Final

from node.api.answers import DirectoryAnswer, RegionsAnswer, TopicsAnswer
from node.api.schemas import RegionQuery
from node.api.spec import Blueprint, operation
from node.api.wire import Wire
from node.reference import regions, topics
from node.reference.regions import Region
from node.sync.log import read_history
from node.web import current

reference: Final = Blueprint("reference", "Codes of topics and regions, and the offices of the federation.")


@operation(reference, "GET", "/topics", gives=(200, TopicsAnswer))
def list_topics() -> Wire:
    """List all topics, each category before its own."""
    found = [each for category, own in topics.tree() for each in (category, *own)]
    return {"items": [{"code": each.code, "name": each.name, "parent": each.parent} for each in found]}


@operation(reference, "GET", "/regions", gives=(200, RegionsAnswer), asks=RegionQuery)
def find_regions(asked: dict[str, str]) -> Wire:
    """Find regions down to districts by what a person types; without `q`, the provinces."""
    wanted = asked["q"].strip()
    return {"items": [_region(each) for each in (regions.search(wanted) if wanted else regions.provinces())]}


@operation(reference, "GET", "/directory", gives=(200, DirectoryAnswer))
def list_members() -> Wire:
    """List the members of the federation, by name."""
    node = current.node()
    with node.database.reading() as session:
        versions = read_history(session, node.federation).versions
    if not versions:
        return {"version": None, "items": []}
    directory = versions[-1][1]
    members = sorted(directory.members.values(), key=lambda each: each.name)
    items = [
        {"id": each.id, "name": each.name, "kind": each.kind.value, "takes_offers": each.takes_offers}
        for each in members
    ]
    return {"version": directory.version, "items": items}


def _region(found: Region) -> Wire:
    return {"code": found.code, "name": found.name, "level": found.level, "path": found.path}
