"""A disk that could only be read for a while: what was opened then is not kept for ever."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from service.database import Database, is_temporary

NOBODY = 65_534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may enter: what root may not write is read-only to nobody else."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o777)
        yield Path(made)


@contextmanager
def only_reading(file: Path) -> Iterator[None]:
    """Let this process read a file and not write to it; root becomes somebody else for as long."""
    before, mode = os.geteuid(), file.stat().st_mode
    file.chmod(0o444)
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)
        file.chmod(mode)


def tell(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("INSERT INTO told VALUES ('ya')"))


def test_a_connection_that_was_opened_while_the_file_could_only_be_read_is_thrown_away(folder: Path) -> None:
    file = folder / "party.db"
    first = Database(f"sqlite:///{file}", "none:needed")
    with first.transaction() as session:
        session.execute(text("CREATE TABLE told (word TEXT)"))
    later = Database(f"sqlite:///{file}", "none:needed")
    # Somebody still has the database open, so that its log and its shared memory are there to be read.
    with first.reading() as kept:
        kept.execute(text("SELECT * FROM told")).all()
        for ending in ("-wal", "-shm"):
            Path(f"{file}{ending}").chmod(0o666)
        with only_reading(file), pytest.raises(OperationalError) as refused:
            tell(later)
        assert is_temporary(refused.value)
        tell(later)
    with later.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM told")) == 1
    first.close()
    later.close()
