"""The console's blueprint, with the guard before every request."""

from typing import Final

from flask import Blueprint, Response, current_app, g

from node.cases.whereabouts import is_old
from node.console import guard
from node.people.permissions import Action, may
from node.web import current

console: Final = Blueprint("console", __name__, url_prefix=guard.PATH, template_folder="templates")


@console.before_request
def before() -> Response | None:
    """Check the form's CSRF token first, then who is asking."""
    current_app.extensions["csrf"].protect()
    return guard.check()


@console.context_processor
def who() -> dict[str, object]:
    """Tell every page of the console who is signed in, if anybody, and how the node stands with its hub."""
    officer, health = g.get("officer"), g.get("health")
    return {
        "officer": officer,
        "may_rule": g.get("rules", False),
        "health": health,
        "may_connect": officer is not None and may(officer, Action.CONNECTIONS),
        "contact_old": health is not None and is_old(health.contact_at, current.now()),
    }
