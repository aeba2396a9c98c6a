"""The directory: who may join, what each change leaves in the log, and what a stranger can read of it."""

from dataclasses import replace
from pathlib import Path

import pytest
import requests

from hub.errors import EnrolmentError, FoundingError
from hub.founding import found, read_federation_file
from hub.members.enrolment import member_of, read_competence_file
from hub.members.online import Online
from hub.members.roster import Rosters
from hub.parts.store import PartStore
from hub.recovery.service import Recovery
from hub.settings import Settings
from hub.sync.exchange import Exchange
from keys.digest import sha256
from keys.keyring import Keyring
from protocol import tiles
from protocol.bundle import read_answer, read_bundle, read_request
from protocol.directory import Competence, DirectoryHistory, Kind, Status, directory_digest, read_directory
from protocol.enrol import EnrolRequest
from protocol.leaf import Leaf
from protocol.metadata import Roots, read_contents, read_snapshot, read_timestamp
from tests.hub.conftest import Town
from tests.support.federation import NOW, member, records
from tests.support.hub import CHEAP, PASSPHRASE, FoundedHub, node_of

_TIMEOUT = 30


def get(town: Town, path: str) -> requests.Response:
    return requests.get(f"{town.url}{path}", timeout=_TIMEOUT)


def test_every_version_is_signed_by_the_registrar_and_stands_in_the_log(town: Town) -> None:
    roots = town.hub.federation.roots()
    newest = newest_version(town, roots)
    size = int(get(town, "/log/checkpoint").text.split("\n")[1])
    leaves = tiles.decode_entries(get(town, f"/log/{tiles.entries_path(0, size)}").content, size)
    history = DirectoryHistory()
    for version in range(1, newest + 1):
        raw = get(town, f"/directory/metadata/{version}.targets.json").content
        index = leaves.index(Leaf(directory_digest(raw), directory=version).encode())
        read = read_directory(raw, lambda name: get(town, f"/directory/targets/{name.url}").content, roots)
        history = history.added(index, read)
    assert history.versions[0][0] == 0
    assert not history.versions[0][1].members
    assert {"jabar", "kemnaker", "triase"} <= history.latest.members.keys()


def newest_version(town: Town, roots: Roots) -> int:
    """The version that timestamp and snapshot lead to."""
    stamp = read_timestamp(get(town, "/directory/metadata/timestamp.json").content, roots.newest)
    raw = get(town, f"/directory/metadata/{stamp.names}.snapshot.json").content
    assert sha256(raw) == stamp.h
    return read_snapshot(raw, roots.newest).names


def test_a_version_never_changes_and_the_timestamp_does(town: Town) -> None:
    roots = town.hub.federation.roots()
    assert "immutable" in get(town, "/directory/metadata/1.targets.json").headers["Cache-Control"]
    assert "immutable" in get(town, "/directory/metadata/1.root.json").headers["Cache-Control"]
    assert get(town, "/directory/metadata/timestamp.json").headers["Cache-Control"] == "no-cache"
    assert get(town, "/directory/metadata/1.root.json").content == town.hub.federation.root
    before = newest_version(town, roots)
    town.hub.set_status("jateng", Status.SUSPENDED)
    assert newest_version(town, roots) == before + 1


_NOBODY = "0" * 64


@pytest.mark.parametrize(
    "path",
    [
        "metadata/99.targets.json",
        "metadata/0.root.json",
        "metadata/x.targets.json",
        "metadata/99.snapshot.json",
        "metadata/1.timestamp.json",
        "metadata/targets.json",
        "targets/hub.json",
        f"targets/{_NOBODY}.hub.json",
        f"targets/members/{_NOBODY.upper()}.jabar.json",
        "latest.json",
    ],
)
def test_an_unknown_file_is_not_found(town: Town, path: str) -> None:
    assert get(town, f"/directory/{path}").status_code == 404


def test_a_file_has_one_address(town: Town) -> None:
    """The name after the hash is part of it: nobody is shown one member's file under another's name."""
    roots = town.hub.federation.roots()
    raw = get(town, f"/directory/metadata/{newest_version(town, roots)}.targets.json").content
    jabar = read_contents(raw, roots).files["members/jabar.json"]
    assert get(town, f"/directory/targets/{jabar.url}").status_code == 200
    other = jabar.url.replace("jabar", "jateng")
    assert get(town, f"/directory/targets/{other}").status_code == 404


def test_a_member_may_speak_as_soon_as_it_is_enrolled(town: Town) -> None:
    newcomer = node_of(town.hub, "aceh", town.url)
    assert newcomer.post(newcomer.bundle()).status_code == 401
    town.hub.enrol(member("aceh"))
    said = newcomer.receipt("jabar")
    assert newcomer.sync(said).verdict(said).state == "ok"


def test_a_change_of_the_directory_between_check_and_store_is_noticed(town: Town, tmp_path: Path) -> None:
    """A bundle that was judged by an older version is judged again: nothing sealed to a closed office slips through."""
    hub = town.hub
    rosters, online = Rosters(hub.federation), Online(hub.keys.online, hub.federation)
    recovery = Recovery(hub.database, hub.registrar.log, rosters, hub.keys.hub, online, PartStore(tmp_path, 0))
    exchange = Exchange(hub.database, hub.registrar.log, rosters, hub.keys.hub, recovery)
    bundle = read_bundle(town.jabar.bundle(town.jabar.offer("kemnaker")))
    request, token = read_request(bundle.manifest)
    with hub.database.reading() as session:
        checked = exchange._checked(session, bundle, request, token)
    hub.set_status("kemnaker", Status.SUSPENDED)
    before = hub.dump()
    assert exchange._store(checked, NOW) is None
    assert hub.dump() == before
    answer = read_answer(read_bundle(exchange.run(bundle.encode(), NOW)).manifest, hub.keys.hub.public)
    assert [push.state for push in answer.push] == ["closed"]


class TestWhoMayNotJoin:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"id": "jabar"}, "taken"),
            ({"id": "pusat"}, "taken"),
            ({"id": "reporter"}, "taken"),
            ({"keys": records("jabar")}, "another party"),
            ({"parent": "nobody"}, "no member"),
            ({"inspectorate": "nobody"}, "no member"),
            ({"inspectorate": "aceh"}, "beside this one"),
        ],
    )
    def test_refused(self, founded: FoundedHub, change: dict[str, object], message: str) -> None:
        before = founded.dump()
        with pytest.raises(EnrolmentError, match=message):
            founded.enrol(replace(member("aceh"), **change))  # type: ignore[arg-type]  # one member at a time
        assert founded.dump() == before

    def test_status_changes_that_change_nothing(self, founded: FoundedHub) -> None:
        with pytest.raises(EnrolmentError, match="already"):
            founded.set_status("jabar", Status.ACTIVE)
        with pytest.raises(EnrolmentError, match="no member"):
            founded.set_status("nobody", Status.ACTIVE)


def test_kind_region_and_competence_are_the_registrars_word() -> None:
    asked = EnrolRequest("aceh", "Provinsi Aceh", "pusat", NOW, records("aceh"))
    rules = read_competence_file(b'[{"regions":["11"],"topics":[]}]')
    made = member_of(asked, kind=Kind.PROVINCE, region="11", competence=rules, inspectorate="aceh")
    assert (made.id, made.kind, made.region, made.competence) == (
        "aceh",
        Kind.PROVINCE,
        "11",
        (Competence(("11",), ()),),
    )


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b'[{"regions":[]}]', b'[{"regions":"11","topics":[]}]', b"7"])
def test_a_competence_file_of_another_form_is_refused(raw: bytes) -> None:
    with pytest.raises(EnrolmentError, match="competence"):
        read_competence_file(raw)


def test_a_hub_is_founded_once(founded: FoundedHub) -> None:
    with pytest.raises(FoundingError, match="already"):
        found(founded.settings, "pusat", "http://x", PASSPHRASE, NOW, CHEAP)


@pytest.mark.parametrize("name", ["", "a", "Pusat", "reporter", "pusat hub"])
def test_a_hub_has_the_name_of_a_party(founded: FoundedHub, name: str) -> None:
    elsewhere = Settings.from_mapping({"SIMPUL_HUB_DATA": str(founded.settings.data_dir / "other")})
    with pytest.raises(FoundingError, match="a name is"):
        found(elsewhere, name, "http://x", PASSPHRASE, NOW, CHEAP)
    assert not elsewhere.data_dir.exists()


def test_the_federation_file_holds_public_keys_only(founded: FoundedHub) -> None:
    federation = read_federation_file(founded.settings)
    registrar = Keyring.load(founded.settings.registrar_key_file, PASSPHRASE).signing
    root = federation.roots().newest
    assert root.keys("targets").keys == root.keys("root").keys == (registrar.public,)
    assert root.keys("timestamp").keys == root.keys("snapshot").keys == (founded.keys.online.public,)
    assert len({registrar.public, founded.keys.online.public, founded.keys.hub.public, federation.log_key}) == 4
    assert federation.log_key == founded.keys.log.public
    assert federation.log_origin == "pusat/log1"
