"""Many writers of one database, as threads and as processes: each waits its turn, and no append is lost."""

# ruff: noqa: PT012  # what raises here is a whole transaction

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from house.screen import ROOT
from service.database import Database, UnusableDatabaseError, is_temporary
from tests.service.conftest import NOTE
from tests.support.databases import write_locked


def append(session: Session, text: str = "") -> int:
    """The read-modify-write that loses appends wherever two writers are let in."""
    seq = (session.scalar(select(func.max(NOTE.c.seq))) or 0) + 1
    session.execute(insert(NOTE).values(seq=seq, text=text))
    return seq


def sequence(database: Database) -> list[int]:
    with database.reading() as session:
        return list(session.scalars(select(NOTE.c.seq).order_by(NOTE.c.seq)))


def test_threads_that_append_at_once_lose_nothing_and_repeat_nothing(database: Database) -> None:
    def many(_: int) -> list[int]:
        found = []
        for _ in range(25):
            with database.transaction() as session:
                found.append(append(session))
        return found

    with ThreadPoolExecutor(8) as pool:
        told = [seq for each in pool.map(many, range(8)) for seq in each]
    assert sorted(told) == list(range(1, 201)) == sequence(database)


APPENDS = """
import sys
from service.database import Database
from tests.service.test_writers import append
database = Database(sys.argv[1], "none:needed", busy_timeout_ms=60_000)
for _ in range(50):
    with database.transaction() as session:
        append(session)
"""


def test_processes_that_append_at_once_lose_nothing(url: str, database: Database) -> None:
    command = [sys.executable, "-c", APPENDS, url]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    assert sequence(database) == list(range(1, 151))


def test_a_writer_sees_what_the_one_before_it_wrote(database: Database) -> None:
    """The second begins, and waits, before the first has written: what it reads must be of after the wait."""
    begun = threading.Event()

    def second() -> int:
        begun.set()
        with database.transaction() as session:
            return append(session)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            session.scalar(select(func.max(NOTE.c.seq)))
            waiting = pool.submit(second)
            begun.wait()
            assert append(session) == 1
        assert waiting.result() == 2


def test_a_writer_waits_no_longer_than_it_is_told(url: str) -> None:
    impatient = Database(url, "none:needed", busy_timeout_ms=20)
    with write_locked(url), pytest.raises(OperationalError) as caught, impatient.transaction() as session:
        append(session)
    assert is_temporary(caught.value)
    with impatient.transaction() as session:
        append(session)
    impatient.close()


def test_no_wait_at_all_is_not_for_ever(url: str) -> None:
    impatient = Database(url, "none:needed", busy_timeout_ms=0)
    with write_locked(url), pytest.raises(OperationalError), impatient.transaction() as session:
        append(session)
    impatient.close()


def test_an_error_names_no_parameter(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught, database.transaction() as session:
        session.execute(insert(NOTE).values(seq=1, text="rahasia pelapor"))
        session.execute(insert(NOTE).values(seq=1, text="rahasia pelapor"))
    assert not is_temporary(caught.value)
    assert "rahasia" not in str(caught.value) + repr(caught.value) + str(caught.value.orig)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://u:sandi@h/x", "postgresql+nodriver://u:sandi@h/x"])
def test_a_url_that_cannot_be_used_is_told_without_its_password(url: str) -> None:
    with pytest.raises(UnusableDatabaseError) as caught:
        Database(url, "none:needed")
    assert "sandi" not in str(caught.value)
