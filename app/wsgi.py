"""Answer Lambda's HTTP events with any WSGI application, over aws-wsgi.

Events: API Gateway REST (payload 1.0), HTTP API and function URL (payload 2.0), Application Load Balancer.
aws-wsgi supplies what every WSGI environ holds (`awsgi.environ`) and takes the application's reply
(`awsgi.StartResponse`); what it leaves out or gets wrong is done here.
Specification: PEP 3333.
"""

from __future__ import annotations

import json
import logging
import sys
from base64 import b64decode
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, quote_plus, unquote_to_bytes

import awsgi

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication, WSGIEnvironment

__all__ = ("respond",)

_log = logging.getLogger(__name__)

# Bytes of JSON that a function may return. Source: Lambda quotas; ALB guide, 'Lambda functions as targets'.
_LAMBDA_LIMIT = 6 * 1024 * 1024
_ALB_LIMIT = 1024 * 1024
# JSON makes at most six bytes of a character: a body shorter than this share of the limit surely fits.
_SURELY_FITS = 8

type Json = dict[str, Any]
type Headers = list[tuple[str, str]]
type Line = tuple[str, str, str, str, str | None]  # method, SCRIPT_NAME, PATH_INFO, QUERY_STRING, REMOTE_ADDR


def respond(app: WSGIApplication, event: Any, context: Any) -> Json:
    """Run `app` for one Lambda event; return the reply in the shape that the event's sender wants.

    The WSGI environ holds the event and the Lambda context, as they came, as `aws.event` and `aws.context`,
    besides what aws-wsgi itself sets.

    No event and no application makes it raise an `Exception`. Instead the client gets problem details (RFC 9457):
    - 400 'Unsupported event' for an event that isn't HTTP, or is malformed (the log says why);
    - 500 'Internal Server Error' for an application that fails (the log has the traceback, the client nothing);
    - 500 'Reply too large' for a reply over Lambda's limit: 6 MB, behind a load balancer 1 MB.
    """
    sender = _REST_API
    try:
        sender = _sender(event)
        environ = _environ(event, context, sender)
    except (AttributeError, LookupError, TypeError, ValueError):
        shape = ", ".join(map(str, event)) if isinstance(event, dict) else type(event).__name__
        _log.exception(
            "unsupported event (%s): send HTTP events only, or handle others before respond()", shape
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


# ---- The senders: how each writes a request, and how it wants a reply's headers


class _Sender(NamedTuple):
    """What differs between the services that send HTTP events."""

    line: Callable[[Json, Json, str, WSGIEnvironment], Line]
    """From the event, its requestContext, the host that was called, and the environ with the headers."""
    headers: Callable[[Headers], Json]
    limit: int = _LAMBDA_LIMIT
    describes_status: bool = False


def _sender(event: Any) -> _Sender:
    """The service that sent the event. Raises as `_environ` does."""
    if event.get("type") == "REQUEST":
        raise LookupError("a question to an authorizer, which wants a policy and no reply")
    if event.get("version") == "2.0":
        return _HTTP_API
    if "elb" in (event.get("requestContext") or ()):
        return _ALB if event.get("multiValueHeaders") is None else _ALB_MULTI
    return _REST_API


def _rest_line(event: Json, request: Json, host: str, _: WSGIEnvironment) -> Line:
    """Payload 1.0: the path comes encoded, with a custom domain's base path; the query comes decoded."""
    path = event["path"]
    # On the API's own host requestContext.path begins with the stage. Where both paths are the same, either a
    # custom domain was called, or an HTTP API with this payload, which marks it by a version.
    same = request.get("path") == path
    route = event.get("resource") if same else None
    base, inside = _mount(event, request, host, path, route, stage_in_path=same and "version" in event)
    address = (request.get("identity") or {}).get("sourceIp")
    return (event["httpMethod"], base, inside, _query(event, _encoded), address)


def _http_line(event: Json, request: Json, host: str, _: WSGIEnvironment) -> Line:
    """Payload 2.0: path and query come encoded, the path with the stage unless that is $default."""
    http = request["http"]
    route = (event.get("routeKey") or "").partition(" ")[2]
    base, inside = _mount(event, request, host, event["rawPath"], route, stage_in_path=True)
    return (http["method"], base, inside, event.get("rawQueryString") or "", http.get("sourceIp"))


def _alb_line(event: Json, _: Json, __: str, environ: WSGIEnvironment) -> Line:
    """A load balancer: path and query come encoded, the client's address in a header only."""
    # The load balancer appends the address it saw: only the last one is more than the client's own claim.
    address = environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    return (event["httpMethod"], "", _text(event["path"]), _query(event, _still_encoded), address)


def _multi_headers(headers: Headers) -> Json:
    """Every value of every header, under the first spelling of its name."""
    spellings: dict[str, str] = {}
    grouped: dict[str, list[str]] = {}
    for name, value in headers:
        grouped.setdefault(spellings.setdefault(name.lower(), name), []).append(value)
    return {"multiValueHeaders": grouped}


def _joined_headers(headers: Headers) -> Json:
    """One string a header; cookies, which can't be joined (their dates hold commas), apart."""
    spellings: dict[str, str] = {}
    joined: dict[str, str] = {}
    cookies = []
    for name, value in headers:
        lower = name.lower()
        if lower == "set-cookie":
            cookies.append(value)
        elif lower in spellings:
            joined[spellings[lower]] += f", {value}"
        else:
            spellings[lower] = name
            joined[name] = value
    return {"headers": joined, "cookies": cookies}


def _single_headers(headers: Headers) -> Json:
    """One string a header; each cookie under a spelling of its own, since names that differ in case are kept."""
    joined = _joined_headers(headers)
    spelled = {_spelling("set-cookie", number): value for number, value in enumerate(joined["cookies"])}
    return {"headers": joined["headers"] | spelled}


def _spelling(name: str, number: int) -> str:
    """The name with upper case where the number has a one bit, each number giving another spelling."""
    bits = iter(f"{number:0{len(name)}b}"[::-1])
    return "".join(letter.upper() if letter.isalpha() and next(bits) == "1" else letter for letter in name)


_REST_API = _Sender(_rest_line, _multi_headers)
_HTTP_API = _Sender(_http_line, _joined_headers)
_ALB = _Sender(_alb_line, _single_headers, _ALB_LIMIT, describes_status=True)
_ALB_MULTI = _Sender(_alb_line, _multi_headers, _ALB_LIMIT, describes_status=True)


# ---- The request


# What is the same for every request: awsgi's environ of an empty one, and the keys that it doesn't have.
_CONSTANT: WSGIEnvironment = {
    **awsgi.environ({"httpMethod": "", "path": "", "queryStringParameters": None}, None),
    "aws.event": None,
    "aws.context": None,
}


def _environ(event: Json, context: Any, sender: _Sender) -> WSGIEnvironment:
    """The WSGI environ. Raises AttributeError, LookupError, TypeError or ValueError for a malformed event."""
    request = event.get("requestContext") or {}
    environ = _CONSTANT.copy()
    _add_headers(environ, event)
    host = environ.get("HTTP_HOST") or request.get("domainName") or ""
    method, script_name, path_info, query_string, address = sender.line(event, request, host, environ)
    if not isinstance(method, str):
        raise TypeError(f"the method is no string: {method!r}")
    scheme = environ.get("HTTP_X_FORWARDED_PROTO")
    environ["wsgi.url_scheme"] = scheme = scheme if scheme in ("http", "https") else "https"
    environ["SERVER_NAME"], environ["SERVER_PORT"] = _server(host, environ, scheme)
    environ["REQUEST_METHOD"] = method
    environ["SCRIPT_NAME"] = script_name
    environ["PATH_INFO"] = path_info
    environ["QUERY_STRING"] = query_string
    environ["REMOTE_ADDR"] = address or ""
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
        environ["HTTP_COOKIE"] = "; ".join(cookies)


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


def _text(path: str) -> str:
    """A path decoded as PEP 3333 wants it: each byte a character."""
    if path[:1] != "/":
        path = f"/{path}"
    return path if "%" not in path and path.isascii() else unquote_to_bytes(path).decode("latin-1")


def _query(event: Json, encode: Callable[[str], str]) -> str:
    """The query string, with every value where the event has them all."""
    single, multi = event.get("queryStringParameters"), event.get("multiValueQueryStringParameters")
    if not single and not multi:
        return ""
    return "&".join(
        [
            f"{encode(name)}={encode(value)}"
            for name, values in {**(single or {}), **(multi or {})}.items()
            for value in ((values or "",) if isinstance(values, str | None) else values)
        ]
    )


def _encoded(text: str) -> str:
    """A decoded name or value, encoded for a query string."""
    return text if text.isascii() and text.isalnum() else quote_plus(text)


def _still_encoded(text: str) -> str:
    """An encoded name or value as it is, but for what no query string may hold."""
    return quote(text, safe="%+")


def _server(host: str, environ: WSGIEnvironment, scheme: str) -> tuple[str, str]:
    """SERVER_NAME and SERVER_PORT."""
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):  # no port, or an IPv6 address without one
        name, port = host, environ.get("HTTP_X_FORWARDED_PORT", "")
    if not (port.isascii() and port.isdigit()):
        port = "443" if scheme == "https" else "80"
    return name or "localhost", port


# ---- Where the application is mounted


def _mount(
    event: Json, request: Json, host: str, path: str, route: str | None, *, stage_in_path: bool
) -> tuple[str, str]:
    """SCRIPT_NAME and PATH_INFO: what the client's URL has before the application's own path, and that path.

    On the API's own host (id.execute-api.region.amazonaws.com) that is the stage. On a custom domain it is the
    mapping's base path, which no field names: it is what stands before the route that the API matched.
    """
    if path[:1] != "/":
        path = f"/{path}"
    stage = request.get("stage")
    prefix = staged = ""
    if stage and stage != "$default":
        prefix = f"/{stage}"
        if stage_in_path and f"{path}/".startswith(f"{prefix}/"):
            staged = prefix
    if not host or ".execute-api." in host:
        return prefix, _text(path[len(staged) :])
    if route and route.startswith("/"):
        base, inside = _split(path, route, event.get("pathParameters") or {})
        # HTTP APIs write the stage into the path on custom domains too, where no URL has it.
        return "" if base == staged else base, inside
    return "", _text(path[len(staged) :])


def _split(path: str, route: str, parameters: Json) -> tuple[str, str]:
    """Split a path before the part that a route such as /items/{id} or /{proxy+} matched, both decoded."""
    text = _text(path)
    names = route.rstrip("/").split("/")[1:]
    greedy = bool(names) and names[-1].endswith("+}")
    if greedy:
        # Last, and the only part of any length: its value, which comes decoded, says where it begins.
        value = (parameters.get(names.pop()[1:-2]) or "").encode().decode("latin-1")
        head = text.rstrip("/").removesuffix(f"/{value.rstrip('/')}")
        if head == text.rstrip("/"):
            return "", text
    else:
        head = path.rstrip("/")
    segments = head.split("/")[1:]
    cut = len(segments) - len(names)
    if cut < 0 or "" in segments[:cut]:
        return "", text
    if any(name != segment and name[:1] != "{" for name, segment in zip(names, segments[cut:], strict=True)):
        return "", text
    base = "".join(f"/{segment}" for segment in segments[:cut])
    if base and not greedy:
        base = _text(base)
    return base, text[len(base) :] or "/"


# ---- The reply


class _Response(awsgi.StartResponse):  # type: ignore[misc] # untyped
    """WSGI's start_response, holding what the application replies until all of it is there."""

    started = False

    def __call__(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], object]:
        """Take status and headers, return `write`; see PEP 3333, 'The start_response() Callable'."""
        if exc_info:
            self.chunks.clear()  # nothing has been sent yet: the error's page takes the place of all before it
        elif self.started:
            raise AssertionError("start_response was called twice, the second time without exc_info")
        self.started = True
        write: Callable[[bytes], object] = super().__call__(status, headers)
        return write


def _run(app: WSGIApplication, environ: WSGIEnvironment, sender: _Sender) -> Json:
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


def _problem(sender: _Sender, status: int, title: str, detail: str) -> Json:
    """A reply of our own, in the form of RFC 9457."""
    problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    headers = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]
    reason = {400: "Bad Request", 500: "Internal Server Error"}[status]
    reply = _begin(sender, status, f"{status} {reason}", headers)
    return reply | {"body": json.dumps(problem), "isBase64Encoded": False}


def _begin(sender: _Sender, status: int, status_line: str, headers: Headers) -> Json:
    """A reply without its body, as the sender wants it. `status_line` is such as '404 Not Found'."""
    reply = sender.headers(headers)
    reply["statusCode"] = status
    if sender.describes_status:
        reply["statusDescription"] = status_line
    return reply
