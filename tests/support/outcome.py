"""Vector files as test parameters, and the one word that says what came of a reading."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from protocol.errors import LocalError, RemoteError

_FOLDER = Path(__file__).parents[1] / "vectors"


def vector_file(path: str) -> dict[str, Any]:
    """A vector file, whole."""
    found: dict[str, Any] = json.loads((_FOLDER / path).read_text("utf-8"))
    return found


def vectors(path: str) -> list[ParameterSet]:
    """The vectors of a file, each under its name."""
    return [pytest.param(vector, id=vector["name"]) for vector in vector_file(path)["vectors"]]


def outcome_of(read: Callable[[], object]) -> str:
    """ "ok", the rule that was broken, or "local" for what is our own bug."""
    try:
        read()
    except RemoteError as error:
        return error.rule.name
    except LocalError:
        return "local"
    return "ok"
