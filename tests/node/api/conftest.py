"""One country for all tests of the API: its offices are real nodes, served over HTTP."""

from collections.abc import Iterator

import pytest

from tests.support.databases import Databases
from tests.support.offices import Country, country


@pytest.fixture(scope="package")
def lands(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Country]:
    with country(tmp_path_factory.mktemp("negeri"), databases) as made:
        yield made
