"""Answer Lambda's HTTP events with any WSGI application, over aws-wsgi.

Events: API Gateway REST (payload 1.0), HTTP API and function URL (payload 2.0), Application Load Balancer.
aws-wsgi supplies the body and WSGI's constants (`awsgi.environ`) and takes the application's reply
(`awsgi.StartResponse`); what it leaves out or gets wrong is done here. Specification: PEP 3333.
"""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, quote_plus, unquote_to_bytes, urlencode

import awsgi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
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


class _Line(NamedTuple):
    """What a request's first line and its connection say, as PEP 3333 wants it."""

    method: str
    script_name: str
    path_info: str
    query_string: str
    remote_addr: str | None


class _Sender(NamedTuple):
    """What differs between the services that send HTTP events."""

    line: Callable[[Json, Json, Json], _Line]  # of the event, its requestContext, its headers by environ key
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


def _rest_line(event: Json, request: Json, headers: Json) -> _Line:
    """Payload 1.0: the path comes encoded, with a custom domain's base path; the query comes decoded."""
    path = event["path"]
    # On the API's own host requestContext.path begins with the stage. Where both paths are the same, either a
    # custom domain was called, or an HTTP API with this payload, which marks it by a version.
    same = request.get("path") == path
    base, inside = _mount(
        path,
        stage=request.get("stage"),
        stage_in_path=same and "version" in event,
        host=_host(request, headers),
        route=event.get("resource") if same else None,
        parameters=event.get("pathParameters"),
    )
    address = (request.get("identity") or {}).get("sourceIp")
    return _Line(event["httpMethod"], base, inside, _query(event, quote_plus, ""), address)


def _http_line(event: Json, request: Json, headers: Json) -> _Line:
    """Payload 2.0: path and query come encoded, the path with the stage unless that is $default."""
    http = request["http"]
    base, inside = _mount(
        event["rawPath"],
        stage=request.get("stage"),
        stage_in_path=True,
        host=_host(request, headers),
        route=(event.get("routeKey") or "").partition(" ")[2],
        parameters=event.get("pathParameters"),
    )
    return _Line(http["method"], base, inside, event.get("rawQueryString") or "", http.get("sourceIp"))


def _alb_line(event: Json, request: Json, headers: Json) -> _Line:
    """A load balancer: path and query come encoded, the client's address in a header only."""
    # The load balancer appends the address it saw: only the last one is more than the client's own claim.
    address = headers.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    return _Line(event["httpMethod"], "", _text(event["path"]), _query(event, quote, "%+"), address)


def _multi_headers(headers: Headers) -> Json:
    """Every value of every header, under the first spelling of its name."""
    spellings: dict[str, str] = {}
    grouped: dict[str, list[str]] = {}
    for name, value in headers:
        grouped.setdefault(spellings.setdefault(name.lower(), name), []).append(value)
    return {"multiValueHeaders": grouped}


def _joined_headers(headers: Headers) -> Json:
    """One string a header; cookies, which can't be joined (their dates hold commas), apart."""
    cookies = [value for name, value in headers if name.lower() == "set-cookie"]
    others = [header for header in headers if header[0].lower() != "set-cookie"]
    grouped = _multi_headers(others)["multiValueHeaders"]
    return {"headers": {name: ", ".join(values) for name, values in grouped.items()}, "cookies": cookies}


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


def _environ(event: Json, context: Any, sender: _Sender) -> WSGIEnvironment:
    """The WSGI environ. Raises AttributeError, LookupError, TypeError or ValueError for a malformed event."""
    request = event.get("requestContext") or {}
    headers = _headers(event)
    line = sender.line(event, request, headers)
    if not isinstance(line.method, str):
        raise TypeError(f"the method is no string: {line.method!r}")
    environ: WSGIEnvironment = awsgi.environ(
        {
            "httpMethod": line.method,
            "path": line.path_info,
            "queryStringParameters": None,
            "body": event.get("body"),
            "isBase64Encoded": event.get("isBase64Encoded"),
        },
        context,
    )
    environ.update(headers)
    scheme = headers.get("HTTP_X_FORWARDED_PROTO")
    environ["wsgi.url_scheme"] = scheme = scheme if scheme in ("http", "https") else "https"
    environ["SERVER_NAME"], environ["SERVER_PORT"] = _server(_host(request, headers), headers, scheme)
    environ["SCRIPT_NAME"] = line.script_name
    environ["QUERY_STRING"] = line.query_string
    environ["REMOTE_ADDR"] = line.remote_addr or ""
    environ["awsgi.event"] = environ["aws.event"] = event
    environ["aws.context"] = context
    return environ


def _headers(event: Json) -> Json:
    """The request's headers by their environ keys. Several values are joined, as RFC 9110 allows."""
    headers = {}
    both = {**(event.get("headers") or {}), **(event.get("multiValueHeaders") or {})}
    for name, value in both.items():
        key = _environ_key(name)
        if key and value:
            if not isinstance(value, str):
                value = value[-1] if key in _SINGLE else ("; " if key == "HTTP_COOKIE" else ",").join(value)
            headers[key] = value if value.isascii() else _native(value)
    if cookies := event.get("cookies"):
        headers["HTTP_COOKIE"] = "; ".join(cookies)
    return headers


_SINGLE = {
    "CONTENT_TYPE",
    "HTTP_AUTHORIZATION",
    "HTTP_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
}


@lru_cache(maxsize=1024)
def _environ_key(name: str) -> str:
    """A header's key in the environ, '' for one that doesn't belong there."""
    # 'X_Y' would pass for 'X-Y', which a gateway may have checked: servers leave such names out.
    key = name.upper().replace("-", "_")
    if "_" in name or key in (
        "CONTENT_LENGTH",
        "TRANSFER_ENCODING",
    ):  # the body is whole, and measured by awsgi
        return ""
    return key if key == "CONTENT_TYPE" else f"HTTP_{key}"


def _native(value: str) -> str:
    """A string of one character a byte: what fits is left alone, the rest is sent as UTF-8."""
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode().decode("latin-1")
    return value


def _text(path: str) -> str:
    """A path decoded as PEP 3333 wants it: each byte a character."""
    path = path if path.startswith("/") else f"/{path}"
    return path if "%" not in path and path.isascii() else unquote_to_bytes(path).decode("latin-1")


def _query(event: Json, quote_via: Callable[..., str], safe: str) -> str:
    """The query string, with every value where the event has them all."""
    single, multi = event.get("queryStringParameters"), event.get("multiValueQueryStringParameters")
    if not single and not multi:
        return ""
    values = {
        name: "" if value is None else value for name, value in {**(single or {}), **(multi or {})}.items()
    }
    return urlencode(values, doseq=True, safe=safe, quote_via=quote_via)


def _host(request: Json, headers: Json) -> str:
    """The host that the client called, '' if nothing says which."""
    return headers.get("HTTP_HOST") or request.get("domainName") or ""


def _server(host: str, headers: Json, scheme: str) -> tuple[str, str]:
    """SERVER_NAME and SERVER_PORT."""
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):  # no port, or an IPv6 address without one
        name, port = host, headers.get("HTTP_X_FORWARDED_PORT", "")
    if not (port.isascii() and port.isdigit()):
        port = "443" if scheme == "https" else "80"
    return name or "localhost", port


# ---- Where the application is mounted


def _mount(
    path: str,
    *,
    stage: str | None,
    stage_in_path: bool,
    host: str,
    route: str | None,
    parameters: Json | None,
) -> tuple[str, str]:
    """SCRIPT_NAME and PATH_INFO: what the client's URL has before the application's own path, and that path.

    On the API's own host (id.execute-api.region.amazonaws.com) that is the stage. On a custom domain it is the
    mapping's base path, which no field names: it is what stands before the route that the API matched.
    """
    path = path if path.startswith("/") else f"/{path}"
    prefix = f"/{stage}" if stage and stage != "$default" else ""
    staged = stage_in_path and f"{path}/".startswith(f"{prefix}/")
    if not host or ".execute-api." in host:
        return prefix, _text(path[len(prefix) :] if staged else path)
    if route and route.startswith("/"):
        base, inside = _split(path, route, parameters or {})
        # HTTP APIs write the stage into the path on custom domains too, where no URL has it.
        return ("" if stage_in_path and base == prefix else base), inside
    return "", _text(path[len(prefix) :] if staged else path)


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

    def use_binary_response(self, headers: object, body: bytes) -> bool:
        """Whether the body travels as base64: if it is no text, whatever its headers say."""
        try:
            body.decode()
        except UnicodeDecodeError:
            return True
        return False

    def consume(self, output: Iterable[bytes], limit: int) -> None:
        """Collect the application's output, up to the first chunk over the limit, and close it."""
        # Before anything is read from self: a generator may call start_response, or write, as late as here.
        size = 0
        try:
            for chunk in output:
                self.chunks.append(chunk)
                size += len(chunk)
                if size > limit:
                    break
        finally:
            if close := getattr(output, "close", None):
                close()
        if not self.started:
            raise AssertionError("the application returned without calling start_response")


def _run(app: WSGIApplication, environ: WSGIEnvironment, sender: _Sender) -> Json:
    """The application's reply. Raises whatever the application does."""
    response = _Response()
    response.consume(app(environ, response), sender.limit)
    if environ["REQUEST_METHOD"] == "HEAD":
        response.chunks.clear()
    return _reply(sender, response.status_line, response.headers, response.build_body({}, ()))


def _problem(sender: _Sender, status: int, title: str, detail: str) -> Json:
    """A reply of our own, in the form of RFC 9457."""
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})
    headers = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]
    reason = {400: "Bad Request", 500: "Internal Server Error"}[status]
    return _reply(sender, f"{status} {reason}", headers, {"isBase64Encoded": False, "body": body})


def _reply(sender: _Sender, status: str, headers: Headers, body: Json) -> Json:
    """A reply as the sender wants it. `status` is a status line's end, such as '404 Not Found'."""
    reply = {"statusCode": int(status[:3]), **sender.headers(headers), **body}
    if sender.describes_status:
        reply["statusDescription"] = status
    return reply
