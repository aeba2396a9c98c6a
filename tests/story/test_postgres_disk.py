"""A country on PostgreSQL: no word of a report in PGDATA, in the write-ahead log, or in what the server says.

The cluster is this test's own, and keeps all of its write-ahead log: what was written once is there to be found.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import text

from demo.search import Search, needles_of
from keys.digest import sha256
from node.cases.views import Identity
from tests.support.databases import Served
from tests.support.nodes import WORDS, Country, country, make_template
from tests.support.postgres import Cluster, cluster

TEXT = "Upah kami di pabrik sepatu ditahan empat bulan, dan mandor mengancam siapa yang melapor."
WHO = Identity(
    name="Sri Wahyuningsih Lestari", phone="0899 0000 0777", email="sri.w@surat.example", nik="9932165512850007"
)
ANSWER = "Pengawas sudah memeriksa perusahaan itu hari Selasa."
WHY = "Pengawas perlu mencocokkan daftar upah dengan pelapor."


@dataclass(frozen=True, slots=True)
class Handed:
    """A report that went from jabar to kemnaker and was answered."""

    server: Cluster
    land: Country
    search: Search


@pytest.fixture(scope="module")
def handed(require_component: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handed]:
    folder = tmp_path_factory.mktemp("postgres")
    (folder / "template").mkdir()
    with cluster(require_component("postgresql")) as server:
        server.stop()
        server.start("wal_keep_size=1GB")
        databases = Served(lambda: server)
        with country(make_template(folder / "template", databases), folder / "country", databases) as land:
            filed = land.jabar.file(replace(WORDS, text=TEXT), WHO)
            land.jabar.hand_over(filed.number, "kemnaker", WHY)
            land.settle()
            assert land.kemnaker.open_identity(filed.number, WHY) == WHO
            land.kemnaker.reply(filed.number, ANSWER)
            land.settle()
            assert land.kemnaker.page(filed.number).complaint == replace(WORDS, text=TEXT)
            assert land.jabar.track(filed.receipt).messages[0].text == ANSWER
            said = f"{TEXT} {ANSWER} {WHY}"
            needles = needles_of("report", (WHO.name, WHO.phone, WHO.email, WHO.nik), said)
            assert len(needles) >= 15
            yield Handed(server, land, Search(needles))


def found_in(handed: Handed) -> set[str]:
    """The folders of PGDATA in which a needle stands. What the databases have in common is searched once."""
    handed.server.ask("CHECKPOINT")
    found, searched = set(), set()
    for path in sorted(each for each in handed.server.data.rglob("*") if each.is_file()):
        content = path.read_bytes()
        name = path.relative_to(handed.server.data)
        if sha256(content) not in searched and any(handed.search.data(str(name), content)):
            found.add(name.parts[0])
        searched.add(sha256(content))
    return found


def test_the_whole_of_pgdata_holds_no_word_of_a_report(handed: Handed) -> None:
    """Tables, indexes and write-ahead log; and the search that finds nothing there finds a name that is planted."""
    assert found_in(handed) == set()
    plant = text("INSERT INTO alarm (id, at, rule, detail) VALUES (99, 1, 'x', :it)").bindparams(it=WHO.name)
    with handed.land.jabar.node.database.transaction() as session:
        session.execute(plant)
    assert found_in(handed) >= {"base", "pg_wal"}


def test_the_server_writes_no_word_of_a_report_to_its_log(handed: Handed) -> None:
    """Not even when a statement that carries words fails: with the settings that operators are told to make."""
    with (
        pytest.raises(Exception, match="does not exist"),
        handed.land.jabar.node.database.transaction() as session,
    ):
        session.execute(text("INSERT INTO nowhere VALUES (:it)"), {"it": WHO.name})
    too_long = text("INSERT INTO alarm (id, at, rule, detail) VALUES (1, 1, 'x', :it)").bindparams(it=WHO.name * 40)
    with (
        pytest.raises(Exception, match="too long"),
        handed.land.jabar.node.database.transaction() as session,
    ):
        session.execute(too_long)
    assert handed.server.wrote("does not exist")
    assert handed.server.wrote("too long")
    told = "".join(handed.server.log).encode()
    assert list(handed.search.data("the server's log", told)) == []
