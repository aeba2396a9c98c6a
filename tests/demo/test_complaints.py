"""The demo's reports: as varied as the story promises, and routed as it says by the directory alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.complaints import ComplaintsError, Story, load_stories
from demo.offices import OFFICES
from node.reference.regions import region, search
from node.reference.topics import choices, topic
from node.web.words import KINDS, SECRECIES
from protocol.directory import Competence, Directory, Kind, Member
from protocol.routing import claims
from tests.support.federation import NOW, records

STORIES = load_stories()


def directory() -> Directory:
    members = {
        office.id: Member(
            id=office.id,
            name=office.name,
            kind=Kind(office.kind),
            region=office.region,
            competence=tuple(Competence(tuple(r["regions"]), tuple(r["topics"])) for r in office.competence),
            keys=records(office.id),
        )
        for office in OFFICES
    }
    return Directory(1, NOW, "pusat", (), members)


def test_there_are_enough_of_every_sort() -> None:
    assert len(STORIES) >= 10
    assert {story.report.kind for story in STORIES} == set(KINDS)
    assert {story.report.secrecy for story in STORIES} == set(SECRECIES)
    assert len({story.report.place and story.report.place.code for story in STORIES}) >= 8
    assert len({story.report.topic.partition("/")[0] for story in STORIES}) >= 6
    lengths = [len(story.report.text) for story in STORIES]
    assert min(lengths) < 100
    assert max(lengths) > 300
    assert any("😭" in story.report.text for story in STORIES)


def test_one_is_nobodys_one_is_handed_on_twice_and_some_stay() -> None:
    assert sum(bool(story.ruling) for story in STORIES) == 1
    assert sum(len(story.path) == 3 for story in STORIES) >= 1
    assert sum(len(story.path) == 1 for story in STORIES) >= 3
    assert {story.handler for story in STORIES} >= {"jabar", "kemnaker", "kemensos"}
    assert any(story.opening for story in STORIES)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.id)
def test_each_goes_where_the_directory_says(story: Story) -> None:
    report = story.report
    found = claims(directory(), report.place.code if report.place else "", report.topic)
    suggested = found[0].member.id if found else None
    if story.ruling:
        assert suggested is None
    else:
        assert suggested == (story.path[1] if len(story.path) > 1 else story.origin)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.id)
def test_each_can_be_typed_into_the_portal(story: Story) -> None:
    report = story.report
    if report.topic:
        found = topic(report.topic)
        assert found.parent is not None
        assert found in choices(found.parent)
    if report.place is not None:
        assert region(report.place.code)
        assert not report.place.search or report.place.code in {each.code for each in search(report.place.search)}
    assert report.secrecy != "open" or report.identity.name
    # Region 99 does not exist: nobody has such a number.
    assert not report.identity.nik or report.identity.nik.startswith("99")


@pytest.mark.parametrize(
    "damage",
    [
        lambda rows: rows[0].pop("text"),
        lambda rows: rows[0].update(path=[]),
        lambda rows: rows[1].update(reasons=[]),
        lambda rows: rows[1].update(id=rows[0]["id"]),
        lambda rows: rows[1]["identity"].update(alamat="Jalan Mawar"),
    ],
)
def test_a_file_that_the_story_cannot_walk_is_refused(
    tmp_path: Path, damage: Callable[[list[dict[str, Any]]], object]
) -> None:
    rows = json.loads((Path(__file__).parents[2] / "demo" / "complaints.json").read_text())
    damage(rows)
    path = tmp_path / "reports.json"
    path.write_text(json.dumps(rows))
    with pytest.raises(ComplaintsError):
        load_stories(path)
