"""A matter to try things with: topic and region for which the ministry is competent, as the hub's directory says."""

from dataclasses import dataclass
from typing import Final

import requests

from demo.citizen import TIMEOUT_SECONDS
from demo.federation import Federation
from demo.walk import StoryError
from protocol.directory import Directory, Kind, read_directory
from protocol.routing import claims


@dataclass(frozen=True, slots=True)
class Sample:
    """Codes of a topic and a region."""

    topic: str
    region: str


SAMPLE: Final = Sample("ketenagakerjaan/gaji-pekerja", "32.73")


def sample_of(federation: Federation) -> Sample:
    """Return the sample; raise StoryError unless the federation's directory routes it to a ministry."""
    found = claims(published_directory(federation), SAMPLE.region, SAMPLE.topic)
    if not found or found[0].member.kind is not Kind.MINISTRY:
        named = found[0].member.id if found else "nobody"
        raise StoryError(f"the directory routes {SAMPLE.topic} in {SAMPLE.region} to {named}, expected a ministry")
    return SAMPLE


def published_directory(federation: Federation) -> Directory:
    """Fetch the newest version from the hub as anybody can, and verify that it is the registrar's."""
    address = f"{federation.hub.url}/directory"
    newest = requests.get(f"{address}/latest.json", timeout=TIMEOUT_SECONDS)
    newest.raise_for_status()
    file = requests.get(f"{address}/{newest.json()['version']}.jws", timeout=TIMEOUT_SECONDS)
    file.raise_for_status()
    return read_directory(file.text, federation.trusted.registrar)
