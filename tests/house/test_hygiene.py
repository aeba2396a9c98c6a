"""Small habits that no linter checks for us."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from house.screen import ROOMS, ROOT

CODE = (*ROOMS, "house", "tests")
MOST_LINES = 400
#: A catalogue of threats is read row by row, not in one sitting.
MOST_TEST_LINES = 600


def sources() -> Iterator[Path]:
    yield ROOT / "run"
    for folder in CODE:
        yield from sorted((ROOT / folder).rglob("*.py"))


def text_files() -> list[Path]:
    """Return the files that are kept in git, or, where this is no checkout, those in the folders of code."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        return list(sources())
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_every_module_can_be_read_in_one_sitting() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}
    most = {name: MOST_TEST_LINES if name.startswith("tests/") else MOST_LINES for name in lines}
    assert {name: count for name, count in lines.items() if count > most[name]} == {}


def test_no_except_swallows_everything() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert bare == []


def test_tests_are_no_packages() -> None:
    """A tests/node/__init__.py would stand before the room of that name."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_tests_wait_for_what_happens_and_never_sleep() -> None:
    sleeping = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "sleep"
    ]
    assert sleeping == []


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_says_what_it_does_and_is_typed(room: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))
    assert (ROOT / room / "py.typed").is_file()


def files_with(*marks: str) -> list[str]:
    """Name the files that hold one of the marks, but for the fixtures, where one of them belongs."""
    fixtures = ROOT / "tests" / "conftest.py"
    return [
        str(path.relative_to(ROOT))
        for path in text_files()
        if path != fixtures and any(mark in path.read_text(errors="replace") for mark in marks)
    ]


def test_only_the_fixtures_know_of_the_data_beside_the_checkout() -> None:
    """Nothing that ships or runs for a user may depend on a folder that only its developers have."""
    assert files_with(str(Path("..", "shared")), '"shared' + '" / "data"') == []


def test_no_private_key_is_kept_in_the_repository() -> None:
    assert (
        files_with(*(f"-----BEGIN {kind}PRIVATE KEY" for kind in ("", "EC ", "RSA ", "OPENSSH ", "ENCRYPTED "))) == []
    )


def test_the_index_of_decisions_names_every_record() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text()
    assert [path.name for path in sorted(folder.glob("0*.md")) if f"({path.name})" not in index] == []
