"""The same checks over HTTP, against a server that serves an audit folder as a hub does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result

from audit.cli import main
from tests.support.federation import HUB, World, story

TOKEN = "kunci-auditor"


class Hub(BaseHTTPRequestHandler):
    """A hub's published files; `world` and `broken` are set on a subclass for each test."""

    world: World
    broken: dict[str, tuple[int, bytes]]
    asked: list[str]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.asked.append(f"{parts.path} {self.headers.get('Authorization', '')}")
        status, content = self.broken.get(parts.path) or self._answer(parts.path, parse_qs(parts.query))
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        if path == "/audit/entries":
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return 401, b""
            first, after = int(query["from"][0]), int(query["to"][0])
            page = [{"index": i, "jws": raw} for i, raw in self.world.entries if first <= i < after]
            return 200, json.dumps({"entries": page}, indent=1).encode()
        content = self.world.files().get(path.removeprefix("/log/").removeprefix("/"))
        return (404, b"") if content is None or path == "/federation.json" else (200, content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(world: World, **broken: tuple[int, bytes]) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    paths = {name.replace("__", "/"): answer for name, answer in broken.items()}
    handler: Any = type("ThisHub", (Hub,), {"world": world, "broken": paths, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    """The options of an auditor who was given the trust anchors and a token."""
    (tmp_path / "federation.json").write_bytes(World().federation().encode())
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return ["--federation", str(tmp_path / "federation.json"), "--token-file", str(tmp_path / "token")]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["verify", *arguments], env={"COLUMNS": "160"}, catch_exceptions=False)


def test_a_running_hub_is_verified_whole(given: list[str]) -> None:
    with serving(story()) as (url, asked):
        result = run(f"{url}/", *given, "--all")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "OK"
    assert not [line for line in asked if TOKEN in line and not line.startswith("/audit/")]


def test_a_log_of_several_pages_is_read_to_its_end(given: list[str]) -> None:
    world = World.founded()
    for _ in range(300):
        world.say("stats", "jabar", HUB, body={})
    with serving(world) as (url, asked):
        report = json.loads(run(url, *given, "--all", "--json").stdout)
    assert report["ok"]
    assert report["facts"]["entries"] == 300
    assert len([line for line in asked if line.startswith("/audit/entries")]) == 2


def test_without_a_token_everything_public_is_verified(given: list[str]) -> None:
    with serving(story()) as (url, _):
        result = run(url, *given[:2])
        assert result.exit_code == 0
        assert "26 entries were not given" in result.stdout
        assert run(url, *given[:2], "--all").exit_code == 1


def test_without_trust_anchors_nothing_is_verified() -> None:
    """The hub here does not serve them, and if it did they would be its own word."""
    with serving(story()) as (url, _):
        result = run(url)
    assert result.exit_code == 2
    assert "--federation" in result.stderr


def test_trust_anchors_from_the_hub_itself_are_told_loudly() -> None:
    anchors = World().federation().encode()
    with serving(story(), **{"__federation.json": (200, anchors)}) as (url, _):
        result = run(url)
    assert result.exit_code == 0
    assert "TRUST ON FIRST USE" in result.stdout


def test_a_forged_entry_is_found_over_http(given: list[str]) -> None:
    world = story()
    world.offer("jateng", "kemnaker", epoch=9)
    world.offer("jateng", "jabar", epoch=9)
    with serving(world) as (url, _):
        report = json.loads(run(url, *given, "--json").stdout)
    assert [check["name"] for check in report["checks"] if check["findings"]] == ["custody"]


@pytest.mark.parametrize("answer", [(302, b""), (500, b""), (429, b"")])
def test_a_hub_that_does_not_answer_plainly_ends_in_code_2(answer: tuple[int, bytes], given: list[str]) -> None:
    """A redirect is not followed: it could carry the question, or the token, elsewhere."""
    with serving(story(), __log__checkpoint=answer) as (url, asked):
        assert run(url, *given).exit_code == 2
    assert not [line for line in asked if "elsewhere" in line]


def test_a_token_that_the_hub_does_not_know_ends_in_code_2(given: list[str], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("lain")
    with serving(story()) as (url, _):
        result = run(url, *given)
    assert result.exit_code == 2
    assert "token" in result.stderr


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", bytes(70_000)])
def test_rubbish_from_a_hub_is_a_finding(content: bytes, given: list[str]) -> None:
    with serving(story(), __log__checkpoint=(200, content)) as (url, _):
        assert run(url, *given).exit_code == 1
    with serving(story(), **{"__directory__metadata__1.targets.json": (200, content)}) as (url, _):
        assert run(url, *given).exit_code == 1


def test_pages_that_a_hub_does_not_have_are_a_finding(given: list[str]) -> None:
    with serving(story(), __audit__entries=(404, b"")) as (url, _):
        report = json.loads(run(url, *given, "--json").stdout)
    assert [found["rule"] for check in report["checks"] for found in check["findings"]] == ["missing"]
