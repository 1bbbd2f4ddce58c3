"""The services that send HTTP events: how each writes a request, and how it wants a reply's headers."""

from __future__ import annotations

from string import printable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, quote_plus

from app.mount import Json, absolute, decoded, encoded, mount

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIEnvironment

# Bytes of JSON that a function may return. Source: Lambda quotas; ALB guide, 'Lambda functions as targets'.
_LAMBDA_LIMIT = 6 * 1024 * 1024
_ALB_LIMIT = 1024 * 1024

type Headers = list[tuple[str, str]]
type Line = tuple[str, str, str, str, str | None]  # method, SCRIPT_NAME, PATH_INFO, QUERY_STRING, REMOTE_ADDR


class Sender(NamedTuple):
    """What differs between the services that send HTTP events."""

    line: Callable[[Json, Json, str, WSGIEnvironment], Line]
    """From the event, its requestContext, the host that was called, and the environ with the headers."""
    headers: Callable[[Headers], Json]
    limit: int = _LAMBDA_LIMIT
    describes_status: bool = False


def sender_of(event: Any) -> Sender:
    """The service that sent the event. Raises as `app.wsgi` does."""
    if event.get("type") == "REQUEST":
        raise LookupError("a question to an authorizer, which wants a policy and no reply")
    if event.get("version") == "2.0":
        return HTTP_API
    if "elb" in (event.get("requestContext") or ()):
        return _ALB if event.get("multiValueHeaders") is None else _ALB_MULTI
    return REST_API


def is_ping(event: Any) -> bool:
    """Tell whether an event that is no request asks for nothing but to keep the function warm.

    A rule's or a scheduler's own event (EventBridge user guide, 'Creating an event bus rule that runs on a
    schedule', and 'Lambda function' of EventBridge Scheduler), and what the plugins that warm functions send.
    """
    if not isinstance(event, dict):
        return False
    if event.get("source") in ("aws.events", "aws.scheduler"):
        return bool(event.get("detail-type", _SCHEDULED) == _SCHEDULED)
    return event.get("source") in _WARMERS or any(
        event.get(name) is True for name in ("warmer", "warmup", "ping")
    )


_SCHEDULED = "Scheduled Event"
_WARMERS = ("serverless-plugin-warmup", "serverless-plugin-lambda-warmup")


def _rest_line(event: Json, request: Json, host: str, _: WSGIEnvironment) -> Line:
    """Payload 1.0: a REST API sends the path encoded, with a custom domain's base path, and the query decoded."""
    path = event["path"]
    # On the API's own host requestContext.path begins with the stage. Where both paths are the same, either a
    # custom domain was called, or an HTTP API with this payload, which marks it by a version.
    same = request.get("path") == path
    http_api = same and "version" in event
    route = event.get("resource") if same else None
    text = decoded if http_api else encoded
    base, inside = mount(event, request, host, path, route, text=text, stage_in_path=http_api)
    address = (request.get("identity") or {}).get("sourceIp")
    return (event["httpMethod"], base, inside, _query(event, _quoted), address)


def _http_line(event: Json, request: Json, host: str, _: WSGIEnvironment) -> Line:
    """Payload 2.0: the query comes encoded, the path decoded from an HTTP API and encoded from a function URL.

    An HTTP API's path has the stage, unless that is $default.
    """
    http = request["http"]
    route = (event.get("routeKey") or "").partition(" ")[2]
    # Only an API can have another domain, such as a custom one.
    text = encoded if ".lambda-url." in (request.get("domainName") or host) else decoded
    base, inside = mount(event, request, host, event["rawPath"], route, text=text, stage_in_path=True)
    query = event.get("rawQueryString") or ""
    if not query.isascii():
        query = quote(query, safe=printable)
    return (http["method"], base, inside, query, http.get("sourceIp"))


def _alb_line(event: Json, _: Json, __: str, environ: WSGIEnvironment) -> Line:
    """A load balancer: path and query come encoded, the client's address in a header only."""
    # The load balancer appends the address it saw: only the last one is more than the client's own claim.
    address = environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    if address.startswith("["):  # with the client's port, if the load balancer is told to keep it
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    path = encoded(absolute(event["path"]))
    return (event["httpMethod"], "", path, _query(event, _still_encoded), address)


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


def _quoted(text: str) -> str:
    """A decoded name or value, encoded for a query string."""
    return text if text.isascii() and text.isalnum() else quote_plus(text)


def _still_encoded(text: str) -> str:
    """An encoded name or value as it is, but for what no query string may hold."""
    return quote(text, safe="%+")


REST_API = Sender(_rest_line, _multi_headers)
HTTP_API = Sender(_http_line, _joined_headers)
_ALB = Sender(_alb_line, _single_headers, _ALB_LIMIT, describes_status=True)
_ALB_MULTI = Sender(_alb_line, _multi_headers, _ALB_LIMIT, describes_status=True)
