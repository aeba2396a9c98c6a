"""The OpenAPI document: valid, whole, shown as a page without a script, and kept by the running server."""

import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.caller import Caller, caller, officer
from tests.support.offices import Country

#: Pages read and write through the services, whose own tests run on both databases.
pytestmark = pytest.mark.database("sqlite")

_PATHS = {
    "/api/v1/asks": {"get"},
    "/api/v1/asks/{ask_id}": {"get"},
    "/api/v1/asks/{ask_id}/rulings": {"post"},
    "/api/v1/cases": {"get", "post"},
    "/api/v1/cases/{number}": {"get"},
    "/api/v1/cases/{number}/attachments/{id}": {"get"},
    "/api/v1/cases/{number}/identity": {"post"},
    "/api/v1/cases/{number}/offers": {"post"},
    "/api/v1/cases/{number}/recall": {"post"},
    "/api/v1/cases/{number}/replies": {"post"},
    "/api/v1/cases/{number}/transitions": {"post"},
    "/api/v1/directory": {"get"},
    "/api/v1/regions": {"get"},
    "/api/v1/session": {"delete", "post"},
    "/api/v1/topics": {"get"},
    "/api/v1/track": {"post"},
    "/api/v1/track/attachments": {"post"},
    "/api/v1/track/messages": {"post"},
}
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
_EXAMPLES = 12


@pytest.fixture(scope="module")
def document(lands: Country) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{lands['jabar'].url}/api/v1/openapi.json", timeout=30).json()
    return found


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [told for item in document["paths"].values() for method, told in item.items() if method != "parameters"]


def test_the_document_is_openapi_3_1_and_names_every_operation(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document).validate()
    found = {path: set(item) - {"parameters"} for path, item in document["paths"].items()}
    assert found == _PATHS
    names = [told["operationId"] for told in operations(document)]
    assert len(set(names)) == len(names)
    assert all(told["summary"].endswith(".") and "security" in told for told in operations(document))


def test_every_schema_is_one_of_json_schema_2020_12(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_every_example_is_what_its_schema_asks_for(document: dict[str, Any]) -> None:
    """An example that a reader copies must work."""
    checked = 0
    for told in operations(document):
        contents = [told.get("requestBody", {}), *told["responses"].values()]
        for media in (each.get("content", {}).get("application/json", {}) for each in contents):
            if "example" in media:
                schema = {**media["schema"], "components": document["components"]}
                jsonschema_rs.validator_for(schema).validate(media["example"])
                checked += 1
    assert checked > 12


def test_the_page_shows_every_operation_without_a_script_or_a_foreign_address(lands: Country) -> None:
    page = lands["jabar"].visitor().get("/api/v1/")
    assert page.status == 200
    for path, methods in _PATHS.items():
        for method in methods:
            assert f"{method.upper()} {path}" in page.words
    assert "Idempotency-Key" in page.words
    assert not re.search(r"<script|<style|style=|https?://| on[a-z]+=", page.text)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert lands["jabar"].visitor().get("/api/v1").url.endswith("/api/v1/")


@pytest.fixture(scope="module")
def schema(lands: Country) -> Any:  # noqa: ANN401  schemathesis' own
    return schemathesis.openapi.from_url(f"{lands['jabar'].url}/api/v1/openapi.json")


@pytest.mark.parametrize(("path", "method"), [(path, each) for path, known in _PATHS.items() for each in sorted(known)])
def test_whatever_is_sent_nothing_fails_and_nothing_undeclared_is_answered(
    lands: Country, schema: Any, path: str, method: str  # noqa: ANN401
) -> None:  # fmt: skip
    """What schemathesis makes of the document, right and wrong, with a token: no 5xx, and only what is declared."""
    asker, operation = _asker(lands, path), schema[path][method.upper()]
    filed = caller(lands["jabar"]).file()
    known = {"receipt": filed["receipt"], "to": "kemensos", "topic": "", "region": ""}

    def send(case: Any, known: dict[str, str]) -> None:  # noqa: ANN401
        if "number" in case.path_parameters:
            case.path_parameters["number"] = filed["number"]
        if isinstance(case.body, dict):
            # What only a reader of earlier answers could know.
            case.body.update({name: value for name, value in known.items() if name in case.body})
        with_token = {} if (path, method) == ("/api/v1/session", "delete") else asker.headers
        case.call_and_validate(headers=with_token, checks=_CHECKS, timeout=30)

    _many(operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE), lambda case: send(case, known))
    if operation.body or operation.query or operation.path_parameters:
        _many(operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE), lambda case: send(case, {}))


def _many(cases: Any, send: Callable[[Any], None]) -> None:  # noqa: ANN401  a strategy of schemathesis
    quiet = settings(
        max_examples=_EXAMPLES,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    # Hypothesis knows nothing of the types that schemathesis makes.
    run: Any = quiet(given(cases)(send))  # type: ignore[no-untyped-call]
    run()


def _asker(lands: Country, path: str) -> Caller:
    return officer(lands["jabar"], "custodian" if path.endswith("/identity") else "admin")
