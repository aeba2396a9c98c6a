"""One process at a time has the turn to schedule, and whoever waits gets it when that one is gone."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from house.screen import ROOT
from service.database import Database
from tests.support.databases import Databases
from tests.support.postgres import Cluster

HOLDS = """
import sys
from pathlib import Path
from service.database import Database
turn = Database(sys.argv[1], "none:needed").turn(Path(sys.argv[2]))
print(turn.take(), flush=True)
sys.stdin.read()
"""


def test_two_that_share_a_database_take_turns(url: str, tmp_path: Path) -> None:
    first, second = (Database(url, "none:needed") for _ in range(2))
    mine, yours = (each.turn(tmp_path / "lock") for each in (first, second))
    assert mine.take()
    assert mine.take()
    assert not yours.take()
    yours.close()
    assert not yours.take()
    mine.close()
    assert yours.take()
    assert not mine.take()
    yours.close()
    first.close()
    second.close()


def test_the_turn_ends_with_its_process(url: str, database: Database, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS, url, str(tmp_path / "lock")]
    other = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == "True\n"
    turn = database.turn(tmp_path / "lock")
    assert not turn.take()
    other.kill()
    other.communicate()
    # PostgreSQL notices a closed connection at its own pace: asked again until then, for at most the test's time.
    while not turn.take():
        pass
    turn.close()


@pytest.mark.database("postgresql")
@pytest.mark.usefixtures("databases")
class TestOnPostgreSQL:
    def test_a_turn_is_lost_with_its_connection_and_taken_again(
        self, url: str, database: Database, postgres: Callable[[], Cluster], tmp_path: Path
    ) -> None:
        """The server let go of the lock: whoever asks first has it, and nobody believes to have what is another's."""
        other = Database(url, "none:needed")
        mine, yours = database.turn(tmp_path / "lock"), other.turn(tmp_path / "lock")
        assert mine.take()
        postgres().disconnect(make_url(url).database or "")
        assert yours.take()
        assert not mine.take()
        yours.close()
        assert mine.take()
        mine.close()
        other.close()

    def test_a_server_that_is_away_gives_no_turn(
        self, database: Database, postgres: Callable[[], Cluster], tmp_path: Path
    ) -> None:
        turn = database.turn(tmp_path / "lock")
        assert turn.take()
        postgres().stop()
        try:
            assert not turn.take()
        finally:
            postgres().start()
        assert turn.take()
        turn.close()

    def test_two_databases_of_one_server_have_turns_of_their_own(
        self, database: Database, databases: Databases, tmp_path: Path
    ) -> None:
        other = Database(databases.make(tmp_path / "other.db"), "none:needed")
        turns = [each.turn(tmp_path / "lock") for each in (database, other)]
        assert [turn.take() for turn in turns] == [True, True]
        for turn in turns:
            turn.close()
        other.close()
