"""Without --once the servers stay up, and whoever has the state file and the API's document can go on from there."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import requests

from demo.waiting import wait_for
from house.screen import ROOT

SECONDS: Final = 300
PATIENCE_SECONDS: Final = 60
LAST_LINE: Final = "Server tetap menyala sampai Ctrl-C. (The servers stay up until Ctrl-C.)\n"
#: One filed over the form and one over the API, so that the story is short.
OWN: Final = {"lampu-mati", "terima-kasih-bidan"}


@dataclass(frozen=True, slots=True)
class Standing:
    """A demo that stands: what it wrote, and what it printed."""

    state: dict[str, Any]
    printed: str


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """A demo of a reader's own two reports; interrupted at the end, it leaves no server behind."""
    folder = tmp_path_factory.mktemp("standing")
    own, state_file = folder / "reports.json", folder / "state.json"
    rows = json.loads((ROOT / "demo" / "complaints.json").read_text())
    own.write_text(json.dumps([row for row in rows if row["id"] in OWN]))
    options = ["--data", str(folder / "data"), "--state", str(state_file), "--reports", str(own)]
    command = [sys.executable, "-m", "demo", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        printed = read_until(demo.stdout, LAST_LINE)
        state = json.loads(state_file.read_text())
        yield Standing(state, printed)
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
    assert demo.returncode == 0
    for url in (state["hub"]["url"], *(node["url"] for node in state["nodes"])):
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=5)


def read_until(lines: Any, last: str) -> str:  # noqa: ANN401 - a pipe of text
    """What is printed up to a line; all of it when that line never comes."""
    printed = []
    for line in lines:
        printed.append(line)
        if line == last:
            return "".join(printed)
    pytest.fail("it ended before its servers were up:\n" + "".join(printed))


@dataclass(slots=True)
class Outsider:
    """A program that knows a node by its document alone: it checks whatever it sends and gets against that."""

    url: str
    token: str = ""
    document: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.document = requests.get(f"{self.url}/api/v1/openapi.json", timeout=30).json()
        assert self.document["openapi"].startswith("3.1.")

    def log_in(self, person: dict[str, str]) -> "Outsider":
        """The same node with a person's token."""
        who = {"username": person["username"], "password": person["password"]}
        token = self.call("POST", "/api/v1/session", who)["token"]
        return Outsider(self.url, token)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, **named: str) -> Any:  # noqa: ANN401
        """Call an operation that the document names; every answer but a success fails the test."""
        answer = self.ask(method, path, body, **named)
        assert answer.ok, answer.text
        return answer.json()

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **named: str) -> requests.Response:
        """Call an operation, with parameters of its path by name."""
        operation = self.document["paths"][path][method.lower()]
        if body is not None:
            schema = self.resolved(operation["requestBody"]["content"]["application/json"]["schema"])
            assert set(schema.get("required", ())) <= set(body) <= set(schema["properties"])
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = requests.request(method, self.url + path.format(**named), json=body, headers=headers, timeout=60)
        assert str(answer.status_code) in operation["responses"]
        return answer

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Follow a `$ref` of the document."""
        found: dict[str, Any] = schema
        if "$ref" in schema:
            found = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found


def node_of(state: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(node for node in state["nodes"] if node["kind"] == kind)
    return found


def who_may(state_node: dict[str, Any], number: str, action: str) -> Outsider:
    """Return the person of a node to whom the case itself says that this deed is open."""
    for person in state_node["people"]:
        there = Outsider(state_node["url"]).log_in(person)
        answer = there.ask("GET", "/api/v1/cases/{number}", number=number)
        if answer.ok and action in answer.json()["actions"]:
            return there
    pytest.fail(f"nobody at {state_node['id']} may {action}")


@pytest.mark.timeout(SECONDS)
def test_addresses_logins_and_receipts_are_printed_and_answer(standing: Standing) -> None:
    for node in standing.state["nodes"]:
        assert requests.get(node["url"], timeout=30).status_code == 200
        for person in node["people"]:
            line = rf"{node['url']} .*{person['username']} +{re.escape(person['password'])}\n"
            assert re.search(line, standing.printed)
    assert len(standing.state["cases"]) == len(OWN)
    for case in standing.state["cases"]:
        assert case["receipt"] in standing.printed


@pytest.mark.timeout(SECONDS)
def test_every_person_of_the_state_file_can_log_in_by_the_api(standing: Standing) -> None:
    people = [(node["url"], person) for node in standing.state["nodes"] for person in node["people"]]
    assert len(people) >= len(standing.state["nodes"])
    tokens = {Outsider(url).log_in(person).token for url, person in people}
    assert len(tokens) == len(people)


@pytest.mark.timeout(SECONDS)
def test_an_outsider_files_hands_over_answers_and_tracks(standing: Standing) -> None:
    """With the state file and each node's document, and nothing else of ours."""
    state = standing.state
    province, ministry = node_of(state, "province"), node_of(state, "ministry")
    name, text, reason = "Orang Luar Sejati", "Upah lembur belum dibayar.", "Menelepon pelapor."
    citizen = Outsider(province["url"])
    report = {"class": "complaint", "text": text, "secrecy": "anonymous", "identity": {"name": name}, **state["sample"]}
    filed = citizen.call("POST", "/api/v1/cases", report)
    number = filed["number"]

    sender = who_may(province, number, "hand_over")
    suggested = sender.call("GET", "/api/v1/cases/{number}", number=number)["suggestion"]["id"]
    assert suggested == ministry["id"]
    offer = {"to": suggested, "reason": "Upah adalah urusan kementerian."}
    assert sender.call("POST", "/api/v1/cases/{number}/offers", offer, number=number)["to"]["id"] == suggested

    clerk = Outsider(ministry["url"]).log_in(ministry["people"][0])
    wait_for("the identity at the ministry", lambda: has_identity(clerk, number), PATIENCE_SECONDS)
    handler = who_may(ministry, number, "reply")
    assert handler.call("GET", "/api/v1/cases/{number}", number=number)["complaint"]["text"] == text
    opener = who_may(ministry, number, "open_identity")
    opened = opener.call("POST", "/api/v1/cases/{number}/identity", {"reason": reason}, number=number)
    assert opened["identity"]["name"] == name
    handler.call("POST", "/api/v1/cases/{number}/replies", {"text": "Sudah kami periksa."}, number=number)

    def answered() -> Any:  # noqa: ANN401 - JSON
        seen = citizen.call("POST", "/api/v1/track", {"receipt": filed["receipt"]})
        return seen if seen["replies"] and seen["openings"] else None

    seen = wait_for("the answer", answered, PATIENCE_SECONDS)
    assert (seen["number"], seen["status"], seen["custodian"]["id"]) == (number, "answered", ministry["id"])
    assert [each["text"] for each in seen["replies"]] == ["Sudah kami periksa."]
    assert [each["reason"] for each in seen["openings"]] == [reason]
    wait_for("the erasure at the province", lambda: is_stub(sender, number), PATIENCE_SECONDS)


def has_identity(clerk: Outsider, number: str) -> bool:
    answer = clerk.ask("GET", "/api/v1/cases/{number}", number=number)
    return answer.ok and answer.json()["identity_sealed"]


def is_stub(officer: Outsider, number: str) -> bool:
    found = officer.call("GET", "/api/v1/cases/{number}", number=number)
    return found["custody"] == "gone" and found["complaint"] is None and not found["identity_sealed"]
