"""`GET /log/checkpoint` and `GET /log/tile/…`."""

from flask import Blueprint, Response

from hub.log.published import published_tile
from hub.log.tree import read_head
from hub.problems import not_found
from protocol.errors import RemoteError
from protocol.tiles import parse_tile_path
from service.database import Database

#: A tile's path says its width, so even a partial one never changes.
IMMUTABLE = "public, max-age=31536000, immutable"


def blueprint(database: Database) -> Blueprint:
    """Return the log's routes."""
    routes = Blueprint("log", __name__, url_prefix="/log")

    @routes.get("/checkpoint")
    def checkpoint() -> Response:
        with database.reading() as session:
            note = read_head(session).note
        return Response(note, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})

    @routes.get("/tile/<path:rest>")
    def tile(rest: str) -> Response:
        try:
            wanted = parse_tile_path(f"tile/{rest}")
        except RemoteError:
            return not_found("no tile has this path")
        with database.reading() as session:
            content = published_tile(session, wanted)
        if content is None:
            return not_found("the log has no such tile yet")
        return Response(content, content_type="application/octet-stream", headers={"Cache-Control": IMMUTABLE})

    return routes
