"""The directory: who may join, what each change leaves in the log, and what a stranger can read of it."""

from dataclasses import replace

import pytest
import requests

from hub.errors import EnrolmentError, FoundingError
from hub.founding import found, read_federation_file
from hub.members.enrolment import member_of, read_competence_file
from hub.members.roster import Rosters
from hub.settings import Settings
from hub.sync.exchange import Exchange
from keys.keyring import Keyring
from protocol import tiles
from protocol.bundle import read_answer, read_bundle, read_request
from protocol.directory import Competence, DirectoryHistory, Kind, Status, directory_digest, read_directory
from protocol.enrol import EnrolRequest
from protocol.leaf import Leaf
from tests.hub.conftest import Town
from tests.support.federation import NOW, member, records
from tests.support.hub import CHEAP, PASSPHRASE, FoundedHub, node_of

_TIMEOUT = 30


def get(town: Town, path: str) -> requests.Response:
    return requests.get(f"{town.url}{path}", timeout=_TIMEOUT)


def test_every_version_is_signed_by_the_registrar_and_stands_in_the_log(town: Town) -> None:
    latest = get(town, "/directory/latest.json").json()
    size = int(get(town, "/log/checkpoint").text.split("\n")[1])
    leaves = tiles.decode_entries(get(town, f"/log/{tiles.entries_path(0, size)}").content, size)
    history = DirectoryHistory()
    for version in range(1, latest["version"] + 1):
        raw = get(town, f"/directory/{version}.jws").text
        index = leaves.index(Leaf(directory_digest(raw), directory=version).encode())
        history = history.added(index, read_directory(raw, town.hub.federation.registrar))
    assert latest["index"] == history.versions[-1][0]
    assert history.versions[0][0] == 0
    assert not history.versions[0][1].members
    assert {"jabar", "kemnaker", "triase"} <= history.latest.members.keys()


def test_a_version_never_changes_and_the_pointer_does(town: Town) -> None:
    assert "immutable" in get(town, "/directory/1.jws").headers["Cache-Control"]
    assert get(town, "/directory/latest.json").headers["Cache-Control"] == "no-cache"
    before = get(town, "/directory/latest.json").json()["version"]
    town.hub.set_status("jateng", Status.SUSPENDED)
    assert get(town, "/directory/latest.json").json()["version"] == before + 1


@pytest.mark.parametrize("path", ["/directory/99.jws", "/directory/0.jws", "/directory/x.jws", "/directory/1"])
def test_an_unknown_version_is_not_found(town: Town, path: str) -> None:
    assert get(town, path).status_code == 404


def test_a_member_may_speak_as_soon_as_it_is_enrolled(town: Town) -> None:
    newcomer = node_of(town.hub, "aceh", town.url)
    assert newcomer.post(newcomer.bundle()).status_code == 401
    town.hub.enrol(member("aceh"))
    said = newcomer.receipt("jabar")
    assert newcomer.sync(said).verdict(said).state == "ok"


def test_a_change_of_the_directory_between_check_and_store_is_noticed(town: Town) -> None:
    """A bundle that was judged by an older version is judged again: nothing sealed to a closed office slips through."""
    hub = town.hub
    exchange = Exchange(hub.database, hub.registrar.log, Rosters(hub.federation.registrar), hub.keys.hub)
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
    assert federation.registrar == registrar.public
    assert federation.log_key == founded.keys.log.public
    assert federation.log_origin == "pusat/log1"
