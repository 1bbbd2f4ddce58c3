"""Answer Lambda's HTTP events with any WSGI application, over aws-wsgi.

Events: API Gateway REST (payload 1.0), HTTP API and function URL (payload 2.0), Application Load Balancer.
aws-wsgi supplies what every WSGI environ holds (`awsgi.environ`) and takes the application's reply
(`awsgi.StartResponse`); what it leaves out or gets wrong is done here.
Specification: PEP 3333.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from base64 import b64decode
from io import BytesIO
from typing import TYPE_CHECKING, Any

import awsgi

from app.senders import REST_API, is_ping, sender_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication, WSGIEnvironment

    from app.mount import Json
    from app.senders import Headers, Sender

__all__ = ("respond",)

_log = logging.getLogger("esclusa.wsgi")  # below the application's logger, which masks secrets

_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch  # RFC 9110, 5.6.2: what a method is made of

# JSON makes at most six bytes of a character: a body shorter than this share of the limit surely fits.
_SURELY_FITS = 8


def respond(app: WSGIApplication, event: Any, context: Any) -> Json:
    """Run `app` for one Lambda event; return the reply in the shape that the event's sender wants.

    The WSGI environ holds the event and the Lambda context, as they came, as `aws.event` and `aws.context`,
    besides what aws-wsgi itself sets.

    An event that only keeps the function warm, such as a schedule's, is answered 200 with an empty body, and the
    application is not called. A schedule whose input is a request in payload 1.0 or 2.0 gets the application's reply.

    No event and no application makes it raise an `Exception`. Instead the client gets problem details (RFC 9457):
    - 400 'Unsupported event' for an event that isn't HTTP, or is malformed (the log says why);
    - 500 'Internal Server Error' for an application that fails (the log has the traceback, the client nothing);
    - 500 'Reply too large' for a reply over Lambda's limit: 6 MB, behind a load balancer 1 MB.
    """
    sender = REST_API
    try:
        sender = sender_of(event)
        environ = _environ(event, context, sender)
    except (AttributeError, LookupError, TypeError, ValueError):
        if is_ping(event):
            _log.info("a ping, which asks for nothing")
            return _begin(sender, 200, "200 OK", []) | {"body": "", "isBase64Encoded": False}
        shape = ", ".join(map(str, event)) if isinstance(event, dict) else type(event).__name__
        _log.exception(
            "unsupported event (%s): send HTTP events only, or handle others before answer()", shape
        )
        return _problem(sender, 400, "Unsupported event", "This function answers HTTP requests only.")
    try:
        reply = _run(app, environ, sender)
    except Exception:
        _log.exception("the application failed")
        return _problem(sender, 500, "Internal Server Error", "The application failed.")
    if len(reply["body"]) * _SURELY_FITS > sender.limit:
        size = len(json.dumps(reply, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        if size > sender.limit:
            _log.error("the reply has over %d bytes, the limit is %d: send it in parts", size, sender.limit)
            return _problem(sender, 500, "Reply too large", f"The reply is over {sender.limit} bytes.")
    return reply


# What is the same for every request: awsgi's environ of an empty one, and the keys that it doesn't have.
_CONSTANT: WSGIEnvironment = {
    **awsgi.environ({"httpMethod": "", "path": "", "queryStringParameters": None}, None),
    "aws.event": None,
    "aws.context": None,
}


def _environ(event: Json, context: Any, sender: Sender) -> WSGIEnvironment:
    """The WSGI environ. Raises AttributeError, LookupError, TypeError or ValueError for a malformed event."""
    request = event.get("requestContext") or {}
    environ = _CONSTANT.copy()
    _add_headers(environ, event)
    host = environ.get("HTTP_HOST") or request.get("domainName") or ""
    method, script_name, path_info, query_string, address = sender.line(event, request, host, environ)
    if not _is_token(method):
        raise ValueError(f"no HTTP method: {method!r}")
    scheme = environ.get("HTTP_X_FORWARDED_PROTO")
    environ["wsgi.url_scheme"] = scheme = scheme if scheme in ("http", "https") else "https"
    environ["SERVER_NAME"], environ["SERVER_PORT"] = _server(host, environ, scheme)
    environ["REQUEST_METHOD"] = method
    environ["SCRIPT_NAME"] = script_name
    environ["PATH_INFO"] = path_info
    environ["QUERY_STRING"] = query_string
    environ["REMOTE_ADDR"] = address if isinstance(address, str) else ""
    text = event.get("body") or ""
    body = b64decode(text) if event.get("isBase64Encoded") else text.encode()
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = BytesIO(body)
    environ["wsgi.errors"] = sys.stderr
    environ["awsgi.event"] = environ["aws.event"] = event
    environ["awsgi.context"] = environ["aws.context"] = context
    return environ


def _add_headers(environ: WSGIEnvironment, event: Json) -> None:
    """Add the request's headers; several values of one are joined, as RFC 9110 allows."""
    single, headers = event.get("headers") or {}, event.get("multiValueHeaders") or {}
    if len(headers) < len(single):  # both have every header, or there is but one of the two
        headers = {**single, **headers}
    for name, value in headers.items():
        key = _environ_keys[name]
        if key and value:
            if isinstance(value, list):
                value = value[0] if len(value) == 1 else _joined(key, value)
            environ[key] = value if value.isascii() else _native(value)
    if cookies := event.get("cookies"):
        environ["HTTP_COOKIE"] = _native("; ".join(cookies))


def _joined(key: str, values: list[str]) -> str:
    """One value for several, the last of them where a header has only one by its nature."""
    return values[-1] if key in _SINGLE else ("; " if key == "HTTP_COOKIE" else ",").join(values)


_SINGLE = {
    "CONTENT_TYPE",
    "HTTP_AUTHORIZATION",
    "HTTP_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
}


class _EnvironKeys(dict[str, str]):
    """Headers' keys in the environ by their names, remembered; '' for a header that doesn't belong there."""

    def __missing__(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        # 'X_Y' would pass for 'X-Y', which a gateway may have checked: servers leave such names out.
        # A body comes whole, whatever way it was transferred, and is measured here.
        if "_" in name or key in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):
            key = ""
        elif key != "CONTENT_TYPE":
            key = f"HTTP_{key}"
        if len(self) < 1000:  # the names are the client's to choose
            self[name] = key
        return key


_environ_keys = _EnvironKeys()


def _native(value: str) -> str:
    """A string of one character a byte: what fits is left alone, the rest is sent as UTF-8."""
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode().decode("latin-1")
    return value


def _server(host: str, environ: WSGIEnvironment, scheme: str) -> tuple[str, str]:
    """SERVER_NAME and SERVER_PORT."""
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):  # no port, or an IPv6 address without one
        name, port = host, environ.get("HTTP_X_FORWARDED_PORT", "")
    if not (port.isascii() and port.isdigit()):
        port = "443" if scheme == "https" else "80"
    return name or "localhost", port


class _Response(awsgi.StartResponse):  # type: ignore[misc] # untyped
    """WSGI's start_response, holding what the application replies until all of it is there."""

    started = False

    def __call__(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], object]:
        """Take status and headers, return `write`; see PEP 3333, 'The start_response() Callable'."""
        if exc_info:
            self.chunks.clear()  # nothing has been sent yet: the error's page takes the place of all before it
        elif self.started:
            raise AssertionError("start_response was called twice, the second time without exc_info")
        for name, value in headers:
            if not (isinstance(name, str) and isinstance(value, str)):
                raise TypeError(f"a header's name and value must be strings: {name!r}: {value!r}")
        self.started = True
        write: Callable[[bytes], object] = super().__call__(status, headers)
        return write


def _run(app: WSGIApplication, environ: WSGIEnvironment, sender: Sender) -> Json:
    """The application's reply. Raises whatever the application does."""
    response = _Response()
    output = app(environ, response)
    size = 0
    try:
        # A generator calls start_response, or write, as late as here: all is consumed before any is looked at.
        for chunk in output:
            response.chunks.append(chunk)
            size += len(chunk)
            if size > sender.limit:
                break
    finally:
        if close := getattr(output, "close", None):
            close()
    if not response.started:
        raise AssertionError("the application returned without calling start_response")
    if environ["REQUEST_METHOD"] == "HEAD":
        response.chunks.clear()
    reply = _begin(sender, response.status, response.status_line, response.headers)
    body = b"".join(response.chunks)
    try:
        reply["body"] = body.decode()
        reply["isBase64Encoded"] = False
    except UnicodeDecodeError:  # no text, whatever its headers say
        reply["body"] = awsgi.convert_b46(body)
        reply["isBase64Encoded"] = True
    return reply


def _problem(sender: Sender, status: int, title: str, detail: str) -> Json:
    """A reply of our own, in the form of RFC 9457."""
    problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    headers = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]
    reason = {400: "Bad Request", 500: "Internal Server Error"}[status]
    reply = _begin(sender, status, f"{status} {reason}", headers)
    return reply | {"body": json.dumps(problem), "isBase64Encoded": False}


def _begin(sender: Sender, status: int, status_line: str, headers: Headers) -> Json:
    """A reply without its body, as the sender wants it. `status_line` is such as '404 Not Found'."""
    reply = sender.headers(headers)
    reply["statusCode"] = status
    if sender.describes_status:
        reply["statusDescription"] = status_line
    return reply
