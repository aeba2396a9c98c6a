"""What every test shares: one rule for things that a machine may lack, and one profile for Hypothesis.

A test that needs a system component or a file of test data asks for it by one of the fixtures below. Where it is
missing the test is skipped and says why; with SIMPUL_CI=1 it fails, so that nothing is left out unseen.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Never

import hypothesis
import pytest

from house.components import components, find_component
from house.screen import ROOT
from tests.support.databases import KINDS, SQLITE, Databases, Served
from tests.support.postgres import Cluster, cluster

# The data lie beside the checkout, not in it: they are another's, and nothing that ships may read them.
SHARED_DATA = ROOT.parent / "shared" / "data"


def in_ci() -> bool:
    """Tell whether a skip for something missing must be a failure."""
    return os.environ.get("SIMPUL_CI") == "1"


def pytest_configure(config: pytest.Config) -> None:
    """Choose the Hypothesis profile: under CI the same examples every time; elsewhere new ones, kept when they fail."""
    # The time that one example takes says nothing on a busy machine, and each example counts under xdist.
    hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
    hypothesis.settings.register_profile("ci", parent=hypothesis.settings.get_profile("house"), derandomize=True)
    if not config.getoption("--hypothesis-profile", default=None):
        hypothesis.settings.load_profile("ci" if in_ci() else "house")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever is in a hurry leave out one of the databases."""
    help_text = "what the tests that take either database run on (default: both)"
    parser.addoption("--database", choices=(*KINDS, "both"), default="both", help=help_text)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever needs `databases`, itself or through another fixture, on each kind."""
    if "databases" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--database")
        only = metafunc.definition.get_closest_marker("database")
        kinds = [kind for kind in KINDS if chosen in (kind, "both") and (only is None or kind in only.args)]
        metafunc.parametrize("databases", kinds, indirect=True, scope="session")


def missing(reason: str) -> Never:
    """Skip the test that needs something, or fail it under CI."""
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def require_component() -> Callable[[str], Path]:
    """Return `require_component(name)`: where the component named in requirements/system.json is."""

    def require(name: str) -> Path:
        found = find_component(components()[name])
        return Path(found) if found else missing(f"needs {name}: ./run system-deps")

    return require


@pytest.fixture(scope="session")
def postgres(require_component: Callable[[str], Path]) -> Iterator[Callable[[], Cluster]]:
    """Return `postgres()`: the one PostgreSQL cluster of this test process, started when it is first asked for."""
    started: list[Cluster] = []
    with ExitStack() as stack:

        def start() -> Cluster:
            if not started:
                started.append(stack.enter_context(cluster(require_component("postgresql"))))
            return started[0]

        yield start


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest, postgres: Callable[[], Cluster]) -> Databases:
    """The kind of database of this run of a test; `@pytest.mark.database("sqlite")` says that one has no other."""
    return SQLITE if request.param == SQLITE.kind else Served(postgres)


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Return `shared_data(name)`: the path of a file of test data beside the checkout, or in SIMPUL_TEST_DATA."""

    def find(name: str) -> Path:
        path = Path(os.environ.get("SIMPUL_TEST_DATA", SHARED_DATA)) / name
        return path if path.is_file() else missing(f"needs the test data file {name} in {path.parent}")

    return find
