"""Other makers' programs, each skipped with the one command that installs it where it is missing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.oracles.asking import AskGo, AskNode, go_asker, node_asker
from tests.oracles.grown import Grown, growing


@pytest.fixture(scope="session")
def ask_node(require_component: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> AskNode:
    """Ask npm's packages: `ask_node("jose", {"op":…}, …)`."""
    return node_asker(require_component("node"), require_component("npm"), tmp_path_factory.mktemp("js"))


@pytest.fixture(scope="session")
def ask_go(require_component: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> AskGo:
    """Ask the program in Go: `ask_go("verify", {"url":…})`."""
    go, module = require_component("go"), require_component("golang-golang-x-mod-dev")
    return go_asker(go, module, tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="session")
def grown(ask_go: AskGo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    """A hub whose log has two full tiles and a partial one."""
    with growing(tmp_path_factory.mktemp("grown") / "hub", ask_go) as found:
        yield found
