"""Published files that were touched: each byte, each file, each lie is named by its check, and nothing crashes."""

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from audit.findings import OWN_RULES, Check
from protocol import canonical, checkpoint, tiles
from protocol.checkpoint import Checkpoint
from protocol.directory import directory_digest, publish
from protocol.leaf import Leaf
from protocol.metadata import RoleKeys
from tests.support.federation import (
    HUB,
    ONLINE,
    ORIGIN,
    World,
    directory,
    made_id,
    member,
    paths_of,
    root,
    signing,
    story,
)

Files = dict[str, bytes]
Failed = set[tuple[str, str]]
Audit = Callable[..., Failed]
SIZE = 27
HASHES, LEAVES = f"tile/0/000.p/{SIZE}", f"tile/entries/000.p/{SIZE}"
FIRST_ENTRIES = "entries/000000000.json"
TARGETS, TIMESTAMP = "directory/metadata/1.targets.json", "directory/metadata/timestamp.json"


def flipped(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def test_an_honest_log_passes_every_check(audit: Audit, files: Files) -> None:
    assert audit(files) == set()


def test_a_log_of_several_tiles_passes(audit: Audit) -> None:
    world = World.founded()
    for _ in range(300):
        world.say("stats", "jabar", HUB, body={})
    assert len([path for path in world.files() if path.startswith("tile/")]) == 5
    assert audit(world) == set()


def test_an_empty_log_passes(audit: Audit) -> None:
    assert audit(World()) == set()


@pytest.mark.parametrize("path", ["checkpoint", HASHES, LEAVES, TARGETS, FIRST_ENTRIES])
@pytest.mark.parametrize("draw", range(12))
def test_one_changed_byte_anywhere_is_found(path: str, draw: int, audit: Audit, files: Files) -> None:
    """All of these files are bound to the checkpoint, byte for byte; JSON around the entries has no slack here."""
    at = random.Random(f"{path} {draw}").randrange(len(files[path]))  # noqa: S311
    assert audit(files | {path: flipped(files[path], at)})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("checkpoint", {("checkpoint", "missing")}),
        (HASHES, {("tiles", "missing")}),
        (LEAVES, {("leaves", "missing")}),
        (TARGETS, {("directory", "missing")}),
        (FIRST_ENTRIES, {("entries", "missing")}),
    ],
)
def test_a_file_that_is_gone_is_named(path: str, expected: Failed, audit: Audit, files: Files) -> None:
    assert expected <= audit({name: content for name, content in files.items() if name != path})


@pytest.mark.parametrize("content", [b"", b"\x00", b"{}", b"[]", b"null", b'{"entries":7}', b"\xff" * 99, b"[" * 9_999])
@pytest.mark.parametrize(
    ("path", "check"),
    [
        ("checkpoint", "checkpoint"),
        (HASHES, "tiles"),
        (LEAVES, "leaves"),
        (TARGETS, "directory"),
        (FIRST_ENTRIES, "entries"),
    ],
)
def test_rubbish_in_the_place_of_a_file_is_a_finding(
    path: str, check: str, content: bytes, audit: Audit, files: Files
) -> None:
    assert check in {name for name, _ in audit(files | {path: content})}


@pytest.mark.parametrize("path", ["checkpoint", HASHES, LEAVES, TARGETS, FIRST_ENTRIES])
def test_a_folder_in_the_place_of_a_file_is_a_finding(path: str, audit: Audit, files: Files) -> None:
    found = audit({(f"{path}/x" if name == path else name): content for name, content in files.items()})
    assert {rule for _, rule in found} & {"unreadable", "missing"}


@pytest.mark.parametrize("path", ["checkpoint", HASHES, LEAVES])
def test_a_file_that_is_far_too_large_is_not_read(path: str, audit: Audit, files: Files) -> None:
    assert "too-large" in {rule for _, rule in audit(files | {path: bytes(17_000_000)})}


def items(files: Files) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(files[FIRST_ENTRIES])["entries"]
    return found


def given(files: Files, entries: object) -> Files:
    return files | {FIRST_ENTRIES: json.dumps({"entries": entries}).encode()}


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        pytest.param(lambda e: [7, *e], "members", id="no object"),
        pytest.param(lambda e: [{"index": 1}, *e], "members", id="no entry"),
        pytest.param(lambda e: [{"index": "1", "jws": ""}, *e], "members", id="an index as text"),
        pytest.param(lambda e: [{"index": -1, "jws": ""}, *e], "members", id="an index below 0"),
        pytest.param(lambda e: [{"index": 1, "jws": "a.b"}, *e], "jws-form", id="no JWS"),
        pytest.param(lambda e: [{"index": 1, "jws": "é"}, *e], "jws-form", id="letters beyond ASCII"),
        pytest.param(lambda e: [{"index": 99, "jws": e[0]["jws"]}, *e], "tree", id="a leaf beyond the log"),
        pytest.param(lambda e: [{"index": 2, "jws": e[0]["jws"]}, *e], "tree", id="another's leaf"),
        pytest.param(lambda e: [{"index": 0, "jws": e[0]["jws"]}, *e], "directory", id="the leaf of the directory"),
        pytest.param(lambda e: [*e] * 22_000, "too-large", id="too many"),
    ],
)
def test_entries_that_are_none_are_named_and_do_not_hide_the_rest(
    spoil: Callable[[list[dict[str, object]]], object], rule: str, audit: Audit, files: Files
) -> None:
    assert ("entries", rule) in audit(given(files, spoil(items(files))), need_all=False)


def test_entries_in_any_json_and_twice_are_as_good(audit: Audit, files: Files) -> None:
    """What is signed is inside; spaces around it and an overlap between two files change nothing."""
    assert audit(given(files, [*items(files), *items(files)])) == set()


def test_files_that_are_none_of_the_folders_are_passed_over(audit: Audit, files: Files) -> None:
    foreign = {"README": b"x", "tile/.DS_Store": b"x", "entries/notes.txt": b"x", "directory/notes.txt": b"x"}
    assert audit(files | foreign) == set()


# Tiles


def test_older_partial_tiles_that_agree_are_no_harm(audit: Audit, files: Files) -> None:
    older = {"tile/0/000.p/5": files[HASHES][: 5 * 32], "tile/entries/000.p/5": five_leaves(files)}
    assert audit(files | older) == set()


def five_leaves(files: Files) -> bytes:
    return tiles.encode_entries(tiles.decode_entries(files[LEAVES], SIZE)[:5])


@pytest.mark.parametrize("path", ["tile/0/000.p/5", "tile/entries/000.p/5"])
def test_an_older_partial_tile_that_tells_otherwise_is_found(path: str, audit: Audit, files: Files) -> None:
    """Somebody was shown another beginning of the log."""
    agreed = {"tile/0/000.p/5": files[HASHES][: 5 * 32], "tile/entries/000.p/5": five_leaves(files)}
    assert ("tiles", "tree") in audit(files | {path: flipped(agreed[path], 40)})


def test_a_full_tile_in_the_place_of_a_partial_one_is_enough(audit: Audit) -> None:
    """A folder copied while the log grew: the old partial tile is gone, the checkpoint is older than the tiles."""
    world = World.founded()
    for _ in range(299):
        world.say("stats", "jabar", HUB, body={})
    files = world.files() | {"checkpoint": world.checkpoint(200).encode()}
    entries = {path: content for path, content in files.items() if path.startswith("entries/")}
    later = {path for path in entries if int(path[8:17]) >= 200}
    kept = {path: content for path, content in files.items() if path not in later}
    assert audit(kept) == set()


def test_leaves_that_do_not_give_the_signed_root_are_found(audit: Audit, files: Files) -> None:
    swapped = tiles.decode_entries(files[LEAVES], SIZE)
    swapped[3], swapped[4] = swapped[4], swapped[3]
    found = audit(files | {LEAVES: tiles.encode_entries(swapped)})
    assert {("leaves", "tree"), ("tiles", "tree"), ("entries", "tree")} <= found


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"leaf", "canonical"),
        (b"", "canonical"),
        (b'{"h":"x"}', "base64url"),
        (canonical.encode({"h": made_id("x") * 2}), "base64url"),
        (bytes(2_000), "too-large"),
    ],
)
def test_a_leaf_that_is_none_is_found_though_the_root_fits(raw: bytes, rule: str, audit: Audit) -> None:
    world = World.founded()
    world.append(raw)
    assert ("leaves", rule) in audit(world)


# Checkpoint and directory


def test_a_checkpoint_of_another_log_key_is_found(audit: Audit) -> None:
    world = story()
    honest = world.federation()
    world.log_key = signing("stranger")
    note = world.checkpoint()
    world.log_key = signing("log")
    assert world.federation() == honest
    assert ("checkpoint", "note") in audit(world.files() | {"checkpoint": note.encode()})


def test_a_checkpoint_that_claims_more_leaves_than_there_are_is_found(audit: Audit, files: Files) -> None:
    claimed = files["checkpoint"].replace(b"\n27\n", b"\n600\n", 1)
    assert {("checkpoint", "note"), ("leaves", "missing")} <= audit(files | {"checkpoint": claimed})


def test_a_log_of_more_leaves_than_one_audit_takes_is_not_begun(audit: Audit) -> None:
    """A hostile head costs a line, not the auditor's machine."""
    head = Checkpoint(ORIGIN, 2**62, bytes(32))
    note = checkpoint.sign(head, ORIGIN, signing("log")).encode()
    assert audit({"checkpoint": note}) == {("checkpoint", "too-large")}


def test_a_leaf_that_names_another_version_than_its_file_is_found(audit: Audit) -> None:
    world = World.founded()
    made = publish(directory(*world.history.latest.members.values(), version=2), [signing("registrar")])
    world.directories |= paths_of(made, 3)
    world.append(Leaf(directory_digest(made.targets), directory=3))
    assert audit(world) == {("directory", "directory")}


def test_an_older_checkpoint_cannot_be_compared_where_leaves_are_missing(audit: Audit, files: Files) -> None:
    gone = {path: content for path, content in files.items() if path != LEAVES}
    found = audit(gone, need_all=False, remembered=story().checkpoint(13).encode())
    assert "remembered" not in {name for name, _ in found}
    assert ("leaves", "missing") in found


def test_a_directory_by_another_registrar_is_found(audit: Audit) -> None:
    world = World()
    world.publish(directory(member("jabar")), signer=signing("jabar"))
    assert ("directory", "signature") in audit(world)


def test_a_directory_by_the_hubs_own_key_is_found(audit: Audit) -> None:
    """The key that says which version is the newest says nothing of who the members are."""
    world = World()
    world.publish(directory(member("jabar")), signer=signing(ONLINE))
    assert ("directory", "signature") in audit(world)


def test_a_directory_that_is_not_the_logged_one_is_found(audit: Audit, files: Files) -> None:
    other = publish(directory(member("jabar")), [signing("registrar")]).targets
    assert ("directory", "directory") in audit(files | {TARGETS: other})


def test_a_directory_that_no_leaf_names_is_found(audit: Audit, files: Files) -> None:
    hidden = paths_of(publish(directory(member("jabar"), version=2), [signing("registrar")]), 2)
    assert audit(files | {f"directory/{path}": raw for path, raw in hidden.items()}) == {("directory", "directory")}


@pytest.mark.parametrize("draw", range(6))
def test_a_changed_file_of_the_directory_is_found(draw: int, audit: Audit, files: Files) -> None:
    path = sorted(path for path in files if path.startswith("directory/targets/"))[draw % 5]
    at = random.Random(draw).randrange(len(files[path]))  # noqa: S311
    assert audit(files | {path: flipped(files[path], at)}) >= {("directory", "directory")}
    assert audit(files | {path: files[path] + b" "}) >= {("directory", "too-large")}


def test_a_file_of_the_directory_that_is_gone_is_named(audit: Audit, files: Files) -> None:
    gone = next(path for path in files if path.startswith("directory/targets/members/"))
    found = audit({path: raw for path, raw in files.items() if path != gone})
    assert ("directory", "missing") in found


def test_the_registrar_may_be_replaced_by_the_holders_of_the_root(audit: Audit) -> None:
    world = World.founded()
    world.rotate(root(2, signers=(), targets=RoleKeys((signing("registrar dua").public,))))
    again = replace(world.history.latest, version=2, root=2)
    world.publish(again, signer=signing("registrar dua"))
    assert audit(world) == set()
    world.publish(replace(again, version=3, root=1), signer=signing("registrar"))
    assert audit(world) == {("directory", "directory")}


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        pytest.param(root(2, "stranger"), "signature", id="a root that the one before did not sign"),
        pytest.param(root(3), "directory", id="a root that skips one"),
        pytest.param(b"{}", "members", id="no root at all"),
    ],
)
def test_a_root_that_does_not_follow_is_found(raw: bytes, rule: str, audit: Audit, files: Files) -> None:
    assert ("directory", rule) in audit(files | {"directory/metadata/2.root.json": raw})


def test_another_first_root_than_the_auditors_is_found(audit: Audit, files: Files) -> None:
    other = files | {"directory/metadata/1.root.json": root(1, "stranger")}
    assert audit(other) == {("directory", "directory")}


def test_a_newest_version_that_is_not_the_logs_newest_is_found(audit: Audit) -> None:
    """What the hub vouches for daily and what it logged are one."""
    world = World.founded()
    older = {path: raw for path, raw in world.directories.items() if "timestamp" in path or "snapshot" in path}
    world.publish(directory(*world.history.latest.members.values(), version=2))
    world.directories |= older
    assert audit(world) == {("directory", "directory")}


@pytest.mark.parametrize("path", [TIMESTAMP, "directory/metadata/1.snapshot.json"])
def test_what_says_which_is_the_newest_must_be_there_and_whole(path: str, audit: Audit, files: Files) -> None:
    assert {name for name, _ in audit(files | {path: flipped(files[path], 300)})} == {"directory"}
    gone = {name: raw for name, raw in files.items() if name != path}
    assert {name for name, _ in audit(gone | {path: b""})} == {"directory"}


@pytest.mark.parametrize("version", [1, 3])
def test_versions_out_of_turn_are_found(version: int, audit: Audit) -> None:
    world = World.founded()
    world.publish(directory(*world.history.latest.members.values(), version=version))
    assert ("directory", "directory") in audit(world)


def test_a_version_that_deletes_a_member_is_found(audit: Audit) -> None:
    world = World.founded()
    world.publish(directory(member("jabar"), version=2))
    assert ("directory", "directory") in audit(world)


def test_a_directory_of_another_hub_is_found(audit: Audit) -> None:
    world = World()
    world.publish(replace(directory(member("jabar")), hub="lain"))
    assert audit(world) == {("directory", "directory")}


def test_a_log_without_any_directory_is_found(audit: Audit) -> None:
    world = World()
    world.say("stats", "jabar", HUB, body={})
    assert {("directory", "missing"), ("entries", "directory")} <= audit(world)


# What was seen before


def test_a_log_that_extends_the_remembered_one_passes(audit: Audit, files: Files) -> None:
    for size in (0, 1, 13, SIZE):
        assert audit(files, remembered=story().checkpoint(size).encode()) == set()


def test_a_log_that_was_rolled_back_is_found(audit: Audit) -> None:
    longer = story()
    longer.say("stats", "jabar", HUB, body={})
    assert audit(story(), remembered=longer.checkpoint().encode()) == {("remembered", "tree")}


def test_a_log_that_was_rewritten_is_found(audit: Audit, files: Files) -> None:
    """Both checkpoints bear the log's signature: together they convict it."""
    other = World.founded()
    other.hand_over("jabar", "jateng")
    assert audit(files, remembered=other.checkpoint().encode()) == {("remembered", "tree")}


@pytest.mark.parametrize("raw", [b"", b"\xff", b"no checkpoint\n"])
def test_a_remembered_checkpoint_that_is_none_is_a_finding(raw: bytes, audit: Audit, files: Files) -> None:
    assert audit(files, remembered=raw) == {("remembered", "note")}


def test_a_finding_bears_a_rule_that_exists() -> None:
    check = Check("x", "1", "x")
    with pytest.raises(KeyError):
        check.fail("file", "no such rule", "x")
    assert OWN_RULES.keys() == {"missing", "unreadable"}
