"""Every page in a real browser: the whole way without a script, and what axe finds on each page."""

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.support.looker import DESK, PHONE, Looker, log_in
from tests.support.offices import Country, country
from tests.support.reports import TEXT


@pytest.fixture(scope="module")
def lands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    with country(tmp_path_factory.mktemp("negeri")) as made:
        yield made


def write_report(page: Page, url: str, look: Callable[[str], None]) -> tuple[str, str]:
    """Write a report question by question; return its number and code."""
    onward = "main button.main"
    page.goto(f"{url}/lapor")
    page.click(onward)
    look("kind, missing")
    page.check("#kind")
    page.click(onward)
    page.fill("#text", TEXT)
    look("text")
    page.click(onward)
    look("place")
    page.fill("#region_q", "bandung")
    page.press("#region_q", "Enter")
    look("place, found")
    page.get_by_label("Kota Bandung, Jawa Barat", exact=True).check()
    page.click(onward)
    look("topic")
    page.select_option("#category", "bantuan-sosial")
    page.click(onward)
    look("topic, closer")
    page.get_by_label("PKH Program Keluarga Harapan").check()
    page.click(onward)
    look("secrecy")
    page.get_by_label("Terbuka").check()
    page.click(onward)
    page.fill("#phone", "abc")
    page.click(onward)
    look("identity, wrong")
    page.fill("#name", "Siti Rahayu")
    page.fill("#phone", "0812 3456 7890")
    page.click(onward)
    look("review")
    page.click("text=Kirim laporan")
    look("receipt")
    return page.inner_text(".number"), "".join(page.inner_text(".code").split())


def test_a_citizen_without_scripts_files_and_follows_a_report(browser: Browser, lands: Country) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    number, code = write_report(page, lands["jabar"].url, lambda _name: None)
    page.goto(f"{lands['jabar'].url}/lacak")
    page.fill("#receipt", code.lower())
    page.press("#receipt", "Enter")
    assert number in page.inner_text("h1")
    assert page.inner_text(".own-text") == TEXT
    assert code not in page.content()
    assert [cookie for cookie in context.cookies() if cookie["name"] != "bahasa"] == []
    context.close()


def test_a_reload_of_the_receipt_shows_the_same_receipt(browser: Browser, lands: Country) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    first = write_report(page, lands["jabar"].url, lambda _name: None)
    page.reload()
    assert (page.inner_text(".number"), "".join(page.inner_text(".code").split())) == first
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_the_portal_are_accessible(
    browser: Browser, lands: Country, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(bypass_csp=True, viewport=PHONE, color_scheme=scheme)
    looker = Looker(context)
    url = lands["jabar"].url
    for path in ("/", "/?lang=en", "/lapor?lang=id", "/lacak", "/tidak-ada"):
        looker.page.goto(f"{url}{path}")
        looker.look(path)
    write_report(looker.page, url, looker.look)
    looker.page.click("text=Sudah saya simpan")
    looker.look("tracking")
    looker.page.goto(f"{url}/lacak")
    looker.page.fill("#receipt", "salah")
    looker.page.press("#receipt", "Enter")
    looker.look("tracking, wrong code")
    assert len(looker.seen) == 17
    assert looker.found == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_the_console_are_accessible(
    browser: Browser, lands: Country, scheme: Literal["light", "dark"]
) -> None:
    jabar, triage = lands["jabar"], lands["triase"]
    visitor = browser.new_context(java_script_enabled=False)
    number, _ = write_report(visitor.new_page(), jabar.url, lambda _name: None)
    visitor.close()
    context = browser.new_context(bypass_csp=True, viewport=DESK, color_scheme=scheme)
    looker = Looker(context)
    page = looker.page
    page.goto(f"{jabar.url}/petugas")
    looker.look("login")
    log_in(page, jabar, "custodian")
    looker.look("list")
    page.click(f"text={number}")
    looker.look("case, custodian")
    page.click("#buka-identitas summary")
    page.fill("#buka-identitas-reason", "Perlu dihubungi.")
    page.click("#buka-identitas button.danger")
    looker.look("opening, not confirmed")
    page.check("#buka-identitas-confirm")
    page.click("#buka-identitas button.danger")
    looker.look("identity")
    page.click("text=Keluar")
    log_in(page, jabar, "admin")
    page.goto(f"{jabar.url}/petugas/kasus/{number}")
    page.click("#tanya-triase summary")
    looker.look("case, admin")
    page.fill("#tanya-triase-reason", "Bukan urusan kami.")
    page.click("#tanya-triase button.main")
    looker.look("case, asked")
    lands.settle()
    log_in(page, triage, "admin")
    page.goto(f"{triage.url}/petugas/triase")
    looker.look("asks")
    page.click("tbody a >> nth=0")
    looker.look("ask")
    page.set_viewport_size(PHONE)
    page.goto(f"{triage.url}/petugas/kasus")
    looker.look("list on a phone")
    assert looker.found == []
    context.close()


def test_an_officer_reaches_every_action_by_keyboard(browser: Browser, lands: Country) -> None:
    jabar = lands["jabar"]
    context = browser.new_context(java_script_enabled=False, viewport=DESK)
    page = context.new_page()
    number, _ = write_report(page, jabar.url, lambda _name: None)
    log_in(page, jabar, "liaison")
    page.focus(f"text={number}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/kasus/{number}")
    page.focus("#tanggapi-text")
    page.keyboard.type("Sedang kami cek.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**selesai=tanggapi*")
    assert "Sedang kami cek." in page.inner_text("main")
    context.close()
