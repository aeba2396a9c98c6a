"""Every way in which the API says no: as a problem, in the asker's language, with nothing of what was sent."""

import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from node.models.cases import Case
from tests.support.caller import FILING, Caller, caller, officer
from tests.support.offices import Country, locked, password_of

#: Pages read and write through the services, whose own tests run on both databases.
pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def citizen(lands: Country) -> Caller:
    return caller(lands["jabar"])


def count_of(lands: Country) -> int:
    with lands["jabar"].node.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Case)) or 0


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"class": "gossip"}, {"class"}),
        ({"class": None}, {"class"}),
        ({"text": " \r\n\t"}, {"text"}),
        ({"text": "x" * 8_001}, {"text"}),
        ({"text": 7}, {"text"}),
        ({"topic": "bantuan-sosial/tidak-ada"}, {"topic"}),
        ({"region": "99"}, {"region"}),
        ({"region": "32.73\n"}, {"region"}),
        ({"secrecy": "public", "text": ""}, {"secrecy", "text"}),
        ({"identity": {"nik": "123"}}, {"identity.nik"}),
        ({"identity": {"email": "a@b", "alamat": "x"}}, {"identity.email", "identity.alamat"}),
        ({"identity": "Siti"}, {"identity"}),
        ({"attachments": ["x"]}, {"attachments.0"}),
        ({"kind": "complaint"}, {"kind"}),
    ],
)
def test_each_wrong_field_is_named_and_never_quoted(citizen: Caller, changes: Any, fields: set[str]) -> None:  # noqa: ANN401
    problem = citizen.post("/cases", {**FILING, **changes}, 422)
    assert problem["type"] == "urn:simpul:api:invalid"
    assert set(problem["errors"]) == fields
    assert "gossip" not in str(problem)
    assert all(problem["errors"].values())


@pytest.mark.parametrize("body", [None, [], 7, "text"])
def test_a_body_that_is_no_object_is_told_as_such(citizen: Caller, body: object) -> None:
    assert list(citizen.post("/cases", body, 422)["errors"]) == ["_body"] if body is not None else True


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"text":"\\ud800"}', b'{"a":NaN}', b"[" * 2_000], ids=repr)
def test_what_is_no_json_is_malformed(citizen: Caller, raw: bytes) -> None:
    answer = citizen.call("POST", "/cases", data=raw, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:simpul:api:malformed")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "application/vnd.x+json"])
def test_other_media_types_are_refused(citizen: Caller, kind: str) -> None:
    answer = citizen.call("POST", "/cases", data=b"{}", headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:simpul:api:media-type")


def test_a_body_over_the_limit_is_too_large(citizen: Caller) -> None:
    answer = citizen.call(
        "POST", "/track", data=b'{"receipt":"' + b"x" * 300_000 + b'"}', headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:simpul:api:too-large")


def test_words_follow_the_language_of_the_asker(citizen: Caller) -> None:
    told = {
        wanted: citizen.post("/track", {"receipt": "0"}, 422, headers={"Accept-Language": wanted})
        for wanted in ("en-GB,en;q=0.8", "id", "fr")
    }
    assert told["en-GB,en;q=0.8"]["title"] == "Some fields are not right"
    assert told["id"] == told["fr"] != told["en-GB,en;q=0.8"]
    answer = citizen.call("GET", "/nothing?lang=en")
    assert answer.headers["Content-Language"] == "id"


def test_unknown_addresses_and_methods_are_problems_here_and_pages_elsewhere(citizen: Caller) -> None:
    assert citizen.call("GET", "/nothing").json()["type"] == "urn:simpul:api:not-found"
    refused = citizen.call("PUT", "/cases")
    assert (refused.status_code, refused.json()["type"]) == (405, "urn:simpul:api:method")
    assert {"GET", "POST"} <= set(refused.headers["Allow"].split(", "))
    elsewhere = citizen.http.get(f"{citizen.url}/nothing")
    assert (elsewhere.status_code, elsewhere.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    page = citizen.http.put(f"{citizen.url}/lacak")
    assert (page.status_code, page.headers["Content-Type"]) == (405, "text/html; charset=utf-8")
    assert "POST" in page.headers["Allow"]


def test_an_unknown_receipt_finds_nothing(citizen: Caller) -> None:
    code = "0123-4567-89AB-CDEF-GHJK-WW"
    for path, body in (("/track", {"receipt": code}), ("/track/messages", {"receipt": code, "text": "x"})):
        assert citizen.post(path, body, 404)["type"] == "urn:simpul:api:not-found"
        assert list(citizen.post(path, {**body, "receipt": code[:-1] + "0"}, 422)["errors"]) == ["receipt"]


# Who is asking.


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic c2FyaTpzYXJp", "Bearer wrong", f"Bearer {'x' * 500}"]
)
def test_without_a_good_token_nothing_is_told(citizen: Caller, header: str) -> None:
    for method, path in (
        ("GET", "/cases"), ("GET", "/cases/X"), ("POST", "/cases/X/offers"), ("POST", "/cases/X/identity"),
        ("GET", "/asks"), ("DELETE", "/session"),
    ):  # fmt: skip
        answer = citizen.call(method, path, headers={"Authorization": header})
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:simpul:api:token")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_console_s_cookie_opens_nothing_here(lands: Country) -> None:
    browser = lands["jabar"].officer("admin")
    assert browser.http.get(f"{browser.base}/api/v1/cases").status_code == 401


@pytest.mark.parametrize("body", [{"username": "admin", "password": "salah"}, {"username": "nobody", "password": "x"}])
def test_a_failed_login_never_says_what_was_wrong(citizen: Caller, body: dict[str, str]) -> None:
    assert citizen.post("/session", body, 401)["type"] == "urn:simpul:api:login"


def test_a_token_ends_when_it_is_given_back_or_not_used(lands: Country) -> None:
    admin = officer(lands["jabar"], "admin")
    assert admin.get("/cases")["items"] is not None
    assert admin.call("DELETE", "/session").status_code == 204
    assert admin.call("GET", "/cases").status_code == 401
    idle, began = officer(lands["jabar"], "admin"), lands.clock.seconds
    lands.clock.seconds += 30 * 60
    assert idle.call("GET", "/cases").status_code == 401
    lands.clock.seconds = began


def test_each_role_may_do_what_its_table_says(lands: Country, citizen: Caller) -> None:
    number = citizen.file()["number"]
    offer, reason = {"to": "kemensos", "reason": "x"}, {"reason": "x"}
    refused: list[tuple[str, str, str, object]] = [
        ("leader", "GET", f"/cases/{number}", None),
        ("operator", "GET", "/cases", None),
        ("liaison", "POST", f"/cases/{number}/offers", offer),
        ("liaison", "POST", f"/cases/{number}/transitions", {"to": "verified"}),
        ("custodian", "POST", f"/cases/{number}/replies", {"text": "x"}),
        ("custodian", "POST", f"/cases/{number}/transitions", {"to": "resolved", "reason": "x"}),
        ("admin", "POST", f"/cases/{number}/identity", reason),
        ("liaison", "GET", "/asks", None),
        ("leader", "POST", "/asks/x/rulings", offer),
    ]
    for role, method, path, body in refused:
        answer = officer(lands["jabar"], role).call(method, path, json=body)
        assert (role, answer.status_code, answer.json()["type"]) == (role, 403, "urn:simpul:api:forbidden")
    assert officer(lands["jabar"], "custodian").get(f"/cases/{number}")["actions"] == ["open_identity"]


def test_what_is_not_there_is_not_found_and_what_is_not_open_is_a_conflict(lands: Country, citizen: Caller) -> None:
    admin = officer(lands["jabar"], "admin")
    for path in ("/cases/AAAAA-BBBBB", "/cases/x%00y", f"/cases/{'x' * 200}", "/asks/x%00y"):
        assert admin.get(path, 404)["type"] == "urn:simpul:api:not-found"
    number = citizen.file()["number"]
    wrong = admin.post(f"/cases/{number}/offers", {"to": "tidak-ada", "reason": "x"}, 422)
    assert list(wrong["errors"]) == ["to"]
    assert list(admin.post(f"/cases/{number}/offers", {"reason": "x"}, 422)["errors"]) == ["to"]
    admin.post(f"/cases/{number}/offers", {"to": "kemensos", "reason": "x"}, 202)
    assert admin.post(f"/cases/{number}/offers", {"to": "kemensos", "reason": "x"}, 409)["possible"] == []
    assert admin.post(f"/cases/{number}/replies", {"text": "x"}, 409)["type"] == "urn:simpul:api:state"
    for query in ("limit=0", "limit=201", "limit=x", "after=x", "state=gone", "colour=red"):
        assert list(admin.get(f"/cases?{query}", 422)["errors"]) == [query.split("=")[0]]


# The place fails.


def test_a_locked_database_stores_nothing_and_says_so(lands: Country, citizen: Caller) -> None:
    before = count_of(lands)
    with locked(lands["jabar"]):
        answer = citizen.call("POST", "/cases", json=FILING)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:simpul:api:unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert count_of(lands) == before


def test_no_log_line_repeats_what_was_sent(lands: Country, citizen: Caller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with locked(lands["jabar"]):
        citizen.call("POST", "/cases", json={**FILING, "text": "kata-rahasia-sekali"})
    citizen.call("POST", "/cases", json={**FILING, "class": "kata-rahasia-sekali"})
    citizen.call("POST", "/session", json={"username": "admin", "password": "kata-rahasia-sekali"})
    assert "kata-rahasia-sekali" not in caplog.text
    assert password_of("admin") not in caplog.text


# The same request again.


def test_the_same_key_and_body_give_the_same_answer_and_one_case(lands: Country, citizen: Caller) -> None:
    before, key = count_of(lands), {"Idempotency-Key": str(uuid.uuid4())}
    first = citizen.post("/cases", FILING, 201, headers=key)
    # Fields in another order, and what may be left out left out, are the same body.
    again = dict(reversed([item for item in FILING.items() if item[0] != "attachments"]))
    assert citizen.post("/cases", again, 201, headers=key) == first
    assert count_of(lands) == before + 1
    assert citizen.track(first["receipt"])["number"] == first["number"]


def test_the_same_key_with_another_body_is_refused(lands: Country, citizen: Caller) -> None:
    before, key = count_of(lands), {"Idempotency-Key": str(uuid.uuid4())}
    citizen.post("/cases", FILING, 201, headers=key)
    problem = citizen.post("/cases", {**FILING, "text": "Lain."}, 422, headers=key)
    assert problem["type"] == "urn:simpul:api:idempotency-key-reused"
    assert count_of(lands) == before + 1


@pytest.mark.parametrize("key", ["short", "x" * 201, "with a space in it", "bukan-ascii-ééééééé".encode()])
def test_a_key_that_could_be_guessed_or_is_none_is_refused(citizen: Caller, key: str | bytes) -> None:
    problem = citizen.post("/cases", FILING, 422, headers={"Idempotency-Key": key})
    assert list(problem["errors"]) == ["Idempotency-Key"]


def test_two_reports_without_a_key_are_two_cases(citizen: Caller) -> None:
    assert citizen.file()["number"] != citizen.file()["number"]


def test_many_at_once_are_each_stored_once(lands: Country, citizen: Caller) -> None:
    """Sixteen clients, every report sent twice under its key, at the same moment."""
    before, keys = count_of(lands), [str(uuid.uuid4()) for _ in range(16)]

    def send(key: str) -> tuple[int, str]:
        answer = Caller(citizen.url).call("POST", "/cases", json=FILING, headers={"Idempotency-Key": key})
        return answer.status_code, answer.text

    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(send, keys * 2))
    assert {status for status, _ in told} == {201}
    assert told[:16] == told[16:]
    assert len(set(told)) == 16
    assert count_of(lands) == before + 16
