"""The directory: who the members are, and which key counts where in the log."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from protocol.canonical import JsonValue
from protocol.directory import (
    Directory,
    DirectoryHistory,
    KeyRecord,
    Kind,
    Member,
    Publication,
    Status,
    Use,
    directory_digest,
    publish,
    read_directory,
    read_key_record,
    read_member,
    sealing_record,
    signing_record,
)
from protocol.errors import LocalError, RemoteError
from protocol.metadata import Roots, read_contents, read_roots
from tests.support.federation import HUB, NOW, directory, member, records, sealing, signing
from tests.support.outcome import outcome_of, vector_file, vectors

ROOTS = read_roots(vector_file("directory/directories.json")["root"].encode())
FILES = vector_file("directory/directories.json")["files"]


def reread(made: Publication, roots: Roots = ROOTS) -> Directory:
    return read_directory(made.targets, lambda name: made.files[name.path], roots)


def closed(record: KeyRecord) -> KeyRecord:
    return replace(record, open=False)


@pytest.fixture(scope="module")
def first() -> Directory:
    return directory(member("jabar"), member("kemnaker", Kind.MINISTRY), member("triase", Kind.TRIAGE))


@pytest.mark.parametrize("vector", vectors("directory/directories.json"))
def test_each_version_meets_its_rule(vector: dict[str, Any]) -> None:
    files = {path: text.encode() for path, text in vector.get("files", FILES).items()}
    made = Publication(vector["targets"].encode(), files)
    assert outcome_of(lambda: reread(made)) == vector["outcome"]


def test_what_is_signed_is_what_is_read(first: Directory) -> None:
    whole = member("kota", Kind.CITY, parent="jabar", inspectorate="triase", status=Status.SUSPENDED, region="32.73")
    after = first.with_member(whole, NOW + 60)
    made = publish(after, [signing("registrar")])
    assert reread(made) == after
    assert reread(made).member("kota") == whole
    assert (after.version, after.issued_at) == (2, NOW + 60)
    assert len(directory_digest(made.targets)) == 32
    contents = read_contents(made.targets, ROOTS)
    assert (contents.version, contents.root, contents.expires) == (2, 1, NOW + 60 + 30 * 86_400)


def test_what_did_not_change_keeps_its_address(first: Directory) -> None:
    """A member that is renamed costs every reader one file, not the whole country's."""
    after = first.with_member(replace(first.member("jabar"), name="Jawa Barat"), NOW + 60)
    before, now = (read_contents(publish(each, [signing("registrar")]).targets, ROOTS) for each in (first, after))
    changed = [path for path, name in now.files.items() if name.url != before.files[path].url]
    assert changed == ["members/jabar.json"]


def test_a_renewed_version_says_the_same_for_longer(first: Directory) -> None:
    again = first.renewed(NOW + 60, 1)
    assert again == replace(first, version=2, issued_at=NOW + 60)
    assert DirectoryHistory().added(0, first).added(1, again).latest == again


def test_more_members_than_the_limit_are_refused(first: Directory) -> None:
    nobody = Member("x", "x", Kind.AGENCY, "", (), ())
    many = {f"m{n}": replace(nobody, id=f"m{n}") for n in range(5_001)}
    crowd = publish(replace(first, members=many), [signing("registrar")])
    assert outcome_of(lambda: reread(crowd)) == "directory"


@pytest.mark.parametrize("value", [None, [], "jabar", {}, 1])
def test_what_is_no_member_or_key_is_refused(value: JsonValue) -> None:
    assert outcome_of(lambda: read_member(value)) == "members"
    assert outcome_of(lambda: read_key_record(value)) == "members"


@pytest.mark.parametrize("record", records("jabar"))
def test_records_of_keys_come_through(record: KeyRecord) -> None:
    assert read_key_record(record.wire()) == record
    assert read_key_record(closed(record).wire()) == closed(record)


# Members and their keys


def test_an_unknown_party_has_no_record_and_no_key(first: Directory) -> None:
    assert outcome_of(lambda: first.member("papua")) == "member"
    assert first.signing_keys("papua") == ()
    assert first.signing_keys(HUB) == (signing(HUB).public,)
    assert first.signing_keys("jabar") == (signing("jabar").public,)


def test_seals_go_to_the_newest_open_key_of_the_use() -> None:
    newer, newest = sealing("jabar 2"), sealing("jabar 3")
    rows = (*records("jabar"), sealing_record(newer.public, Use.CASE), closed(sealing_record(newest.public, Use.CASE)))
    rotated = member("jabar", keys=rows)
    assert rotated.sealing_key(Use.CASE).kid == newer.public.kid
    assert rotated.sealing_key(Use.IDENTITY).kid == sealing("jabar", Use.IDENTITY).public.kid
    assert rotated.has_key(sealing("jabar").public.kid, Use.CASE)
    assert not rotated.has_key(newest.public.kid, Use.CASE)
    assert not rotated.has_key(newer.public.kid, Use.IDENTITY)
    shut = replace(rotated, keys=tuple(closed(record) for record in rows))
    assert outcome_of(lambda: shut.sealing_key(Use.CASE)) == "part-key"


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("kind", Kind)
def test_cases_are_offered_to_active_offices_and_never_to_triage(status: Status, kind: Kind) -> None:
    takes = member("x1", kind, status=status).takes_offers
    assert takes == (status is Status.ACTIVE and kind is not Kind.TRIAGE)


def test_triage_is_the_active_node_of_that_kind(first: Directory) -> None:
    assert first.triage().id == "triase"
    asleep = first.with_member(replace(first.member("triase"), status=Status.RETIRED), NOW)
    assert outcome_of(asleep.triage) == "member"


@pytest.mark.parametrize("name", [HUB, "reporter"])
def test_the_hub_and_the_reporter_are_never_enrolled(name: str, first: Directory) -> None:
    """Whoever bore one of these names could sign as the hub, or read as the reporter."""
    with pytest.raises(LocalError):
        first.with_member(member(name), NOW)


@pytest.mark.parametrize(
    "stolen", [records("kemnaker")[0], records("kemnaker")[1], signing_record(signing(HUB).public)]
)
def test_nobody_is_enrolled_with_anothers_key(stolen: KeyRecord, first: Directory) -> None:
    """A copied public key would let its owner's words pass as the copier's, or the copier's post reach the owner."""
    assert outcome_of(lambda: first.with_member(member("maling", keys=(stolen,)), NOW)) == "directory"


# History


def rotated(first: Directory) -> Directory:
    keys = (closed(records("jabar")[0]), *records("jabar")[1:], signing_record(signing("jabar baru").public))
    return first.with_member(replace(first.member("jabar"), keys=keys), NOW + 1)


def test_a_key_counts_from_the_leaf_that_lists_it_to_the_leaf_that_closes_it(first: Directory) -> None:
    history = DirectoryHistory().added(3, first).added(7, rotated(first))
    old, new = signing("jabar").public, signing("jabar baru").public

    def outcome(kid: str, index: int | None) -> str:
        return outcome_of(lambda: history.signing_key("jabar", kid, index))

    assert [outcome(old.kid, index) for index in (3, 4, 7, 8, None)] == [
        "directory",
        "ok",
        "ok",
        "unknown-key",
        "unknown-key",
    ]
    assert [outcome(new.kid, index) for index in (4, 7, 8, None)] == ["unknown-key", "unknown-key", "ok", "ok"]
    assert history.signing_key("jabar", new.kid) == new
    assert history.latest == history.at(8) == rotated(first)


def test_the_key_of_another_is_told_from_the_key_of_nobody(first: Directory) -> None:
    history = DirectoryHistory().added(0, first)
    assert outcome_of(lambda: history.signing_key("jabar", signing("kemnaker").public.kid)) == "party"
    assert outcome_of(lambda: history.signing_key("jabar", signing(HUB).public.kid, 1)) == "party"
    assert outcome_of(lambda: history.signing_key("jabar", signing("stranger").public.kid)) == "unknown-key"
    assert outcome_of(lambda: history.signing_key("papua", signing("stranger").public.kid)) == "unknown-key"
    assert history.signing_key(HUB, signing(HUB).public.kid, 1) == signing(HUB).public


def test_before_any_version_nobody_has_a_key() -> None:
    empty = DirectoryHistory()
    assert outcome_of(lambda: empty.latest) == "directory"
    assert outcome_of(lambda: empty.at(5)) == "directory"
    assert outcome_of(lambda: empty.signing_key("jabar", "x")) == "directory"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda d: replace(d, version=1), id="the same version again"),
        pytest.param(lambda d: replace(d, version=3), id="a version left out"),
        pytest.param(lambda d: replace(d, members={}), id="members deleted"),
        pytest.param(lambda d: replace(d, hub="hub-dua"), id="another hub"),
        pytest.param(lambda d: replace(d, root=1), id="an older root"),
        pytest.param(lambda d: replace(d, hub_keys=()), id="a key of the hub deleted"),
        pytest.param(
            lambda d: replace(d, members=d.members | {"jabar": member("jabar", keys=records("jabar")[:2])}),
            id="a member's key deleted",
        ),
        pytest.param(
            lambda d: replace(
                d,
                members=d.members
                | {"jabar": member("jabar", keys=tuple(replace(r, use=Use.CASE) for r in records("jabar")))},
            ),
            id="a key turned to another use",
        ),
    ],
)
def test_a_version_that_takes_back_what_was_said_is_refused(
    spoil: Callable[[Directory], Directory], first: Directory
) -> None:
    history = DirectoryHistory().added(0, replace(first, root=2))
    good = replace(first, version=2, root=2)
    assert history.added(5, good).latest == good
    assert outcome_of(lambda: history.added(5, spoil(good))) == "directory"


def test_a_closed_key_never_opens_again(first: Directory) -> None:
    """It may have been closed because it was stolen; what counts is the first leaf that closes it."""
    history = DirectoryHistory().added(0, first).added(4, rotated(first))
    reopened = replace(first, version=3, members={**rotated(first).members, "jabar": _reopened()})
    assert outcome_of(lambda: history.added(6, reopened)) == "directory"


def _reopened() -> Member:
    return member("jabar", keys=(*records("jabar"), signing_record(signing("jabar baru").public)))


def test_versions_stand_in_the_order_of_their_leaves(first: Directory) -> None:
    history = DirectoryHistory().added(5, first)
    for index in (4, 5):
        assert outcome_of(lambda index=index: history.added(index, rotated(first))) == "directory"  # type: ignore[misc]
    assert outcome_of(lambda: DirectoryHistory().added(0, rotated(first))) == "directory"


def test_adding_a_version_leaves_the_history_of_others_alone(first: Directory) -> None:
    before = DirectoryHistory().added(0, first)
    before.added(4, rotated(first))
    assert before.latest == first


def test_a_refusal_tells_what_would_have_been_right(first: Directory) -> None:
    with pytest.raises(RemoteError) as caught:
        DirectoryHistory().added(0, first).added(1, replace(first, version=9))
    assert caught.value.expected == {"version": 2}
