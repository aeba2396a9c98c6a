"""The hub as a WSGI application: it puts the parts together, and each route only translates."""

from flask import Flask, Response, jsonify

import hub.auditors.routes
import hub.log.routes
import hub.members.routes
import hub.parts.routes
import hub.recovery.routes
import hub.sync.routes
from hub.clock import Clock
from hub.failures import handle_failures
from hub.founding import HubKeys, log_writer
from hub.log.tree import read_head
from hub.members.online import Online
from hub.members.roster import Rosters
from hub.parts.service import Parts
from hub.parts.store import PartStore
from hub.recovery.service import Recovery
from hub.recovery.state import is_recovering
from hub.settings import Settings
from hub.sync.exchange import Exchange
from protocol.enrol import Federation
from service.database import Database


def create_app(settings: Settings, federation: Federation, keys: HubKeys, database: Database, clock: Clock) -> Flask:
    """Return the application over an open database; raise FoundingError for keys of another federation."""
    app = Flask("hub", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_request_bytes
    rosters = Rosters(federation)
    log, online = log_writer(federation, keys.log), Online(keys.online, federation)
    store = PartStore(settings.parts_dir, settings.min_free_bytes)
    recovery = Recovery(database, log, rosters, keys.hub, online, store)
    exchange = Exchange(database, log, rosters, keys.hub, recovery)
    parts = Parts(database, rosters, store, settings.max_waiting_bytes)
    app.register_blueprint(hub.sync.routes.blueprint(exchange, clock))
    app.register_blueprint(hub.recovery.routes.blueprint(recovery, clock))
    app.register_blueprint(hub.parts.routes.blueprint(parts, clock, settings.retry_after_seconds))
    app.register_blueprint(hub.log.routes.blueprint(database))
    app.register_blueprint(hub.members.routes.blueprint(database, online, clock))
    app.register_blueprint(hub.auditors.routes.blueprint(database))
    handle_failures(app, settings.retry_after_seconds)

    @app.get("/healthz")
    def healthz() -> Response:
        with database.reading() as session:
            size, recovers = read_head(session).size, is_recovering(session)
        return jsonify({"size": size, "status": "recovering" if recovers else "ok"})

    @app.get("/federation.json")
    def published_federation() -> Response:
        # For convenience only: whoever trusts this file must have compared it with one that came another way.
        return Response(federation.encode() + b"\n", content_type="application/json")

    @app.get("/")
    def index() -> Response:
        with database.reading() as session:
            size = read_head(session).size
        return jsonify({"hub": federation.hub, "log": federation.log, "size": size})

    return app
