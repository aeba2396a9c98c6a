"""The pages of a hand-over, of a start and of a restore in a real browser: what axe finds, and by keyboard alone."""

from collections.abc import Iterator
from typing import Literal

import pytest
import requests
from playwright.sync_api import Browser

from keys.receipt import ReceiptCode
from node.backup.restored import begin_restored
from node.custody.lost import note_lost
from node.custody.standing import RECALL_AFTER_SECONDS
from node.sync.client import HttpHub
from node.sync.engine import sync
from node.sync.rows import alarm
from tests.support.federation import made_id
from tests.support.looker import DESK, PHONE, Looker, log_in
from tests.support.nodes import GoesDark
from tests.support.offices import Country, Office, country
from tests.support.reports import REPORT, blank, code_of, number_of

SIZES = {"phone": PHONE, "desk": DESK}


@pytest.fixture
def lands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    with country(tmp_path_factory.mktemp("negeri")) as made:
        yield made


def offered(office: Office) -> tuple[str, str]:
    """The number and code of a case that waits for kemensos' answer."""
    citizen, admin = office.visitor(), office.officer("admin")
    page = citizen.post("/lapor", {**blank(citizen), **REPORT})
    number = number_of(page)
    case = admin.get(f"/petugas/kasus/{number}")
    done = admin.submit(case, "/teruskan", None, to="kemensos", reason="Bansos.", confirm="ya")
    assert done.status == 200
    office.sync()
    return number, code_of(page)


def step(office: Office) -> None:
    """One exchange with the hub and no more."""
    sync(office.node, GoesDark(HttpHub(office.node.federation.url, requests.Session())), office.clock)


def track(looker: Looker, office: Office, code: str) -> None:
    looker.page.goto(f"{office.url}/lacak")
    looker.page.fill("#receipt", code)
    looker.page.press("#receipt", "Enter")
    looker.page.wait_for_load_state()


@pytest.mark.parametrize("size", ["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_custody_are_accessible(
    browser: Browser, lands: Country, scheme: Literal["light", "dark"], size: str
) -> None:
    jabar, kemensos = lands["jabar"], lands["kemensos"]
    number, code = offered(jabar)
    step(kemensos)
    context = browser.new_context(bypass_csp=True, viewport=SIZES[size], color_scheme=scheme)
    looker = Looker(context)
    page = looker.page
    track(looker, jabar, code)
    looker.look("tracking, offered")
    log_in(page, kemensos, "admin")
    looker.look("list, being accepted")
    lands.clock.seconds += RECALL_AFTER_SECONDS
    log_in(page, jabar, "admin")
    looker.look("list, offered")
    page.click(f"text={number}")
    looker.look("case, may be recalled")
    page.click("#tarik-kembali button.danger")
    looker.look("recall, not confirmed")
    page.goto(f"{jabar.url}/petugas/sambungan")
    looker.look("connections, unconfirmed")
    with jabar.node.database.transaction() as session:
        begin_restored(session, jabar.node, lands.clock.seconds, lands.clock.seconds - 3_600)
        note_lost(session, [(made_id(f"hilang {at}"), lands.clock.seconds) for at in range(3)])
        alarm(session, "withheld", "kemensos speaks and does not confirm offer x, seq 1", lands.clock.seconds)
    for path in ("/petugas/kasus", f"/petugas/kasus/{number}", "/petugas/sambungan", "/petugas/hilang"):
        page.goto(f"{jabar.url}{path}")
        looker.look(f"{path}, restored")
    page.goto(f"{jabar.url}/petugas/sambungan?lang=en")
    looker.look("connections, English")
    track(looker, jabar, ReceiptCode.generate().text)
    looker.look("lost")
    track(looker, jabar, code)
    looker.look("tracking, restored")
    assert len(looker.seen) == 13
    assert looker.found == []
    context.close()


def test_an_officer_takes_an_offer_back_by_keyboard_alone(browser: Browser, lands: Country) -> None:
    jabar = lands["jabar"]
    number, _ = offered(jabar)
    lands.clock.seconds += RECALL_AFTER_SECONDS
    context = browser.new_context(java_script_enabled=False, viewport=DESK)
    page = context.new_page()
    log_in(page, jabar, "admin")
    page.focus(f"text={number}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/kasus/{number}")
    page.focus("#tarik-kembali-reason")
    page.keyboard.type("Tidak dijawab.")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**selesai=tarik-kembali*")
    assert "ditarik kembali" in page.inner_text(".whose")
    context.close()


def test_the_connections_and_the_lost_are_reached_by_keyboard(browser: Browser, lands: Country) -> None:
    jabar = lands["jabar"]
    with jabar.node.database.transaction() as session:
        begin_restored(session, jabar.node, lands.clock.seconds, lands.clock.seconds - 3_600)
        note_lost(session, [(made_id("hilang"), lands.clock.seconds)])
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    log_in(page, jabar, "leader")
    page.focus("nav >> text=Sambungan")
    page.keyboard.press("Enter")
    page.wait_for_url("**/petugas/sambungan")
    page.focus("text=Lihat nomornya")
    page.keyboard.press("Enter")
    page.wait_for_url("**/petugas/hilang")
    assert page.locator("ul.lost li").count() == 1
    context.close()
