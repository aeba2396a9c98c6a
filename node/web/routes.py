"""Addresses that belong to no room: health and the node's colour."""

from typing import Final

from flask import Blueprint, Response, jsonify

from node.web import accent, current

web: Final = Blueprint("web", __name__)


@web.get("/sehat")
def health() -> Response:
    """Say that the process answers; it says nothing of the node's work."""
    return jsonify(status="ok")


@web.get("/static/accent.css")
def accent_css() -> Response:
    """Serve the node's accent colour."""
    return Response(accent.stylesheet(current.node().settings.accent), mimetype="text/css")
