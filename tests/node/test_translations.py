"""Every text for people exists in both languages, and what is shipped is what was translated."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from node.cases.lifecycle import State
from node.web import words

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "node" / "translations" / "en" / "LC_MESSAGES" / "messages.po"
_KEYWORDS = {"_": None, "_l": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}
_WAY = (
    "pybabel extract -F babel.cfg -k _l -k lazy_gettext --omit-header -o messages.pot . && "
    "pybabel update -i messages.pot -d node/translations, translate, pybabel compile -d node/translations"
)


def texts_in_the_code() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    for name, _, message, _, _ in extract_from_dir(str(ROOT / "node"), methods, {}, _KEYWORDS):
        yield name, message if isinstance(message, str) else tuple(message)


def _parts(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def test_every_text_has_its_english() -> None:
    catalogue = read_po(io.BytesIO(CATALOGUE.read_bytes()), locale="en")
    missing = set()
    for name, message in texts_in_the_code():
        first = message if isinstance(message, str) else message[0]
        found = catalogue.get(first)
        words_of = (found.string,) if found and isinstance(found.string, str) else found.string if found else ()
        if not words_of or not all(words_of) or found is None or found.fuzzy:
            missing.add((name, first))
    assert not missing, _WAY


def test_no_english_is_left_over_from_texts_that_are_gone() -> None:
    catalogue = read_po(io.BytesIO(CATALOGUE.read_bytes()), locale="en")
    used = {message if isinstance(message, str) else message[0] for _, message in texts_in_the_code()}
    stale = [
        each.id for each in catalogue if each.id and (each.id if isinstance(each.id, str) else each.id[0]) not in used
    ]
    assert not stale, _WAY


def test_every_english_text_names_the_same_values() -> None:
    for message in read_po(io.BytesIO(CATALOGUE.read_bytes()), locale="en"):
        assert not [str(error) for error in message.check()], message.id


def test_the_compiled_catalogue_is_fresh() -> None:
    written = read_po(io.BytesIO(CATALOGUE.read_bytes()), locale="en")
    shipped = read_mo(io.BytesIO(CATALOGUE.with_suffix(".mo").read_bytes()))

    def plain(catalogue: Catalog) -> dict[str, list[str]]:
        pairs = [(_parts(each.id), _parts(each.string or "")) for each in catalogue if each.id]
        return {first[0]: strings for first, strings in pairs}

    assert plain(written) == plain(shipped), _WAY


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_shape_a_sentence_and_a_stage(state: State) -> None:
    assert words.state_shape(state)
    assert words.state_sentence(state)
    assert 0 <= words.stage_of(state) < len(words.STAGES)
