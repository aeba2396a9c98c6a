"""A matter to try things with: topic and region for which the ministry is competent, as the hub's directory says."""

from dataclasses import dataclass
from typing import Final

import requests

from demo.citizen import TIMEOUT_SECONDS
from demo.federation import Federation
from demo.walk import StoryError
from protocol.directory import Directory, Kind, read_directory
from protocol.metadata import read_snapshot, read_timestamp
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
    roots = federation.trusted.roots()

    def get(path: str) -> bytes:
        answer = requests.get(f"{address}/{path}", timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.content

    timestamp = read_timestamp(get("metadata/timestamp.json"), roots.newest)
    snapshot = read_snapshot(get(f"metadata/{timestamp.names}.snapshot.json"), roots.newest)
    targets = get(f"metadata/{snapshot.names}.targets.json")
    return read_directory(targets, lambda name: get(f"targets/{name.url}"), roots)
