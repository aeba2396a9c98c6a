"""Attachments on the pages: an officer's list of them, and the reporter's own under the receipt code."""

from collections.abc import Iterator

import pytest

from tests.support.caller import caller
from tests.support.databases import Databases
from tests.support.offices import Country, country
from tests.support.photos import attached, photo

#: Pages read and write through the services, whose own tests run on both databases.
pytestmark = pytest.mark.database("sqlite")

PHOTO = photo(100_000)


@pytest.fixture(scope="module")
def lands(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Country]:
    with country(tmp_path_factory.mktemp("negeri"), databases) as made:
        yield made


@pytest.fixture(scope="module")
def filed(lands: Country) -> dict[str, str]:
    return caller(lands["jabar"]).file(attachments=[attached(PHOTO, "jalan <i>rusak & parah.jpg")])


def test_an_officer_sees_what_came_with_a_report_and_saves_it(lands: Country, filed: dict[str, str]) -> None:
    officer = lands["jabar"].officer("liaison")
    page = officer.get(f"/petugas/kasus/{filed['number']}")
    assert "jalan irusak & parah.jpg" in page.words
    assert "100.0 kB" in page.words
    (told,) = caller(lands["jabar"]).track(filed["receipt"])["attachments"]
    path = f"/petugas/kasus/{filed['number']}/lampiran/{told['id']}"
    assert f'href="{path}"' in page.text
    answer = officer.http.get(lands["jabar"].url + path, timeout=30)
    assert (answer.status_code, answer.content) == (200, PHOTO)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Cache-Control"] == "no-store"


def test_nobody_else_gets_it_at_the_console(lands: Country, filed: dict[str, str]) -> None:
    (told,) = caller(lands["jabar"]).track(filed["receipt"])["attachments"]
    path = f"/petugas/kasus/{filed['number']}/lampiran/{told['id']}"
    assert lands["jabar"].officer("operator").get(path).status == 403
    assert "/petugas/masuk" in lands["jabar"].visitor().get(path).url
    assert lands["jabar"].officer("admin").get(path + "x").status == 404


def test_a_reporter_gets_back_what_was_attached(lands: Country, filed: dict[str, str]) -> None:
    reporter = lands["jabar"].visitor()
    page = reporter.post("/lacak", {"receipt": filed["receipt"]})
    assert "Lampiran Anda" in page.words
    form = page.form("/lacak/lampiran")
    answer = reporter.http.post(f"{lands['jabar'].url}/lacak/lampiran", data=form.fields, timeout=30)
    assert (answer.status_code, answer.content) == (200, PHOTO)


@pytest.mark.parametrize("change", [{"receipt": "0"}, {"id": "A" * 43}, {"id": ""}, {"id": "../../node.db"}])
def test_a_wrong_code_or_file_is_not_found(lands: Country, filed: dict[str, str], change: dict[str, str]) -> None:
    reporter = lands["jabar"].visitor()
    form = reporter.post("/lacak", {"receipt": filed["receipt"]}).form("/lacak/lampiran")
    assert reporter.post("/lacak/lampiran", form.fields | change).status == 404


def test_another_site_cannot_ask_for_it_in_a_reporters_browser(lands: Country, filed: dict[str, str]) -> None:
    reporter = lands["jabar"].visitor()
    form = reporter.post("/lacak", {"receipt": filed["receipt"]}).form("/lacak/lampiran")
    page = reporter.post("/lacak/lampiran", form.fields, Sec_Fetch_Site="cross-site")
    assert page.status == 403
