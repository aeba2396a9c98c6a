"""A handed-over case: whoever holds the hub's, a third office's or the former custodian's disk reads nothing of it."""

import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from demo.citizen import Citizen
from demo.complaints import Identity, Place, Report, Story
from demo.offices import HUB
from demo.search import Search, needles_of, search_folder
from demo.waiting import wait_for
from demo.walk import Walk
from tests.story.conftest import Country
from tests.support.disks import (
    AtRest,
    Keys,
    Sealed,
    backup,
    case_ids,
    hub_parts,
    keys_in,
    node_at_rest,
    node_seals,
)

FORMER: Final = "jabar"
HANDLER: Final = "kemnaker"
THIRD: Final = "kota-bandung"
STORY: Final = Story(
    id="upah",
    report=Report(
        kind="complaint",
        text="Upah kami di pabrik sepatu ditahan empat bulan. Mandor: “yang lapor, keluar!”\n\nTolong rahasiakan.",
        topic="ketenagakerjaan/gaji-pekerja",
        place=Place("32.16"),
        secrecy="secret",
        identity=Identity("Sri Wahyuningsih Lestari", "0899 0000 0777", "sri.w@surat.example", "9932165512850007"),
    ),
    path=(FORMER, HANDLER),
    reasons=("Upah adalah urusan pengawas ketenagakerjaan.",),
    reply="Pengawas sudah memeriksa perusahaan itu.",
    closing="Upah sudah dibayar.",
    opening="Pengawas perlu mencocokkan daftar upah.",
)


@dataclass(frozen=True, slots=True)
class Handed:
    """The case at its handler, and what was kept of the former custodian before: backup and wrappings."""

    walk: Walk
    old_database: Path
    old_case_keys: Path
    case_id: str  # at its origin


@pytest.fixture(scope="session")
def handed(country: Country, tmp_path_factory: pytest.TempPathFactory) -> Handed:
    walker = country.walker
    (walk,) = walker.file([STORY])
    data, kept = walker.node(FORMER).data, tmp_path_factory.mktemp("kept")
    old = backup(data / "node.db", kept / "before.db")
    shutil.copytree(data / "case-keys", kept / "case-keys")
    walker.send_on([walk])
    walker.arrive([walk])
    walker.erased([walk])
    walker.answer([walk])
    walker.track([walk])
    (case_id,) = case_ids(old, walk.number)
    return Handed(walk, old, kept / "case-keys", case_id)


@pytest.fixture(scope="session")
def search(handed: Handed) -> Search:
    report = handed.walk.story.report
    return Search(needles_of("report", report.identity.fields, report.text))


@pytest.fixture(scope="session")
def disks(country: Country, handed: Handed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every party's whole folder, copied while all of them run."""
    del handed  # it comes first
    copied = tmp_path_factory.mktemp("disks")
    for party in (HUB, FORMER, HANDLER, THIRD):
        shutil.copytree(country.federation.data / party, copied / party)
    return copied


def passphrase(country: Country, party: str) -> str:
    return country.federation.passphrase_file(party).read_text().strip()


def node_keys(country: Country, disks: Path, party: str) -> Keys:
    folder = disks / party
    return keys_in(folder / "keys" / "node.key", passphrase=passphrase(country, party), case_keys=folder / "case-keys")


def everything_sealed(disks: Path, handed: Handed) -> list[Sealed]:
    former = [*node_seals(disks / FORMER / "node.db"), *node_seals(handed.old_database)]
    return [*hub_parts(disks / HUB / "hub.db"), *former]


def everything_at_rest(disks: Path, handed: Handed) -> list[AtRest]:
    return [*node_at_rest(disks / FORMER / "node.db"), *node_at_rest(handed.old_database)]


def betrayed(search: Search, content: bytes) -> list[str]:
    return [f"{found.needle} as {found.form}" for found in search.data("opened", content)]


# What is written and said.


@pytest.mark.usefixtures("handed")
def test_the_hub_stores_logs_and_answers_no_word_of_a_report(country: Country, search: Search) -> None:
    """Name, number, e-mail, NIK and text: plain, base64, hex, URL-encoded, UTF-16; the hub's whole folder and wire."""
    searched = search_folder(search, country.federation.data / HUB)
    assert searched.files >= 5
    assert searched.found == ()
    for told in (country.recorder.answered(), country.recorder.heard()):
        assert len(told) > 10_000
        assert list(search.data("the wire", told)) == []


@pytest.mark.usefixtures("handed")
def test_the_former_custodians_folder_holds_no_word_of_a_report(country: Country, search: Search) -> None:
    searched = search_folder(search, country.federation.data / FORMER)
    assert searched.files >= 5
    assert searched.found == ()


def planted_in_a_row(folder: Path, name: str) -> None:
    with closing(sqlite3.connect(folder / "hub.db")) as connection, connection:
        connection.execute("CREATE TABLE planted (it)")
        connection.execute("INSERT INTO planted VALUES (?)", (b64encode(name.encode()),))


def planted_in_the_log(folder: Path, name: str) -> None:
    with (folder / "log" / "serve.log").open("a") as log:
        log.write(f"INFO request from={quote(name)}\n")


def planted_in_the_database_file(folder: Path, name: str) -> None:
    with (folder / "hub.db").open("ab") as file:
        file.write(b"\x00\x07" + name.encode("utf-16-le"))


def planted_as_a_file_name(folder: Path, name: str) -> None:
    (folder / f"core.{name.encode().hex()}").touch()


@pytest.mark.parametrize(
    "plant",
    [planted_in_a_row, planted_in_the_log, planted_in_the_database_file, planted_as_a_file_name],
    ids=lambda plant: plant.__name__,
)
def test_a_planted_name_is_caught(
    disks: Path, search: Search, tmp_path: Path, plant: Callable[[Path, str], None]
) -> None:
    """The search that finds nothing above would have found it."""
    folder = tmp_path / HUB
    shutil.copytree(disks / HUB, folder)
    assert search_folder(search, folder).found == ()
    plant(folder, STORY.report.identity.name)
    assert search_folder(search, folder).found != ()


def test_a_planted_answer_is_caught(country: Country, search: Search) -> None:
    name = STORY.report.identity.name.encode()
    assert list(search.data("the wire", country.recorder.answered() + b64encode(b"12" + name)))


# What keys open.


def test_the_hubs_keys_open_nothing(country: Country, disks: Path, handed: Handed) -> None:
    folder = disks / HUB
    files = [folder / "keys" / "hub.key", folder / "keys" / "log.key", folder / "registrar" / "registrar.key"]
    keys = keys_in(*files, passphrase=passphrase(country, HUB))
    assert len(keys.secrets) == 3
    assert len(everything_sealed(disks, handed)) >= 5
    assert keys.opened(everything_sealed(disks, handed), everything_at_rest(disks, handed)) == []


def test_a_third_offices_keys_open_nothing_of_the_case(
    country: Country, disks: Path, handed: Handed, search: Search
) -> None:
    keys = node_keys(country, disks, THIRD)
    assert len(keys.secrets) >= 7
    opened = keys.opened(everything_sealed(disks, handed), everything_at_rest(disks, handed))
    assert [each for each in opened if betrayed(search, each.content)] == []
    # It opens what others sent to it in other cases, and nothing else.
    assert {each.what.context.recipient for each in opened if isinstance(each.what, Sealed)} <= {THIRD}
    assert [each for each in opened if isinstance(each.what, AtRest)] == []


def test_the_former_custodians_disk_with_all_its_keys_and_an_older_backup_opens_nothing_of_the_case(
    country: Country, disks: Path, handed: Handed, search: Search
) -> None:
    """Its present keys, its present files with the write-ahead log, and a backup made while it still had the case."""
    keys = node_keys(country, disks, FORMER)
    at_rest = everything_at_rest(disks, handed)
    assert [kept.where for kept in at_rest if kept.case_id == handed.case_id] == ["content", "identity"]
    opened = keys.opened(everything_sealed(disks, handed), at_rest)
    assert [each for each in opened if betrayed(search, each.content)] == []
    # It opens what others sent to it, such as how the case stands; nothing that it sent on, and no reporter's mail.
    assert {each.what.context.recipient for each in opened if isinstance(each.what, Sealed)} == {FORMER}
    assert [each for each in opened if isinstance(each.what, AtRest) and each.what.case_id == handed.case_id] == []


def test_the_wrappings_that_were_destroyed_are_what_made_the_difference(
    country: Country, disks: Path, handed: Handed, search: Search
) -> None:
    """A control: with the files that the hand-over destroyed, the same backup opens. So nothing else protects it."""
    key_file = disks / FORMER / "keys" / "node.key"
    keys = keys_in(key_file, passphrase=passphrase(country, FORMER), case_keys=handed.old_case_keys)
    own = [kept for kept in node_at_rest(handed.old_database) if kept.case_id == handed.case_id]
    opened = keys.opened([], own)
    assert sorted(each.what.where for each in opened) == ["content", "identity"]
    assert all(betrayed(search, each.content) for each in opened)


def test_the_handlers_keys_open_the_case_and_the_identity(
    country: Country, disks: Path, search: Search, handed: Handed
) -> None:
    keys = node_keys(country, disks, HANDLER)
    own = case_ids(disks / HANDLER / "node.db", handed.walk.number)
    parts = [part for part in hub_parts(disks / HUB / "hub.db") if part.entry and part.entry.ref in own]
    at_rest = [kept for kept in node_at_rest(disks / HANDLER / "node.db") if kept.case_id in own]
    opened = keys.opened(parts, at_rest)
    read = {each.what.where for each in opened if betrayed(search, each.content)}
    assert read == {"hub: offer case", "hub: grant identity", "content", "identity"}


# Who opened, and who sees it.


def test_the_reporter_sees_each_opening_of_the_identity(country: Country, handed: Handed) -> None:
    walker, reason = country.walker, "Perlu menelepon pelapor untuk\njadwal pemeriksaan <kedua>."
    custodian = walker.node(HANDLER).officer("custodian")
    shown = custodian.open_identity(handed.walk.number, reason)
    assert set(STORY.report.identity.fields) <= set(shown.values())
    citizen = Citizen(walker.node(FORMER).url)
    page = wait_for(
        "the second opening",
        lambda: tracked if len((tracked := citizen.track(handed.walk.receipt.code)).openings) == 2 else None,
        30,
    )
    assert [each.reason for each in page.openings] == [STORY.opening, reason]
    for each in page.openings:
        assert "Kementerian Ketenagakerjaan" in each.office
        assert "pemegang kunci identitas" in each.office
        assert each.when.endswith("Z")
