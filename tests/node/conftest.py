"""A country for each test: a served hub and its offices, each on a database of its own; made once, then copied."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import Databases
from tests.support.nodes import Country, country, make_template


@pytest.fixture(scope="session")
def country_template(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Path:
    """A founded hub and a migrated, empty node's database."""
    return make_template(tmp_path_factory.mktemp("country"), databases)


@pytest.fixture
def land(country_template: Path, tmp_path: Path, databases: Databases) -> Iterator[Country]:
    """A country of this test's own."""
    with country(country_template, tmp_path, databases) as found:
        yield found
