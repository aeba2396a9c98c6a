"""`POST /sync/v1`."""

from flask import Blueprint, Response, request

from hub.clock import Clock
from hub.errors import ConflictError
from hub.problems import conflict_problem
from hub.sync.exchange import Exchange
from protocol.errors import RULES


def blueprint(exchange: Exchange, clock: Clock) -> Blueprint:
    """Return the exchange's route. Who sends is told by the manifest's signature, not by the connection."""
    routes = Blueprint("sync", __name__)

    @routes.post("/sync/v1")
    def sync() -> Response:
        try:
            answer = exchange.run(request.get_data(cache=False), clock())
        except ConflictError as error:
            return conflict_problem(RULES[error.rule], str(error), error.conflict)
        return Response(answer, content_type="application/json", headers={"Cache-Control": "no-store"})

    return routes
