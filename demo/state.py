"""The state file: what a program needs that goes on where the story ended (--state FILE)."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.federation import Federation
from demo.sample import Sample


@dataclass(frozen=True, slots=True)
class CaseState:
    """A case of the story: number and receipt code, where it was filed and who handles it now (ids of members)."""

    number: str
    receipt: str
    origin: str
    custodian: str


def state_of(federation: Federation, cases: Iterable[CaseState], sample: Sample) -> dict[str, Any]:
    """Return the state as it is written."""
    return {
        "hub": {"url": federation.hub.url},
        "data_dir": str(federation.data),
        "log": {"vkey": federation.trusted.log},
        "sample": {"topic": sample.topic, "region": sample.region},
        "nodes": [
            {
                "id": node.office.id,
                "name": node.office.name,
                "kind": node.office.kind,
                "url": node.url,
                "people": [
                    {"role": each.role, "username": each.username, "password": each.password} for each in node.people
                ],
            }
            for node in federation.nodes.values()
        ],
        "cases": [
            {"number": each.number, "receipt": each.receipt, "origin": each.origin, "custodian": each.custodian}
            for each in cases
        ],
    }


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write the file whole or not at all, for its owner alone: it holds passwords and receipt codes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(state, file, ensure_ascii=False, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
