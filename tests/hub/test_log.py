"""The log as a client sees it: over HTTP, with the log's key and nothing else."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import update

from hub.errors import FoundingError, LogError
from hub.founding import log_writer
from hub.log.tree import LogWriter, StoredLog, check_stored_tree, read_head
from hub.models import LogHead, LogTile
from keys.signing import SigningKey
from protocol import checkpoint, merkle, tiles
from protocol.checkpoint import Checkpoint
from protocol.leaf import Leaf, leaf_of, read_leaf
from protocol.tiles import TileHashes
from tests.hub.conftest import Town
from tests.support.federation import seed
from tests.support.hub import FoundedHub, HubProcess, TestNode, node_of

_TIMEOUT = 30


class Follower:
    """Reads the published log as any stranger may."""

    def __init__(self, hub: FoundedHub, url: str) -> None:
        self.url, self.federation = url, hub.federation

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}/log/{path}", timeout=_TIMEOUT)

    def head(self) -> Checkpoint:
        return checkpoint.read(
            self.get("checkpoint").content, self.federation.log_origin, self.federation.log_key
        ).checkpoint

    def tile(self, level: int, n: int, width: int) -> bytes:
        response = self.get(tiles.tile_path(level, n, width))
        assert response.status_code == 200
        return response.content

    def hashes(self, size: int) -> TileHashes:
        return TileHashes(size, self.tile)

    def leaves(self, size: int) -> list[bytes]:
        found: list[bytes] = []
        for start in range(0, size, tiles.WIDTH):
            width = min(tiles.WIDTH, size - start)
            found += tiles.decode_entries(self.get(tiles.entries_path(start // tiles.WIDTH, width)).content, width)
        return found


def test_every_entry_has_its_leaf_with_a_proof_of_inclusion(town: Town) -> None:
    offer = town.logged_offer()
    index = town.jabar.sync(offer).verdict(offer).index or 0
    reader = Follower(town.hub, town.url)
    head = reader.head()
    proof = merkle.inclusion_proof(index, head.size, reader.hashes(head.size))
    merkle.verify_inclusion(merkle.leaf_hash(leaf_of(offer.signed).encode()), index, head.size, proof, head.root)
    assert read_leaf(reader.leaves(head.size)[index]) == Leaf(offer.signed.digest, slot=offer.entry.slot)


def test_the_tree_over_more_than_one_tile_is_the_one_that_is_signed(town: Town) -> None:
    """600 leaves: two full tiles, a partial one, and a level above."""
    for start in range(0, 600, 200):
        town.jabar.sync(*(town.jabar.receipt("kemnaker", start + n) for n in range(200)))
    reader = Follower(town.hub, town.url)
    head = reader.head()
    leaves = reader.leaves(head.size)
    assert head.size > 600
    assert len(leaves) == head.size
    assert merkle.root([merkle.leaf_hash(leaf) for leaf in leaves]) == head.root
    assert merkle.tree_root(head.size, reader.hashes(head.size)) == head.root
    for old in (1, 7, 255, 256, 257, 512, head.size - 1):
        old_root = merkle.root([merkle.leaf_hash(leaf) for leaf in leaves[:old]])
        proof = merkle.consistency_proof(old, head.size, reader.hashes(head.size))
        merkle.verify_consistency(old, old_root, head.size, head.root, proof)


def test_the_stored_log_is_a_view_of_what_is_published(town: Town) -> None:
    offer = town.logged_offer()
    town.jabar.sync(town.jabar.receipt("kemnaker"))
    with town.hub.database.reading() as session:
        log = StoredLog(session)
        assert log.first_with_slot(offer.entry.slot or "") == (log.size - 2, offer.signed.digest)
        assert log.first_with_slot("x" * 22) is None
        assert log.root_at(0) == merkle.EMPTY_ROOT
        assert log.root_at(log.size) == Follower(town.hub, town.url).head().root


def test_tiles_may_be_cached_for_ever_and_the_checkpoint_not(town: Town) -> None:
    reader = Follower(town.hub, town.url)
    size = reader.head().size
    note, tile, leaves = (
        reader.get(path) for path in ("checkpoint", tiles.tile_path(0, 0, size), tiles.entries_path(0, size))
    )
    assert (note.headers["Cache-Control"], note.headers["Content-Type"]) == ("no-cache", "text/plain; charset=utf-8")
    for each in (tile, leaves):
        assert "immutable" in each.headers["Cache-Control"]
        assert each.headers["Content-Type"] == "application/octet-stream"
    narrower = reader.get(tiles.tile_path(0, 0, size - 1))
    assert narrower.content == tile.content[: -merkle.HASH_BYTES]


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/000",  # not full yet
        "tile/0/000.p/200",  # beyond the tree
        "tile/0/001.p/1",
        "tile/1/000.p/1",
        "tile/entries/000.p/200",
        "tile/63/x999/999.p/1",
        "tile/0/0",  # no path of a tile
        "tile/64/000",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/-1/000",
        "tile/entries/x000/000.p/1",
        "leaves",
    ],
)
def test_what_is_not_in_the_log_is_refused_plainly(town: Town, path: str) -> None:
    response = Follower(town.hub, town.url).get(path)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"


def push_all(node: TestNode, to: list[str], bundles: int, size: int) -> int:
    """Push bundles of receipts on several links; returns how many were acknowledged."""
    done = 0
    for _ in range(bundles):
        said = [node.receipt(to[n % len(to)], n) for n in range(size)]
        reply = node.sync(*said)
        done += sum(push.state == "ok" for push in reply.answer.push)
    return done


def test_of_one_request_sent_four_times_at_once_one_counts(town: Town) -> None:
    raw = town.jabar.bundle(town.jabar.offer("kemnaker"))
    with ThreadPoolExecutor(4) as pool:
        assert sorted(response.status_code for response in pool.map(town.jabar.post, [raw] * 4)) == [200, 409, 409, 409]
    check_whole(town.hub, town.url, 1)


def check_whole(hub: FoundedHub, url: str, entries: int) -> None:
    """No append is lost: leaves, boxes and links without holes, and the tree is the signed one."""
    reader = Follower(hub, url)
    head = reader.head()
    leaves = reader.leaves(head.size)
    dump = hub.dump()
    assert len(dump["entry"]) == entries
    assert head.size == entries + len(dump["directory_version"]) == len(leaves)
    assert merkle.root([merkle.leaf_hash(leaf) for leaf in leaves]) == head.root
    assert {read_leaf(leaf).h for leaf in leaves} >= {row[1] for row in dump["entry"]}
    for party, inbox, sent in dump["box_head"]:
        assert sorted(row[13] for row in dump["entry"] if row[5] == party) == list(range(1, inbox + 1))
        assert sorted(row[12] for row in dump["entry"] if row[4] == party) == list(range(1, sent + 1))


def test_four_members_that_push_at_once_lose_nothing(town: Town) -> None:
    nodes = [town.jabar, town.jateng, town.kemnaker, town.kemensos]
    others = [[to.id for to in nodes if to is not node] for node in nodes]
    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(push_all, nodes, others, [6] * 4, [10] * 4))
    assert done == 240
    check_whole(town.hub, town.url, 240)


def test_two_processes_may_serve_one_database(founded: FoundedHub) -> None:
    names = ["jabar", "jateng", "kemnaker", "kemensos"]
    with HubProcess(founded.settings.data_dir) as one, HubProcess(founded.settings.data_dir) as other:
        nodes = [node_of(founded, name, (one, other)[n % 2].url) for n, name in enumerate(names)]
        others = [[to for to in names if to != name] for name in names]
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(push_all, nodes, others, [4] * 4, [5] * 4)) == 80
        # Each of them knows at once who was enrolled through the other's database.
        check_whole(founded, one.url, 80)
        check_whole(founded, other.url, 80)


class TestNothingIsSignedTwice:
    """A checkpoint always extends the one that was signed before it; where that cannot be, nothing is signed."""

    def test_a_set_back_right_edge_stops_the_log(self, town: Town) -> None:
        with town.hub.database.transaction() as session:
            session.execute(update(LogHead).values(size=3))
        before = town.hub.dump()
        response = town.jabar.post(town.jabar.bundle(town.jabar.receipt("kemnaker")))
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert town.hub.dump() == before

    def test_a_head_that_another_moved_is_not_moved_again(self, founded: FoundedHub) -> None:
        writer: LogWriter = founded.registrar.log
        with founded.database.reading() as session:
            stale = read_head(session)
        with founded.database.transaction() as session:
            writer.append(session, stale, [Leaf(seed("a"))], 0)
        before = founded.dump()
        with pytest.raises(Exception, match=r"another writer|UNIQUE|unique"), founded.database.transaction() as session:
            writer.append(session, stale, [Leaf(seed("b"))], 0)
        assert founded.dump() == before

    def test_damaged_tiles_are_noticed_at_start(self, founded: FoundedHub) -> None:
        with founded.database.transaction() as session:
            check_stored_tree(session)
            session.execute(update(LogTile).values(hashes=b"\0" * 32 * read_head(session).size))
        with founded.database.reading() as session, pytest.raises(LogError, match="not those of the tree"):
            check_stored_tree(session)

    def test_cut_tiles_are_our_fault_and_not_the_nodes(self, town: Town) -> None:
        """A node whose `seen` cannot be checked is told to come back, not that it broke a rule."""
        town.jabar.sync()
        town.jateng.sync(town.jateng.receipt("kemnaker"))
        with town.hub.database.transaction() as session:
            session.execute(update(LogTile).values(hashes=b""))
        assert town.jabar.post(town.jabar.bundle()).status_code == 503
        with town.hub.database.reading() as session, pytest.raises(LogError, match="damaged"):
            check_stored_tree(session)

    def test_another_logs_key_never_signs(self, founded: FoundedHub) -> None:
        with pytest.raises(FoundingError, match="not the one of this federation"):
            log_writer(founded.federation, SigningKey.generate())
