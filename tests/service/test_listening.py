"""Whoever holds connections open on purpose takes them from nobody else."""

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from service.errors import UnusableAddressError
from service.listening import listen
from tests.support.site import StartResponse

LIMIT = 40
SECONDS = 20


def echo(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture
def port() -> Iterator[int]:
    server = listen(echo, host="127.0.0.1", port=0, threads=2, connection_limit=LIMIT, inbuf_overflow=1 << 20)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.effective_port
    server.task_dispatcher.shutdown()
    server.trigger.pull_trigger(lambda: [each.close() for each in list(server._map.values())])
    thread.join(SECONDS)


def begun(port: int, sent: bytes) -> socket.socket:
    """A connection that said so much, and waits."""
    made = socket.create_connection(("127.0.0.1", port), SECONDS)
    made.sendall(sent)
    return made


HEAD_WITHOUT_END = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "
BODY_WITHOUT_END = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx"


@pytest.mark.parametrize("sent", [b"", HEAD_WITHOUT_END, BODY_WITHOUT_END])
def test_more_slow_connections_than_are_taken_at_once_keep_nobody_out(port: int, sent: bytes) -> None:
    with ExitStack() as held:
        for _ in range(3 * LIMIT):
            held.enter_context(begun(port, sent))
            assert requests.post(f"http://127.0.0.1:{port}/", data=b"halo", timeout=SECONDS).content == b"halo"


def test_a_long_upload_over_a_bad_line_is_not_the_one_that_goes(port: int) -> None:
    body = b"foto" * 50_000
    head = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with ExitStack() as held:
        upload = held.enter_context(begun(port, head + body[: len(body) // 2]))
        for _ in range(3 * LIMIT):
            held.enter_context(begun(port, HEAD_WITHOUT_END))
        requests.get(f"http://127.0.0.1:{port}/", timeout=SECONDS).raise_for_status()
        upload.sendall(body[len(body) // 2 :])
        answered = b"".join(iter(lambda: upload.recv(65_536), b""))
    assert answered.endswith(body)


def test_a_host_of_several_addresses_is_refused_in_words() -> None:
    with pytest.raises(UnusableAddressError, match="name one"):
        listen(echo, listen="127.0.0.1:0 127.0.0.2:0")
