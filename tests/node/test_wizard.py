"""The questions of a report as a table: which page follows which answer."""

from dataclasses import replace

import pytest

from node.portal import wizard
from node.portal.draft import Draft
from node.portal.wizard import PAGES, take

#: Pages read and write through the services, whose own tests run on both databases.
pytestmark = pytest.mark.database("sqlite")

WHOLE = Draft("f", "r", "t", "complaint", "Jalan berlubang.", "32.73", "perairan", "anonymous")


def after(name: str, draft: Draft = WHOLE, **values: str) -> wizard.Turn:
    return take(name, draft, values, 8_000)


def test_the_pages_follow_each_other_to_the_review() -> None:
    name, way = wizard.FIRST, []
    while name != "send":
        way.append(name)
        name = PAGES[name].after
    assert way == ["kind", "text", "place", "topic", "secrecy", "identity", "review"]


def test_every_page_knows_its_way_back() -> None:
    for page in PAGES.values():
        assert page.name == wizard.FIRST or PAGES[page.before]


@pytest.mark.parametrize("name", ["kind", "text", "place", "place_choice", "topic_choice", "secrecy", "identity"])
def test_an_answer_that_was_changed_on_the_review_page_leads_back_there(name: str) -> None:
    assert after(name, review="1").page == "review"


def test_a_place_already_chosen_needs_no_second_search() -> None:
    assert after("place").page == "topic"


def test_skipping_the_place_takes_back_an_earlier_choice() -> None:
    turn = after("place", skip="1")
    assert (turn.page, turn.draft.region) == ("topic", "")


def test_a_search_offers_places_and_a_province_its_regencies_and_itself() -> None:
    assert "32.73" in [each.code for each in after("place", region_q="bandung").choices]
    found = [each.code for each in after("place", province="34").choices]
    assert found[-1] == "34"
    assert len(found) == 6


def test_choosing_none_of_the_places_shows_them_again() -> None:
    turn = after("place_choice", replace(WHOLE, region=""), region_q="bandung")
    assert turn.page == "place_choice"
    assert turn.choices
    assert "region" in turn.errors


@pytest.mark.parametrize("values", [{"province": "99"}, {"province": "32.73"}, {"region_q": "qqqq"}, {}])
def test_what_gives_no_place_asks_for_the_place_again(values: dict[str, str]) -> None:
    turn = after("place", replace(WHOLE, region=""), **values)
    assert turn.page == "place"
    assert "region_q" in turn.errors


def test_a_place_that_no_list_offered_is_asked_again_and_blanked() -> None:
    turn = after("place_choice", replace(WHOLE, region="99.99"))
    assert (turn.page, turn.draft.region) == ("place", "")
    assert "region_q" in turn.errors


def test_not_knowing_the_topic_is_an_answer() -> None:
    turn = after("topic", category="")
    assert (turn.page, turn.draft.topic) == ("secrecy", "")


def test_a_category_without_topics_is_the_topic() -> None:
    assert after("topic", category="srgi").draft.topic == "srgi"


def test_a_category_with_topics_asks_more_closely_and_may_itself_be_the_answer() -> None:
    turn = after("topic", category="agama")
    assert (turn.page, turn.category, len(turn.choices)) == ("topic_choice", "agama", 4)
    assert after("topic_choice", replace(WHOLE, topic=""), category="agama").draft.topic == "agama"


@pytest.mark.parametrize(("name", "draft"), [("topic", WHOLE), ("topic_choice", replace(WHOLE, topic="apa/saja"))])
def test_a_topic_that_no_list_offered_is_asked_again(name: str, draft: Draft) -> None:
    turn = after(name, draft, category="apa")
    assert turn.page == "topic"
    assert "category" in turn.errors


def test_only_an_open_report_needs_a_name() -> None:
    for secrecy in ("anonymous", "secret"):
        assert after("identity", replace(WHOLE, secrecy=secrecy)).page == "review"
    assert "name" in after("identity", replace(WHOLE, secrecy="open")).errors


def test_a_whole_report_has_no_errors_and_an_empty_one_says_what_is_needed() -> None:
    assert wizard.check(WHOLE, 8_000) == {}
    assert list(wizard.check(Draft(), 8_000)) == ["kind", "text", "secrecy"]


@pytest.mark.parametrize("name", ["Siti\nRahayu", "x" * 201, "a\x00b"])
def test_a_name_is_one_line(name: str) -> None:
    assert "name" in wizard.check(replace(WHOLE, name=name), 8_000)


@pytest.mark.parametrize("phone", ["0812-3456-7890", "+62 812 3456 7890", "(022) 426 4813"])
def test_telephone_numbers_may_be_written_as_people_write_them(phone: str) -> None:
    assert wizard.check(replace(WHOLE, phone=phone), 8_000) == {}


def test_neither_a_draft_nor_a_turn_shows_its_content_when_printed() -> None:
    shown = repr(replace(WHOLE, name="Siti")) + repr(after("kind"))
    assert "Siti" not in shown
    assert "Jalan" not in shown
