"""What every test shares: one rule for things that a machine may lack, and one profile for Hypothesis.

A test that needs a system component or a file of test data asks for it by one of the fixtures below. Where it is
missing the test is skipped and says why; with SIMPUL_CI=1 it fails, so that nothing is left out unseen.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Never

import hypothesis
import pytest

from house.components import components, find_component
from house.screen import ROOT

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
def shared_data() -> Callable[[str], Path]:
    """Return `shared_data(name)`: the path of a file of test data beside the checkout, or in SIMPUL_TEST_DATA."""

    def find(name: str) -> Path:
        path = Path(os.environ.get("SIMPUL_TEST_DATA", SHARED_DATA)) / name
        return path if path.is_file() else missing(f"needs the test data file {name} in {path.parent}")

    return find
