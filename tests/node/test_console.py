"""The officers' console over HTTP: who may do what, and the whole way of a case from one office to another."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from node.models import Base
from node.people.service import ABSOLUTE_SECONDS, IDLE_SECONDS
from tests.support.databases import Databases
from tests.support.offices import Country, Office, country, locked, password_of
from tests.support.reports import PERSON, REPORT, TEXT, blank, code_of, number_of
from tests.support.visitor import Page, Visitor

#: Pages read and write through the services, whose own tests run on both databases.
pytestmark = pytest.mark.database("sqlite")


@pytest.fixture(scope="module")
def lands(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Country]:
    with country(tmp_path_factory.mktemp("negeri"), databases) as made:
        yield made


@pytest.fixture
def jabar(lands: Country) -> Iterator[Office]:
    began = lands.clock.seconds
    yield lands["jabar"]
    lands.clock.seconds = began


def filed(office: Office) -> tuple[str, str]:
    """A case's number and its receipt code."""
    citizen = office.visitor()
    page = citizen.post("/lapor", {**blank(citizen), **REPORT})
    return number_of(page), code_of(page)


def case(officer: Visitor, number: str) -> Page:
    return officer.get(f"/petugas/kasus/{number}")


def do(officer: Visitor, number: str, slug: str, **typed: str) -> Page:
    """Open the case, fill in the form of a deed and send it; follow to the page after."""
    return officer.submit(case(officer, number), f"/{slug}", None, **typed)


def hand_to_kemensos(lands: Country) -> tuple[str, str]:
    number, code = filed(lands["jabar"])
    admin = lands["jabar"].officer("admin")
    page = do(admin, number, "teruskan", to="kemensos", reason="Bansos ditangani kementerian.", confirm="ya")
    assert page.status == 200
    lands.settle()
    return number, code


# Coming in.


@pytest.mark.parametrize(("username", "password"), [("admin", "salah"), ("tidak-ada", "salah"), ("", "")])
def test_a_wrong_name_and_a_wrong_password_get_the_same_words(jabar: Office, username: str, password: str) -> None:
    visitor = jabar.visitor()
    page = visitor.log_in(username, password)
    assert page.status == 401
    assert "Nama pengguna atau kata sandi tidak cocok." in page.words
    assert "simpul_petugas" not in visitor.http.cookies
    assert password == "" or password not in page.text


def test_without_a_login_every_page_leads_to_it(jabar: Office) -> None:
    for path in ("/petugas/", "/petugas/kasus", "/petugas/kasus/X", "/petugas/triase"):
        assert jabar.visitor().get(path).url.endswith("/petugas/masuk")


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(jabar: Office) -> None:
    visitor = jabar.visitor()
    form = visitor.get("/petugas/masuk").form("/masuk")
    answer = visitor.http.post(
        f"{jabar.url}/petugas/masuk",
        {**form.fields, "username": "admin", "password": password_of("admin")},
        allow_redirects=False,
        timeout=10,
    )
    cookie = next(each for each in answer.raw.headers.getlist("Set-Cookie") if each.startswith("simpul_petugas="))
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/petugas" in cookie


def test_the_database_holds_no_token_that_would_log_anybody_in(jabar: Office) -> None:
    admin = jabar.officer("admin")
    token = admin.http.cookies["simpul_petugas"]
    with jabar.node.database.reading() as session:
        stored = [tuple(row) for table in Base.metadata.sorted_tables for row in session.execute(select(table))]
    assert len(stored) > 10
    assert token not in repr(stored)


def test_a_session_ends_when_it_is_idle_and_after_a_working_day(jabar: Office) -> None:
    idle, busy = jabar.officer("admin"), jabar.officer("admin")
    for _ in range(ABSOLUTE_SECONDS // (IDLE_SECONDS - 1)):
        jabar.clock.seconds += IDLE_SECONDS - 1
        assert busy.get("/petugas/kasus").url.endswith("/kasus")
    assert idle.get("/petugas/kasus").url.endswith("/masuk")
    jabar.clock.seconds += IDLE_SECONDS - 1
    assert busy.get("/petugas/kasus").url.endswith("/masuk")


def test_logging_out_ends_the_session_on_the_server_too(jabar: Office) -> None:
    admin = jabar.officer("admin")
    token = admin.http.cookies["simpul_petugas"]
    admin.submit(admin.get("/petugas/kasus"), "/keluar")
    thief = jabar.visitor()
    thief.http.cookies.set("simpul_petugas", token, path="/petugas")
    assert thief.get("/petugas/kasus").url.endswith("/masuk")


def test_a_form_without_its_token_does_nothing(jabar: Office) -> None:
    number, _ = filed(jabar)
    admin = jabar.officer("admin")
    page = admin.post(f"/petugas/kasus/{number}/tanggapi", {"text": "dipalsukan"})
    assert page.status == 400
    assert "dipalsukan" not in case(admin, number).text


def test_what_was_typed_in_a_session_that_ended_comes_back_to_be_copied(jabar: Office) -> None:
    number, _ = filed(jabar)
    admin = jabar.officer("admin")
    page = case(admin, number)
    jabar.clock.seconds += IDLE_SECONDS
    late = admin.submit(page, "/tanggapi", text="Sudah panjang lebar saya tulis")
    assert late.status == 401
    assert "Sudah panjang lebar saya tulis" in late.words


# Who may do what.


@pytest.mark.parametrize(
    ("role", "listing", "reading"),
    [("admin", 200, 200), ("liaison", 200, 200), ("custodian", 200, 200), ("leader", 200, 403), ("operator", 403, 403)],
)
def test_each_role_sees_what_its_row_of_the_table_says(jabar: Office, role: str, listing: int, reading: int) -> None:
    number, _ = filed(jabar)
    officer = jabar.officer(role)
    assert officer.get("/petugas/kasus").status == listing
    page = case(officer, number)
    assert page.status == reading
    assert ("PKH ibu" in page.words) == (reading == 200)


@pytest.mark.parametrize(
    ("role", "slugs"),
    [
        ("admin", {"teruskan", "tanya-triase", "tanggapi", "tutup"}),
        ("liaison", {"tanggapi", "tutup"}),
        ("custodian", {"buka-identitas"}),
    ],
)
def test_a_page_offers_a_role_only_what_it_may_do(jabar: Office, role: str, slugs: set[str]) -> None:
    number, _ = filed(jabar)
    page = case(jabar.officer(role), number)
    offered = {form.action.rsplit("/", 1)[1] for form in page.forms} - {"keluar"}
    assert offered <= slugs
    assert offered


@pytest.mark.parametrize(
    ("role", "slug"),
    [("liaison", "teruskan"), ("admin", "buka-identitas"), ("leader", "tanggapi"), ("operator", "tutup")],
)
def test_what_a_page_does_not_offer_is_refused_all_the_same(jabar: Office, role: str, slug: str) -> None:
    number, _ = filed(jabar)
    officer = jabar.officer(role)
    token = re.search(r'name="csrf_token" value="([^"]+)"', officer.get("/petugas/masuk").text)
    assert token
    page = officer.post(
        f"/petugas/kasus/{number}/{slug}",
        {"csrf_token": token[1], "to": "kemensos", "reason": "x", "text": "x", "confirm": "ya"},
    )
    assert page.status == 403
    assert "Siti" not in page.text


def test_only_the_triage_node_speaks_of_triage_questions(lands: Country) -> None:
    assert "/petugas/triase" in lands["triase"].officer("admin").get("/petugas/kasus").text
    assert "/petugas/triase" not in lands["triase"].officer("liaison").get("/petugas/kasus").text
    assert "/petugas/triase" not in lands["jabar"].officer("admin").get("/petugas/kasus").text


# The list.


def test_the_list_shows_no_word_of_the_reports(jabar: Office) -> None:
    number, _ = filed(jabar)
    page = jabar.officer("leader").get("/petugas/kasus")
    assert number in page.words
    for word in ("PKH ibu", *PERSON.values()):
        assert word not in page.text


def test_a_filter_stays_in_every_address_from_the_list_to_the_form(jabar: Office) -> None:
    number, _ = filed(jabar)
    admin = jabar.officer("admin")
    page = admin.get("/petugas/kasus?keadaan=received&keadaan=offered")
    assert f"/petugas/kasus/{number}?keadaan=received&amp;keadaan=offered" in page.text
    page = admin.get(f"/petugas/kasus/{number}?keadaan=received")
    assert 'href="/petugas/kasus?keadaan=received"' in page.text
    assert page.form("/teruskan").action.endswith("?keadaan=received")
    assert number not in admin.get("/petugas/kasus?keadaan=resolved").words
    assert number in admin.get("/petugas/kasus?keadaan=bukan-keadaan").words


# The way of a case.


def test_a_case_goes_to_another_office_is_answered_and_the_reporter_reads_it_all(lands: Country) -> None:
    number, code = hand_to_kemensos(lands)
    stub = case(lands["jabar"].officer("admin"), number)
    assert "PKH ibu" not in stub.text
    assert "Kementerian Sosial" in stub.words
    assert len(stub.forms) == 1  # to log out
    custodian = lands["kemensos"].officer("custodian")
    shown = do(custodian, number, "buka-identitas", reason="Mencocokkan NIK.", confirm="ya")
    assert shown.status == 200
    assert shown.headers["Cache-Control"] == "no-store"
    assert "Siti Rahayu" in shown.words
    assert "3273014101900001" in shown.words
    assert "Siti" not in case(custodian, number).text
    liaison = lands["kemensos"].officer("liaison")
    assert do(liaison, number, "tanggapi", text="Sudah kami cek.\nCair tanggal 5.").status == 200
    lands.settle()
    tracking = lands["jabar"].visitor().post("/lacak", {"receipt": code})
    for told in (
        "Kantor yang menangani sudah menjawab",
        "Cair tanggal 5.",
        "pemegang kunci identitas",
        "Mencocokkan NIK.",
        "bukti log nomor",
        "Provinsi Jawa Barat → Kementerian Sosial",
    ):
        assert told in tracking.words, told


def test_what_no_office_claims_is_asked_of_triage_and_its_ruling_is_obeyed(lands: Country) -> None:
    number, _ = filed(lands["jabar"])
    admin, triage = lands["jabar"].officer("admin"), lands["triase"].officer("admin")
    assert do(admin, number, "tanya-triase", reason="Bukan urusan kami.").status == 200
    lands.settle()
    asks = triage.get("/petugas/triase")
    path = re.search(r'href="(/petugas/triase/[^"?]+)"', asks.text)
    assert path
    ask = triage.get(path[1])
    assert "PKH ibu" in ask.words
    assert "Siti" not in ask.text
    unsure = triage.submit(ask, path[1], reason="Bansos.")
    assert unsure.status == 422
    assert unsure.form(path[1]).fields["reason"] == "Bansos."
    with locked(lands["triase"]):
        late = triage.submit(unsure, path[1], to="kemensos", confirm="ya")
    assert late.status == 503
    assert late.form(path[1]).fields["reason"] == "Bansos."
    assert "Penetapan dikirim" in triage.submit(unsure, path[1], to="kemensos", confirm="ya").words
    assert triage.submit(unsure, path[1], to="kemensos", confirm="ya").status == 403
    assert "PKH ibu" not in triage.get(path[1]).text
    lands.settle()
    assert "Kementerian Sosial sebagai penangan" in case(admin, number).words
    assert do(admin, number, "patuhi", confirm="ya").status == 200
    lands.settle()
    assert "PKH ibu" in case(lands["kemensos"].officer("liaison"), number).words


@pytest.mark.parametrize(
    ("role", "slug", "typed", "wrong"),
    [
        ("admin", "teruskan", {"to": "", "reason": "Sudah ditulis"}, {"teruskan-to", "teruskan-confirm"}),
        ("admin", "teruskan", {"to": "kemensos", "reason": " ", "confirm": "ya"}, {"teruskan-reason"}),
        ("liaison", "tanggapi", {"text": "x" * 8_001}, {"tanggapi-text"}),
        ("custodian", "buka-identitas", {"reason": "Sudah ditulis"}, {"buka-identitas-confirm"}),
    ],
)
def test_a_form_that_does_not_fit_comes_back_with_what_was_typed(
    jabar: Office, role: str, slug: str, typed: dict[str, str], wrong: set[str]
) -> None:
    number, _ = filed(jabar)
    page = do(jabar.officer(role), number, slug, **typed)
    assert page.status == 422
    assert {f"{each}-wrong" for each in wrong} <= page.ids
    fields = page.form(f"/{slug}").fields
    assert all(fields[name] == value for name, value in typed.items() if name != "confirm")
    assert "Beri tanda bahwa Anda memahami akibatnya." in page.words or "confirm" in typed or slug == "tanggapi"
    assert "Siti" not in page.text


def test_closing_a_case_is_confirmed_first(jabar: Office) -> None:
    number, code = filed(jabar)
    liaison = jabar.officer("liaison")
    do(liaison, number, "tanggapi", text="Sudah dicek.")
    unsure = do(liaison, number, "tutup", text="Selesai, sudah cair.")
    assert unsure.status == 422
    assert "tutup-confirm-wrong" in unsure.ids
    assert unsure.form("/tutup").fields["text"] == "Selesai, sudah cair."
    assert "Kasus ditutup." in liaison.submit(unsure, "/tutup", confirm="ya").words
    assert "Selesai, sudah cair." in jabar.visitor().post("/lacak", {"receipt": code}).words


def test_what_the_case_does_not_allow_any_more_comes_back_with_what_was_typed(lands: Country) -> None:
    number, _ = filed(lands["jabar"])
    admin = lands["jabar"].officer("admin")
    before = case(admin, number)
    do(admin, number, "teruskan", to="kemensos", reason="Bansos.", confirm="ya")
    page = admin.submit(before, "/tanggapi", text="Terlambat satu langkah")
    assert page.status == 403
    assert "Tindakan belum dilakukan" in page.words


def test_when_the_database_is_locked_an_officer_keeps_the_text(jabar: Office) -> None:
    number, _ = filed(jabar)
    liaison = jabar.officer("liaison")
    before = case(liaison, number)
    with locked(jabar):
        page = liaison.submit(before, "/tanggapi", text="Jangan hilang")
    assert page.status == 503
    assert page.form("/tanggapi").fields["text"] == "Jangan hilang"
    assert "Belum tersimpan" in page.words


def test_a_case_that_is_not_here_is_not_found(jabar: Office) -> None:
    page = case(jabar.officer("admin"), "XXXXX-XXXXX")
    assert page.status == 404
    assert "Tidak ada laporan dengan nomor ini" in page.words


def test_what_a_reporter_writes_is_shown_as_text_and_runs_nowhere(jabar: Office) -> None:
    number, _ = filed(jabar)
    page = case(jabar.officer("admin"), number)
    assert "<b>tolong</b>" in TEXT
    assert "<b>tolong</b>" not in page.text
    assert "&lt;b&gt;tolong&lt;/b&gt;" in page.text
