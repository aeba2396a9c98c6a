"""One federation of real processes for all stories of a test process, with a recorder between the nodes and the hub."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from demo.federation import Federation
from demo.walk import Walker
from tests.support.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Country:
    """The federation at work, and everything that its hub heard and answered."""

    federation: Federation
    recorder: Recorder

    @property
    def walker(self) -> Walker:
        """Whoever does what citizens and officers do."""
        return Walker(self.federation)


@pytest.fixture(scope="session")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    with Recorder() as recorder, Federation(tmp_path_factory.mktemp("country")) as federation:
        federation.found_hub(recorder.front)
        federation.found_nodes()
        federation.start()
        yield Country(federation, recorder)
