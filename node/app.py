"""The web of a node: the citizen's portal and the officer's console as one application."""

from collections.abc import Callable
from typing import Final

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf import CSRFProtect

from node.api import routes as api
from node.console.routes import console
from node.context import Node
from node.portal.routes import portal
from node.web import clock, current, errors, headers, i18n, templating
from node.web.routes import web

#: A report of 8,000 characters may cost twelve bytes each when URL-encoded; nothing that we serve needs more.
MAX_REQUEST_BYTES: Final = 256 * 1024
_MAX_FORM_PARTS: Final = 64


class _Sessions(SecureCookieSessionInterface):
    """Flask's own session holds nothing but the console's CSRF secret; it is Secure wherever the page came by TLS."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Ask the request: a node in training runs without TLS on its own machine."""
        del app
        return request.is_secure


def create_app(node: Node, now: Callable[[], int] = clock.now) -> Flask:
    """Make the application of a node. `now` gives the time in seconds since 1970; tests give their own."""
    app = Flask(__name__, static_folder="web/static", template_folder="web/templates")
    app.config.update(
        SECRET_KEY=node.secret("flask"),
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_REQUEST_BYTES,
        MAX_FORM_PARTS=_MAX_FORM_PARTS,
        SESSION_COOKIE_NAME="simpul_formulir",
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_PATH="/petugas",
        WTF_CSRF_CHECK_DEFAULT=False,  # the console asks for it; the portal works without cookies
        WTF_CSRF_SSL_STRICT=False,  # it would want the Referer that our own policy withholds
        WTF_CSRF_TIME_LIMIT=None,  # the login session ends; a long answer must not be lost before it
    )
    app.session_interface = _Sessions()
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    current.bind(app, node, now)
    CSRFProtect(app)
    i18n.install(app)
    headers.install(app)
    errors.install(app)
    templating.install(app)
    for room in (web, portal, console):
        app.register_blueprint(room)
    api.install(app, node.database)
    return app
