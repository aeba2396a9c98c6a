"""`POST /recover/v1`."""

import orjson
from flask import Blueprint, Response, request

from hub.clock import Clock
from hub.recovery.service import Recovery


def blueprint(recovery: Recovery, clock: Clock) -> Blueprint:
    """Return the route. Who gives back is told by the manifest's signature, not by the connection."""
    routes = Blueprint("recovery", __name__)

    @routes.post("/recover/v1")
    def recover() -> Response:
        notice = recovery.take(request.get_data(cache=False), clock())
        body = orjson.dumps({"recovering": notice})
        return Response(body, content_type="application/json", headers={"Cache-Control": "no-store"})

    return routes
