"""Events as Lambda gets them from each service, and what a service makes of the reply."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote, urlencode

type Event = dict[str, Any]
type Query = list[tuple[str, str]]
type HeaderList = list[tuple[str, str]]

API_HOST = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
URL_HOST = "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6.lambda-url.eu-west-1.on.aws"
CLIENT = "203.0.113.7"


def sample(name: Literal["rest", "emulator", "http", "alb"]) -> Event:
    """A whole event: `rest` and `http` from API Gateway, `emulator` a REST event of the laptop's, `alb`."""
    event: Event = json.loads((Path(__file__).parent / f"{name}.json").read_text())
    return event


def rest_event(
    method: str = "GET",
    path: str = "/echo",
    *,
    query: Query = [],  # noqa: B006 # never written to
    headers: HeaderList = [],  # noqa: B006
    body: bytes | None = None,
    binary: bool = False,
    domain: str | None = None,
    base: str = "",
    like: Literal["rest", "emulator"] = "rest",
    **changes: Any,
) -> Event:
    """A REST API's event (payload 1.0), for a percent-encoded path below the API's root.

    With `domain` the client called a custom domain with `base` as the mapping's base path, else the stage Prod.
    """
    event = sample(like)
    context = event["requestContext"]
    event |= {"httpMethod": method, "path": base + path, "resource": path}
    context |= {"httpMethod": method, "path": base + path if domain else f"/Prod{path}", "resourcePath": path}
    if domain:
        headers = [("Host", domain), *headers]
        context["domainName"] = domain
    for name, value in headers:
        event["headers"][name] = value
        event["multiValueHeaders"][name] = [given for other, given in headers if other == name]
    event["queryStringParameters"] = dict(query) or None
    event["multiValueQueryStringParameters"] = {
        name: [given for other, given in query if other == name] for name, _ in query
    } or None
    return event | _body(body, binary, None) | changes


def http_event(
    method: str = "GET",
    path: str = "/echo",
    *,
    query: Query = [],  # noqa: B006
    headers: HeaderList = [],  # noqa: B006
    cookies: list[str] = [],  # noqa: B006
    body: bytes | None = None,
    binary: bool = False,
    domain: str | None = None,
    stage: str = "$default",
    route: str = "$default",
    **changes: Any,
) -> Event:
    """An HTTP API's event (payload 2.0). The path is as `rawPath` has it: decoded."""
    event = sample("http")
    context = event["requestContext"]
    event |= {"rawPath": path, "rawQueryString": urlencode(query), "routeKey": route}
    context |= {"stage": stage, "routeKey": route}
    context["http"] |= {"method": method, "path": path}
    if query:
        event["queryStringParameters"] = {
            name: ",".join(given for other, given in query if other == name) for name, _ in query
        }
    if domain:
        headers = [("host", domain), *headers]
        context["domainName"] = domain
    for name, value in headers:
        event["headers"][name] = value
    if cookies:
        event["cookies"] = cookies
    return event | _body(body, binary, None) | changes


def url_event(method: str = "GET", path: str = "/echo", **options: Any) -> Event:
    """A function URL's event: an HTTP API's but for the host, and for `rawPath`, which is percent-encoded.

    Source: hotsock/voker, vokerhttp/testdata/functionurl-request.json, recorded on AWS on 10 July 2026.
    """
    event = http_event(method, path, domain=URL_HOST, **options)
    event["requestContext"] |= {"accountId": "anonymous", "apiId": URL_HOST.partition(".")[0]}
    event["requestContext"]["http"]["path"] = unquote(path)
    return event


def alb_event(
    method: str = "GET",
    path: str = "/echo",
    *,
    query: Query = [],  # noqa: B006
    headers: HeaderList = [],  # noqa: B006
    body: bytes | None = None,
    binary: bool = False,
    multi: bool = False,
    **changes: Any,
) -> Event:
    """A load balancer's event; `multi` if its target group has multi-value headers enabled."""
    event = sample("alb")
    event |= {"httpMethod": method, "path": path}
    encoded = [(quote(name), quote(value)) for name, value in query]
    given = event.pop("headers") | dict(headers)
    if multi:
        del event["queryStringParameters"]
        event["multiValueHeaders"] = {
            name: [value for other, value in headers if other == name] or [single]
            for name, single in given.items()
        }
        event["multiValueQueryStringParameters"] = {
            name: [value for other, value in encoded if other == name] for name, _ in encoded
        }
    else:
        event["headers"] = given
        event["queryStringParameters"] = dict(encoded)
    return event | _body(body, binary, "") | changes


def _body(body: bytes | None, binary: bool, empty: str | None) -> Event:
    if body is None:
        return {"body": empty, "isBase64Encoded": False}
    text = base64.b64encode(body).decode("ascii") if binary else body.decode()
    return {"body": text, "isBase64Encoded": binary}


@dataclass(frozen=True)
class Answer:
    """What the client gets for a function's reply."""

    status: int
    headers: HeaderList
    body: bytes

    def values(self, name: str) -> list[str]:
        """Every value of a header, whatever the spelling of its name."""
        return [value for given, value in self.headers if given.lower() == name.lower()]


def receive(event: Event, reply: Event) -> Answer:
    """What the event's sender makes of the reply, strictly: a key that it doesn't read has no effect.

    Sources: API Gateway developer guide, 'Output format of a Lambda function for proxy integration' and
    'Lambda function response for format 2.0'; ALB guide, 'Respond to the load balancer'.
    """
    single = list((reply.get("headers") or {}).items())
    multi = [
        (name, value) for name, values in (reply.get("multiValueHeaders") or {}).items() for value in values
    ]
    if event.get("version") == "2.0":
        headers = single + [("set-cookie", cookie) for cookie in reply.get("cookies", [])]
    elif "elb" in (event.get("requestContext") or {}):
        headers = multi if "multiValueHeaders" in event else single
    else:
        named = {name.lower() for name, _ in multi}
        headers = [header for header in single if header[0].lower() not in named] + multi
    body = reply.get("body") or ""
    encoded = reply.get("isBase64Encoded", False)
    return Answer(int(reply["statusCode"]), headers, base64.b64decode(body) if encoded else body.encode())
