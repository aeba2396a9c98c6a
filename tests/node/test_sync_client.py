"""The hub over HTTP: what is asked for, how much is read, and what counts as no answer."""

import pytest
import requests

from node.sync.client import HttpHub, HubOversizedError, HubRefusedError, HubUnreachableError
from protocol.errors import RemoteError
from protocol.tiles import WIDTH, encode_entries
from tests.support.site import Site, serving


def test_each_question_goes_to_its_address() -> None:
    site = Site()
    with serving(site) as hub:
        assert hub.post_sync(b"{}") == b"ok"
        assert hub.checkpoint() == b"ok"
        assert hub.directory("metadata/7.targets.json", 2) == b"ok"
    assert site.asked == [
        ("POST", "/sync/v1", b"{}", "application/json"),
        ("GET", "/log/checkpoint", b"", ""),
        ("GET", "/directory/metadata/7.targets.json", b"", ""),
    ]


@pytest.mark.parametrize(
    ("start", "end", "tiles"),
    [
        (0, 3, ["000.p/3"]),
        (3, 3, ["000.p/3"]),
        (0, 256, ["000"]),
        (255, 256, ["000"]),
        (256, 257, ["001.p/1"]),
        (250, 600, ["000", "001", "002.p/88"]),
    ],
)
def test_leaves_are_cut_out_of_the_tiles_that_hold_them(start: int, end: int, tiles: list[str]) -> None:
    leaves = [f"leaf {index}".encode() for index in range(end)]

    def tile(path: str) -> list[bytes]:
        n = int(path.rpartition("entries/")[2][:3])
        return [encode_entries(leaves[n * WIDTH : (n + 1) * WIDTH])]

    site = Site(body=tile)
    with serving(site) as hub:
        assert hub.leaves(start, end) == leaves[start:end]
    assert [asked[1] for asked in site.asked] == ([f"/log/tile/entries/{name}" for name in tiles] if start < end else
                                                  [asked[1] for asked in site.asked])  # fmt: skip


def test_a_tile_that_is_cut_short_is_refused() -> None:
    site = Site(body=lambda _: [encode_entries([b"one"])[:-1]])
    with serving(site) as hub, pytest.raises(RemoteError, match="tree"):
        hub.leaves(0, 1)


@pytest.mark.parametrize("status", ["201 Created", "204 No Content", "400 Bad", "409 Conflict", "503 Busy"])
def test_whatever_is_not_200_is_a_refusal_with_its_document(status: str) -> None:
    site = Site(status=status, headers=[("Retry-After", "7")], body=lambda _: [b'{"rule":"counter"}'])
    if status.startswith("204"):
        site.body = lambda _: []
    with serving(site) as hub, pytest.raises(HubRefusedError) as caught:
        hub.post_sync(b"{}")
    assert (caught.value.status, caught.value.retry_after) == (int(status[:3]), "7")
    assert caught.value.problem == (b"" if status.startswith("204") else b'{"rule":"counter"}')


def test_a_redirect_is_not_followed() -> None:
    """Whoever may redirect us would choose whom we tell everything to."""
    site = Site(status="307 Temporary Redirect", headers=[("Location", "/elsewhere")])
    with serving(site) as hub, pytest.raises(HubRefusedError) as caught:
        hub.post_sync(b"{}")
    assert caught.value.status == 307
    assert len(site.asked) == 1


@pytest.mark.parametrize("status", ["200 OK", "500 Broken"])
def test_an_endless_answer_is_cut_off(status: str) -> None:
    site = Site(status=status, body=lambda _: [b" " * 65_536] * 3)
    with serving(site) as hub, pytest.raises(HubUnreachableError):
        hub.checkpoint()


def test_a_file_of_the_directory_is_read_as_far_as_it_may_be_long() -> None:
    """Its length is signed, or has a limit of its role: more is another answer than none."""
    with serving(Site(body=lambda _: [b"x"] * 70_000)) as hub:
        assert len(hub.directory("metadata/timestamp.json", 70_000)) == 70_000
        with pytest.raises(HubOversizedError):
            hub.directory("metadata/timestamp.json", 69_999)


def test_nobody_there() -> None:
    with serving(Site()) as hub:
        gone = HttpHub(hub.url, requests.Session())
    with pytest.raises(HubUnreachableError, match="ConnectionError"):
        gone.checkpoint()
