"""What the present request stands on: the node that it runs on, and its time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flask import Flask, current_app

if TYPE_CHECKING:
    from node.context import Node

_KEY: Final = "simpul"


@dataclass(frozen=True, slots=True)
class _Bench:
    node: "Node"
    clock: Callable[[], int]


def bind(app: Flask, node: "Node", clock: Callable[[], int]) -> None:
    """Give an application its node and its clock; a test binds a clock of its own."""
    app.extensions[_KEY] = _Bench(node, clock)


def node() -> "Node":
    """Return the node of the present application."""
    bench: _Bench = current_app.extensions[_KEY]
    return bench.node


def now() -> int:
    """Return the present time in seconds since 1970."""
    bench: _Bench = current_app.extensions[_KEY]
    return bench.clock()
