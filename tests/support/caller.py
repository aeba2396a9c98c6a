"""A program that knows nothing but the API: its address and, if it has one, a token."""

from dataclasses import dataclass, field
from typing import Any, Final

import requests

from tests.support.offices import Office, password_of

_TIMEOUT_SECONDS: Final = 60
FILING: Final[dict[str, Any]] = {
    "class": "complaint",
    "topic": "bantuan-sosial/pkh",
    "region": "32.73",
    "text": "Bantuan PKH ibu saya sudah tiga bulan tidak cair 😢 <b>tolong</b>\r\nterima kasih",
    "secrecy": "anonymous",
    "identity": {"name": "Siti Rahayu", "phone": "0812 3456 7890", "email": "siti@contoh.id", "nik": ""},
    "attachments": [],
}


@dataclass(slots=True)
class Caller:
    """Calls one node's API; every answer is checked for what all answers must have."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    http: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, **given: Any) -> requests.Response:  # noqa: ANN401  requests' own
        headers = {**self.headers, **given.pop("headers", {})}
        answer = self.http.request(
            method, f"{self.url}/api/v1{path}", headers=headers, timeout=_TIMEOUT_SECONDS, **given
        )
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code
            assert answer.json()["type"].startswith("urn:simpul:api:")
        return answer

    def get(self, path: str, status: int = 200, **given: Any) -> Any:  # noqa: ANN401  JSON
        return _checked(self.call("GET", path, **given), status)

    def post(self, path: str, body: Any, status: int = 200, **given: Any) -> Any:  # noqa: ANN401  JSON
        return _checked(self.call("POST", path, json=body, **given), status)

    def file(self, **changes: Any) -> dict[str, str]:  # noqa: ANN401  JSON
        found: dict[str, str] = self.post("/cases", {**FILING, **changes}, 201)
        return found

    def track(self, receipt: str) -> Any:  # noqa: ANN401  JSON
        return self.post("/track", {"receipt": receipt})


def caller(office: Office) -> Caller:
    """Somebody without a token."""
    return Caller(office.url)


def officer(office: Office, role: str) -> Caller:
    """Somebody with a token of this role."""
    body = {"username": role, "password": password_of(role), "totp": None}
    token = caller(office).post("/session", body)["token"]
    return Caller(office.url, {"Authorization": f"Bearer {token}"})


def _checked(answer: requests.Response, status: int) -> Any:  # noqa: ANN401  JSON
    assert answer.status_code == status, answer.text
    return answer.json()
