"""Errors as the client sees them: problem details in JSON (RFC 9457) or a page, never a stack trace."""

import json
from typing import Any, cast

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from markupsafe import escape
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from app.database import DatabaseUnavailableError
from app.log import logger, request_id
from app.secrets_manager import SecretUnavailableError

CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = 5
RETRY = {"Retry-After": str(RETRY_SECONDS)}  # with a 503
_UNAVAILABLE = (DatabaseUnavailableError, SecretUnavailableError)
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{}</title>
<h1>{}</h1>
<p>{}</p>
<p>Request {}</p>
</html>
"""


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
    """Answer the errors that the application handles nowhere itself: with a page to whoever prefers one.

    A handler of its own stands, by status, by exception or for all: what fails for whatever reason comes to those
    of 500 and 503 as Flask's own errors do.
    """

    @app.errorhandler(Problem)
    def _problem(problem: Problem) -> Response:
        return respond(**problem.members)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> ResponseReturnValue:
        reason = getattr(error, "original_exception", None)  # of what failed outside of a view
        if isinstance(reason, _UNAVAILABLE):
            return _unavailable(reason)
        if error.response is not None:
            return cast("Response", error.response)
        kept = {
            name: value
            for name, value in error.get_headers()
            if name.lower() not in ("content-type", "content-length")
        }
        return _answer(error.code or 500, error.name, error.description or error.name, kept)

    @app.errorhandler(DatabaseUnavailableError)
    @app.errorhandler(SecretUnavailableError)
    def _unavailable(error: Exception) -> ResponseReturnValue:
        detail = unavailable(error).members["detail"]
        return app.handle_http_exception(ServiceUnavailable(detail, retry_after=RETRY_SECONDS))

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> ResponseReturnValue:
        logger.error("unhandled exception", exc_info=error)
        detail = "The request failed here. Give the request id when asking."
        return app.handle_http_exception(InternalServerError(detail, original_exception=error))


def _answer(status: int, title: str, detail: str, headers: dict[str, str]) -> Response:
    """Return the error in the form that the client prefers; problem details, if it prefers none."""
    prefers = request.accept_mimetypes.quality
    if prefers("text/html") > max(prefers(CONTENT_TYPE), prefers("application/json")):
        page = _PAGE.format(*map(escape, (f"{status} {title}", title, detail, request_id.get() or "")))
        response = Response(page, status, {**headers, "Content-Security-Policy": "default-src 'none'"})
    else:
        response = respond(status, title, detail, headers)
    response.vary.add("Accept")
    return response
