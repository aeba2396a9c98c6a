"""A node that is put back: checked before anything is changed, whole or not at all, and honest about what is lost."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from keys.errors import KeyDestroyedError
from node.backup.restored import begin_restored
from node.cases.names import number_of
from node.custody.lost import found_again, lost_cases
from node.jobs import take_scheduler_lock
from node.models.sync import LostCase
from node.serving import prepare, sweep
from protocol.custody import Phase
from tests.service.test_restore import Renames
from tests.support.backups import Kept, keep, one_line_error, run, tree, well
from tests.support.databases import Databases
from tests.support.hub import PASSPHRASE
from tests.support.nodes import WORDS, Country


@pytest.fixture
def jabar(land: Country, tmp_path: Path, databases: Databases) -> Kept:
    empty = databases.make(tmp_path / "unused.db") if databases.kind == "postgresql" else None
    return keep(land, "jabar", tmp_path / "kept", empty)


def case_ids(kept: Kept) -> set[str]:
    return {case_id for case_id, _ in kept.office.node.case_keys.listing()}


# What is lost is told.


def test_a_case_that_was_filed_after_the_backup_is_told_by_its_number(jabar: Kept) -> None:
    """By the restore, by the status, and its keys are kept at every start."""
    saved = jabar.office.file()
    file = jabar.back_up()
    lost = jabar.office.file()
    jabar.office.node.database.close()
    told = well(jabar.restore(file))
    assert f"lost: {lost.number}" in told
    assert saved.number not in told
    assert "comes again from the hub" in told
    status = well(run("status", "--data", jabar.data))
    assert f"lost: {lost.number}" in status
    assert "restored: " in status
    with jabar.reopened() as office:
        (row,) = office.rows(LostCase)
        assert (row.number, number_of(row.case_id)) == (lost.number, lost.number)
        assert office.page(saved.number).complaint == WORDS
        before = case_ids(jabar)
        prepare(office.node)
        sweep(office.node)
        assert case_ids(jabar) == before
        assert row.case_id in before
        # Once it is known not to be lost, an orphan is an orphan again.
        with office.node.database.transaction() as session:
            found_again(session, row.case_id)
        sweep(office.node)
        assert case_ids(jabar) == before - {row.case_id}


def test_a_case_that_came_after_the_backup_comes_again_with_its_keys(jabar: Kept) -> None:
    """Lost at first by the number that its id would have; the hub hands it out again, and it is read with new words."""
    land = jabar.land
    file = jabar.back_up()
    filed = land.kemnaker.file()
    land.kemnaker.hand_over(filed.number, "jabar")
    land.settle()
    case_id = jabar.office.case(filed.number).case_id
    assert jabar.office.page(filed.number).complaint == WORDS
    jabar.office.node.database.close()
    assert f"lost: {number_of(case_id)}" in well(jabar.restore(file))
    with jabar.reopened() as office:
        prepare(office.node)
        office.sync_well()
        land.settle()
        assert office.state().phase == Phase.ACTING
        assert office.rows(LostCase) == []
        assert office.page(filed.number).complaint == WORDS
        assert {use for owner, use in office.node.case_keys.listing() if owner == case_id} == {"content", "identity"}
        office.reply(filed.number, "Kami periksa.")
        land.settle()
    assert land.kemnaker.track(filed.receipt).messages[-1].text == "Kami periksa."


def test_the_time_of_what_is_lost_is_that_of_its_keys(land: Country) -> None:
    """Also where the keys come from their own backup, and however often the node is set back."""
    office = land.jabar
    number = office.file().number
    case_id = office.case(number).case_id
    fresh = land.fresh("jabar")
    for use in ("content", "identity"):
        fresh.node.case_keys.put_back(case_id, use, (office.node.case_keys.wrapping(case_id, use)[0], 1_700_000_000.0))
    for _ in range(2):
        with fresh.node.database.transaction() as session:
            found = begin_restored(session, fresh.node, land.clock.now(), land.clock.now() - 60)
            (row,) = lost_cases(session)
        assert (row.case_id, row.at, row.number) == (case_id, 1_700_000_000, number)
    assert found == []
    with fresh.node.database.transaction() as session:
        found_again(session, case_id, "kemnaker")
        found_again(session, "never was lost", "kemnaker")
        (row,) = lost_cases(session)
        assert row.found == "kemnaker"


def test_a_case_whose_key_is_newer_than_the_backup_of_the_keys_is_told(jabar: Kept) -> None:
    first = jabar.office.file()
    keys = jabar.back_up("--keys")
    second = jabar.office.file()
    file = jabar.back_up()
    third = jabar.office.file()
    jabar.office.node.database.close()
    # Over what is there: the third is told by the keys that are moved aside.
    told = well(jabar.restore(file, "--keys", keys))
    assert f"no key: {second.number}" in told
    assert f"lost: {third.number}" in told
    assert first.number not in told


# What was there.


def test_what_was_there_is_moved_aside_whole_after_a_question(jabar: Kept) -> None:
    jabar.office.file()
    file = jabar.back_up()
    jabar.office.file()
    jabar.office.node.database.close()
    before = tree(jabar.data)
    refused = jabar.restore(file, typed="n\n")
    assert refused.exit_code == 1
    assert "settings.json" in refused.output
    assert "What officers wrote since the backup" in refused.output
    assert tree(jabar.data) == before
    done = jabar.restore(file, typed="y\n")
    assert "before-" in well(done)
    after = tree(jabar.data)
    aside = {name.partition("/")[2]: content for name, content in after.items() if name.startswith("before-")}
    assert {name: aside[name] for name in before if name in aside} == {
        name: content for name, content in before.items() if name in aside
    }
    stays = {name for name in before if name.startswith(("keys/", "case-keys/"))}
    assert {name: after[name] for name in stays} == {name: before[name] for name in stays}
    database = {"node.db"} if not jabar.empty else set()
    assert set(aside) == {"settings.json", "federation.json"} | database


def test_keys_of_a_backup_take_the_place_of_those_that_are_there(jabar: Kept) -> None:
    """For when they are damaged; those that were there are moved aside with the rest."""
    filed = jabar.office.file()
    file, keys = jabar.back_up(), jabar.back_up("--keys")
    for path in jabar.data.glob("case-keys/*/*"):
        path.write_bytes(bytes(60))
    (jabar.data / "keys" / "node.key").write_bytes(b"damaged")
    jabar.office.node.database.close()
    assert "damaged" in one_line_error(jabar.restore(file))
    well(jabar.restore(file, "--keys", keys))
    with jabar.reopened() as office:
        assert office.page(filed.number).complaint == WORDS
    (aside,) = (path for path in jabar.data.iterdir() if path.name.startswith("before-"))
    assert (aside / "keys" / "node.key").read_bytes() == b"damaged"
    assert list(aside.glob("case-keys/*/*"))


def test_without_any_wrapped_keys_a_node_is_restored_only_on_purpose(jabar: Kept) -> None:
    filed = jabar.office.file()
    file = jabar.back_up()
    jabar.office.node.database.close()
    shutil.rmtree(jabar.data / "case-keys")
    assert "make it as an empty folder" in one_line_error(jabar.restore(file))
    (jabar.data / "case-keys").mkdir(mode=0o700)
    well(jabar.restore(file))
    with jabar.reopened() as office, pytest.raises(KeyDestroyedError):
        office.node.case_keys.get(office.case(filed.number).case_id, "content")


def test_a_restore_that_is_cut_short_is_finished_by_the_same_command(
    jabar: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk goes away right after the first thing was moved; nothing serves the half, and nothing of it is lost."""
    filed = jabar.office.file()
    file = jabar.back_up()
    jabar.office.node.database.close()
    renames = Renames(monkeypatch)
    renames.left = 2
    assert "Input/output error" in one_line_error(jabar.restore(file))
    renames.left = None
    for command in ("status", "sync", "serve"):
        assert "cut short" in one_line_error(run(command, "--data", jabar.data))
    assert "is finished" in well(jabar.restore(file))
    with jabar.reopened() as office:
        assert office.page(filed.number).complaint == WORDS
        assert office.state().phase == Phase.READING


# What is refused, in one line, with nothing changed.


def spoil_nothing(file: Path, _kept: Kept) -> Path:
    return file


def cut_off(file: Path, _kept: Kept) -> Path:
    return changed(file, file.read_bytes()[:-1000])


def flipped(file: Path, _kept: Kept) -> Path:
    content = bytearray(file.read_bytes())
    content[-500] ^= 1
    return changed(file, bytes(content))


def not_a_backup(file: Path, _kept: Kept) -> Path:
    return changed(file, b"SQLite format 3\0")


def of_the_keys(_file: Path, kept: Kept) -> Path:
    return kept.back_up("--keys")


def of_another_node(_file: Path, kept: Kept) -> Path:
    other = keep(kept.land, "jateng", kept.folder / "jateng", None)
    return other.back_up()


def changed(file: Path, content: bytes) -> Path:
    path = file.with_name("changed.backup")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("spoil", "passphrase", "words"),
    [
        (cut_off, PASSPHRASE, "was cut off"),
        (flipped, PASSPHRASE, "damaged"),
        (not_a_backup, PASSPHRASE, "no backup file of Simpul"),
        (of_the_keys, PASSPHRASE, "holds the keys of node jabar"),
        (of_another_node, PASSPHRASE, "is of node jabar, and the backup of jateng"),
        (spoil_nothing, "lain", "does not open"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_cannot_be_restored_changes_nothing(
    jabar: Kept, spoil: Callable[[Path, Kept], Path], passphrase: str, words: str
) -> None:
    jabar.office.file()
    file = spoil(jabar.back_up(), jabar)
    jabar.office.node.database.close()
    before = tree(jabar.data)
    assert words in one_line_error(jabar.restore(file, passphrase=passphrase))
    assert tree(jabar.data) == before
    assert not (jabar.data / "restoring").exists()


def test_a_backup_under_other_keys_is_told_from_a_damaged_one(jabar: Kept, tmp_path: Path) -> None:
    file = jabar.back_up()
    empty = tmp_path / "empty"
    (empty / "case-keys").mkdir(parents=True)
    (empty / "keys").mkdir(mode=0o700)
    jabar.land.jateng.node.keyring.save(empty / "keys" / "node.key", PASSPHRASE)
    line = one_line_error(run("restore", file, "--data", empty, *jabar.empty))
    assert "made under other keys" in line
    keys = keep(jabar.land, "jateng", tmp_path / "jateng-kept", None).back_up("--keys")
    line = one_line_error(run("restore", file, "--data", tmp_path / "new", "--keys", keys, *jabar.empty))
    assert "holds the keys of jateng" in line
    assert "no key file" in one_line_error(run("restore", file, "--data", tmp_path / "other", *jabar.empty))


def test_a_node_that_is_served_is_not_restored_over(jabar: Kept) -> None:
    file = jabar.back_up()
    lock = take_scheduler_lock(jabar.data, jabar.office.node.database)
    assert lock is not None
    try:
        assert "stop it first" in one_line_error(jabar.restore(file))
    finally:
        lock.close()
    jabar.office.node.database.close()
    well(jabar.restore(file))


def test_a_backup_of_a_newer_simpul_is_told(jabar: Kept) -> None:
    with jabar.office.node.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    file = jabar.back_up()
    jabar.office.node.database.close()
    before = tree(jabar.data)
    assert "another version of Simpul" in one_line_error(jabar.restore(file))
    assert tree(jabar.data) == before


def test_a_database_of_the_other_kind_is_refused(jabar: Kept, tmp_path: Path, databases: Databases) -> None:
    file, keys = jabar.back_up(), jabar.back_up("--keys")
    new, sqlite = tmp_path / "new", databases.kind == "sqlite"
    url = "postgresql://simpul@127.0.0.1:1/none" if sqlite else f"sqlite:///{new / 'node.db'}"
    line = one_line_error(run("restore", file, "--data", new, "--keys", keys, "--database-url", url))
    assert f"is of a {'SQLite' if sqlite else 'PostgreSQL'} database" in line
    if sqlite:
        other = f"sqlite:///{tmp_path / 'elsewhere.db'}"
        line = one_line_error(run("restore", file, "--data", new, "--keys", keys, "--database-url", other))
        assert "is restored to" in line
    assert not (new / "settings.json").exists()


@pytest.mark.database("postgresql")
def test_a_dump_goes_into_an_empty_database_alone_and_the_old_one_stays(jabar: Kept) -> None:
    filed = jabar.office.file()
    file = jabar.back_up()
    old = jabar.office.node.settings.database_url
    line = one_line_error(run("restore", file, "--data", jabar.data, "--yes"))
    assert "is not empty" in line
    jabar.office.reply(filed.number, "Ini hanya di yang lama.")
    before = jabar.office.dump()
    well(jabar.restore(file))
    assert json.loads((jabar.data / "settings.json").read_text())["database_url"] == jabar.empty[1] != old
    assert jabar.office.dump() == before


def test_the_data_directory_may_have_moved(jabar: Kept, tmp_path: Path) -> None:
    """Settings that name the old place of a SQLite file do not lead there."""
    filed = jabar.office.file()
    file, keys = jabar.back_up(), jabar.back_up("--keys")
    before = tree(jabar.data)
    moved = Kept(jabar.land, "jabar", tmp_path / "moved", jabar.folder, jabar.empty)
    well(moved.restore(file, "--keys", keys))
    assert tree(jabar.data) == before
    with moved.reopened() as office:
        assert office.page(filed.number).complaint == WORDS
