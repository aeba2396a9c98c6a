"""The demo's reports: as varied as the story promises, and routed as it says by the directory alone."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.complaints import API, FORM, ComplaintsError, Story, load_stories
from demo.offices import OFFICES
from demo.sample import SAMPLE
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
            parent=office.parent or None,
        )
        for office in OFFICES
    }
    return Directory(1, NOW, "pusat", (), members)


def test_there_are_enough_of_every_sort() -> None:
    assert len(STORIES) == 40
    assert {story.report.kind for story in STORIES} == set(KINDS)
    assert {story.report.secrecy for story in STORIES} == set(SECRECIES)
    assert len({story.report.place and story.report.place.code for story in STORIES}) >= 25
    assert len({story.report.topic.partition("/")[0] for story in STORIES}) >= 10
    lengths = [len(story.report.text) for story in STORIES]
    assert min(lengths) < 80
    assert max(lengths) > 900
    assert any("😭" in story.report.text for story in STORIES)


def test_half_are_filed_over_the_form_and_half_over_the_api() -> None:
    assert Counter(story.via for story in STORIES) == {FORM: 20, API: 20}
    filed = {(story.origin, story.via) for story in STORIES}
    assert filed == {(office.id, via) for office in OFFICES if office.kind != "triage" for via in (FORM, API)}


def test_every_office_files_and_handles_some_triage_rules_on_some_and_some_are_handed_on_twice() -> None:
    offices = {office.id for office in OFFICES} - {"triase"}
    assert {story.origin for story in STORIES} == {story.handler for story in STORIES} == offices
    assert {story.handler for story in STORIES if story.ruling} == {"kemnaker", "kota-bandung", "ombudsman"}
    assert {story.path for story in STORIES if len(story.path) == 3} == {
        ("kota-bandung", "jabar", "kemnaker"),
        ("jabar", "kemnaker", "ombudsman"),
    }
    assert sum(len(story.path) == 1 for story in STORIES) >= 15


def test_offices_of_both_ways_of_working_hand_over_answer_and_open_identities() -> None:
    """Some officers work at the console and some by the API: both meet every deed."""
    for by_api in (False, True):
        working = {office.id for office in OFFICES if office.by_api is by_api}
        assert any(not story.ruling and len(story.path) > 1 and story.origin in working for story in STORIES)
        assert any(story.ruling and story.origin in working for story in STORIES)
        assert any(story.opening and story.handler in working for story in STORIES)
        assert any(story.closing and story.handler in working for story in STORIES)


def test_nobody_stands_in_two_reports() -> None:
    """So that whatever the search finds has one report to come from."""
    fields = [field for story in STORIES for field in story.report.identity.fields]
    assert len(set(fields)) == len(fields)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.id)
def test_each_goes_where_the_directory_says(story: Story) -> None:
    report = story.report
    found = claims(directory(), report.place.code if report.place else "", report.topic)
    suggested = found[0].member.id if found else None
    if story.ruling:
        assert suggested is None
    elif story.path == ("ombudsman",):
        # How an office treated somebody is the Ombudsman's matter, whatever it was about.
        assert suggested in {None, "kota-bandung"}
    else:
        assert suggested == (story.path[1] if len(story.path) > 1 else story.origin)


def test_the_sample_of_the_state_file_is_the_ministrys() -> None:
    assert claims(directory(), SAMPLE.region, SAMPLE.topic)[0].member.kind is Kind.MINISTRY
    assert topic(SAMPLE.topic)
    assert region(SAMPLE.region)


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
        lambda rows: rows[1].update(via="surat"),
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
