"""One federation of real processes for all stories of a test process, with a recorder between the nodes and the hub."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import pytest

from demo.federation import Federation
from demo.offices import OFFICES, Office
from demo.walk import Walker
from tests.support.recorder import Recorder

#: Each account takes a second or two to make: only those that the stories need.
ACCOUNTS: Final = {"jabar": ("admin",), "kota-bandung": ("admin",), "kemnaker": ("admin", "custodian")}


def with_accounts(office: Office, *roles: str) -> Office:
    """The office with the accounts of these roles alone."""
    return replace(office, people=tuple(person for person in office.people if person.role in roles))


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
    offices = [with_accounts(office, *ACCOUNTS[office.id]) for office in OFFICES if office.id in ACCOUNTS]
    with Recorder() as recorder, Federation(tmp_path_factory.mktemp("country"), offices) as federation:
        federation.found_hub(recorder.front)
        federation.found_nodes()
        federation.start()
        yield Country(federation, recorder)
