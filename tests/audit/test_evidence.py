"""Evidence beyond the log itself: fences, checkpoints that others were given, refused texts, forked custody.

Whatever accuses somebody names what a third party needs to see it too.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from audit.cli import main
from keys import b64u
from protocol import checkpoint
from protocol.checkpoint import Checkpoint
from protocol.content import receipt_body
from protocol.entry import SignedEntry, TreeHead
from tests.audit.test_threats import rotated
from tests.support.federation import NOW, ORIGIN, World, made_id, seed, signing, story

Failed = set[tuple[str, str]]
Audit = Callable[..., Failed]
Found = dict[str, Any]


@pytest.fixture
def world() -> World:
    return World.founded()


def report(folder: Path) -> Found:
    result = CliRunner().invoke(main, ["verify", "--json", str(folder)], catch_exceptions=False)
    found: Found = json.loads(result.stdout)
    assert result.exit_code == (0 if found["ok"] else 1)
    return found


def findings(found: Found, check: str) -> list[Found]:
    return [finding for each in found["checks"] if each["name"] == check for finding in each["findings"]]


# Fences


def test_a_node_that_starts_again_and_again_passes(world: World, audit: Audit) -> None:
    """Each start is a fence; what was said under the incarnations before stays as it was."""
    for party in ("jabar", "kemnaker", "jabar"):
        world.fence(party)
        world.hand_over("jabar", "kemnaker")
    world.hand_over("kemnaker", "jateng", epoch=1)
    assert audit(world) == set()


def test_an_offer_behind_a_fence_moves_no_custody(world: World, audit: Audit) -> None:
    """A dishonest hub logged a late copy. Its sender still holds the case, one epoch on, for the slot is used up."""
    taken = world.hand_over("kemnaker", "jabar")
    world.fence("jabar")
    world.offer("jabar", "kemnaker", epoch=1, inc=1)
    world.hand_over("jabar", "jateng", epoch=2)
    assert taken.offer.entry.epoch == 0
    assert audit(world) == {("links", "incarnation")}


def test_an_accept_of_an_offer_behind_a_fence_is_found(world: World, audit: Audit) -> None:
    world.fence("jabar")
    world.answer("accept", world.offer("jabar", "kemnaker", inc=1))
    assert audit(world) == {("links", "incarnation"), ("answers", "answer")}
    world.offer("kemnaker", "jateng", epoch=1)
    assert ("custody", "chain") in audit(world)


@pytest.mark.parametrize("kind", ["accept", "reject", "recall"])
def test_an_answer_behind_a_fence_moves_no_custody(kind: str, world: World, audit: Audit) -> None:
    """Who acts on it is found: nobody holds the case at the next epoch."""
    offer = world.offer("jabar", "kemnaker")
    sender = "jabar" if kind == "recall" else "kemnaker"
    world.fence(sender)
    world.answer(kind, offer, inc=1)
    assert audit(world) == {("links", "incarnation")}
    world.offer("kemnaker" if kind == "accept" else "jabar", "jateng", epoch=1)
    assert audit(world) == {("links", "incarnation"), ("custody", "chain")}


def test_a_slot_that_was_used_behind_a_fence_is_used(world: World, audit: Audit) -> None:
    """The first leaf decides, also where it counts for nobody: a second answer in the same slot has lost."""
    offer = world.offer("jabar", "kemnaker")
    world.fence("kemnaker")
    world.answer("accept", offer, inc=1)
    world.answer("accept", offer)
    world.offer("kemnaker", "jateng", epoch=1)
    assert audit(world) == {("links", "incarnation"), ("slots", "slot-taken"), ("custody", "chain")}


def test_a_grant_behind_a_fence_is_no_second_grant(world: World, audit: Audit) -> None:
    offer = world.offer("jabar", "kemnaker")
    accept = world.answer("accept", offer)
    world.fence("jabar")
    world.grant(offer, accept, inc=1)
    world.grant(offer, accept)
    assert audit(world) == {("links", "incarnation")}


def test_a_ruling_behind_a_fence_binds_nobody(world: World, audit: Audit) -> None:
    ask = world.ask("jabar")
    world.fence("triase")
    world.rule(ask, "kemnaker", inc=1)
    world.offer("jabar", "kemnaker")
    assert audit(world) == {("links", "incarnation")}


def test_a_fence_shuts_out_nobody_but_its_maker(world: World, audit: Audit) -> None:
    world.fence("jabar", 7)
    world.hand_over("kemnaker", "jateng")
    assert audit(world) == set()


def test_fences_are_judged_without_their_entries(world: World, audit: Audit) -> None:
    """Their leaves say it all, so that who sees one case's entries alone sees what does not count in it."""
    world.fence("jabar")
    late = world.offer("jabar", "kemnaker", inc=1)
    world.entries = [each for each in world.entries if each[1] == late.raw]
    assert audit(world, need_all=False) == {("links", "incarnation")}


# What receipts tell of the log


def receipt_over(world: World, seen: TreeHead) -> SignedEntry:
    world.say("consult", "jabar", "kemnaker")
    return world.say("receipt", "kemnaker", "jabar", body=receipt_body(1, seen))


def test_a_receipt_over_this_log_passes(world: World, audit: Audit) -> None:
    receipt_over(world, world.head())
    assert audit(world) == set()


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(lambda w: TreeHead(w.size, seed("another log")), id="another log"),
        pytest.param(lambda w: TreeHead(w.size + 5, seed("the future")), id="leaves to come"),
    ],
)
def test_a_receipt_over_another_log_is_found(seen: Callable[[World], TreeHead], world: World, audit: Audit) -> None:
    """Two nodes that were shown two logs learn of it from each other, and so does the auditor."""
    receipt_over(world, seen(world))
    assert audit(world) == {("seen", "seen")}


def test_a_receipt_whose_body_is_none_is_named_once(world: World, audit: Audit) -> None:
    world.say("consult", "jabar", "kemnaker")
    world.say("receipt", "kemnaker", "jabar", body={"upto": 1, "seen": "all"})
    assert ("seen", "members") not in audit(world)
    assert ("kinds", "members") in audit(world)


# Checkpoints that others were given


def signed(size: int, root: bytes, key: str = "log") -> bytes:
    return checkpoint.sign(Checkpoint(ORIGIN, size, root), ORIGIN, signing(key)).encode()


def noted(files: dict[str, bytes], **notes: bytes) -> dict[str, bytes]:
    return files | {f"checkpoints/{name}.note": note for name, note in notes.items()}


def test_checkpoints_of_this_log_pass(audit: Audit) -> None:
    world = story()
    given = {f"at{size}": world.checkpoint(size).encode() for size in (0, 1, 12, world.size)}
    assert audit(noted(world.files(), **given)) == set()


@pytest.mark.parametrize("size", [1, 12, 27])
def test_a_checkpoint_of_another_log_is_evidence_against_the_hub(size: int, tmp_path: Path) -> None:
    """The hub showed two logs: both heads are signed by its key, and both are named whole."""
    world = story()
    folder = world.write(tmp_path / "audit")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "jateng.note").write_bytes(signed(size, seed("other")))
    (told,) = findings(report(folder), "checkpoints")
    assert (told["file"], told["rule"]) == ("checkpoints/jateng.note", "tree")
    head = world.head()
    assert told["expected"]["first"] == {"file": "checkpoint", "size": 27, "root": b64u.encode(head.root)}
    second = {"file": "checkpoints/jateng.note", "size": size, "root": b64u.encode(seed("other"))}
    assert told["expected"]["second"] == second
    if size < world.size:
        assert told["expected"]["root_then"] == b64u.encode(world.root_at(size))


def test_two_checkpoints_beyond_the_log_contradict_each_other(audit: Audit) -> None:
    """Neither can be judged by the leaves that were exported, and yet one of them is a lie."""
    files = noted(story().files(), one=signed(99, seed("one")), other=signed(99, seed("other")))
    assert audit(files) == {("checkpoints", "tree")}


def test_two_checkpoints_contradict_each_other_though_leaves_are_missing(audit: Audit) -> None:
    files = noted(story().files(), one=signed(9, seed("one")), other=signed(9, seed("other")))
    del files["tile/entries/000.p/27"]
    assert ("checkpoints", "tree") in audit(files, need_all=False)


def test_a_checkpoint_beyond_the_log_is_not_judged_and_told(tmp_path: Path) -> None:
    folder = story().write(tmp_path / "audit")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "later.note").write_bytes(signed(99, seed("later")))
    found = report(folder)
    assert found["ok"]
    assert any("1 checkpoints are of larger trees" in warning for warning in found["warnings"])
    assert next(check["unjudged"] for check in found["checks"] if check["name"] == "checkpoints") == 1


def test_a_checkpoint_that_the_log_did_not_sign_accuses_nobody(audit: Audit) -> None:
    files = noted(story().files(), forged=signed(12, seed("other"), key="forger"), rubbish=b"\xff")
    assert audit(files) == {("checkpoints", "note")}


def test_a_folder_without_such_checkpoints_says_nothing_of_them(tmp_path: Path) -> None:
    found = report(story().write(tmp_path / "audit"))
    assert not {"checkpoints", "equivocation"} & {check["name"] for check in found["checks"]}


# Refused texts


def with_second(world: World, *texts: tuple[int, str]) -> dict[str, bytes]:
    """The folder with texts that the hub refused for the positions of these leaves."""
    items = [{"at": NOW, "index": index, "jws": raw} for index, raw in texts]
    return world.files() | {"equivocations/000000000.json": json.dumps({"entries": items}).encode()}


def told_of(world: World, folder: Path, *texts: tuple[int, str]) -> Found:
    """The one finding that comes of these texts."""
    for path, content in with_second(world, *texts).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (told,) = findings(report(folder), "equivocation")
    return told


def text(world: World, *, party: str = "jabar", signer: str | None = None, seq: int = 1, inc: int = 1) -> SignedEntry:
    """An entry that nobody logged."""
    return world.draft("ask", party, "triase", seq=seq, inc=inc).sign(signing(signer or party))


def test_a_second_text_names_party_link_position_and_both_hashes(world: World, tmp_path: Path) -> None:
    first, second = world.ask("jabar"), text(world)
    told = told_of(world, tmp_path, (1, second.raw))
    assert told["file"] == "equivocations/000000000.json index 1"
    assert told["expected"] == {
        "party": "jabar",
        "link": ["jabar", "triase"],
        "position": 1,
        "logged": {"leaf": 1, "h": b64u.encode(first.digest)},
        "refused": {"at": NOW, "h": b64u.encode(second.digest)},
    }
    assert "set back and did not notice" in told["detail"]
    assert "never does this" in told["detail"]


def test_a_second_text_of_a_higher_incarnation_is_one_too(world: World, tmp_path: Path) -> None:
    world.ask("jabar")
    assert told_of(world, tmp_path, (1, text(world, inc=2).raw))["expected"]["party"] == "jabar"


def test_a_second_text_under_a_key_of_later_is_one_too(world: World, tmp_path: Path) -> None:
    """It came after the key of the logged entry had been closed."""
    world.ask("jabar")
    rotated(world)
    assert told_of(world, tmp_path, (1, text(world, signer="jabar baru").raw))["expected"]["party"] == "jabar"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda w: w.entries[0][1], id="the logged text itself"),
        pytest.param(lambda w: text(w, seq=2).raw, id="a text for another position"),
        pytest.param(lambda w: text(w, party="jateng").raw, id="a text of another party"),
        pytest.param(lambda w: text(w, signer="jateng").raw, id="a text that it did not sign"),
    ],
)
def test_a_hub_accuses_nobody_by_a_file_alone(spoil: Callable[[World], str], world: World, tmp_path: Path) -> None:
    """The file is at fault then, and no party is named."""
    world.ask("jabar")
    assert "party" not in told_of(world, tmp_path, (1, spoil(world)))["expected"]


def test_a_text_from_before_a_restore_accuses_nobody(world: World, tmp_path: Path) -> None:
    late = text(world)
    world.fence("jabar")
    world.ask("jabar")
    assert "party" not in told_of(world, tmp_path, (2, late.raw))["expected"]


def test_a_text_whose_logged_twin_is_not_given_is_not_judged(world: World, audit: Audit) -> None:
    world.ask("jabar")
    world.entries.clear()
    assert audit(with_second(world, (1, text(world).raw)), need_all=False) == set()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"entries":[7]}', b'{"entries":[{"index":1,"jws":"x"}]}', b"\xff"])
def test_rubbish_in_such_a_file_is_a_finding(content: bytes, world: World, audit: Audit) -> None:
    files = world.files() | {"equivocations/000000000.json": content}
    assert {check for check, _ in audit(files)} == {"equivocation"}


# Forked custody


def forks(world: World, folder: Path) -> list[Found]:
    told = findings(report(world.write(folder / "audit")), "custody")
    return [finding for finding in told if "forked" in finding["detail"]]


def test_a_case_that_was_handed_over_twice_names_both_offers(world: World, tmp_path: Path) -> None:
    """Its holder used a slot out of the air, so that the log has two custodians of one case."""
    world.hand_over("jabar", "kemnaker")
    first = world.hand_over("kemnaker", "jateng", epoch=1)
    second = world.hand_over("kemnaker", "jabar", epoch=1)
    (told,) = forks(world, tmp_path)
    assert told["rule"] == "chain"
    assert told["expected"]["holder"] == "kemnaker"
    assert told["expected"]["first"]["offer"] == first.offer.entry.id
    assert told["expected"]["second"]["offer"] == second.offer.entry.id
    assert (told["expected"]["first"]["to"], told["expected"]["second"]["to"]) == ("jateng", "jabar")
    assert told["expected"]["may_be_first"] == 1


def test_a_filing_that_was_handed_over_twice_at_rising_epochs_is_a_fork(world: World, tmp_path: Path) -> None:
    first, second = world.hand_over("jabar", "kemnaker"), world.hand_over("jabar", "jateng", epoch=1)
    (told,) = forks(world, tmp_path)
    assert told["expected"]["first"]["offer"] == first.offer.entry.id
    assert told["expected"]["second"]["offer"] == second.offer.entry.id


def test_two_accepted_offers_in_one_slot_are_one_case_twice(world: World, tmp_path: Path) -> None:
    """Which also shows two filings of the origin to be one."""
    first = world.offer("jabar", "kemnaker")
    second = world.offer("jabar", "jateng", slot=first.entry.slot)
    world.answer("accept", first)
    assert forks(world, tmp_path) == []
    world.answer("accept", second)
    (told,) = forks(world, tmp_path)
    assert told["expected"]["first"]["h"] == b64u.encode(first.digest)
    assert told["expected"]["second"]["h"] == b64u.encode(second.digest)


def test_of_several_that_may_be_the_first_hand_over_the_number_is_told(world: World, tmp_path: Path) -> None:
    for _ in range(3):
        world.hand_over("jabar", "kemnaker")
        world.hand_over("kemnaker", "jateng", epoch=1)
    world.hand_over("kemnaker", "jabar", epoch=1)
    (told,) = forks(world, tmp_path)
    assert told["expected"]["may_be_first"] == 3


@pytest.mark.parametrize("kind", ["reject", "recall"])
def test_an_offer_that_came_back_is_no_hand_over(kind: str, world: World, tmp_path: Path) -> None:
    world.hand_over("jabar", "kemnaker")
    world.hand_over("kemnaker", "jateng", epoch=1)
    world.answer(kind, world.offer("kemnaker", "jabar", epoch=1))
    assert forks(world, tmp_path) == []


def test_what_unseen_entries_may_explain_is_called_no_fork(world: World, audit: Audit) -> None:
    world.hand_over("jabar", "kemnaker")
    world.hand_over("kemnaker", "jateng", epoch=1)
    kept = world.entries[3:]
    world.hand_over("kemnaker", "jabar", epoch=1)
    world.entries = kept + world.entries[len(kept) + 3 :]
    assert audit(world, need_all=False) == set()


# Two custodians on one thread


THREAD = made_id("return")


def reports(world: World, party: str, kind: str = "progress", origin: str = "jabar") -> SignedEntry:
    return world.say(kind, party, origin, ref=THREAD)


@pytest.mark.parametrize("kind", ["progress", "reply"])
def test_a_filing_that_its_origin_handed_over_twice_is_found_by_its_thread(
    kind: str, world: World, tmp_path: Path
) -> None:
    """Two slots out of the air look like two filings; the reporter's thread is one."""
    first, second = world.hand_over("jabar", "kemnaker"), world.hand_over("jabar", "jateng")
    reports(world, "kemnaker")
    one, other = world.size - 1, reports(world, "jateng", kind)
    (told,) = forks(world, tmp_path)
    assert told["expected"]["origin"] == "jabar"
    assert told["expected"]["reports"] == [one, one + 1]
    assert told["expected"]["first"]["offer"] == first.offer.entry.id
    assert told["expected"]["second"]["offer"] == second.offer.entry.id
    assert other.entry.ref == THREAD


def test_custodians_one_after_the_other_report_on_one_thread(world: World, audit: Audit) -> None:
    """Also where a late report of the first comes after that of the second."""
    world.hand_over("jabar", "kemnaker")
    world.hand_over("kemnaker", "jateng", epoch=1)
    reports(world, "jateng")
    reports(world, "kemnaker")
    assert audit(world) == set()


def test_a_case_that_went_back_through_its_origin_is_one_chain(world: World, audit: Audit) -> None:
    world.hand_over("jabar", "kemnaker")
    reports(world, "kemnaker")
    world.hand_over("kemnaker", "jabar", epoch=1)
    world.hand_over("jabar", "jateng", epoch=2)
    reports(world, "jateng")
    assert audit(world) == set()


def test_a_hand_over_after_the_second_report_explains_nothing(world: World, tmp_path: Path) -> None:
    world.hand_over("jabar", "kemnaker")
    world.hand_over("jabar", "jateng")
    reports(world, "kemnaker")
    reports(world, "jateng")
    world.hand_over("kemnaker", "jateng", epoch=1)
    assert len(forks(world, tmp_path)) == 1


def test_an_ombudsman_that_was_referred_to_is_no_custodian(world: World, audit: Audit) -> None:
    world.hand_over("jabar", "kemnaker")
    world.hand_over("jabar", "jateng")
    reports(world, "kemnaker")
    world.say("refer", "jabar", "jateng", ref=THREAD)
    reports(world, "jateng", "reply")
    assert audit(world) == set()


def test_who_took_nothing_over_made_no_second_custodian(world: World, audit: Audit) -> None:
    world.hand_over("jabar", "kemnaker")
    reports(world, "kemnaker")
    reports(world, "jateng")
    assert audit(world) == set()


@pytest.mark.parametrize("left_out", range(8))
def test_an_unseen_hand_over_may_join_two_custodians(left_out: int, world: World, audit: Audit) -> None:
    world.hand_over("jabar", "kemnaker")
    reports(world, "kemnaker")
    world.hand_over("kemnaker", "jateng", epoch=1)
    reports(world, "jateng")
    del world.entries[left_out]
    assert audit(world, need_all=False) == set()
