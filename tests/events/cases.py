"""Every case that an adapter must get right: the event, the application, what it sees and what the client gets.

Ids that begin with A are those of public bug reports, named in the comment; the others are of the same kinds.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.events import (
    API_HOST,
    CLIENT,
    URL_HOST,
    Event,
    alb_event,
    http_event,
    probe,
    rest_event,
    url_event,
)


@dataclass(frozen=True)
class Case:
    """One event and what must come of it. Only what is named is compared."""

    id: str
    title: str
    event: Any
    app: Callable[..., Iterable[bytes]] = probe.flask
    status: int = 200
    sees: dict[str, Any] = field(default_factory=dict)
    """What the echoing view reports of the request."""
    headers: dict[str, list[str]] = field(default_factory=dict)
    """Values of the reply's headers, as the client gets them."""
    body: bytes | None = None
    reply: Event = field(default_factory=dict)
    """Keys of the function's reply itself."""


def _senders(method: str = "GET", path: str = "/echo", **options: Any) -> list[tuple[str, Event]]:
    """The same request from every sender, for a percent-encoded path, which an HTTP API decodes."""
    return [
        ("REST", rest_event(method, path, **options)),
        ("HTTP", http_event(method, unquote(path), **options)),
        ("URL", url_event(method, path, **options)),
        ("ALB", alb_event(method, path, **options)),
        ("ALB multi", alb_event(method, path, multi=True, **options)),
    ]


def _each(number: str, title: str, senders: list[tuple[str, Event]], **expected: Any) -> list[Case]:
    return [Case(number, f"{title}, {sender}", event, **expected) for sender, event in senders]


HEADERLESS: tuple[Event | None, ...] = (None, {})
STAGE = f"https://{API_HOST}/Prod"
REPEATED = [("t", "a"), ("t", "b"), ("é&=+ ", "1 2"), ("empty", "")]
NOT_HTTP: dict[str, Any] = {
    "{}": {},
    "requestContext null, HTTP": http_event(requestContext=None),
    "a queue's event": {"Records": [{"eventSource": "aws:sqs", "body": "{}"}]},
    "an event of another source": {
        "version": "0",
        "source": "aws.ec2",
        "detail-type": "EC2 Instance State-change Notification",
        "detail": {},
    },
    "an event that only looks scheduled": {"source": "acme.orders", "detail-type": "Scheduled Event"},
    "a ping that says no": {"warmer": False, "ping": 0, "source": ["aws.events"]},
    "a list": [],
    "null": None,
    "an authorizer's event": rest_event(type="REQUEST"),
    "a WebSocket's event": {"requestContext": {"routeKey": "$connect", "stage": "live"}},
    "method null": rest_event(httpMethod=None),
    "method no ASCII": rest_event(httpMethod="GÈT"),
    "path null": rest_event() | {"path": None},
    "body an object": rest_event() | {"body": {"a": 1}},
    "body bad base64": rest_event() | {"body": "AP8", "isBase64Encoded": True},
}
# A rule's event: aws-powertools/powertools-lambda-python, tests/events/eventBridgeEvent.json, with source and type of a
# schedule, as in dherault/serverless-offline#879; a scheduler's detail is a text: cloud-custodian/cloud-custodian#9566.
# What warmers send: the README files of serverless-plugin-warmup, serverless-plugin-lambda-warmup, lambda-warmer.
PINGS: dict[str, Any] = {
    "a rule's schedule": {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "111111111111",
        "time": "2026-11-25T04:00:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:events:eu-west-1:111111111111:rule/every-five-minutes"],
        "detail": {},
    },
    "a scheduler's schedule": {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "111111111111",
        "time": "2026-11-25T04:00:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:scheduler:eu-west-1:111111111111:schedule/default/every-five-minutes"],
        "detail": "{}",
    },
    "a schedule without details": {"version": "0", "source": "aws.events", "detail": {}},
    "serverless-plugin-warmup": {"source": "serverless-plugin-warmup"},
    "serverless-plugin-lambda-warmup": {"source": "serverless-plugin-lambda-warmup"},
    "lambda-warmer": {"warmer": True, "concurrency": 3},
    "warmup": {"warmup": True},
}
PROBLEM = {"content-type": ["application/problem+json"]}

CASES: list[Case] = [
    # logandk/serverless-wsgi#70
    *_each(
        "A1",
        "two cookies, two Vary",
        [sender for sender in _senders(path="/cookies") if sender[0] in ("REST", "ALB multi")],
        app=probe.flask,
        headers={"set-cookie": ["a=1; Path=/", "b=2; Path=/"], "vary": ["Accept", "Origin"]},
    ),
    *_each(
        "A1",
        "two cookies, two Vary",
        [sender for sender in _senders(path="/cookies") if sender[0] in ("HTTP", "URL", "ALB")],
        headers={"set-cookie": ["a=1; Path=/", "b=2; Path=/"], "vary": ["Accept, Origin"]},
    ),
    # slank/awsgi pull request 56
    *_each(
        "A2",
        "repeated query parameters",
        [sender for sender in _senders(query=REPEATED) if sender[0] != "ALB"],
        sees={"args": {"t": ["a", "b"], "é&=+ ": ["1 2"], "empty": [""]}},
    ),
    Case(
        "A2",
        "encoded query, ALB",
        alb_event(query=[("é&=+ ", "1 2")]),
        sees={"args": {"é&=+ ": ["1 2"]}},
    ),
    Case(
        "A2",
        "multi-value query null, REST",
        rest_event(queryStringParameters={"t": "b"}),
        sees={"args": {"t": ["b"]}},
    ),
    Case(
        "A2",
        "a value null, REST",
        rest_event(queryStringParameters={"t": None}),
        sees={"args": {"t": [""]}},
    ),
    # slank/awsgi#41, #13, #29
    *[
        Case("A5", f"headers {headers!r}, {sender}", event | {"headers": headers}, sees={"url": url})
        for headers in HEADERLESS
        for sender, event, url in (
            ("REST", rest_event(multiValueHeaders=headers), f"{STAGE}/echo"),
            ("HTTP", http_event(), f"https://{API_HOST}/echo"),
            ("ALB", alb_event(), "https://localhost/echo"),
        )
    ],
    Case(
        "A5",
        "one header null, REST",
        rest_event() | {"multiValueHeaders": None, "headers": {"X-Many": None}},
        sees={"many": None},
    ),
    # slank/awsgi#66, #73; adamchainz/apig-wsgi#124
    Case("A6", "payload 2.0", http_event(), sees={"path": "/echo", "url": f"https://{API_HOST}/echo"}),
    Case("A6", "requestContext null, REST", rest_event(requestContext=None), sees={"path": "/echo"}),
    Case(
        "A6",
        "no queryStringParameters, REST",
        {key: value for key, value in rest_event().items() if "ueryString" not in key},
        sees={"args": {}},
    ),
    Case("A6", "method and path alone", {"httpMethod": "GET", "path": "/echo"}, sees={"path": "/echo"}),
    *[Case("A6", title, event, status=400, headers=PROBLEM) for title, event in NOT_HTTP.items()],
    # logandk/serverless-wsgi#26
    *[Case("ping", title, event, app=probe.failing, body=b"") for title, event in PINGS.items()],
    Case(
        "ping",
        "a schedule whose input is a request",
        {"httpMethod": "GET", "path": "/echo", "source": "aws.events"},
        sees={"path": "/echo"},
    ),
    # slank/awsgi#26, #19; logandk/serverless-wsgi#192
    *[
        Case("A8", f"{title}, {sender}", event, app=app, body=body, reply={"isBase64Encoded": encoded})
        for title, app, body, encoded in (
            ("PNG, lower-case content-type", probe.png, probe.PNG, True),
            ("gzipped JSON", probe.gzipped, probe.GZIPPED, True),
            ("bytes of a type of one's own", probe.unnamed, probe.PNG, True),
            ("text in ISO 8859-1", probe.latin, b"caff\xe8", True),
            ("text", probe.teapot, "Grüße".encode(), False),
        )
        for sender, event in (("REST", rest_event()), ("HTTP", http_event()), ("ALB", alb_event()))
        if app is not probe.teapot
    ],
    Case(
        "A8",
        "text stays text",
        rest_event(),
        app=probe.teapot,
        status=418,
        body="Grüße".encode(),
        reply={"isBase64Encoded": False},
    ),
    # logandk/serverless-wsgi pull request 41
    *_each(
        "A9",
        "POST of bytes",
        _senders(
            "POST", body=b"\x00\xff", binary=True, headers=[("Content-Type", "application/octet-stream")]
        ),
        sees={"body": "00ff", "length": "2", "type": "application/octet-stream"},
    ),
    *_each(
        "A9",
        "POST of text",
        _senders("POST", body="è".encode(), headers=[("content-type", "text/plain")]),
        sees={"body": "c3a8", "length": "2", "type": "text/plain"},
    ),
    # wagoodman/flask-lambda pull request 10; Miserlou/Zappa#699
    *_each("A13", "204", _senders(path="/empty"), status=204, body=b""),
    *_each(
        "A13",
        "HEAD",
        _senders("HEAD", "/only-get"),
        app=probe.only_get,
        headers={"content-length": ["4"]},
        body=b"",
    ),
    Case("A13", "HEAD of an application that sends a body", rest_event("HEAD"), app=probe.png, body=b""),
    *_each(
        "A13",
        "OPTIONS of a GET route",
        _senders("OPTIONS", "/only-get"),
        app=probe.only_get,
        headers={"allow": ["GET, HEAD, OPTIONS"]},
        body=b"",
    ),
    # oven-sh/bun#20760, h3js/srvx#239, slank/awsgi#54
    *_each(
        "N21",
        "two cookies with dates",
        _senders(),
        app=probe.dated,
        headers={"set-cookie": list(probe.DATED)},
    ),
    *_each(
        "N21",
        "304 without a type",
        _senders(),
        app=probe.not_modified,
        status=304,
        headers={"content-type": [], "etag": ['"1"']},
        body=b"",
        reply={"isBase64Encoded": False},
    ),
    Case(
        "N21",
        "two cookies with dates, where they stand in payload 1.0",
        rest_event(),
        app=probe.dated,
        reply={"multiValueHeaders": {"Set-Cookie": list(probe.DATED)}, "cookies": None},
    ),
    Case(
        "N21",
        "two cookies with dates, where they stand in payload 2.0",
        http_event(),
        app=probe.dated,
        reply={"cookies": list(probe.DATED), "headers": {}},
    ),
    # ---- The same kinds
    *_each(
        "path",
        "PEP 3333, encoded",
        _senders(path="/caff%C3%A8%20nero/100%25"),
        sees={"path": "/caffè nero/100%"},
    ),
    # Recorded on AWS, one request to each: hotsock/voker, vokerhttp/testdata, 10 July 2026. The same of a REST API:
    # localstack/localstack, tests/aws/services/apigateway/test_apigateway_lambda.snapshot.json.
    *[
        Case(
            "path",
            f"as AWS sends it, {sender}",
            event,
            sees={
                "path": "/capture/space value",
                "args": {"repeat": ["one", "two"], "url": ["a/b"], "plus": ["a b"], "coded": ["a+b"]},
                "cookies": {"session": "abc", "theme": "dark"},
                "many": "first,second",
            },
        )
        for sender, event in (
            (
                "REST",
                rest_event(
                    path="/capture/space%20value",
                    query=[
                        ("repeat", "one"),
                        ("repeat", "two"),
                        ("url", "a/b"),
                        ("plus", "a b"),
                        ("coded", "a+b"),
                    ],
                    headers=[
                        ("x-many", "first"),
                        ("x-many", "second"),
                        ("cookie", "session=abc; theme=dark"),
                    ],
                    resource="/{proxy+}",
                    pathParameters={"proxy": "capture/space%20value"},
                ),
            ),
            (
                "HTTP",
                http_event(
                    path="/capture/space value",
                    headers=[("x-many", "first,second")],
                    cookies=["session=abc", "theme=dark"],
                    rawQueryString="repeat=one&repeat=two&url=a%2Fb&plus=a+b&coded=a%2Bb",
                ),
            ),
            (
                "URL",
                url_event(
                    path="/capture/space%20value",
                    headers=[("x-many", "first,second"), ("cookie", "session=abc; theme=dark")],
                    cookies=["session=abc", "theme=dark"],
                    rawQueryString="repeat=one&repeat=two&url=a%2Fb&plus=a+b&coded=a%2Bb",
                ),
            ),
            (
                "ALB multi",
                alb_event(
                    path="/capture/space%20value",
                    multi=True,
                    headers=[
                        ("x-many", "first"),
                        ("x-many", "second"),
                        ("cookie", "session=abc; theme=dark"),
                    ],
                    multiValueQueryStringParameters={
                        "repeat": ["one", "two"],
                        "url": ["a%2Fb"],
                        "plus": ["a+b"],
                        "coded": ["a%2Bb"],
                    },
                ),
            ),
        )
    ],
    *[
        Case("path", f"{title}, {sender}", event, sees={"path": seen})
        for title, path, seen in (
            ("plus", "/a+b%2Bc", "/a+b+c"),
            ("an escape that the client escaped", "/a%2520b", "/a%20b"),
            ("a percent sign", "/50%25-off", "/50%-off"),
            ("a slash", "/a%2Fb", "/a/b"),
            ("no ASCII", "/%E6%97%A5%E6%9C%AC/caff%C3%A8", "/日本/caffè"),
        )
        for sender, event in _senders(path=path)
    ],
    Case(
        "path",
        "HTTP API with payload 1.0",
        rest_event(domain="api.example.com", version="1.0")
        | {"path": "/a%20b", "resource": "$default"}
        | {"requestContext": {"path": "/a%20b", "stage": "$default", "domainName": "api.example.com"}},
        sees={"path": "/a%20b"},
    ),
    Case(
        "path",
        "the percent sign's escape is left by an HTTP API",
        http_event(path="/caffè nero/100%25"),
        sees={"path": "/caffè nero/100%"},
    ),
    Case(
        "path", "no UTF-8", rest_event(path="/%ff"), status=200, sees={"path": "/\N{REPLACEMENT CHARACTER}"}
    ),
    *_each("client", "not from a header", _senders(), sees={"address": CLIENT}),
    *[
        Case(
            "client",
            f"with its port, {address}",
            alb_event(headers=[("x-forwarded-for", given)]),
            sees={"address": address},
        )
        for given, address in (
            ("1.2.3.4:5, 203.0.113.7:50", CLIENT),
            ("[2001:db8::1]:50", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        )
    ],
    Case("client", "emulator", rest_event(like="emulator"), sees={"address": CLIENT}),
    *[
        Case("url", title, event, sees={"url": f"{root}/echo", "link": f"{root}/other", "path": "/echo"})
        for title, event, root in (
            ("REST, stage", rest_event(), STAGE),
            ("REST, emulator", rest_event(like="emulator"), STAGE),
            ("REST, domain", rest_event(domain="api.example.com"), "https://api.example.com"),
            (
                "REST, domain, base path",
                rest_event(domain="api.example.com", base="/v1"),
                "https://api.example.com/v1",
            ),
            (
                "REST, domain, two-part base path, greedy route",
                rest_event(
                    domain="api.example.com",
                    base="/v1/shop",
                    resource="/{proxy+}",
                    pathParameters={"proxy": "echo"},
                ),
                "https://api.example.com/v1/shop",
            ),
            # localstack/localstack#12296: the mapping names no stage
            (
                "REST, domain, mapping without stage",
                rest_event(domain="api.example.com", base="/Prod"),
                "https://api.example.com/Prod",
            ),
            (
                "REST, domain, base path, mapping without stage",
                rest_event(domain="api.example.com", base="/shop/Prod"),
                "https://api.example.com/shop/Prod",
            ),
            ("URL", url_event(), f"https://{URL_HOST}"),
            ("HTTP, default stage", http_event(), f"https://{API_HOST}"),
            ("HTTP, stage", http_event(path="/Prod/echo", stage="Prod"), STAGE),
            ("HTTP, domain", http_event(domain="api.example.com"), "https://api.example.com"),
            (
                "HTTP, domain, stage in the path",
                http_event(path="/Prod/echo", stage="Prod", domain="api.example.com"),
                "https://api.example.com",
            ),
            (
                "HTTP, domain, mapping key",
                http_event(path="/v1/echo", route="GET /echo", domain="api.example.com"),
                "https://api.example.com/v1",
            ),
            ("ALB", alb_event(), "https://www.example.com"),
            (
                "ALB, http on a port",
                alb_event(headers=[("host", "lb:8080"), ("x-forwarded-proto", "http")]),
                "http://lb:8080",
            ),
        )
    ],
    *[
        Case(
            "url",
            f"base path and encoded path, {sender}",
            event,
            sees={
                "path": "/caffè/a+b c%20",
                "link": "https://api.example.com/v1/other",
            },
        )
        for sender, event in (
            (
                f"REST, parameter {proxy}",
                rest_event(
                    path="/caff%C3%A8/a+b%20c%2520",
                    domain="api.example.com",
                    base="/v1",
                    resource="/{proxy+}",
                    pathParameters={"proxy": proxy},
                ),
            )
            for proxy in ("caff%C3%A8/a+b%20c%2520", "caffè/a+b c%20")
        )
    ],
    Case(
        "url",
        "base path and decoded path, HTTP",
        http_event(
            path="/v1/caffè/a+b c%20",
            route="GET /{proxy+}",
            domain="api.example.com",
            pathParameters={"proxy": "caffè/a+b c%20"},
        ),
        sees={"path": "/caffè/a+b c%20", "link": "https://api.example.com/v1/other"},
    ),
    *[
        Case("headers", f"repeated request header, {sender}", event, sees={"many": "1,2"})
        for sender, event in (
            ("REST", rest_event(headers=[("X-Many", "1"), ("X-Many", "2")])),
            ("HTTP", http_event(headers=[("x-many", "1,2")])),
            ("ALB multi", alb_event(headers=[("x-many", "1"), ("x-many", "2")], multi=True)),
        )
    ],
    Case(
        "headers", "cookies, HTTP", http_event(cookies=["x=1", "y=2"]), sees={"cookies": {"x": "1", "y": "2"}}
    ),
    Case("headers", "cookies, emulator", rest_event(like="emulator"), sees={"cookies": {"x": "1", "y": "2"}}),
    Case(
        "headers",
        "two Cookie headers, REST",
        rest_event(headers=[("Cookie", "x=1"), ("Cookie", "y=2")]),
        sees={"cookies": {"x": "1", "y": "2"}},
    ),
    Case(
        "headers",
        "a name with an underscore, REST",
        rest_event(headers=[("X_Many", "1")]),
        sees={"many": None},
    ),
    *_each("wsgi", "write() and a late start", _senders(), app=probe.late, body=b"one two three four"),
    *_each(
        "wsgi",
        "exc_info",
        _senders(),
        app=probe.recovering,
        status=503,
        headers={"x-begun": [], "content-type": ["text/plain"]},
        body=b"try again",
    ),
    *[
        Case("wsgi", f"{title}, {sender}", event, app=app, status=500, headers=PROBLEM)
        for title, app in (
            ("error at once", probe.failing),
            ("error later", probe.failing_later),
            ("no start_response", probe.rude),
            ("start_response twice", probe.twice),
        )
        for sender, event in _senders()
    ],
    *_each("limit", "7 MB of text", _senders(), app=probe.large, status=500, headers=PROBLEM),
    *_each("limit", "7 MB as base64", _senders(), app=probe.large_binary, status=500, headers=PROBLEM),
    *_each("limit", "7 MB as JSON", _senders(), app=probe.escaped, status=500, headers=PROBLEM),
    *[
        Case(
            "ALB",
            f"status line, {title}",
            alb_event(multi=multi),
            app=probe.teapot,
            status=418,
            reply={"statusDescription": "418 I'm a teapot"},
        )
        for title, multi in (("single", False), ("multi", True))
    ],
]
