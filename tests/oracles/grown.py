"""A real hub whose log has grown by real pushes, and copies of what it publishes, as they are or changed."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final, TypeAlias

import requests

from hub.log.published import published_tiles
from keys.signing import SigningKey
from protocol import checkpoint, merkle, tiles
from protocol.bundle import MAX_BUNDLE_ENTRIES
from protocol.checkpoint import Checkpoint
from protocol.entry import SignedEntry
from tests.oracles.asking import AskGo
from tests.support.federation import HUB
from tests.support.hub import FoundedHub, Said, TestNode, found_hub, node_of, served

#: What a log publishes, by path below /log/.
Files: TypeAlias = dict[str, bytes]

#: Sizes at which the log stops to be read: around full tiles, then with two full ones and a partial one.
STOPS: Final = (255, 256, 257, 511, 512, 513, 600)
SIZE: Final = STOPS[-1]
_TIMEOUT: Final = 30


@dataclass(slots=True)
class Grown:
    """A served hub, what was said while its log grew, and Go's program to ask about it."""

    hub: FoundedHub
    url: str
    ask_go: AskGo
    #: By index of the leaf, as the hub told who pushed it.
    said: dict[int, SignedEntry] = field(default_factory=dict)
    #: By size.
    notes: dict[int, str] = field(default_factory=dict)
    #: By (old size, new size), as the hub proved it in its answers.
    proofs: dict[tuple[int, int], tuple[bytes, ...]] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return self.hub.federation.log_origin

    def push(self, node: TestNode, *said: Said) -> None:
        """Push entries as a member does, and keep what the hub answers."""
        before = node.seen.size
        reply = node.sync(*said)
        for each in said:
            verdict = reply.verdict(each)
            assert verdict.state == "ok"
            assert verdict.index is not None
            self.said[verdict.index] = each.signed
        self.notes[node.seen.size] = reply.answer.checkpoint
        self.proofs[before, node.seen.size] = reply.answer.consistency

    def files(self, size: int = SIZE) -> Files:
        """A copy of all that the log published when it had this size: the files of a past size stay where they are."""
        paths = [tile.path() for tile in published_tiles(size)]
        return {"checkpoint": self.notes[size].encode(), **{path: self._get(path) for path in paths}}

    def _get(self, path: str) -> bytes:
        response = requests.get(f"{self.url}/log/{path}", timeout=_TIMEOUT)
        response.raise_for_status()
        return response.content

    def verdict(self, where: str | Files, *earlier: int) -> dict[str, Any]:
        """Go's report or refusal: about the log at an address, or a copy, beside the checkpoints of earlier sizes."""
        if isinstance(where, dict):
            with publishing(where) as url:
                return self.verdict(url, *earlier)
        vkey = checkpoint.vkey(self.origin, self.hub.federation.log_key)
        seen = [self.notes[size] for size in earlier]
        status, found = self.ask_go("verify", {"url": where, "vkey": vkey, "earlier": seen})
        assert (status == 1) == ("refused" in found)
        return dict(found)


@contextmanager
def growing(folder: Path, ask_go: AskGo) -> Iterator[Grown]:
    """Grow a log: a hand-over and a question to triage first, then many small reports to the hub."""
    hub = found_hub(folder)
    with served(hub) as url:
        grown = Grown(hub, url, ask_go)
        jabar, kemnaker = node_of(hub, "jabar", url), node_of(hub, "kemnaker", url)
        offer = jabar.offer("kemnaker")
        grown.push(jabar, offer, jabar.say("ask", "triase"), jabar.say("stats", HUB, body={"cases": 0}))
        accept = kemnaker.answer("accept", offer)
        grown.push(kemnaker, accept)
        grown.push(jabar, jabar.grant(offer, accept))
        for stop in STOPS:
            while (missing := stop - jabar.seen.size) > 0:
                count = min(missing, MAX_BUNDLE_ENTRIES)
                grown.push(jabar, *(jabar.say("stats", HUB, body={"cases": n}) for n in range(count)))
        yield grown


@contextmanager
def publishing(files: Mapping[str, bytes]) -> Iterator[str]:
    """Serve files below /log/ as a plain web server does; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path.removeprefix("/log/"))
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that the base class gave it
            """Say nothing among the results of the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(_TIMEOUT)


def unbase64(hashes: list[str]) -> list[bytes]:
    """What Go writes of hashes and leaves, as bytes."""
    return [b64decode(each) for each in hashes]


def leaves_of(files: Files) -> list[bytes]:
    """The leaves that a copy holds, in order."""
    bundles = [(tiles.parse_tile_path(path), raw) for path, raw in files.items() if path.startswith("tile/entries/")]
    return [leaf for tile, raw in sorted(bundles) for leaf in tiles.decode_entries(raw, tile.width)]


def root_of(leaves: list[bytes]) -> bytes:
    return merkle.root([merkle.leaf_hash(leaf) for leaf in leaves])


def published_by(key: SigningKey, origin: str, leaves: list[bytes]) -> Files:
    """All files of a log of these leaves, whole and signed."""

    def no_tile(*_tile: int) -> bytes:
        raise AssertionError("a fresh log reads no tile")

    head = Checkpoint(origin, len(leaves), root_of(leaves))
    made = {"checkpoint": checkpoint.sign(head, origin, key).encode()}
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    for (level, n), content in tiles.extend_tiles(0, no_tile, hashes).items():
        made[tiles.tile_path(level, n, len(content) // merkle.HASH_BYTES)] = content
    for begin in range(0, len(leaves), tiles.WIDTH):
        part = leaves[begin : begin + tiles.WIDTH]
        made[tiles.entries_path(begin // tiles.WIDTH, len(part))] = tiles.encode_entries(part)
    return made
