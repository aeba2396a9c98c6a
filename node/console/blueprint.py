"""The console's blueprint, with the guard before every request."""

from typing import Final

from flask import Blueprint, Response, current_app, g

from node.console import guard

console: Final = Blueprint("console", __name__, url_prefix=guard.PATH, template_folder="templates")


@console.before_request
def before() -> Response | None:
    """Check the form's CSRF token first, then who is asking."""
    current_app.extensions["csrf"].protect()
    return guard.check()


@console.context_processor
def who() -> dict[str, object]:
    """Tell every page of the console who is signed in, if anybody."""
    return {"officer": g.get("officer"), "may_rule": g.get("rules", False)}
