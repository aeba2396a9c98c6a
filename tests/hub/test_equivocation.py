"""Two signed texts for one position of a link: the second is refused, both are kept, and a person is called."""

import json
from pathlib import Path

import pytest
import requests
from sqlalchemy import delete

from hub.auditors.access import add_auditor
from hub.export import export_folder
from hub.models import MemberState
from protocol.content import receipt_body
from protocol.directory import Status
from tests.hub.conftest import Town
from tests.support.federation import NOW
from tests.support.hub import Said, TestNode


def second_text(node: TestNode, seq: int = 1, upto: int = 99) -> Said:
    """Another entry of a node for a position that it has used."""
    return node.say("receipt", "kemnaker", seq=seq, body=receipt_body(upto))


def kept(town: Town) -> list[tuple[str, str, int, str]]:
    """What is kept: (sender, recipient, position, text)."""
    return [row[1:5] for row in town.hub.dump()["equivocation"]]


@pytest.fixture
def spoken(town: Town) -> Town:
    """A town in which jabar's position 1 to kemnaker is used."""
    town.jabar.sync(town.jabar.receipt("kemnaker"))
    return town


def test_the_second_text_is_refused_kept_and_told(spoken: Town, caplog: pytest.LogCaptureFixture) -> None:
    said = second_text(spoken.jabar)
    verdict = spoken.jabar.sync(said).verdict(said)
    assert (verdict.state, verdict.reason) == ("gap", "seq")
    assert kept(spoken) == [("jabar", "kemnaker", 1, said.signed.raw)]
    assert "ALARM jabar signed another entry for position 1 to kemnaker" in caplog.text


def test_it_is_kept_whatever_rule_refused_it(spoken: Town) -> None:
    """A text that would have been refused anyway was signed all the same."""
    spoken.jabar.links.clear()
    without_part = Said(spoken.jabar.offer("kemnaker").signed)
    reply = spoken.jabar.sync(without_part)
    assert reply.verdict(without_part).state == "part"
    assert [row[3] for row in kept(spoken)] == [without_part.signed.raw]


def test_two_texts_in_one_bundle_are_as_good(town: Town) -> None:
    one, other = town.jabar.receipt("kemnaker"), second_text(town.jabar)
    assert [push.state for push in town.jabar.sync(one, other).answer.push] == ["ok", "gap"]
    assert [row[3] for row in kept(town)] == [other.signed.raw]


def test_one_text_a_position_is_enough(spoken: Town, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody fills the disk of the hub with what it signs, and every attempt is told."""
    first = second_text(spoken.jabar)
    spoken.jabar.sync(first)
    for upto in range(3):
        spoken.jabar.sync(second_text(spoken.jabar, upto=upto))
    spoken.jabar.sync(first)
    assert [row[3] for row in kept(spoken)] == [first.signed.raw]
    assert caplog.text.count("ALARM") == 5


def test_the_same_text_again_is_no_second_one(spoken: Town) -> None:
    said = spoken.jabar.receipt("kemnaker")
    for _ in range(2):
        spoken.jabar.sync(said)
    assert kept(spoken) == []


def test_a_text_that_takes_the_place_of_a_refused_one_is_no_second_one(town: Town) -> None:
    """What was refused uses no position up: it is made again for the same one."""
    refused = Said(town.jabar.offer("kemnaker").signed)
    assert town.jabar.sync(refused).verdict(refused).state == "part"
    town.jabar.sync(town.jabar.receipt("kemnaker"))
    assert kept(town) == []


def test_a_late_copy_from_before_a_fence_is_no_second_text(town: Town) -> None:
    """What a restored member had signed and never said was made afresh; the old copy contradicts nothing."""
    ghost = TestNode("jabar", town.jabar.federation, town.url, town.jabar.hub_key)
    late = ghost.receipt("kemnaker")
    fence = town.jabar.fence()
    town.jabar.sync(fence, town.jabar.receipt("kemnaker", 7))
    with town.hub.database.transaction() as session:
        session.execute(delete(MemberState))
    assert ghost.post(ghost.bundle(late)).status_code == 409
    carried = town.jabar.sync(late).verdict(late)
    assert (carried.state, carried.reason) == ("bad", "incarnation")
    assert kept(town) == []


def test_a_restored_member_that_read_what_it_said_goes_on_and_contradicts_nothing(town: Town) -> None:
    town.jabar.sync(town.jabar.receipt("kemnaker", 1), town.jabar.receipt("kemnaker", 2))
    restored = TestNode("jabar", town.jabar.federation, town.url, town.jabar.hub_key, ctr=town.jabar.ctr)
    reply = restored.sync()
    restored.links["kemnaker"] = sum(pulled.box == "sent" for pulled in reply.answer.pull)
    fence, afresh = restored.fence(), restored.receipt("kemnaker", 3)
    assert [push.state for push in restored.sync(fence, afresh).answer.push] == ["ok", "ok"]
    assert kept(town) == []


def test_one_that_was_set_back_without_noticing_is_told_from_nobody(town: Town) -> None:
    """It signs used positions anew: evidence like that of a liar, and a person asks it."""
    town.jabar.sync(town.jabar.receipt("kemnaker", 1), town.jabar.receipt("kemnaker", 2))
    back = TestNode("jabar", town.jabar.federation, town.url, town.jabar.hub_key, ctr=town.jabar.ctr)
    said = back.receipt("kemnaker", 5)
    assert back.sync(said).verdict(said).state == "gap"
    assert [row[:3] for row in kept(town)] == [("jabar", "kemnaker", 1)]


def test_what_a_retired_member_signs_twice_is_kept_too(spoken: Town) -> None:
    spoken.hub.set_status("jabar", Status.RETIRED)
    said = second_text(spoken.jabar)
    spoken.jabar.sync(said)
    assert [row[3] for row in kept(spoken)] == [said.signed.raw]


def test_auditors_get_both_texts(spoken: Town, tmp_path: Path) -> None:
    said = second_text(spoken.jabar)
    spoken.jabar.sync(said)
    logged = spoken.hub.dump()["entry"][0]
    with spoken.hub.database.transaction() as session:
        token = add_auditor(session, "bpk", NOW)
    with spoken.hub.database.reading() as session:
        export_folder(session, spoken.hub.federation, tmp_path / "all", entries=True)
        export_folder(session, spoken.hub.federation, tmp_path / "public", entries=False)
    (file,) = (tmp_path / "all" / "equivocations").iterdir()
    told = {"entries": [{"at": NOW, "index": logged[0], "jws": said.signed.raw}]}
    assert json.loads(file.read_bytes()) == told
    assert file.name == "000000000.json"
    assert not (tmp_path / "public" / "equivocations").exists()
    address = f"{spoken.url}/audit/equivocations?to=256"
    answer = requests.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.json() == told
    assert requests.get(address, timeout=30).status_code == 401
