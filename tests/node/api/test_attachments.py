"""Attachments over the API: in with a report, out to officers and to the holder of the receipt."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from node.app import create_app
from node.files.intake import MAX_CASE_BYTES
from node.models.cases import Case
from node.models.files import StoredFile
from tests.support.caller import FILING, Caller, caller, officer
from tests.support.federation import NOW
from tests.support.offices import Country, Office
from tests.support.photos import HEADS, attached, photo

#: Pages read and write through the services, whose own tests run on both databases.
pytestmark = pytest.mark.database("sqlite")

PHOTO = photo(200_000)
KEY = {"Idempotency-Key": "0123456789abcdef0123456789abcdef"}


@pytest.fixture
def citizen(lands: Country) -> Caller:
    return caller(lands["jabar"])


def counted(office: Office) -> tuple[int, int, int]:
    """How many cases, rows of files and files on the disk an office has."""
    with office.node.database.reading() as session:
        rows = [session.scalar(select(func.count()).select_from(model)) or 0 for model in (Case, StoredFile)]
    return rows[0], rows[1], len(list(office.node.files.names()))


def test_a_file_goes_in_with_a_report_and_out_to_who_may_have_it(lands: Country, citizen: Caller) -> None:
    letter = photo(5_000, content_type="application/pdf")
    filed = citizen.file(attachments=[attached(PHOTO), attached(letter, "surat", type="text/html")])
    told = citizen.track(filed["receipt"])["attachments"]
    assert [(each["name"], each["type"], each["size"]) for each in told] == [
        ("foto.jpg", "image/jpeg", len(PHOTO)),
        ("surat.pdf", "application/pdf", len(letter)),
    ]
    admin = officer(lands["jabar"], "admin")
    assert admin.get(f"/cases/{filed['number']}")["attachments"] == told
    for each, content in zip(told, (PHOTO, letter), strict=True):
        for answer in (
            admin.call("GET", f"/cases/{filed['number']}/attachments/{each['id']}"),
            citizen.call("POST", "/track/attachments", json={"receipt": filed["receipt"], "id": each["id"]}),
        ):
            assert (answer.status_code, answer.content) == (200, content)
            assert answer.headers["Content-Type"] == each["type"]
            assert answer.headers["Content-Length"] == str(len(content))
            assert answer.headers["Content-Disposition"] == f"attachment; filename={each['name']}"
            assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_files_follow_the_case_and_stay_with_the_receipt(lands: Country, citizen: Caller) -> None:
    filed = citizen.file(attachments=[attached(PHOTO)])
    admin = officer(lands["jabar"], "admin")
    admin.post(f"/cases/{filed['number']}/offers", {"to": "kemensos", "reason": "Kewenangan kementerian."}, 202)
    lands.settle()
    there = officer(lands["kemensos"], "liaison")
    (told,) = there.get(f"/cases/{filed['number']}")["attachments"]
    assert there.call("GET", f"/cases/{filed['number']}/attachments/{told['id']}").content == PHOTO
    assert admin.get(f"/cases/{filed['number']}")["attachments"] == []
    (own,) = citizen.track(filed["receipt"])["attachments"]
    assert own["id"] != told["id"], "each hop has its own ciphertext"
    assert admin.call("GET", f"/cases/{filed['number']}/attachments/{own['id']}").status_code == 404
    again = citizen.call("POST", "/track/attachments", json={"receipt": filed["receipt"], "id": own["id"]})
    assert again.content == PHOTO


def test_a_name_in_another_script_reaches_the_browser(citizen: Caller) -> None:
    filed = citizen.file(attachments=[attached(PHOTO, "фото jalan 😤.jpg")])
    (told,) = citizen.track(filed["receipt"])["attachments"]
    answer = citizen.call("POST", "/track/attachments", json={"receipt": filed["receipt"], "id": told["id"]})
    assert "filename*=UTF-8''%D1%84" in answer.headers["Content-Disposition"]


def test_what_was_attached_is_given_to_nobody_else(lands: Country, citizen: Caller) -> None:
    filed, other = citizen.file(attachments=[attached(PHOTO)]), citizen.file()
    (told,) = citizen.track(filed["receipt"])["attachments"]
    path = f"/cases/{filed['number']}/attachments/{told['id']}"
    assert citizen.call("GET", path).status_code == 401
    assert officer(lands["jabar"], "operator").call("GET", path).status_code == 403
    assert officer(lands["kemensos"], "liaison").call("GET", path).status_code == 404
    admin = officer(lands["jabar"], "admin")
    for wrong in (
        f"/cases/{other['number']}/attachments/{told['id']}",
        f"{path}x",
        f"/cases/{filed['number']}/attachments/..%2f..%2fkeys",
    ):
        assert admin.call("GET", wrong).status_code == 404
    for body in ({"receipt": other["receipt"], "id": told["id"]}, {"receipt": filed["receipt"], "id": "A" * 43}):
        assert citizen.call("POST", "/track/attachments", json=body).status_code == 404
    assert (
        citizen.call("POST", "/track/attachments", json={"receipt": filed["receipt"], "id": "../x"}).status_code == 422
    )


@pytest.mark.parametrize("content_type", HEADS)
def test_every_kind_that_is_taken_comes_back_as_it_was(citizen: Caller, content_type: str) -> None:
    content = photo(3_000, content_type=content_type)
    filed = citizen.file(attachments=[attached(content, "berkas")])
    (told,) = citizen.track(filed["receipt"])["attachments"]
    assert told["type"] == content_type
    answer = citizen.call("POST", "/track/attachments", json={"receipt": filed["receipt"], "id": told["id"]})
    assert answer.content == content


@pytest.mark.parametrize(
    ("name", "given", "fields"),
    [
        ("a page called a photo", [attached(b"<html><script>")], {"attachments.0.content"}),
        ("an empty file", [attached(b"")], {"attachments.0.content"}),
        ("one good, one bad", [attached(PHOTO), attached(b"MZ\x90", "foto.jpg")], {"attachments.1.content"}),
        ("eleven files", [attached(photo(100))] * 11, {"attachments"}),
        ("over 20 MB together", [attached(photo(MAX_CASE_BYTES // 2 + 1))] * 2, {"attachments"}),
        ("no base64", [{"name": "a.jpg", "content": "!!!!"}], {"attachments.0.content"}),
        ("base64 without its padding", [{"name": "a.jpg", "content": "/9j/4A"}], {"attachments.0.content"}),
        ("base64 with a line end", [{"name": "a.jpg", "content": "/9j/4AAQ\nSkZJRgAB"}], {"attachments.0.content"}),
        ("content that is a number", [{"name": "a.jpg", "content": 7}], {"attachments.0.content"}),
        ("no content", [{"name": "a.jpg"}], {"attachments.0.content"}),
        ("no name", [{"content": "/9j/4AAQSkZJRgAB"}], {"attachments.0.name"}),
        ("an unknown member", [attached(PHOTO, path="/tmp/x")], {"attachments.0.path"}),
        ("a file that is text", ["foto.jpg"], {"attachments.0"}),
        ("no list", {"name": "a.jpg"}, {"attachments"}),
    ],
)
def test_what_cannot_be_taken_is_told_by_field_and_nothing_is_stored(
    lands: Country,
    citizen: Caller,
    name: str,
    given: Any,  # noqa: ANN401  JSON
    fields: set[str],
) -> None:
    assert name
    before = counted(lands["jabar"])
    answer = citizen.post("/cases", {**FILING, "attachments": given}, 422)
    assert set(answer["errors"]) == fields
    assert all(told for messages in answer["errors"].values() for told in messages)
    assert counted(lands["jabar"]) == before


def test_a_body_over_what_a_filing_may_be_is_too_large(citizen: Caller) -> None:
    body = b'{"attachments":[{"name":"a.jpg","content":"' + b"A" * (29 * 1024 * 1024) + b'"}]}'
    answer = citizen.call("POST", "/cases", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:simpul:api:too-large")


def test_a_repeated_report_with_files_is_one_report(lands: Country, citizen: Caller) -> None:
    body = {**FILING, "attachments": [attached(PHOTO)]}
    first = citizen.post("/cases", body, 201, headers=KEY)
    stored = counted(lands["jabar"])
    assert citizen.post("/cases", body, 201, headers=KEY) == first
    assert counted(lands["jabar"]) == stored
    other = {**FILING, "attachments": [attached(photo(200_000, 9))]}
    assert citizen.call("POST", "/cases", json=other, headers=KEY).status_code == 422
    assert counted(lands["jabar"]) == stored


def resident_bytes(which: str) -> int:
    """What this process has in memory: VmRSS now, VmHWM at most since it was reset."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{which}:")]
    return int(line.split()[1]) * 1024


def test_a_report_of_twenty_megabytes_needs_a_bounded_memory(lands: Country) -> None:
    """Body, base64, JSON and files are in memory at once, for none of them may touch a disk in the clear."""
    client = create_app(lands["jabar"].node, lambda: NOW).test_client()
    body = {**FILING, "attachments": [attached(photo(MAX_CASE_BYTES // 2, n)) for n in range(2)]}
    raw = json.dumps(body).encode()
    del body
    client.get("/api/v1/topics")
    Path("/proc/self/clear_refs").write_text("5")
    before = resident_bytes("VmRSS")
    answer = client.post("/api/v1/cases", data=raw, content_type="application/json")
    assert answer.status_code == 201
    assert resident_bytes("VmHWM") - before < 150_000_000
