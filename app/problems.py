"""Errors as the client sees them: problem details in JSON (RFC 9457), never a stack trace."""

import json
from typing import Any

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from app.database import DatabaseUnavailableError
from app.log import logger, request_id
from app.secrets_manager import SecretUnavailableError

CONTENT_TYPE = "application/problem+json"
RETRY = {"Retry-After": "5"}  # seconds, with a 503


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An answer other than success: a status, a title and details that help the client."""

    def __init__(self, status: int, title: str, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.members = {"title": title, "status": status, "detail": detail, **members}


def invalid(errors: list[dict[str, str]]) -> Problem:
    """Return the problem that names each wrong field: [{"field", "message"}]."""
    return Problem(
        422, "Unprocessable Content", "Some fields are wrong; each is named in 'errors'.", errors=errors
    )


def respond(
    status: int, title: str, detail: str, headers: dict[str, str] | None = None, **members: Any
) -> Response:
    """Return a problem details response; the request's id lets support find the log lines."""
    body = {"title": title, "status": status, "detail": detail, "request_id": request_id.get(), **members}
    return Response(json.dumps(body), status, headers, content_type=CONTENT_TYPE)


def unavailable(error: Exception) -> Problem:
    """Return the problem of what this needs and can't have; the reason is for the log alone."""
    logger.error("unavailable", extra={"fields": {"reason": str(error)}})
    return Problem(503, "Service Unavailable", "What this needs does not answer. Try again.")


def init_app(app: Flask) -> None:
    """Answer every error of the application in this form."""

    @app.errorhandler(Problem)
    def _problem(problem: Problem) -> Response:
        return respond(**problem.members)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        kept = {
            name: value
            for name, value in error.get_headers()
            if name.lower() not in ("content-type", "content-length")
        }
        if error.response is not None and error.code is not None and error.code < 400:
            return Response(status=error.code, headers=dict(error.response.headers))
        return respond(error.code or 500, error.name, error.description or error.name, kept)

    @app.errorhandler(DatabaseUnavailableError)
    @app.errorhandler(SecretUnavailableError)
    def _unavailable(error: Exception) -> Response:
        return respond(**unavailable(error).members, headers=RETRY)

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> Response:
        logger.error("unhandled exception", exc_info=error)
        return respond(
            500, "Internal Server Error", "The request failed here. Give the request id when asking."
        )
