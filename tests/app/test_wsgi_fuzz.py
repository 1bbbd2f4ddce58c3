"""The adapter under any event and any reply: it never raises, and what it passes on arrives whole."""

import copy
import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs, quote
from wsgiref.validate import validator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.wsgi import respond
from tests.events import Event, alb_event, http_event, receive, rest_event, url_event

pytestmark = pytest.mark.outside

fuzz_more = settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
fuzz = settings(fuzz_more, max_examples=100)

any_text = st.text(st.characters(), max_size=20)
"""Lone surrogates included: JSON can carry them."""
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)
text = st.text(max_size=20)
token = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
header_value = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=20)
method = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
pairs = st.lists(st.tuples(text, text), max_size=5)
path = text.map(lambda value: "/" + value)


@pytest.fixture(scope="module", autouse=True)
def _no_log() -> Iterator[None]:
    """What is logged of an event holds its lone surrogates; pytest-xdist can't send those to its main process."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Echo:
    """An application that keeps what it sees, reads all of the body and answers what it is told."""

    def __init__(
        self, status: str = "200 OK", headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> None:
        self.answer = status, [("Content-Type", "text/plain"), *headers], body
        self.environ: dict[str, Any] = {}
        self.body = b""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.environ = environ
        self.body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        status, headers, body = self.answer
        start_response(status, headers)
        return [body]


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in the event something can be replaced: the way to every key."""
    below: list[tuple[Any, ...]] = []
    if isinstance(value, dict):
        below = [place for key, inner in value.items() for place in _places(inner, (*at, key))]
    elif isinstance(value, list):
        below = [place for index, inner in enumerate(value) for place in _places(inner, (*at, index))]
    return ([at] if at else []) + below


def _events() -> list[Event]:
    options: dict[str, Any] = {
        "query": [("t", "a"), ("t", "b")],
        "headers": [("X-Many", "1")],
        "body": b"\xff",
        "binary": True,
    }
    greedy = {"pathParameters": {"proxy": "echo"}} | options
    return [
        rest_event("POST", domain="api.example.com", base="/v1", resource="/{proxy+}", **greedy),
        rest_event("POST", like="emulator", **options),
        http_event("POST", "/Prod/echo", stage="Prod", route="ANY /{proxy+}", cookies=["x=1"], **greedy),
        url_event("POST", "/a%20b", cookies=["x=1"], **options),
        alb_event("POST", **options),
        alb_event("POST", multi=True, **options),
    ]


@st.composite
def damaged_events(draw: st.DrawFn) -> Event:
    """An event of any sender with one to three of its values removed, or replaced by anything."""
    event = copy.deepcopy(draw(st.sampled_from(_events())))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(_places(event)))
        holder = event
        for step in way:
            holder = holder[step]
        if draw(st.booleans()):
            holder[last] = draw(any_json)
        else:
            del holder[last]
        if not event:
            break
    return event


@fuzz
@given(any_json)
def test_any_json_gets_an_answer(event: Any) -> None:
    """Whatever invokes the function: never an exception, always a reply that is JSON."""
    reply = json.loads(json.dumps(respond(Echo(), event, None)))

    assert reply["statusCode"] in (200, 400)


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")  # the validator warns of methods of one's own
@fuzz_more
@given(damaged_events())
def test_damaged_event_is_converted_or_refused(event: Event) -> None:
    """Either the application gets an environ that the standard library's validator accepts, or nobody does."""
    app = Echo()
    reply = respond(validator(app), event, None)
    json.dumps(reply)

    assert (200 if app.environ else 400) == reply["statusCode"]


@fuzz
@given(method, path, pairs, st.dictionaries(token, header_value, max_size=5), st.binary(max_size=50))
def test_rest_request_arrives_whole(
    verb: str, where: str, query: list[tuple[str, str]], headers: dict[str, str], body: bytes
) -> None:
    """Method, path, query, headers and body reach the application as the client sent them."""
    app = Echo()
    given_headers = [(f"X-Fuzz-{name}", value) for name, value in headers.items()]
    event = rest_event(verb, quote(where), query=query, headers=given_headers, body=body, binary=True)
    respond(app, event, None)

    assert verb == app.environ["REQUEST_METHOD"]
    assert where == app.environ["PATH_INFO"].encode("latin-1").decode()
    assert _grouped(query) == parse_qs(app.environ["QUERY_STRING"], keep_blank_values=True)
    for name, value in given_headers:
        assert value == app.environ["HTTP_" + name.upper().replace("-", "_")]
    assert body == app.body


@fuzz
@given(method, path, pairs, st.binary(max_size=50), st.booleans())
def test_alb_request_arrives_whole(
    verb: str, where: str, query: list[tuple[str, str]], body: bytes, multi: bool
) -> None:
    """The same from a load balancer, which encodes the query and, without multi-value headers, keeps the last."""
    app = Echo()
    respond(app, alb_event(verb, quote(where), query=query, body=body, binary=True, multi=multi), None)
    seen = parse_qs(app.environ["QUERY_STRING"], keep_blank_values=True)

    assert where == app.environ["PATH_INFO"].encode("latin-1").decode()
    assert (_grouped(query) if multi else {name: [value] for name, value in query}) == seen
    assert body == app.body


@fuzz
@given(method, path, pairs, st.binary(max_size=50))
def test_http_request_arrives_whole(verb: str, where: str, query: list[tuple[str, str]], body: bytes) -> None:
    """The same from an HTTP API, which decodes all of a path but, by what is known, its percent signs."""
    app = Echo()
    respond(app, http_event(verb, where.replace("%", "%25"), query=query, body=body, binary=True), None)

    assert where == app.environ["PATH_INFO"].encode("latin-1").decode()
    assert _grouped(query) == parse_qs(app.environ["QUERY_STRING"], keep_blank_values=True)
    assert body == app.body


@fuzz
@given(path, pairs)
def test_url_request_arrives_whole(where: str, query: list[tuple[str, str]]) -> None:
    """The same from a function URL, which encodes the path."""
    app = Echo()
    respond(app, url_event("GET", quote(where), query=query), None)

    assert where == app.environ["PATH_INFO"].encode("latin-1").decode()
    assert _grouped(query) == parse_qs(app.environ["QUERY_STRING"], keep_blank_values=True)


@fuzz
@given(path, st.sampled_from(["/v1", "/v1/shop"]), st.booleans())
def test_base_path_is_told_from_any_path(where: str, base: str, as_sent: bool) -> None:
    """Below a custom domain's base path a REST API's path arrives whole, however the parameter comes."""
    app = Echo()
    sent = quote(where)
    event = rest_event("GET", sent, domain="api.example.com", base=base, resource="/{proxy+}")
    respond(app, event | {"pathParameters": {"proxy": (sent if as_sent else where)[1:]}}, None)
    seen = app.environ["SCRIPT_NAME"], app.environ["PATH_INFO"].encode("latin-1").decode()

    assert ((base, where) if where.strip("/") else ("", base + where)) == seen


@fuzz
@given(
    st.sampled_from([rest_event(), http_event(), alb_event(), alb_event(multi=True)]),
    st.integers(200, 599),
    st.lists(header_value, max_size=4),
    st.lists(st.tuples(token.map(lambda name: f"X-{name}"), header_value), max_size=4),
    st.binary(max_size=100) | text.map(str.encode),
)
def test_reply_arrives_whole(
    event: Event, status: int, cookies: list[str], headers: list[tuple[str, str]], body: bytes
) -> None:
    """Status, every cookie, every header's values in their order, and each byte of the body reach the client."""
    sent = [("Set-Cookie", cookie) for cookie in cookies] + headers
    answer = receive(event, respond(Echo(f"{status} Fuzz", sent, body), event, None))

    assert status == answer.status
    assert cookies == answer.values("Set-Cookie")
    for name, _ in headers:
        values = [value for other, value in headers if other.lower() == name.lower()]
        assert ", ".join(values) == ", ".join(answer.values(name))
    assert body == answer.body


@fuzz
@given(st.text(st.characters(min_codepoint=0x80, codec="utf-8"), min_size=1, max_size=10))
def test_environ_is_of_native_strings(value: str) -> None:
    """PEP 3333: a character a byte, wherever an event can bring others."""
    app = Echo()
    respond(
        app,
        http_event(path=f"/{value}", headers=[("x-name", value)], cookies=[value], rawQueryString=value),
        None,
    )
    names = ("PATH_INFO", "HTTP_X_NAME", "HTTP_COOKIE", "QUERY_STRING")

    assert all(ord(character) < 0x100 for name in names for character in app.environ[name])
    assert app.environ["QUERY_STRING"].isascii()


def _grouped(query: list[tuple[str, str]]) -> dict[str, list[str]]:
    return {name: [value for other, value in query if other == name] for name, _ in query}
