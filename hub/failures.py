"""What the routes answer when something fails, and what is written about it: types and positions, never content."""

import logging
import traceback
from http import HTTPStatus
from typing import Final

from flask import Flask, Response
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from hub.errors import LogError, RecoveringError
from hub.problems import busy, problem, recovering_problem, rule_problem
from protocol.errors import RemoteError
from service.errors import is_temporary

_LOGGER: Final = logging.getLogger(__name__)


def describe(error: BaseException) -> str:
    """Return the types of an error and its causes, and where it was raised; messages may quote data and stay out."""
    chain = []
    seen: BaseException | None = error
    while seen is not None:
        frames = traceback.extract_tb(seen.__traceback__)
        last = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "?"
        chain.append(f"{type(seen).__module__}.{type(seen).__qualname__} at {last}")
        seen = seen.__cause__
    return ", because of ".join(chain)


def handle_failures(app: Flask, retry_after_seconds: int) -> None:
    """Give every failure of the app's routes its problem document."""

    @app.errorhandler(RemoteError)
    def broken_rule(error: RemoteError) -> Response:
        return rule_problem(error)

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_error: RequestEntityTooLarge) -> Response:
        limit = app.config["MAX_CONTENT_LENGTH"]
        return rule_problem(RemoteError("too-large", "the request is larger than a bundle may be", max_bytes=limit))

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        response = problem(status, HTTPStatus(status).description or HTTPStatus(status).phrase)
        allowed = dict(error.get_headers()).get("Allow")
        if allowed is not None:
            response.headers["Allow"] = allowed
        return response

    @app.errorhandler(SQLAlchemyError)
    def unavailable(error: SQLAlchemyError) -> Response:
        if not is_temporary(error):
            return unexpected(error)
        # A locked database, a full disk: the transaction was rolled back, and the same may be sent again.
        _LOGGER.error("database unavailable: %s", describe(error))
        return busy(retry_after_seconds)

    @app.errorhandler(RecoveringError)
    def recovering(error: RecoveringError) -> Response:
        return recovering_problem(error.notice, retry_after_seconds)

    @app.errorhandler(LogError)
    def log_stopped(error: LogError) -> Response:
        # The message is our own and holds no data.
        _LOGGER.critical("ALARM %s", error)
        return busy(retry_after_seconds)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        _LOGGER.error("unexpected: %s", describe(error))
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of the hub; nothing was acknowledged: send it again")
