"""`GET /directory/metadata/…` and `GET /directory/targets/…`: the directory as a repository of TUF."""

from flask import Blueprint, Response
from sqlalchemy import select

from hub.clock import Clock
from hub.log.routes import IMMUTABLE
from hub.members.online import Online, fresh_timestamp
from hub.models import DirectoryFile, DirectoryMetadata, DirectoryVersion
from hub.problems import not_found
from protocol.errors import RemoteError
from protocol.metadata import parse_file_url
from service.database import Database


def blueprint(database: Database, online: Online, clock: Clock) -> Blueprint:
    """Return the directory's routes. Nothing here needs trust: readers check the root's chain and the log's leaf."""
    routes = Blueprint("directory", __name__, url_prefix="/directory")

    @routes.get("/metadata/timestamp.json")
    def timestamp() -> Response:
        return _json(fresh_timestamp(database, online, clock()), "no-cache")

    @routes.get("/metadata/<int:version>.<any(root, snapshot):role>.json")
    def metadata(version: int, role: str) -> Response:
        query = select(DirectoryMetadata.raw).where(DirectoryMetadata.role == role)
        with database.reading() as session:
            raw = session.scalar(query.where(DirectoryMetadata.version == version))
        return not_found("no such version of this role") if raw is None else _json(raw, IMMUTABLE)

    @routes.get("/metadata/<int:version>.targets.json")
    def targets(version: int) -> Response:
        with database.reading() as session:
            raw = session.scalar(select(DirectoryVersion.raw).where(DirectoryVersion.version == version))
        return not_found("no such version of the directory") if raw is None else _json(raw, IMMUTABLE)

    @routes.get("/targets/<path:url>")
    def file(url: str) -> Response:
        try:
            path, h = parse_file_url(url)
        except RemoteError:
            return not_found("no file of the directory has this address")
        query = select(DirectoryFile.raw).where(DirectoryFile.h == h, DirectoryFile.path == path)
        with database.reading() as session:
            raw = session.scalar(query)
        return not_found("no file of the directory has this address") if raw is None else _json(raw, IMMUTABLE)

    return routes


def _json(raw: bytes, caching: str) -> Response:
    return Response(raw, content_type="application/json", headers={"Cache-Control": caching})
