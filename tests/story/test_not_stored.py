"""A disk that is full, a database that is locked: the citizen is told plainly, and gets back what was typed."""

import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from demo.citizen import Citizen
from demo.complaints import Identity, Place, Report
from demo.federation import Federation, RunningNode
from demo.offices import OFFICES
from tests.story.conftest import with_accounts
from tests.support.filing import Answered, filled_form, send

REPORT: Final = Report(
    "complaint",
    'Loket tutup jam sepuluh, padahal tertulis sampai jam dua.\n\nSaya sudah tiga kali <bolak-balik> & "kecewa".',
    "kependudukan/administrasi-kependudukan-dan-pencatatan-sipil",
    Place("32.73"),
    "open",
    Identity("Oneng Rohaeni Sukmawati", "0899 0000 0888", "oneng.r@surat.example", "9932735203850008"),
)
_PLAINLY: Final = "Laporan Anda BELUM tersimpan"


@contextmanager
def lone_office(folder: Path) -> Iterator[RunningNode]:
    """A node whose hub does not run and never enrolled it: taking reports needs neither."""
    with Federation(folder, [with_accounts(OFFICES[0], "admin")]) as federation:
        federation.found_hub()
        (node,) = federation.nodes.values()
        federation.write_passphrase(node.office.id)
        federation.make_node(node)
        node.server.start()
        yield node


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with lone_office(tmp_path_factory.mktemp("lone")) as node:
        yield node


@contextmanager
def locked_database(node: RunningNode) -> Iterator[None]:
    """Another process writes for longer than anybody waits."""
    with closing(sqlite3.connect(node.data / "node.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def no_file_may_grow_beyond(node: RunningNode, size: int) -> Iterator[None]:
    """Make every write beyond `size` bytes of a file fail, as on a disk without room."""
    pid = node.server.pid
    assert pid is not None
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def no_room_in_the_database(node: RunningNode) -> ExitStack:
    """Key files are small enough; the write-ahead log is not."""
    stack = ExitStack()
    stack.enter_context(no_file_may_grow_beyond(node, 1_000))
    return stack


def no_room_at_all(node: RunningNode) -> ExitStack:
    stack = ExitStack()
    stack.enter_context(no_file_may_grow_beyond(node, 0))
    return stack


def numbers_at(node: RunningNode) -> set[str]:
    return set(node.officer("admin").numbers())


def check_told_plainly(answered: Answered, form: dict[str, str]) -> None:
    """Not stored, said so in the first line, no receipt, and every field as it was typed."""
    assert answered.status == 503
    assert _PLAINLY in answered.page.problem
    assert not answered.page.all("strong", "number")
    kept = answered.form.values
    assert {name: kept[name] for name in form if name != "step"} == {n: v for n, v in form.items() if n != "step"}


@pytest.mark.parametrize(
    "trouble", [locked_database, no_room_in_the_database, no_room_at_all], ids=lambda trouble: trouble.__name__
)
def test_a_report_that_cannot_be_stored_is_refused_plainly_and_kept_on_the_page(
    office: RunningNode, trouble: Callable[[RunningNode], "ExitStack"]
) -> None:
    before = numbers_at(office)
    form = filled_form(office.url, REPORT)
    with trouble(office):
        check_told_plainly(send(office.url, form), form)
    assert numbers_at(office) == before
    # The very page that told so is sent again, as the reader is asked to.
    again = send(office.url, form)
    assert again.status == 200
    assert numbers_at(office) == before | {again.receipt.number}
    assert Citizen(office.url).track(again.receipt.code).text == REPORT.text
    # The attempts that failed left no key behind that the report does not use.
    assert stray_keys(office) == 0


def stray_keys(office: RunningNode) -> int:
    """How many keys belong to no case."""
    with closing(sqlite3.connect(office.data / "node.db")) as database:
        known = {row[0] for row in database.execute('SELECT case_id FROM "case"')}
    return sum(path.name.partition(".")[0] not in known for path in (office.data / "case-keys").glob("*/*.*"))


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, small enough to fill; only root may make one."""
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root mounts a small file system")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False)
    if done.returncode:
        pytest.skip("this machine does not let root mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Take every last byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for block in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(block))
            except OSError:
                continue
    return filler


def test_on_a_full_disk_the_citizen_is_told_plainly_and_may_send_again(tmp_path: Path) -> None:
    """ENOSPC from a real file system."""
    with small_disk(tmp_path, "24m") as disk, lone_office(disk / "country") as node:
        form = filled_form(node.url, REPORT)
        filler = fill(disk)
        check_told_plainly(send(node.url, form), form)
        filler.unlink()
        again = send(node.url, form)
        assert again.status == 200
        assert Citizen(node.url).track(again.receipt.code).text == REPORT.text
