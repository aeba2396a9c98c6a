"""What the pages say of custody, for programs: codes and sentences, the recall, and what a restored office lacks."""

from collections.abc import Iterator

import pytest
import requests

from keys.receipt import ReceiptCode
from node.backup.restored import begin_restored
from node.cases.whose import Whose
from node.custody.lost import note_lost
from node.custody.standing import RECALL_AFTER_SECONDS
from node.sync.client import HttpHub
from node.sync.engine import sync
from tests.support.caller import Caller, caller, officer
from tests.support.databases import SQLITE
from tests.support.federation import made_id
from tests.support.nodes import GoesDark
from tests.support.offices import Country, Office, country

#: Pages read and write through the services, whose own tests run on both databases.
pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def lands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    """A country of this test's own: its clock is moved far, and its offices are set back."""
    with country(tmp_path_factory.mktemp("negeri"), SQLITE) as made:
        yield made


def step(office: Office) -> None:
    """One exchange with the hub and no more."""
    sync(office.node, GoesDark(HttpHub(office.node.federation.url, requests.Session())), office.clock)


def codes(admin: Caller, number: str, citizen: Caller, receipt: str) -> tuple[str, str]:
    """How far the hand-over is, for the officer and for the reporter."""
    seen = admin.get(f"/cases/{number}")
    rows = {row["number"]: row for row in admin.get("/cases?limit=200")["items"]}
    assert rows[number]["whereabouts"] == seen["whereabouts"]
    return seen["whereabouts"]["code"], citizen.track(receipt)["whereabouts"]["code"]


def test_every_step_of_a_hand_over_has_its_code_and_its_sentence(lands: Country) -> None:
    jabar, kemensos = lands["jabar"], lands["kemensos"]
    citizen, admin = caller(jabar), officer(jabar, "admin")
    filed = citizen.file()
    asked = (admin, filed["number"], citizen, filed["receipt"])
    assert codes(*asked) == ("held", "held")
    admin.post(f"/cases/{filed['number']}/offers", {"to": "kemensos", "reason": "Penyaluran PKH."}, 202)
    assert codes(*asked) == ("offer_queued", "offer_queued")
    step(jabar)
    assert codes(*asked) == ("offer_logged", "offer_logged")
    told = citizen.track(filed["receipt"])
    assert told["custodian"]["id"] == "jabar"
    assert told["whereabouts"]["office"] == {"id": "kemensos", "name": "Kementerian Sosial"}
    assert "Kementerian Sosial belum menjawab." in told["whereabouts"]["text"]
    english = citizen.post("/track", {"receipt": filed["receipt"]}, headers={"Accept-Language": "en"})
    assert "Kementerian Sosial has not answered yet." in english["whereabouts"]["text"]
    kemensos.sync()
    step(jabar)
    assert codes(*asked) == ("accepted", "taken")
    assert citizen.track(filed["receipt"])["custodian"]["id"] == "kemensos"
    step(jabar)
    assert codes(*asked) == ("granted", "taken")
    lands.settle()
    assert codes(*asked) == ("taken", "taken")
    there = officer(kemensos, "admin").get(f"/cases/{filed['number']}")
    assert (there["whereabouts"]["code"], there["whereabouts"]["old"]) == (Whose.HELD.value, False)


def test_an_offer_is_recalled_once_it_may_be(lands: Country) -> None:
    jabar = lands["jabar"]
    citizen, admin = caller(jabar), officer(jabar, "admin")
    number = citizen.file()["number"]
    path = f"/cases/{number}/recall"
    admin.post(f"/cases/{number}/offers", {"to": "kemensos", "reason": "Penyaluran PKH."}, 202)
    step(jabar)
    assert admin.post(path, {"reason": "Tidak dijawab."}, 409)["type"] == "urn:simpul:api:state"
    assert admin.get(f"/cases/{number}")["recall_from"] is not None
    lands.clock.seconds += RECALL_AFTER_SECONDS
    admin, liaison = officer(jabar, "admin"), officer(jabar, "liaison")
    assert admin.get(f"/cases/{number}")["actions"] == ["recall"]
    assert liaison.get(f"/cases/{number}")["actions"] == []
    assert liaison.post(path, {"reason": "Tidak dijawab."}, 403)["type"] == "urn:simpul:api:forbidden"
    assert list(admin.post(path, {"reason": " "}, 422)["errors"]) == ["reason"]
    assert admin.post(path, {"reason": "Tidak dijawab."}, 202)["number"] == number
    seen = admin.get(f"/cases/{number}")
    assert (seen["whereabouts"]["code"], seen["actions"], seen["recall_from"]) == ("offer_recalled", [], None)
    lands.settle()
    assert admin.get(f"/cases/{number}")["whereabouts"]["code"] == "held"


def test_a_code_that_finds_nothing_at_a_restored_office_is_told_what_was_lost(lands: Country) -> None:
    jabar, code = lands["jabar"], ReceiptCode.generate().text
    citizen = caller(jabar)
    assert citizen.post("/track", {"receipt": code}, 404)["type"] == "urn:simpul:api:not-found"
    with jabar.node.database.transaction() as session:
        begin_restored(session, jabar.node, lands.clock.seconds, lands.clock.seconds - 3_600)
        (row,) = note_lost(session, [(made_id("hilang"), lands.clock.seconds)])
        number = row.number
    problem = citizen.post("/track", {"receipt": code}, 404)
    assert problem["type"] == "urn:simpul:api:set-back"
    assert "mungkin bukan kesalahan Anda" in problem["detail"]
    assert (problem["set_back"]["numbers"], problem["set_back"]["restoring"]) == ([number], True)
    assert problem["set_back"]["backup_of"] < problem["set_back"]["at"]
    english = citizen.post("/track", {"receipt": code}, 404, headers={"Accept-Language": "en"})
    assert "may be lost" in english["detail"]
    jabar.sync()
    assert citizen.post("/track", {"receipt": code}, 404)["set_back"]["restoring"] is False
    assert officer(jabar, "admin").get("/cases/XXXXX-XXXXX", 404)["type"] == "urn:simpul:api:not-found"
