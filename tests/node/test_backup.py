"""Backups of a node: made while it works, verified before they count, of use to nobody without its keys."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from demo.search import Search, needles_of
from demo.waiting import wait_for
from house.screen import ROOT
from hub.models import MemberState
from node.backup.make import Made, back_up, back_up_keys
from node.cases.views import Identity
from node.custody.lost import lost_cases
from node.models.cases import Case, Tracked
from node.models.files import StoredFile
from node.models.sync import Alarm
from protocol.custody import Phase
from service.errors import BackupError
from tests.node.test_attachments import LARGE, SMALL, file_with, seen_by_officer
from tests.story.test_not_stored import fill, small_disk
from tests.support.backups import Kept, keep, one_line_error, run, tree, well
from tests.support.databases import Databases
from tests.support.disks import keys_in, node_at_rest, node_seals
from tests.support.federation import NOW
from tests.support.hub import PASSPHRASE
from tests.support.nodes import WORDS, Country
from tests.support.photos import photo

DAY = 86_400
TEXT = "Upah kami di pabrik Sukamakmur ditahan mandor sejak bulan Maret."
WHO = Identity(name="Rahmawati Kusumaningtyas", phone="081298765432", email="rahma@example.id", nik="3273014501900007")


@pytest.fixture
def jabar(land: Country, tmp_path: Path, databases: Databases) -> Kept:
    empty = databases.make(tmp_path / "unused.db") if databases.kind == "postgresql" else None
    return keep(land, "jabar", tmp_path / "kept", empty)


def untold(_stage: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def test_a_node_comes_back_from_its_backups_alone(jabar: Kept) -> None:
    """Both files on an empty machine: the case, its attachments, its keys; and it goes on where it was."""
    filed = file_with(jabar.office, SMALL, LARGE)
    file, keys = jabar.back_up(), jabar.back_up("--keys")
    assert {path.stat().st_mode & 0o777 for path in (file, keys)} == {0o600}
    jabar.office.node.database.close()
    shutil.rmtree(jabar.data)
    told = well(jabar.restore(file, "--keys", keys))
    assert "restored jabar" in told
    assert "lost" not in told
    assert not [path.name for path in jabar.data.iterdir() if path.name.startswith((".", "restoring", "before"))]
    with jabar.reopened() as office:
        assert office.page(filed.number).complaint == WORDS
        assert seen_by_officer(office, filed.number) == dict([SMALL, LARGE])
        assert (office.state().phase, office.alarms()) == (Phase.READING, ["restored"])
        office.sync_well()
        office.hand_over(filed.number, "kemnaker")
        jabar.land.settle()
    assert jabar.land.kemnaker.page(filed.number).complaint == WORDS


def test_a_backup_tells_file_size_time_and_floor_and_the_floor_reaches_the_hub(jabar: Kept) -> None:
    land = jabar.land
    land.kemnaker.hand_over(land.kemnaker.file().number, "jabar")
    land.settle()
    assert jabar.office.state().floor == 0
    told = well(run("backup", jabar.folder, "--data", jabar.data))
    (file,) = jabar.folder.iterdir()
    floor = jabar.office.state().inbox_pos
    assert floor > 0
    first, second = told.splitlines()
    assert first.startswith(f"{file}  ")
    assert first.endswith(" s  verified")
    assert second == f"floor: {floor}"
    assert jabar.office.state().floor == floor
    assert jabar.office.state().backup_at is not None
    jabar.office.sync_well()
    with land.founded.database.reading() as session:
        assert session.scalar(select(MemberState.floor).where(MemberState.member == "jabar")) == floor


def test_a_backup_of_the_keys_leaves_the_floor_alone(jabar: Kept) -> None:
    jabar.office.file()
    jabar.office.sync_well()
    assert "floor" not in well(run("backup", jabar.folder, "--data", jabar.data, "--keys"))
    assert (jabar.office.state().floor, jabar.office.state().backup_at) == (0, None)


def test_no_key_is_in_the_data_and_no_data_among_the_keys(jabar: Kept) -> None:
    filed = jabar.office.file()
    case_id = jabar.office.case(filed.number).case_id
    database = jabar.office.node.database.engine.url.get_backend_name()
    data, keys = jabar.content_of(jabar.back_up()), jabar.content_of(jabar.back_up("--keys"))
    copy = {"sqlite": "database.sqlite", "postgresql": "database.dump/000000"}[database]
    assert set(data) == {"federation.json", "settings.json", copy}
    assert set(keys) == {f"case-keys/{case_id}.content", f"case-keys/{case_id}.identity"}
    key_file = (jabar.data / "keys" / "node.key").read_bytes()
    wrapped = [path.read_bytes() for path in jabar.data.glob("case-keys/*/*")]
    assert wrapped
    assert not [content for content in data.values() for secret in (key_file, *wrapped) if secret in content]


def test_nothing_that_was_filed_stands_in_a_backup_not_even_when_it_is_opened(jabar: Kept) -> None:
    filed = jabar.office.file(replace(WORDS, text=TEXT), WHO)
    jabar.office.reply(filed.number, "Pengawas datang hari Selasa pagi.")
    files = [jabar.back_up(), jabar.back_up("--keys")]
    said = f"{TEXT} Pengawas datang hari Selasa pagi."
    search = Search(needles_of("report", (WHO.name, WHO.phone, WHO.email, WHO.nik), said))
    numbers = Search(needles_of("numbers", (filed.number, filed.receipt), "jabar-tidak-ada-di-sini"))
    for file in files:
        assert list(search.data(file.name, file.read_bytes())) == []
        assert list(numbers.data(file.name, file.read_bytes())) == []
        for name, content in jabar.content_of(file).items():
            assert list(search.data(name, content)) == []
    # The search is not blind: the number of a case is in the database, and nobody can read that without the keys.
    if jabar.office.node.database.engine.url.get_backend_name() == "sqlite":
        assert list(numbers.data("database", jabar.content_of(files[0])["database.sqlite"]))


def test_what_was_erased_later_opens_from_no_older_backup_with_the_living_keys(jabar: Kept) -> None:
    """The data of before the hand-over and the keys of after it: the content is gone, and the officer is told so."""
    filed = file_with(jabar.office, SMALL)
    file = jabar.back_up()
    jabar.office.hand_over(filed.number, "kemnaker")
    jabar.land.settle()
    well(jabar.restore(file))
    with jabar.reopened() as office:
        assert list(office.node.case_keys.listing()) == []
        row = office.case(filed.number)
        assert row.content is not None
        jabar.land.settle()
        # What happened since is read again, and the copy is a stub as it was.
        row = office.case(filed.number)
        assert (row.stance, row.content) == ("erased", None)
        assert office.track(filed.receipt).custodian_id == "kemnaker"


@pytest.mark.database("sqlite")
def test_a_thief_of_the_data_and_of_all_living_keys_opens_nothing_that_was_erased(jabar: Kept, tmp_path: Path) -> None:
    """Every key is tried on every sealed thing of the copy, as tests.support.disks does for a whole disk."""
    filed = jabar.office.file()
    copy = tmp_path / "copy.db"
    copy.write_bytes(jabar.content_of(jabar.back_up())["database.sqlite"])
    key_file, case_keys = jabar.data / "keys" / "node.key", jabar.data / "case-keys"
    before = keys_in(key_file, passphrase=PASSPHRASE, case_keys=case_keys)
    assert len(before.opened(node_seals(copy), node_at_rest(copy))) >= 2
    jabar.office.hand_over(filed.number, "kemnaker")
    jabar.land.settle()
    after = keys_in(key_file, passphrase=PASSPHRASE, case_keys=case_keys)
    assert after.opened(node_seals(copy), node_at_rest(copy)) == []


@contextmanager
def filing_all_the_while(kept: Kept) -> Iterator[list[str]]:
    """Complaints are filed in another thread until the block ends; gives the numbers of those that were stored."""
    numbers: list[str] = []
    begun, enough = threading.Event(), threading.Event()

    def file() -> None:
        while not enough.is_set():
            numbers.append(file_with(kept.office, SMALL).number)
            if len(numbers) == 3:
                begun.set()

    thread = threading.Thread(target=file)
    thread.start()
    assert begun.wait(60)
    try:
        yield numbers
    finally:
        enough.set()
        thread.join()


def test_a_backup_that_is_made_while_people_file_is_of_one_moment(jabar: Kept) -> None:
    """Whatever was acknowledged before is in it; what is in it is whole: case, tracking and attachments."""
    with filing_all_the_while(jabar) as numbers:
        before = list(numbers)
        file = jabar.back_up()
        keys = jabar.back_up("--keys")
        stored = len(numbers)
    assert len(before) >= 3
    jabar.office.node.database.close()
    shutil.rmtree(jabar.data)
    well(jabar.restore(file, "--keys", keys))
    with jabar.reopened() as office:
        found = {row.number for row in office.rows(Case)}
        assert set(before) <= found <= set(numbers[: stored + 1])
        assert {row.number for row in office.rows(Tracked)} == found
        assert {row.id for row in office.rows(StoredFile)} <= set(office.node.files.names())
        for number in found:
            assert seen_by_officer(office, number) == dict([SMALL])


# Old ones.


def made_at(kept: Kept, now: int, keep_days: int = 35, *, keys: bool = False) -> Made:
    make = back_up_keys if keys else back_up
    return make(kept.office.node, kept.folder, now, keep_days, untold)


def test_every_run_removes_what_is_older_than_it_may_be(jabar: Kept) -> None:
    """This node's own, of this kind; another's, and what bears no such name, stays."""
    others = [
        jabar.folder / name
        for name in (
            "simpul-node-jateng-20200101T000000Z.backup",
            "simpul-node-jabar-20200101T000000Z.keys",
            "simpul-node-jabar-20201399T000000Z.backup",
            "simpul-node-jabar-2-20200101T000000Z.backup",
            "notes.txt",
        )
    ]
    for path in others:
        path.write_bytes(b"")
    old = [made_at(jabar, NOW + day * DAY) for day in range(3)]
    assert [each.removed for each in old] == [[], [], []]
    new = made_at(jabar, NOW + 36 * DAY)
    assert new.removed == [old[0].path]
    assert set(jabar.folder.iterdir()) == {*others, old[1].path, old[2].path, new.path}
    assert made_at(jabar, NOW + 37 * DAY, 1).removed == [old[1].path, old[2].path]


def test_keys_are_kept_for_a_week_unless_told_otherwise(jabar: Kept) -> None:
    first = made_at(jabar, NOW, 7, keys=True)
    told = well(run("backup", jabar.folder, "--data", jabar.data, "--keys"))
    assert f"removed {first.path}" in told
    assert run("backup", jabar.folder, "--data", jabar.data, "--keep-days", "36").exit_code == 2
    with pytest.raises(BackupError, match="1 to 35 days"):
        made_at(jabar, NOW, 36)


def test_the_older_backup_goes_only_when_the_new_one_stands(jabar: Kept) -> None:
    old = made_at(jabar, NOW).path
    (jabar.data / "federation.json").unlink()
    with pytest.raises(BackupError, match=r"federation\.json"):
        made_at(jabar, NOW + 40 * DAY)
    assert list(jabar.folder.iterdir()) == [old]


# What can fail.


def test_a_full_disk_leaves_no_half_backup_and_no_new_floor(jabar: Kept, tmp_path: Path) -> None:
    """ENOSPC from a real file system, in the folder of the backups."""
    file_with(jabar.office, ("besar.jpg", photo(900_000)))
    jabar.office.sync_well()
    before = jabar.office.dump()
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", "512k") as disk:
        assert "No space left" in one_line_error(run("backup", disk, "--data", jabar.data))
        assert list(disk.iterdir()) == []
        filler = fill(disk)
        assert "No space left" in one_line_error(run("backup", disk, "--data", jabar.data))
        assert list(disk.iterdir()) == [filler]
    assert jabar.office.dump() == before
    assert not [path for path in jabar.data.iterdir() if path.name.startswith(".")]


@pytest.mark.database("sqlite")
def test_no_room_for_the_copy_of_the_database_is_told(jabar: Kept) -> None:
    jabar.office.file()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        result = run("backup", jabar.folder, "--data", jabar.data)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(jabar.data) in one_line_error(result)
    assert list(jabar.folder.iterdir()) == []
    assert not [path for path in jabar.data.iterdir() if path.name.startswith(".")]
    jabar.back_up()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_run_that_is_stopped_leaves_nothing_and_a_killed_one_nothing_for_long(jabar: Kept, stop: int) -> None:
    """In the middle of the file: an attachment that never comes is a pipe that nobody writes to."""
    pipe = jabar.office.node.files.path("B" * 43)
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    jabar.office.node.database.close()
    command = [sys.executable, "-m", "node", "backup", str(jabar.folder), "--data", str(jabar.data)]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "SIMPUL_PASSPHRASE": PASSPHRASE}, stderr=subprocess.PIPE
    )
    wait_for("the half file", lambda: any(jabar.folder.iterdir()), 60)
    process.send_signal(stop)
    process.communicate(timeout=60)
    assert process.returncode
    pipe.unlink()
    left = [path for folder in (jabar.data, jabar.folder) for path in folder.glob(".*.tmp*")]
    assert bool(left) == (stop == signal.SIGKILL)
    jabar.back_up()
    assert not [path for folder in (jabar.data, jabar.folder) for path in folder.glob(".*.tmp*")]


def test_what_a_killed_run_left_is_removed_by_the_next(jabar: Kept) -> None:
    left = [jabar.data / ".backup-0123.tmp", jabar.data / ".backup-0123.tmp-journal"]
    left.append(jabar.folder / ".simpul-node-jabar-20261122T013000Z.backup.tmp")
    for path in left:
        path.write_bytes(b"half")
    jabar.back_up()
    assert not [path for path in left if path.exists()]


def test_a_folder_that_is_not_there_is_not_made(jabar: Kept, tmp_path: Path) -> None:
    """It may be where a medium is to be mounted: a backup under it would lie on the node's own disk."""
    result = run("backup", tmp_path / "stick", "--data", jabar.data)
    assert "is no folder" in one_line_error(result)
    assert not (tmp_path / "stick").exists()


def test_two_runs_never_write_one_file(jabar: Kept) -> None:
    made_at(jabar, NOW)
    with pytest.raises(BackupError, match="exists already"):
        made_at(jabar, NOW)


@pytest.mark.database("sqlite")
def test_a_damaged_database_makes_no_backup(jabar: Kept) -> None:
    jabar.office.node.database.close()
    path = jabar.data / "node.db"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = os.urandom(len(content) - len(content) // 2)
    path.write_bytes(content)
    line = one_line_error(run("backup", jabar.folder, "--data", jabar.data))
    assert "damaged" in line or "malformed" in line
    assert list(jabar.folder.iterdir()) == []


@pytest.mark.database("postgresql")
def test_a_missing_pg_dump_is_told(jabar: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "pg_dump is not installed" in one_line_error(run("backup", jabar.folder, "--data", jabar.data))


@pytest.mark.database("postgresql")
def test_a_pg_dump_that_refuses_the_server_is_told(
    jabar: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in its place says what an older one says."""
    (tmp_path / "old").mkdir()
    old = tmp_path / "old" / "pg_dump"
    words = "pg_dump: error: aborting because of server version mismatch"
    old.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    assert "of the server's version" in one_line_error(run("backup", jabar.folder, "--data", jabar.data))
    assert list(jabar.folder.iterdir()) == []


def test_a_wrapped_key_that_is_damaged_is_told_and_left_out(jabar: Kept) -> None:
    filed = jabar.office.file()
    case_id = jabar.office.case(filed.number).case_id
    (path,) = jabar.data.glob(f"case-keys/*/{case_id}.identity")
    path.write_bytes(os.urandom(60))
    result = run("backup", jabar.folder, "--data", jabar.data, "--keys")
    assert f"a key of case {case_id} does not unwrap" in well(result)
    (file,) = jabar.folder.iterdir()
    assert set(jabar.content_of(file)) == {f"case-keys/{case_id}.content"}


def test_a_wrong_passphrase_is_told(jabar: Kept) -> None:
    assert "does not open" in one_line_error(run("backup", jabar.folder, "--data", jabar.data, passphrase="lain"))
    assert list(jabar.folder.iterdir()) == []


def test_the_data_directory_is_as_it_was(jabar: Kept) -> None:
    jabar.office.file()
    jabar.office.node.database.close()
    before = {name for name in tree(jabar.data) if not name.startswith("node.db-")}
    jabar.back_up()
    jabar.back_up("--keys")
    assert {name for name in tree(jabar.data) if not name.startswith("node.db-")} == before
    with jabar.office.node.database.reading() as session:
        assert list(lost_cases(session)) == []
        assert list(session.scalars(select(Alarm))) == []
