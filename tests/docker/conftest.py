"""Names the mark of the one test that installs from the registry: `-m "not slow"` leaves it out."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: installs afresh from the package registry, for some twenty seconds")
