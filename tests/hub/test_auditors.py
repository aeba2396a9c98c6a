"""What an auditor gets: pages of entries for a token, and a folder that stands for itself."""

from pathlib import Path

import orjson
import pytest
import requests

from hub.auditors.access import add_auditor
from hub.errors import EnrolmentError
from hub.export import export_folder
from hub.founding import read_federation_file
from keys import b64u
from protocol import checkpoint, jws, merkle, tiles
from protocol.enrol import read_federation
from protocol.leaf import read_leaf
from tests.hub.conftest import Town
from tests.support.federation import NOW
from tests.support.hub import FoundedHub


def token_for(hub: FoundedHub, name: str = "bpk") -> str:
    with hub.database.transaction() as session:
        return add_auditor(session, name, NOW)


def page(town: Town, token: str | None, query: str) -> requests.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return requests.get(f"{town.url}/audit/entries{query}", headers=headers, timeout=30)


def test_the_entries_come_in_pages_in_the_order_of_the_log(town: Town) -> None:
    said = [town.jabar.receipt("kemnaker", n) for n in range(200)]
    more = [town.jabar.receipt("kemnaker", n) for n in range(100)]
    indices = [push.index for each in (said, more) for push in town.jabar.sync(*each).answer.push]
    token = token_for(town.hub)
    first = page(town, token, "?from=0&to=100000").json()["entries"]
    assert len(first) == 256
    rest = page(town, token, f"?from={first[-1]['index'] + 1}&to=100000").json()["entries"]
    assert [each["index"] for each in first + rest] == indices
    assert [each["jws"] for each in first + rest] == [one.signed.raw for one in said + more]
    assert page(town, token, "?to=3").json() == {"entries": []}


@pytest.mark.parametrize("token", [None, "", "x", b64u.encode(bytes(32))])
def test_without_a_token_nothing_is_shown(town: Town, token: str | None) -> None:
    town.logged_offer()
    response = page(town, token, "?from=0&to=9")
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="simpul"')
    assert "entries" not in response.json()


@pytest.mark.parametrize("query", ["", "?from=0", "?from=-1&to=4", "?from=a&to=4", "?to=9999999999999999", "?to=²"])
def test_positions_are_numbers(town: Town, query: str) -> None:
    response = page(town, token_for(town.hub), query)
    assert (response.status_code, response.json()["rule"]) == (400, "members")


def test_the_token_is_not_kept_and_a_name_is_given_once(founded: FoundedHub) -> None:
    token = token_for(founded)
    assert token not in repr(founded.dump())
    with pytest.raises(EnrolmentError, match="already"):
        token_for(founded)


def test_the_exported_folder_stands_for_itself(town: Town, tmp_path: Path) -> None:
    offer = town.logged_offer()
    town.jateng.sync(*(town.jateng.receipt("jabar", n) for n in range(255)))
    town.jateng.sync(*(town.jateng.receipt("kemnaker", n) for n in range(50)))
    folder = tmp_path / "audit"
    with town.hub.database.reading() as session:
        size = export_folder(session, read_federation_file(town.hub.settings), folder, entries=True)

    federation = read_federation((folder / "federation.json").read_bytes())
    note = (folder / "checkpoint").read_bytes()
    head = checkpoint.read(note, federation.log_origin, federation.log_key).checkpoint
    assert head.size == size
    leaves = [
        leaf
        for start in range(0, size, 256)
        for leaf in tiles.decode_entries(
            (folder / tiles.entries_path(start // 256, min(256, size - start))).read_bytes(), min(256, size - start)
        )
    ]
    assert merkle.root([merkle.leaf_hash(leaf) for leaf in leaves]) == head.root
    read = tiles.TileHashes(size, lambda *tile: (folder / tiles.tile_path(*tile)).read_bytes())
    assert merkle.tree_root(size, read) == head.root
    entries = [
        each for path in sorted((folder / "entries").iterdir()) for each in orjson.loads(path.read_bytes())["entries"]
    ]
    assert [path.name for path in sorted((folder / "entries").iterdir())] == ["000000000.json", "000000256.json"]
    assert len(entries) == 306
    assert all(read_leaf(leaves[each["index"]]).h == jws.digest(each["jws"]) for each in entries)
    versions = len(list((folder / "directory" / "metadata").glob("*.targets.json")))
    assert versions + len(entries) == size
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert offer.parts[0].ciphertext not in everything


def test_without_entries_the_folder_has_what_anybody_may_read(town: Town, tmp_path: Path) -> None:
    offer = town.logged_offer()
    folder = tmp_path / "audit"
    with town.hub.database.reading() as session:
        export_folder(session, town.hub.federation, folder, entries=False)
    assert not (folder / "entries").exists()
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert offer.signed.raw.encode() not in everything


def test_a_running_hub_serves_the_same_bytes(town: Town, tmp_path: Path) -> None:
    town.logged_offer()
    folder = tmp_path / "audit"
    with town.hub.database.reading() as session:
        export_folder(session, town.hub.federation, folder, entries=False)
    for path in folder.rglob("*"):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            room = "/log/" if name.startswith(("checkpoint", "tile/")) else "/"
            assert requests.get(f"{town.url}{room}{name}", timeout=30).content == path.read_bytes()
