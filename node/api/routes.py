"""The API as a whole: its document at /api/v1/openapi.json, and the same as a page at /api/v1/."""

from typing import Any, Final

from flask import Blueprint as PlainBlueprint
from flask import Flask, render_template

from node.api import problems
from node.api.asks import asks
from node.api.cases import cases
from node.api.page import chapters
from node.api.problems import PREFIX
from node.api.reference import reference
from node.api.reports import TOGETHER, reports
from node.api.session import sessions
from node.api.spec import SCHEME, Api
from node.cases.together import Together
from service.database import Database

VERSION: Final = "1.0.0"
_ABOUT: Final = """\
What a reporter, an officer and the triage node do at one node of the federation, for programs.

Bodies are JSON in UTF-8 of at most 256 KiB; a field that is not listed is refused. Times are RFC 3339 in UTC. Errors \
are problem details (RFC 9457) whose `type` never changes; their words follow Accept-Language (`id`, `en`). No cookie \
is set or read. Officers send the token of `POST /session` as a bearer token. Nothing that is answered here may be \
cached.
"""


def install(app: Flask, database: Database) -> None:
    """Put the API, its document and its page into the application."""
    app.extensions[TOGETHER] = Together(database)
    app.config.update(
        API_TITLE="Simpul node",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {"description": _ABOUT, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
            "servers": [{"url": "/", "description": "This node."}],
        },
    )
    api = Api(app)
    api.spec.components.security_scheme(SCHEME, {"type": "http", "scheme": "bearer"})
    for part in (reports, sessions, cases, asks, reference):
        api.register_blueprint(part)
    app.register_blueprint(_pages(api.spec.to_dict()))
    problems.install(app)


def _pages(document: dict[str, Any]) -> PlainBlueprint:
    pages = PlainBlueprint("api_page", __name__, url_prefix=PREFIX, template_folder="templates")

    @pages.get("/")
    def page() -> str:
        """Show the document as a page, without a script."""
        return render_template("api/page.html", info=document["info"], chapters=chapters(document))

    return pages
