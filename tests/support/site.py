"""A hub that answers whatever a test wants, over real HTTP."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
import waitress

from node.sync.client import HttpHub

StartResponse = Callable[[str, list[tuple[str, str]]], object]


@dataclass
class Site:
    """A WSGI application that answers what a test wants, and remembers what it was asked."""

    status: str = "200 OK"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: Callable[[str], list[bytes]] = lambda _: [b"ok"]
    asked: list[tuple[str, str, bytes, str]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        self.asked.append((method, path, environ["wsgi.input"].read(), environ.get("CONTENT_TYPE", "")))
        start(self.status, self.headers)
        return self.body(path)


@contextmanager
def serving(site: Site) -> Iterator[HttpHub]:
    server = waitress.create_server(site, host="127.0.0.1", port=0, threads=2)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with requests.Session() as session:
        yield HttpHub(f"http://127.0.0.1:{server.effective_port}/", session)
    server.task_dispatcher.shutdown()
    server.trigger.pull_trigger(lambda: [each.close() for each in list(server._map.values())])
    thread.join(20)
