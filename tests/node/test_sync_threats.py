"""What a bad network or a dishonest hub may answer. The rule is named, nothing is stored, and honesty mends it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from keys import b64u
from keys.signing import SigningKey
from node.models.cases import Case
from node.models.sync import InboxEntry
from node.sync.directory import read_known
from node.sync.engine import fetch_news
from protocol import checkpoint, merkle
from protocol.bundle import Answer, Bundle, read_bundle
from protocol.checkpoint import Checkpoint
from protocol.custody import Stance
from protocol.leaf import Leaf
from tests.support.federation import seed, signing
from tests.support.nodes import (
    CROOK,
    REPORTER_NAME,
    Carrier,
    Country,
    Meddler,
    case_file,
    lying,
)

#: What a sync that was not believed may change: its own counter, and the note that something is wrong.
_ABOUT_THE_SYNC = ("sync_state", "alarm")
Change = Callable[[Answer, tuple[str, ...]], tuple[Answer, tuple[str, ...]]]


@pytest.fixture
def waiting(land: Country) -> Country:
    """Two offers of jabar and one of the crook wait for kemnaker, which has synced once before."""
    land.kemnaker.sync_well()
    for _ in range(2):
        land.jabar.hand_over(land.jabar.file().number, "kemnaker")
    land.jabar.sync_well()
    crook = land.crook()
    crook.push(crook.tell("offer", "kemnaker", {"case": case_file(CROOK).encode()}))
    crook.push(crook.tell("offer", "jateng", {"case": case_file(CROOK).encode()}))
    return land


# Without the hub's key: bytes on the way.


def flipped(text: str, at: int = -10) -> str:
    """Another base64url character at a place."""
    other = "A" if text[at] != "A" else "B"
    return f"{text[:at]}{other}{text[at + 1 :]}" if at != -1 else text[:-1] + other


def bundled(change: Callable[[Bundle], Bundle]) -> Callable[[Country], Carrier]:
    return lambda place: Meddler(place.line, answer=lambda raw: change(read_bundle(raw)).encode())


def altered_entry(bundle: Bundle) -> Bundle:
    return replace(bundle, entries=(flipped(bundle.entries[0]), *bundle.entries[1:]))


def altered_manifest(bundle: Bundle) -> Bundle:
    return replace(bundle, manifest=flipped(bundle.manifest))


def withheld_by_the_network(bundle: Bundle) -> Bundle:
    return replace(bundle, entries=bundle.entries[1:])


def swapped_by_the_network(bundle: Bundle) -> Bundle:
    return replace(bundle, entries=(bundle.entries[1], bundle.entries[0], *bundle.entries[2:]))


def altered_part(bundle: Bundle) -> Bundle:
    name, content = next(iter(bundle.parts.items()))
    return replace(bundle, parts={**bundle.parts, name: bytes([content[0] ^ 1]) + content[1:]})


def on_the_wire(change: Callable[[bytes], bytes]) -> Callable[[Country], Carrier]:
    return lambda place: Meddler(place.line, answer=change)


def with_leaves(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Country], Carrier]:
    return lambda place: Meddler(place.line, leaf=change)


def another_leaf(leaves: list[bytes]) -> list[bytes]:
    return [*leaves[:-1], Leaf(seed("leaf"), slot=b64u.encode(seed("slot")[:16])).encode()]


def one_bit_of_a_leaf(leaves: list[bytes]) -> list[bytes]:
    raw = leaves[0]
    at = raw.index(b'"h":"') + 5
    return [raw[:at] + (b"A" if raw[at : at + 1] != b"A" else b"B") + raw[at + 1 :], *leaves[1:]]


# With the hub's own key: what a dishonest hub may say.


def signed_lie(change: Change, signer: SigningKey | None = None) -> Callable[[Country], Carrier]:
    return lambda place: Meddler(place.line, answer=lying(place.founded.keys.hub, change, signer))


def withheld(answer: Answer, entries: tuple[str, ...]) -> tuple[Answer, tuple[str, ...]]:
    return replace(answer, pull=answer.pull[1:]), entries[1:]


def renumbered(answer: Answer, entries: tuple[str, ...]) -> tuple[Answer, tuple[str, ...]]:
    """The first entry is withheld, and the others moved up into its place."""
    pull = tuple(replace(each, pos=each.pos - 1) for each in answer.pull[1:])
    return replace(answer, pull=pull), entries[1:]


def swapped(answer: Answer, entries: tuple[str, ...]) -> tuple[Answer, tuple[str, ...]]:
    first, second, *rest = answer.pull
    pull = (replace(second, pos=first.pos), replace(first, pos=second.pos), *rest)
    return replace(answer, pull=pull), (entries[1], entries[0], *entries[2:])


def at_another_index(answer: Answer, entries: tuple[str, ...]) -> tuple[Answer, tuple[str, ...]]:
    first, second, *rest = answer.pull
    pull = (replace(first, index=second.index), replace(second, index=first.index), *rest)
    return replace(answer, pull=pull), entries


def beyond_the_log(answer: Answer, entries: tuple[str, ...]) -> tuple[Answer, tuple[str, ...]]:
    first, *rest = answer.pull
    return replace(answer, pull=(replace(first, index=10_000), *rest)), entries


def for_somebody_else(place: Country) -> Carrier:
    """The crook's offer to jateng stands in kemnaker's inbox."""
    with place.founded.database.reading() as session:
        from hub.models import LoggedEntry  # noqa: PLC0415  beside its one use

        row = session.query(LoggedEntry).filter_by(recipient="jateng").one()
        raw, index, h = row.jws, row.index, row.h

    def change(answer: Answer, entries: tuple[str, ...]) -> tuple[Answer, tuple[str, ...]]:
        first, *rest = answer.pull
        return replace(answer, pull=(replace(first, index=index, h=h), *rest)), (raw, *entries[1:])

    return Meddler(place.line, answer=lying(place.founded.keys.hub, change))


def with_checkpoint(make: Callable[[Country, Answer], str]) -> Callable[[Country], Carrier]:
    def carrier(place: Country) -> Carrier:
        def change(answer: Answer, entries: tuple[str, ...]) -> tuple[Answer, tuple[str, ...]]:
            return replace(answer, checkpoint=make(place, answer)), entries

        return Meddler(place.line, answer=lying(place.founded.keys.hub, change))

    return carrier


def noted(place: Country, size: int, root: bytes, signer: SigningKey | None = None) -> str:
    origin = place.founded.federation.log_origin
    return checkpoint.sign(Checkpoint(origin, size, root), origin, signer or place.founded.keys.log)


def size_of(place: Country, answer: Answer) -> int:
    federation = place.founded.federation
    return checkpoint.read(answer.checkpoint, federation.log_origin, federation.log_key).checkpoint.size


def older(place: Country, answer: Answer) -> str:
    """A log of one leaf, which once was true."""
    del answer
    return noted(place, 1, merkle.root([merkle.leaf_hash(place.line.leaves(0, 1)[0])]))


def forked(place: Country, answer: Answer) -> str:
    return noted(place, size_of(place, answer), seed("another tree"))


def by_another_log(place: Country, answer: Answer) -> str:
    return noted(place, size_of(place, answer), seed("tree"), signing("another log"))


def emptied(place: Country, answer: Answer) -> str:
    del answer
    return noted(place, 0, merkle.EMPTY_ROOT)


def addressed(**changes: object) -> Callable[[Country], Carrier]:
    return signed_lie(lambda answer, entries: (replace(answer, **changes), entries))  # type: ignore[arg-type]


def replayed(place: Country) -> Carrier:
    """The hub's true answer, to jateng."""
    carrier = Carrier(place.line)
    assert place.jateng.sync(carrier).trouble is None
    return Meddler(place.line, answer=lambda _: carrier.answers[0])


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to answer wrongly, and the trouble that a node names."""

    name: str
    trouble: str
    carrier: Callable[[Country], Carrier]


ATTACKS = (
    Attack("no answer but a page", "canonical", on_the_wire(lambda _: b"<html>Masuk ke Wi-Fi bandara</html>")),
    Attack("an answer cut short", "canonical", on_the_wire(lambda raw: raw[:-1])),
    Attack("one byte of an entry", "manifest", bundled(altered_entry)),
    Attack("one byte of the manifest", "signature", bundled(altered_manifest)),
    Attack("one byte of a part", "part-id", bundled(altered_part)),
    Attack("an entry withheld on the way", "manifest", bundled(withheld_by_the_network)),
    Attack("two entries swapped on the way", "manifest", bundled(swapped_by_the_network)),
    Attack("an answer to somebody else", "addressed", replayed),
    Attack("one bit of a leaf", "tree", with_leaves(one_bit_of_a_leaf)),
    Attack("another leaf", "tree", with_leaves(another_leaf)),
    Attack("a leaf too few", "tree", with_leaves(lambda leaves: leaves[:-1])),
    Attack("a leaf too many", "tree", with_leaves(lambda leaves: [*leaves, leaves[0]])),
    Attack("no leaves", "tree", with_leaves(lambda _: [])),
    Attack("a leaf that is none", "canonical", with_leaves(lambda leaves: [*leaves[:-1], b"{ }"])),
    Attack("the hub withholds an entry", "seq", signed_lie(withheld)),
    Attack("the hub withholds one and renumbers", "seq", signed_lie(renumbered)),
    Attack("the hub swaps two entries", "seq", signed_lie(swapped)),
    Attack("the hub names another leaf", "tree", signed_lie(at_another_index)),
    Attack("the hub names a leaf beyond the log", "tree", signed_lie(beyond_the_log)),
    Attack("an entry for somebody else", "addressed", for_somebody_else),
    Attack("an older log", "tree", with_checkpoint(older)),
    Attack("an empty log", "tree", with_checkpoint(emptied)),
    Attack("a forked log", "tree", with_checkpoint(forked)),
    Attack("a checkpoint of another log", "note", with_checkpoint(by_another_log)),
    Attack("an answer for another node", "addressed", addressed(node="jabar")),
    Attack("an answer of another hub", "addressed", addressed(hub="daerah")),
    Attack("an answer to another request", "addressed", addressed(req=seed("request"))),
    Attack("no proof of growth", "tree", addressed(consistency=())),
    Attack("a proof of another growth", "tree", addressed(consistency=(seed("proof"),))),
    Attack("signed by a key that nobody has", "unknown-key", signed_lie(lambda a, e: (a, e), signing("nobody"))),
    Attack("signed by a member", "party", signed_lie(lambda a, e: (a, e), signing("jabar"))),
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_answer_that_breaks_a_rule_is_not_stored_and_the_next_honest_one_mends_it(
    waiting: Country, attack: Attack
) -> None:
    kemnaker = waiting.kemnaker
    carrier = attack.carrier(waiting)
    before = kemnaker.dump(without=_ABOUT_THE_SYNC)
    keys_before = set(kemnaker.node.case_keys.listing())
    done = kemnaker.sync(carrier)
    assert done.trouble == f"rule:{attack.trouble}"
    assert kemnaker.dump(without=_ABOUT_THE_SYNC) == before
    assert set(kemnaker.node.case_keys.listing()) - keys_before <= orphans(waiting)
    assert kemnaker.alarms() == [attack.trouble]
    assert kemnaker.state().trouble == done.trouble

    # Told once, not at every attempt.
    assert kemnaker.sync(carrier).trouble is not None
    assert len(kemnaker.alarms()) == 1

    waiting.settle()
    assert kemnaker.state().trouble is None
    assert {row.rule for row in kemnaker.rows(InboxEntry)} == {None}
    for case in waiting.jabar.cases():
        assert kemnaker.open_identity(case.number) == REPORTER_NAME


def orphans(place: Country) -> set[tuple[str, str]]:
    """Wrappings that a rolled back attempt leaves: of no case, opened by nothing, taken up by the next attempt."""
    held = {case.case_id for case in place.kemnaker.rows(Case)}
    return {(case, use) for case, use in place.kemnaker.node.case_keys.listing() if case not in held}


# The first contact.


def test_a_node_that_has_read_nothing_starts_at_the_log(land: Country) -> None:
    """Without a directory nobody's signature can be checked: the first thing is the checkpoint."""
    fresh = land.fresh("kemensos")
    assert fresh.sync(Meddler(land.line, note=lambda raw: raw[:-5] + b"AAAA\n")).trouble == "rule:note"
    assert fresh.sync(Meddler(land.line, leaf=another_leaf)).trouble == "rule:tree"
    assert fresh.dump(without=_ABOUT_THE_SYNC)["log_tile"] == []
    fresh.sync_well()
    assert fresh.state().log_size == land.log_size()


# Custody under a hub that lies.


def test_an_accept_that_the_hub_withholds_moves_nothing_and_alarms(land: Country) -> None:
    """The leaf says that somebody answered. Who and how stands in the entry: without it nobody acts."""
    number = land.jabar.file().number
    land.jabar.hand_over(number, "kemnaker")
    land.jabar.sync_well()
    land.kemnaker.sync_well()

    def change(answer: Answer, entries: tuple[str, ...]) -> tuple[Answer, tuple[str, ...]]:
        return replace(answer, pull=(), more=False), entries[:0]

    liar = Meddler(land.line, answer=lying(land.founded.keys.hub, change))
    for _ in range(2):
        assert land.jabar.sync(liar).trouble is None
    assert land.jabar.case(number).stance == Stance.OFFERED
    assert land.jabar.alarms() == ["won"]
    assert land.jabar.queued() == []
    land.settle()
    assert land.jabar.case(number).stance == Stance.ERASED
    assert land.kemnaker.open_identity(number) == REPORTER_NAME


def test_news_are_empty_where_nothing_was_added(land: Country) -> None:
    with land.jabar.node.database.reading() as session:
        known = read_known(session, land.founded.federation)
    news = fetch_news(land.line, 3, 3, known)
    assert (news.leaves, news.directories) == ([], {})
