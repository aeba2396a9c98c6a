"""Small parts of the web: dates in words, the accent colour."""

from pathlib import Path

import pytest
from flask import Flask

import node
from node.web import accent, clock, errors, i18n

#: Pages read and write through the services, whose own tests run on both databases.
pytestmark = pytest.mark.database("sqlite")

NOW = 1_790_000_000  # 21 September 2026, 21.13 WIB
_DAY = 24 * 3_600


@pytest.fixture(scope="module")
def app() -> Flask:
    made = Flask("node")
    i18n.install(made)
    return made


def test_dates_are_long_in_indonesian_and_name_the_zone(app: Flask) -> None:
    with app.test_request_context("/"):
        assert i18n.day(NOW) == "Senin, 21 September 2026"
        assert i18n.moment(NOW) == "21 September 2026, 21.13 WIB"
        assert i18n.short(NOW) == "21 Sep 2026 21.13"
        assert i18n.iso(NOW) == "2026-09-21T14:13:20Z"


def test_dates_are_long_in_english_too(app: Flask) -> None:
    with app.test_request_context("/?lang=en"):
        assert i18n.day(NOW) == "Monday, 21 September 2026"
        assert i18n.moment(NOW) == "21 September 2026, 21:13 WIB"


def test_what_nobody_expected_is_logged_by_type_and_shown_as_our_fault(caplog: pytest.LogCaptureFixture) -> None:
    made = Flask("node", root_path=str(Path(node.__file__).parent), template_folder="web/templates")
    i18n.install(made)
    errors.install(made)
    made.jinja_env.globals.update(language=i18n.language, languages=i18n.LANGUAGES)
    made.context_processor(lambda: {"settings": {"display_name": "Kantor", "training": True}})

    @made.get("/<word>")
    def fail(word: str) -> str:
        raise KeyError(word)

    answer = made.test_client().get("/rahasia")
    assert answer.status_code == 500
    assert "Ada kesalahan di pihak kami" in answer.text
    assert "Mode latihan" in answer.text
    assert "builtins.KeyError at" in caplog.text
    assert "rahasia" not in answer.text + caplog.text


def test_the_clock_counts_whole_seconds() -> None:
    assert isinstance(clock.now(), int)


@pytest.mark.parametrize(
    ("days", "words"),
    [(-3, "terlambat 3 hari"), (0, "hari ini"), (1, "besok"), (5, "5 hari lagi")],
)
def test_a_deadline_is_told_in_days_of_the_calendar(app: Flask, days: int, words: str) -> None:
    with app.test_request_context("/"):
        assert i18n.until(NOW + days * _DAY + 60, NOW) == words


def test_a_deadline_of_a_minute_ago_has_just_passed(app: Flask) -> None:
    with app.test_request_context("/"):
        assert i18n.until(NOW - 60, NOW) == "baru terlewat"


def test_a_language_that_we_do_not_speak_is_indonesian(app: Flask) -> None:
    with app.test_request_context("/?lang=fr"):
        assert i18n.language() == "id"


@pytest.mark.parametrize("colour", ["#1b5e7d", "#ffd700", "#777777", "#000000", "#ffffff"])
def test_words_on_the_accent_can_be_read_whatever_the_colour(colour: str) -> None:
    assert accent.contrast(accent.ink_on(colour), colour) >= 4.3
    assert colour in accent.stylesheet(colour)


@pytest.mark.parametrize("colour", ["red", "#12345", "#1b5e7d}body{display:none", "", "#1b5e7d\n"])
def test_what_is_no_colour_never_reaches_the_stylesheet(colour: str) -> None:
    assert accent.stylesheet(colour) == accent.stylesheet("#0b5c66")
