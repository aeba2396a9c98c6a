"""Entries: what a member may say, and what no reader takes. The catalogue is tests/vectors/entry/entries.json."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from keys.signing import SigningKey
from protocol import jws
from protocol.entry import MAX_ENTRY_BYTES, Entry, TreeHead, new_id, read_entry
from protocol.errors import LocalError, RemoteError
from protocol.kinds import KINDS
from tests.support.federation import World, made_id, seed, signing
from tests.support.outcome import outcome_of, vector_file, vectors

SIGNER = SigningKey.from_seed(bytes.fromhex(vector_file("entry/entries.json")["seed"])).public
TREE = TreeHead(7, seed("root"))


@pytest.fixture(scope="module")
def world() -> World:
    return World.founded()


@pytest.mark.parametrize("vector", vectors("entry/entries.json"))
def test_each_text_meets_its_rule(vector: dict[str, Any]) -> None:
    assert outcome_of(lambda: read_entry(vector["jws"]).verify(SIGNER)) == vector["outcome"]


def test_the_catalogue_has_every_kind() -> None:
    good = [vector["jws"] for vector in vector_file("entry/entries.json")["vectors"] if vector["outcome"] == "ok"]
    assert {read_entry(raw).entry.kind for raw in good} == set(KINDS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].thread in ("own", "none")])
def test_what_is_signed_is_what_is_read(kind: str, world: World) -> None:
    drafted = world.draft(kind, "jabar", "kemnaker")
    signed = drafted.sign(signing("jabar"))
    assert signed.entry == drafted
    assert read_entry(signed.raw.encode()).verify(signing("jabar").public) == signed
    assert signed.digest == jws.digest(signed.raw)
    assert signed.kid == signing("jabar").public.kid


def test_another_key_than_the_one_named_verifies_nothing(world: World) -> None:
    signed = world.draft("fence", "jabar", "pusat").sign(signing("jabar"))
    assert outcome_of(lambda: read_entry(signed.raw).verify(signing("jateng").public)) == "unknown-key"


def test_an_entry_over_the_limit_is_refused_before_it_is_parsed() -> None:
    assert outcome_of(lambda: read_entry("." * (MAX_ENTRY_BYTES + 1))) == "too-large"


def test_the_same_statement_at_another_position_keeps_its_id(world: World) -> None:
    """A retry behind a refused entry is the same entry to its reader, who drops doubles by id."""
    first = world.draft("offer", "jabar", "kemnaker")
    again = first.at_position(9, 2, first.at + 60)
    assert (again.seq, again.inc, again.at) == (9, 2, first.at + 60)
    assert replace(again, seq=first.seq, inc=first.inc, at=first.at) == first


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda e: replace(e, seen=None), id="no tree head"),
        pytest.param(lambda e: replace(e, slot=None), id="no slot"),
        pytest.param(lambda e: replace(e, ref=made_id("other")), id="another thread than its own"),
        pytest.param(lambda e: replace(e, recipient=e.sender), id="to itself"),
        pytest.param(lambda e: replace(e, parts={}), id="no part"),
        pytest.param(lambda e: replace(e, seq=0), id="position 0"),
    ],
)
def test_what_our_own_reader_would_refuse_is_never_signed(spoil: Callable[[Entry], Entry], world: World) -> None:
    """It is our bug, so it is no RemoteError: nobody may answer a peer, or drop an entry, because of it."""
    with pytest.raises(LocalError):
        spoil(world.draft("offer", "jabar", "kemnaker")).sign(signing("jabar"))


def test_members_of_other_kinds_never_reach_the_wire(world: World) -> None:
    entry: Entry = replace(world.draft("receipt", "jabar", "kemnaker"), epoch=3, slot=made_id("s"), seen=TREE)
    assert entry.payload().keys() == {"v", "id", "from", "to", "seq", "inc", "at", "kind", "ref", "body"}


def test_fresh_ids_differ_and_are_ids() -> None:
    ids = {new_id() for _ in range(50)}
    assert len(ids) == 50
    assert all(len(each) == 22 for each in ids)


def test_a_refusal_never_quotes_what_it_read(world: World) -> None:
    payload = world.draft("receipt", "jabar", "kemnaker").payload() | {"body": "Budi Santoso"}
    with pytest.raises(RemoteError) as caught:
        read_entry(jws.sign(signing("jabar"), jws.ENTRY, payload))
    assert "Budi" not in f"{caught.value} {caught.value.expected}"
