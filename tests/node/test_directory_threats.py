"""What a bad network or a dishonest hub may do to the directory: the attacks that TUF names, against our wiring."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import requests

from hub.members.ceremony import Rotation, rotate
from hub.members.enrolment import Registrar
from keys.digest import sha256
from keys.signing import SigningKey
from node.cases.views import ForbiddenError
from node.models.sync import DirectoryRoot, DirectoryVersion
from node.sync.client import HttpHub, HubRefusedError, HubUnreachableError
from node.sync.refresh import Vouched, freshness, keep_fresh, refresh
from protocol import checkpoint, merkle
from protocol.bundle import Answer
from protocol.checkpoint import Checkpoint
from protocol.directory import Directory, Publication, Status, directory_digest, publish
from protocol.leaf import Leaf
from protocol.publishing import sign_snapshot, sign_timestamp
from tests.support.federation import DAY, NOW, REGISTRAR, paths_of, root, signing
from tests.support.nodes import Carrier, Country, Meddler, Office, lying
from tests.support.site import Site, serving

_ABOUT_THE_SYNC = ("sync_state", "alarm", "directory_freshness")
HOUR = 3_600
BIG = 4_000_000


def changed(land: Country) -> None:
    """A version that kemnaker has not read yet, after one that it has."""
    land.kemnaker.sync_well()
    land.founded.set_status("jateng", Status.SUSPENDED)


def read_so_far(office: Office) -> tuple[int, Directory]:
    from node.sync.log import read_history  # noqa: PLC0415  beside its one use

    with office.node.database.reading() as session:
        return read_history(session, office.node.federation).versions[-1]


# On the way: bytes of the version that a leaf announces.


def missing(_path: str, _content: bytes) -> bytes:
    raise HubRefusedError(404, b"", None)


def only(part: str, change: Callable[[str, bytes], bytes]) -> Callable[[str, bytes], bytes]:
    """Change those files alone whose path holds `part`."""
    return lambda path, content: change(path, content) if part in path else content


def noting(asked: list[str]) -> Callable[[str, bytes], bytes]:
    """Change nothing, and note what is asked for."""

    def note(path: str, content: bytes) -> bytes:
        asked.append(path)
        return content

    return note


WAYS = {
    "an altered version": only("targets.json", lambda _, raw: raw.replace(b"2", b"3", 1)),
    "nothing as a version": only("targets.json", lambda *_: b""),
    "no version": only("targets.json", missing),
    "an altered member": only("jateng", lambda _, raw: raw.replace(b"suspended", b"active")),
    "an arbitrary file": only("jateng", lambda *_: b"#!/bin/sh\n"),
    "a longer member": only("jateng", lambda _, raw: raw + b" "),
    "no member": only("jateng", missing),
}


@pytest.mark.parametrize("name", WAYS)
def test_what_the_log_does_not_announce_is_refused_and_nothing_of_it_stored(name: str, land: Country) -> None:
    changed(land)
    before = land.kemnaker.dump(without=_ABOUT_THE_SYNC)
    assert land.kemnaker.sync(Meddler(land.line, file=WAYS[name])).trouble == "rule:directory"
    assert land.kemnaker.alarms() == ["directory"]
    assert land.kemnaker.dump(without=_ABOUT_THE_SYNC) == before
    land.kemnaker.sync_well()
    assert read_so_far(land.kemnaker)[1].member("jateng").status is Status.SUSPENDED


def test_an_older_version_in_the_place_of_the_new_is_refused(land: Country) -> None:
    """Rollback: it was signed once, and is not what the leaf names."""
    changed(land)
    older = land.line.directory("metadata/1.targets.json", BIG)
    carrier = Meddler(land.line, file=only("targets.json", lambda *_: older))
    assert land.kemnaker.sync(carrier).trouble == "rule:directory"


def test_files_that_are_known_are_not_asked_for_again(land: Country) -> None:
    changed(land)
    asked: list[str] = []
    land.kemnaker.sync(Meddler(land.line, file=noting(asked)))
    assert [path.rpartition(".")[0].rpartition(".")[2] for path in asked if path.startswith("targets/")] == ["jateng"]


def test_a_file_is_read_no_further_than_its_signed_length(land: Country) -> None:
    """Endless data costs its sender more than its reader."""
    land.kemnaker.sync_well()
    with serving(Site(body=lambda _: [b" " * 65_536] * 64)) as endless, pytest.raises(HubUnreachableError):
        endless.directory("metadata/8.targets.json", 4_096)


# With the hub's keys: versions that its log announces and the registrar never signed, or should not have.


@dataclass(slots=True)
class Forger(Meddler):
    """A hub that logs and serves a version of its own."""

    own: dict[str, bytes] = field(default_factory=dict)
    appended: list[bytes] = field(default_factory=list)

    def directory(self, path: str, max_bytes: int) -> bytes:
        return self.own.get(path) or self.hub.directory(path, max_bytes)

    def leaves(self, start: int, end: int) -> list[bytes]:
        return self.appended if start < end else []


class _Reader:
    """Hashes of perfect subtrees of a list of leaves."""

    def __init__(self, leaves: list[bytes]) -> None:
        self._hashes = [merkle.leaf_hash(raw) for raw in leaves]

    def __call__(self, level: int, index: int) -> bytes:
        return merkle.root(self._hashes[index << level : (index + 1) << level])


def forger(land: Country, made: Publication, announced: int, more: dict[str, bytes] | None = None) -> Forger:
    """Log `made` as version `announced` behind what kemnaker has read, with every signature that a hub can make."""
    size = land.kemnaker.state().log_size
    leaf = Leaf(directory_digest(made.targets), directory=announced).encode()
    leaves = [*land.line.leaves(0, size), leaf]
    head = Checkpoint(land.founded.federation.log_origin, size + 1, merkle.root([merkle.leaf_hash(x) for x in leaves]))
    note = checkpoint.sign(head, head.origin, land.founded.keys.log)

    def change(answer: Answer, entries: tuple[str, ...]) -> tuple[Answer, tuple[str, ...]]:
        proof = tuple(merkle.consistency_proof(size, size + 1, _Reader(leaves)))
        return replace(answer, checkpoint=note, consistency=proof), entries

    own = paths_of(made, announced) | (more or {})
    return Forger(land.line, answer=lying(land.founded.keys.hub, change), own=own, appended=[leaf])


def next_of(land: Country, **changes: object) -> Directory:
    """The version that would come next, with the given members changed."""
    _, last = read_so_far(land.kemnaker)
    return replace(last.renewed(NOW, 1), **changes)  # type: ignore[arg-type]  # a test names the members it changes


def without_jateng(land: Country) -> Directory:
    found = next_of(land)
    return replace(found, members={party: each for party, each in found.members.items() if party != "jateng"})


def with_an_old_key(land: Country) -> Directory:
    """A key that was taken away."""
    found = next_of(land)
    jateng = found.member("jateng")
    return replace(found, members={**found.members, "jateng": replace(jateng, keys=jateng.keys[1:])})


Forgery = tuple[Callable[[Country], Directory], Callable[[Country], SigningKey], str]
FORGERIES: dict[str, Forgery] = {
    "by the hub's online key": (next_of, lambda land: land.founded.keys.online, "signature"),
    "by the hub's own key": (next_of, lambda land: land.founded.keys.hub, "signature"),
    "by the log's key": (next_of, lambda land: land.founded.keys.log, "signature"),
    "by another registrar": (next_of, lambda _: signing("false registrar"), "signature"),
    "a member lost": (without_jateng, lambda land: land.founded.registrar.key, "directory"),
    "a key lost": (with_an_old_key, lambda land: land.founded.registrar.key, "directory"),
    "a gap of versions": (lambda x: next_of(x, version=99), lambda land: land.founded.registrar.key, "directory"),
    "the first version again": (lambda x: next_of(x, version=1), lambda land: land.founded.registrar.key, "directory"),
    "another hub's": (lambda land: next_of(land, hub="daerah"), lambda land: land.founded.registrar.key, "directory"),
    "a root that is not there": (lambda x: next_of(x, root=2), lambda land: land.founded.registrar.key, "directory"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_version_that_the_log_announces_must_still_be_the_registrars_next(name: str, land: Country) -> None:
    """The log's key is not enough to say who the members are."""
    land.kemnaker.sync_well()
    make, signer, rule = FORGERIES[name]
    directory = make(land)
    made = publish(directory, [signer(land)])
    before = land.kemnaker.dump(without=_ABOUT_THE_SYNC)
    assert land.kemnaker.sync(forger(land, made, directory.version)).trouble == f"rule:{rule}"
    assert land.kemnaker.dump(without=_ABOUT_THE_SYNC) == before
    land.kemnaker.sync_well()


def test_a_version_under_a_root_that_the_last_one_did_not_sign_is_refused(land: Country) -> None:
    land.kemnaker.sync_well()
    directory = next_of(land, root=2)
    more = {"metadata/2.root.json": root(2, "false registrar")}
    made = publish(directory, [signing(REGISTRAR)])
    assert land.kemnaker.sync(forger(land, made, directory.version, more)).trouble == "rule:signature"
    assert land.kemnaker.rows(DirectoryRoot) == []


def test_a_leaf_of_another_number_than_its_version_is_refused(land: Country) -> None:
    land.kemnaker.sync_well()
    directory = next_of(land)
    made = publish(directory, [land.founded.registrar.key])
    assert land.kemnaker.sync(forger(land, made, directory.version + 1)).trouble == "rule:directory"


def test_a_node_that_trusts_another_root_takes_nothing(land: Country) -> None:
    fresh = land.fresh("kemensos")
    wrong = replace(fresh.node.federation, root=root(1, "stranger"))
    other = Office(replace(fresh.node, federation=wrong), land.clock, land.line)
    assert other.sync().trouble == "rule:signature"
    assert other.rows(DirectoryVersion) == []


# A new root.


def test_the_registrar_is_replaced_under_way_and_every_node_follows(land: Country) -> None:
    land.kemnaker.sync_well()
    made = land.founded.registrar
    new = Registrar(signing("registrar dua"), signing("online dua"), made.log, made.federation)
    rotation = Rotation([made.key], registrar=new.key.public, online=new.online.public)
    with land.founded.database.transaction() as session:
        rotate(session, new, rotation, land.clock.advance())
    land.kemnaker.sync_well()
    version, directory = land.kemnaker.rows(DirectoryVersion)[-1].version, read_so_far(land.kemnaker)[1]
    assert (directory.version, directory.root) == (version, 2)
    assert [row.version for row in land.kemnaker.rows(DirectoryRoot)] == [2]
    assert known(land.kemnaker).version == version
    assert land.kemnaker.alarms() == []
    late = land.fresh("kemensos")
    late.sync_well()
    assert read_so_far(late)[1] == directory
    old = publish(next_of(land, root=1), [made.key])
    assert land.kemnaker.sync(forger(land, old, version + 1)).trouble == "rule:directory"
    stolen = publish(next_of(land, root=2), [made.key])
    assert land.kemnaker.sync(forger(land, stolen, version + 1)).trouble == "rule:signature"


# Freshness: what the hub serves as the newest.


def known(office: Office) -> Vouched:
    with office.node.database.reading() as session:
        row = freshness(session)
        assert row is not None
        return Vouched(row.version, b"", row.until)


def details(office: Office) -> list[str]:
    from node.models.sync import Alarm  # noqa: PLC0415  beside its one use

    return [row.detail for row in office.rows(Alarm)]


def test_a_sync_keeps_the_directory_fresh(land: Country) -> None:
    land.clock.advance(HOUR)
    land.kemnaker.sync_well()
    before = known(land.kemnaker)
    asked: list[str] = []
    counting = Meddler(land.line, file=noting(asked))
    assert land.kemnaker.sync(counting).trouble is None
    assert asked == []
    land.clock.advance(13 * HOUR)
    assert land.kemnaker.sync(counting).trouble is None
    assert "metadata/timestamp.json" in asked
    assert known(land.kemnaker).expires > before.expires
    assert land.kemnaker.alarms() == []


def test_a_frozen_hub_degrades_the_node_and_never_stops_it(land: Country) -> None:
    """Freeze: yesterday's timestamp for ever. Cases are filed, entries go both ways, and people are told once."""
    land.kemnaker.sync_well()
    yesterday = land.line.directory("metadata/timestamp.json", BIG)
    frozen = Meddler(land.line, file=only("timestamp.json", lambda *_: yesterday))
    land.clock.advance(2 * DAY)
    number = land.kemnaker.file().number
    land.kemnaker.hand_over(number, "jateng")
    for _ in range(3):
        assert land.kemnaker.sync(frozen).trouble is None
    assert land.kemnaker.queued() == []
    assert details(land.kemnaker) == [
        "the hub serves an expired directory: timestamp.json is expired",
        f"no fresh directory since {NOW}: is the hub reached, and by whom?",
    ]
    land.clock.advance(29 * DAY)
    later = land.kemnaker.file().number
    assert land.kemnaker.sync(frozen).trouble is None
    with pytest.raises(ForbiddenError, match="30 hari"):
        land.kemnaker.hand_over(later, "jateng")
    with pytest.raises(ForbiddenError, match="30 hari"):
        land.kemnaker.ask(later)
    land.kemnaker.reply(later)
    with land.founded.database.transaction() as session:
        land.founded.registrar.renew(session, land.clock.now())
    land.kemnaker.sync_well()
    other = land.kemnaker.file().number
    land.kemnaker.hand_over(other, "jateng")


def test_a_hub_that_cannot_be_reached_is_told_once_the_directory_is_stale(land: Country) -> None:
    class Dark(Carrier):
        def post_sync(self, bundle: bytes) -> bytes:
            del bundle
            raise HubUnreachableError("ConnectionError")

    land.clock.advance(DAY - 1)
    assert land.kemnaker.sync(Dark(land.line)).trouble == "unreachable:ConnectionError"
    assert land.kemnaker.alarms() == []
    land.clock.advance(60)
    for _ in range(3):
        land.kemnaker.sync(Dark(land.line))
    assert details(land.kemnaker) == [f"no fresh directory since {NOW}: is the hub reached, and by whom?"]


def test_a_hub_that_signs_only_timestamps_cannot_keep_an_old_directory_alive(land: Country) -> None:
    """The registrar's own word runs out after thirty days, whatever the hub renews."""
    land.clock.advance(31 * DAY)
    land.kemnaker.sync_well()
    assert "the hub serves an expired directory: New targets is expired" in details(land.kemnaker)
    with pytest.raises(ForbiddenError, match="30 hari"):
        land.kemnaker.hand_over(land.kemnaker.file().number, "jateng")


def vouching(land: Country, targets: bytes, version: int, number: int) -> Meddler:
    """A hub whose online key vouches for another version than its log's newest."""
    key, later = land.founded.keys.online, NOW + 40 * DAY
    snapshot = sign_snapshot(number, later, targets, version, key)
    own = {
        "metadata/timestamp.json": sign_timestamp(number, later, snapshot, number, key),
        f"metadata/{number}.snapshot.json": snapshot,
        f"metadata/{version}.targets.json": targets,
    }
    return Forger(land.line, own=own)


def ask(office: Office, hub: Carrier) -> list[str]:
    """Refresh from `hub`, an hour later; what people are told."""
    keep_fresh(office.node, hub, office.clock.advance(2 * HOUR))
    return details(office)


def test_a_timestamp_that_goes_back_is_refused(land: Country) -> None:
    """Rollback of what was vouched for, by a hub whose older signatures are good still."""
    old = land.line.directory("metadata/timestamp.json", BIG)
    changed(land)
    land.kemnaker.sync_well()
    told = ask(land.kemnaker, Meddler(land.line, file=only("timestamp.json", lambda *_: old)))
    assert told == ["the directory that the hub serves is refused: BadVersionNumberError"]


def test_an_older_version_than_the_log_announces_is_refused(land: Country) -> None:
    """Even where the cache of the refresh was lost, the log is not forgotten."""
    changed(land)
    land.kemnaker.sync_well()
    newest = land.kemnaker.rows(DirectoryVersion)[-1].version
    older = land.line.directory(f"metadata/{newest - 1}.targets.json", BIG)
    rolled = vouching(land, older, newest - 1, 99)
    assert ask(land.kemnaker, rolled) == ["the directory that the hub serves is refused: BadVersionNumberError"]
    forget(land.kemnaker.node.settings.data_dir / "tuf")
    assert ask(land.kemnaker, rolled)[1:] == ["the hub vouches for an older directory than its log announces"]


def forget(cache: Path) -> None:
    for name in ("timestamp.json", "snapshot.json", "targets.json"):
        (cache / name).unlink()


def test_another_directory_of_the_same_version_is_told(land: Country) -> None:
    """The registrar signed two: one for the log, one for whom?"""
    land.kemnaker.sync_well()
    last = read_so_far(land.kemnaker)[1]
    other = publish(replace(last, issued_at=last.issued_at + 1), [land.founded.registrar.key])
    told = ask(land.kemnaker, vouching(land, other.targets, last.version, 99))
    assert told == ["the hub vouches for another directory than its log announces"]


def test_a_newer_version_waits_for_its_leaf(land: Country) -> None:
    land.kemnaker.sync_well()
    before = known(land.kemnaker)
    land.founded.set_status("jateng", Status.SUSPENDED)
    assert ask(land.kemnaker, Meddler(land.line)) == []
    assert known(land.kemnaker) == before
    land.kemnaker.sync_well()
    assert known(land.kemnaker).version == before.version + 1


SERVED: dict[str, tuple[str, Callable[[bytes, bytes], bytes], str]] = {
    "mix and match": ("snapshot.json", lambda old, _: old, "LengthOrHashMismatchError"),
    "a snapshot of a stranger": ("snapshot.json", lambda _, raw: raw.replace(b'"sig":"', b'"sig":"00'), "LengthOrHash"),
    "a timestamp of a stranger": ("timestamp.json", lambda _, raw: raw.replace(b'"sig":"', b'"sig":"00'), "Unsigned"),
    "rubbish": ("timestamp.json", lambda *_: b"\xff{", "DeserializationError"),
    "another role": ("timestamp.json", lambda old, _: old, "RepositoryError"),
}


@pytest.mark.parametrize("name", SERVED)
def test_what_does_not_fit_together_is_refused_and_told_once(name: str, land: Country) -> None:
    old = land.line.directory("metadata/1.snapshot.json", BIG)
    part, change, told = SERVED[name]
    land.founded.set_status("jateng", Status.SUSPENDED)
    carrier = Meddler(land.line, file=only(part, lambda _, raw: change(old, raw)))
    for _ in range(2):
        assert land.kemnaker.sync(carrier).trouble is None
        land.clock.advance(2 * HOUR)
    assert land.kemnaker.alarms() == ["directory"]
    assert told in details(land.kemnaker)[0]
    land.kemnaker.sync_well()


class Endless(Carrier):
    """The directory comes from somewhere that never stops sending."""

    def directory(self, path: str, max_bytes: int) -> bytes:
        with serving(Site(body=lambda _: [b" " * 65_536] * 64)) as endless:
            return endless.directory(path, max_bytes)


def test_endless_metadata_is_cut_off_and_told(land: Country) -> None:
    told = ask(land.kemnaker, Endless(land.line))
    assert told == ["the directory that the hub serves is refused: DownloadLengthMismatchError"]


def test_a_folder_that_cannot_be_used_is_told(land: Country) -> None:
    (land.kemnaker.node.settings.data_dir / "tuf").write_text("in the way")
    assert ask(land.kemnaker, Meddler(land.line)) == ["the folder tuf cannot be used: FileExistsError"]


def test_a_cache_of_rubbish_is_read_anew(land: Country) -> None:
    land.clock.advance(2 * HOUR)
    land.kemnaker.sync_well()
    cache = land.kemnaker.node.settings.data_dir / "tuf"
    for name in ("timestamp.json", "snapshot.json", "targets.json"):
        (cache / name).write_bytes(b"\x00")
    assert ask(land.kemnaker, Meddler(land.line)) == []


def test_the_time_is_the_one_that_is_given(land: Country, tmp_path: Path) -> None:
    """python-tuf reads the clock of the machine and has no parameter for it: this holds the way around it."""
    with requests.Session() as http:
        line = HttpHub(land.url, http)
        found = refresh(tmp_path / "tuf", land.founded.federation.root, line, NOW + 60)
    assert found.expires == NOW + DAY
    newest = land.line.directory(f"metadata/{found.version}.targets.json", BIG)
    assert found.h == sha256(newest)
