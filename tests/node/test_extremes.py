"""The largest numbers and the strangest texts that a member may say: every database holds them or they are refused."""

from typing import Any

import pytest

from node.models.sync import InboxEntry
from tests.support.nodes import Country, case_file

#: Pages read and write through the services, whose own tests run on both databases.
pytestmark = pytest.mark.database("sqlite")

MAX_U32 = (1 << 32) - 1


@pytest.mark.parametrize(
    ("content", "entry", "rule"),
    [
        ({}, {"epoch": MAX_U32}, None),
        ({}, {"inc": MAX_U32}, None),
        ({"number": "#" * 32}, {}, None),
        ({"number": "7\x003M9"}, {}, "members"),
        ({"number": ""}, {}, "members"),
        ({"filed_at": (1 << 53) - 1}, {}, None),
    ],
    ids=repr,
)
def test_an_offer_at_the_edge_stops_no_sync(
    land: Country, content: dict[str, Any], entry: dict[str, Any], rule: str | None
) -> None:
    crook = land.crook()
    crook.inc = entry.get("inc", crook.inc)
    strange = crook.tell("offer", "jabar", {"case": case_file("gelap", **content).encode()}, **entry)
    crook.push(strange)
    land.settle()
    (came,) = land.jabar.rows(InboxEntry, InboxEntry.entry_id == strange.entry.id)
    assert came.rule == rule
    # What comes behind it is handled.
    filed = land.handed_to(land.kemnaker)
    assert land.jabar.track(filed.receipt).custodian_id == "kemnaker"
