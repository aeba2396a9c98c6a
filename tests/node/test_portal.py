"""The citizen's portal over HTTP, on real nodes with real databases, as a browser without scripts sees it."""

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.cases.intake import MAX_FORM_AGE_SECONDS
from node.web.safelog import SafeFormatter
from tests.support.databases import Databases
from tests.support.offices import Country, Office, country, locked
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


@pytest.fixture
def citizen(jabar: Office) -> Visitor:
    return jabar.visitor()


def write(citizen: Visitor, **changes: str) -> Page:
    """Send a whole report at once."""
    return citizen.post("/lapor", {**blank(citizen), **REPORT, **changes})


def at_review(citizen: Visitor) -> Page:
    return citizen.post("/lapor", {**blank(citizen), **REPORT, "step": "identity"})


# The way through the questions.


def test_a_report_is_written_question_by_question_and_read_back_with_the_code(citizen: Visitor) -> None:
    page = citizen.submit(citizen.get("/lapor"), kind="complaint")
    page = citizen.submit(page, text=TEXT)
    page = citizen.submit(page, region_q="kec. coblong")
    page = citizen.submit(page, region="32.73.02")
    page = citizen.submit(page, category="bantuan-sosial")
    page = citizen.submit(page, topic="bantuan-sosial/pkh")
    page = citizen.submit(page, secrecy="anonymous")
    page = citizen.submit(page, "", None, **PERSON)
    assert "Periksa sebelum dikirim" in page.words
    assert "Siti Rahayu" in page.words
    receipt = citizen.submit(page, button=("step", "send"))
    assert receipt.status == 200
    assert "Laporan Anda tersimpan" in receipt.words
    tracking = citizen.submit(receipt, "/lacak")
    assert number_of(receipt) in tracking.words
    assert "Kecamatan Coblong, Kota Bandung, Jawa Barat" in tracking.words
    assert "Bantuan Sosial: PKH Program Keluarga Harapan" in tracking.words
    assert "😢 &lt;b&gt;tolong&lt;/b&gt; &amp; dicek" in tracking.text


def test_place_and_topic_may_be_left_to_the_officers(citizen: Visitor) -> None:
    page = citizen.submit(citizen.get("/lapor"), kind="information")
    page = citizen.submit(page, text="Kapan jadwalnya?")
    page = citizen.submit(page, button=("skip", "1"))
    page = citizen.submit(page, category="")
    page = citizen.submit(page, secrecy="secret")
    page = citizen.submit(page)
    receipt = citizen.submit(page, button=("step", "send"))
    assert "Laporan Anda tersimpan" in receipt.words


def test_a_place_is_found_by_its_province_too(citizen: Visitor) -> None:
    page = citizen.post("/lapor", {**blank(citizen), **REPORT, "region": "", "step": "place"})
    assert page.status == 422
    page = citizen.submit(page, province="31")
    assert "31.74" in page.form().choices["region"]
    page = citizen.submit(page, region="31.74")
    assert page.form().fields["region"] == "31.74"


def test_a_place_that_nobody_knows_is_asked_again_with_what_was_typed(citizen: Visitor) -> None:
    page = citizen.post("/lapor", {**blank(citizen), **REPORT, "step": "place", "region_q": "bndnug"})
    assert page.status == 422
    assert page.form().fields["region_q"] == "bndnug"


def test_an_answer_can_be_changed_from_the_review_page_without_losing_the_others(citizen: Visitor) -> None:
    review = at_review(citizen)
    page = citizen.submit(review, button=("goto", "kind"))
    assert page.form().fields["kind"] == "complaint"
    page = citizen.submit(page, kind="aspiration")
    assert "Periksa sebelum dikirim" in page.words
    assert page.form().fields["kind"] == "aspiration"
    assert page.form().fields["text"] == TEXT


def test_becoming_open_on_the_review_page_asks_for_the_name(citizen: Visitor) -> None:
    page = citizen.post("/lapor", {**blank(citizen), **REPORT, "name": "", "step": "identity"})
    page = citizen.submit(page, button=("goto", "secrecy"))
    page = citizen.submit(page, secrecy="open")
    assert "Siapa Anda?" in page.words
    page = citizen.submit(page)
    assert page.status == 422
    assert "name-wrong" in page.ids


def test_the_language_may_change_in_the_middle_of_a_text(citizen: Visitor) -> None:
    page = citizen.post("/lapor", {**blank(citizen), "kind": "complaint", "step": "kind"})
    fields = {**page.form().fields, "text": TEXT, "goto": "text"}
    english = citizen.post("/lapor?lang=en", fields)
    assert "Tell what happened" in english.words
    assert english.form().fields["text"] == TEXT


# What is wrong comes back with what was typed.


def test_a_report_with_wrong_fields_returns_with_what_was_typed_and_a_message_by_each(citizen: Visitor) -> None:
    page = write(citizen, kind="rant", text="  ", secrecy="open", name=" ", phone="abc", email="x@y", nik="12")
    assert page.status == 422
    for field in ("kind", "text", "name", "phone", "email", "nik"):
        assert field in page.ids, field
        assert f"{field}-wrong" in page.ids, field
        assert f'href="#{field}"' in page.text, field
    assert page.form().fields["phone"] == "abc"
    assert page.form().fields["nik"] == "12"
    assert 'aria-invalid="true"' in page.text
    assert "Laporan Anda tersimpan" not in page.words


def test_a_text_that_is_too_long_comes_back_whole_and_says_by_how_much(citizen: Visitor) -> None:
    long = "ж\n" * 4_001
    page = write(citizen, text=long)
    assert page.status == 422
    assert "8002 huruf; paling banyak 8000. Kurangi 2 huruf." in page.words
    assert page.form().fields["text"] == long
    assert write(citizen, text="ж\n" * 4_000).status == 200


@pytest.mark.parametrize(("field", "code"), [("region", "99.99"), ("region", "32.73.02.1001"), ("topic", "apa/saja")])
def test_a_place_or_topic_that_does_not_exist_is_asked_again(citizen: Visitor, field: str, code: str) -> None:
    page = write(citizen, **{field: code})
    assert page.status == 422
    assert f"{field}-wrong" in page.ids
    assert page.form().fields[field] == ""


def test_a_field_that_nobody_asked_for_is_refused(citizen: Visitor) -> None:
    assert write(citizen, admin="1").status == 400


def test_a_field_that_comes_twice_is_refused(citizen: Visitor) -> None:
    assert citizen.post("/lapor", [*{**blank(citizen), **REPORT}.items(), ("kind", "aspiration")]).status == 400


def test_a_step_that_does_not_exist_is_refused(citizen: Visitor) -> None:
    assert write(citizen, step="terbang").status == 400


def test_a_multipart_body_is_refused_before_it_could_be_spooled_to_a_file(jabar: Office) -> None:
    answer = Visitor(jabar.url).http.post(f"{jabar.url}/lapor", files={"text": ("a.txt", TEXT)}, timeout=10)
    assert answer.status_code == 415


def test_a_body_that_is_too_large_is_refused(citizen: Visitor) -> None:
    page = write(citizen, text="x" * 300_000)
    assert page.status == 413
    assert "belum tersimpan" in page.words


def test_another_site_cannot_send_a_form_in_a_citizens_name(citizen: Visitor) -> None:
    fields = {**blank(citizen), **REPORT}
    assert citizen.post("/lapor", fields, Sec_Fetch_Site="cross-site").status == 403
    assert citizen.post("/lapor", fields, Origin="https://jahat.example").status == 403
    assert citizen.post("/lapor", fields, Origin="null", Sec_Fetch_Site="same-origin").status == 200


# Stored, or plainly not.


def test_the_same_form_sent_twice_gives_the_same_number_and_code(citizen: Visitor) -> None:
    fields = {**blank(citizen), **REPORT}
    first, again = citizen.post("/lapor", fields), citizen.post("/lapor", fields)
    assert number_of(first) == number_of(again)
    assert code_of(first) == code_of(again)
    assert "tidak ada laporan ganda" in again.words


def test_a_form_that_is_too_old_is_served_fresh_with_what_was_typed(jabar: Office, citizen: Visitor) -> None:
    review = at_review(citizen)
    jabar.clock.seconds += MAX_FORM_AGE_SECONDS + 1
    stale = citizen.submit(review, button=("step", "send"))
    assert stale.status == 409
    assert stale.form().fields["receipt"] != review.form().fields["receipt"]
    assert stale.form().fields["text"] == review.form().fields["text"]
    assert "Laporan Anda tersimpan" in citizen.submit(stale, button=("step", "send")).words


@pytest.mark.parametrize("broken", ["form_id", "receipt", "token"])
def test_a_form_that_is_not_ours_is_served_fresh_with_what_was_typed(citizen: Visitor, broken: str) -> None:
    page = write(citizen, **{broken: "palsu"})
    assert page.status == 409
    assert page.form().fields["text"] == TEXT
    assert page.form().fields[broken] != "palsu"


def test_when_the_database_is_locked_the_citizen_is_told_and_keeps_the_text(jabar: Office, citizen: Visitor) -> None:
    review = at_review(citizen)
    with locked(jabar):
        page = citizen.submit(review, button=("step", "send"))
    assert page.status == 503
    assert "Laporan Anda BELUM tersimpan" in page.words
    assert page.form().fields == review.form().fields
    assert "Laporan Anda tersimpan" in citizen.submit(page, button=("step", "send")).words


def test_when_the_place_for_keys_is_gone_the_citizen_is_told_and_nothing_is_stored(
    jabar: Office, citizen: Visitor
) -> None:
    fields = {**blank(citizen), **REPORT}
    keys = jabar.node.settings.case_keys_dir
    away = keys.with_name("away")
    keys.mkdir(exist_ok=True)
    keys.rename(away)
    keys.write_text("a file where a folder should be")
    try:
        page = citizen.post("/lapor", fields)
    finally:
        keys.unlink()
        away.rename(keys)
    assert page.status == 503
    assert "Laporan Anda BELUM tersimpan" in page.words
    assert citizen.post("/lacak", {"receipt": fields["receipt"]}).status == 422


def test_the_log_of_a_failure_names_the_error_and_nothing_that_was_typed(jabar: Office, citizen: Visitor) -> None:
    noted = io.StringIO()
    handler = logging.StreamHandler(noted)
    handler.setFormatter(SafeFormatter())
    logging.getLogger("node").addHandler(handler)
    try:
        with locked(jabar):
            write(citizen)
    finally:
        logging.getLogger("node").removeHandler(handler)
    assert "OperationalError" in noted.getvalue()
    for typed in ("PKH", "Siti", "0812", "siti@contoh.id", "3273", "32.73"):
        assert typed not in noted.getvalue()


# The code, and what the site keeps to itself.


def test_a_code_is_read_however_it_is_typed(citizen: Visitor) -> None:
    code = code_of(write(citizen))
    typed = code.lower().replace("-", " ")
    assert "Perjalanan laporan" in citizen.post("/lacak", {"receipt": typed}).words


@pytest.mark.parametrize("code", ["", "salah", "0000-0000-0000-0000-0000-00", "x" * 5_000])
def test_a_wrong_code_shows_nothing_and_comes_back(citizen: Visitor, code: str) -> None:
    page = citizen.post("/lacak", {"receipt": code})
    assert page.status == 422
    assert "receipt-wrong" in page.ids


def test_a_code_never_stands_in_an_address_nor_in_a_cookie(citizen: Visitor) -> None:
    receipt = write(citizen)
    code = code_of(receipt)
    tracking = citizen.submit(receipt, "/lacak")
    for page in (receipt, tracking):
        assert page.status == 200
        assert "?" not in page.url
        assert not citizen.http.cookies
        assert page.headers["Cache-Control"] == "no-store"
    assert code not in tracking.text
    assert citizen.get(f"/lacak?receipt={code}").form("/lacak").fields["receipt"] == ""


@pytest.mark.parametrize(
    "path", ["/", "/lapor", "/lacak", "/sehat", "/tidak-ada", "/petugas/masuk", "/static/simpul.css"]
)
def test_every_answer_carries_the_strict_headers(citizen: Visitor, path: str) -> None:
    headers = citizen.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Server" not in headers
    if not path.startswith("/static/"):
        assert headers["Cache-Control"] == "no-store"


def test_no_page_needs_what_the_policy_forbids() -> None:
    root = Path(__file__).parents[2] / "node"
    pages = list(root.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text()
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|https?://", text), page


def test_a_page_stays_light_for_a_cheap_phone(citizen: Visitor) -> None:
    pages = [citizen.get("/"), citizen.get("/lapor"), at_review(citizen)]
    fields = {**blank(citizen), **REPORT, "region": ""}
    pages += [citizen.post("/lapor", {**fields, "goto": name}) for name in ("place", "topic")]
    pages.append(citizen.post("/lapor", {**fields, "step": "topic", "category": "kesehatan"}))
    assert max(len(page.text.encode()) for page in pages) < 20_000
    assert len(citizen.get("/static/simpul.css").text.encode()) < 20_000


@pytest.mark.parametrize(("path", "method", "status"), [("/tidak-ada", "GET", 404), ("/lapor", "PUT", 405)])
def test_error_pages_stand_in_the_layout_and_tell_nothing(
    citizen: Visitor, path: str, method: str, status: int
) -> None:
    answer = citizen.http.request(method, f"{citizen.base}{path}", timeout=10)
    assert answer.status_code == status
    assert '<header class="top">' in answer.text
    assert "Traceback" not in answer.text


def test_the_site_speaks_english_when_asked_and_remembers(citizen: Visitor) -> None:
    page = citizen.get("/?lang=en")
    assert '<html lang="en">' in page.text
    assert "Nobody is refused" in page.words
    assert "Track a report" in citizen.get("/lacak").words
    assert "Not chosen yet" in citizen.post("/lapor", {**blank(citizen), **REPORT, "topic": "", "goto": "review"}).words
    assert "Lacak laporan" in citizen.get("/lacak?lang=id").words
    assert "Lacak laporan" in citizen.get("/lacak").words


def test_health_is_answered_without_a_word_about_the_work(citizen: Visitor) -> None:
    assert citizen.http.get(f"{citizen.base}/sehat", timeout=10).json() == {"status": "ok"}


def test_a_database_that_cannot_be_read_is_a_plain_page_and_never_a_traceback(
    jabar: Office, databases: Databases
) -> None:
    code = code_of(write(jabar.visitor()))
    jabar.node.database.close()
    with databases.unreachable(jabar.node.settings.database_url):
        page = jabar.visitor().post("/lacak", {"receipt": code})
    assert page.status == 503
    assert "Layanan sedang terganggu" in page.words
    assert code not in page.text
    assert jabar.visitor().post("/lacak", {"receipt": code}).status == 200
