"""`GET /directory/latest.json` and `GET /directory/<version>.jws`."""

from flask import Blueprint, Response, jsonify
from sqlalchemy import select

from hub.log.routes import IMMUTABLE
from hub.members.enrolment import latest_version
from hub.models import DirectoryVersion
from hub.problems import not_found
from service.database import Database


def blueprint(database: Database) -> Blueprint:
    """Return the directory's routes. Nothing here needs trust: readers check the registrar and the log's leaf."""
    routes = Blueprint("directory", __name__, url_prefix="/directory")

    @routes.get("/latest.json")
    def latest() -> Response:
        with database.reading() as session:
            found = latest_version(session)
            response = jsonify({"index": found.index, "version": found.version})
        response.headers["Cache-Control"] = "no-cache"
        return response

    @routes.get("/<int:version>.jws")
    def signed(version: int) -> Response:
        with database.reading() as session:
            raw = session.scalar(select(DirectoryVersion.raw).where(DirectoryVersion.version == version))
        if raw is None:
            return not_found("no such version of the directory")
        return Response(raw, content_type="application/jose", headers={"Cache-Control": IMMUTABLE})

    return routes
