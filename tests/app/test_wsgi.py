"""The adapter: every case right, WSGI kept to, nothing told that the client may not know."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from app import wsgi
from app.wsgi import respond
from tests.events import Event, alb_event, http_event, probe, receive, rest_event
from tests.events.cases import CASES, NOT_HTTP, PINGS, Case
from tests.events.judge import faults

each_sender = pytest.mark.parametrize(
    "event",
    [rest_event(), http_event(), alb_event(), alb_event(multi=True)],
    ids=["REST", "HTTP", "ALB", "multi"],
)


@pytest.fixture
def caplog(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.LogCaptureFixture]:
    """What the adapter logs, whether or not another test has configured the application's logger above it."""
    logger = logging.getLogger("esclusa.wsgi")
    monkeypatch.setattr(logger, "propagate", False)
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


class Spy:
    """A WSGI application that keeps its environ, and whose output counts how often it is closed."""

    def __init__(self, *pieces: bytes, error: Exception | None = None, status: str = "200 OK") -> None:
        self.pieces, self.error, self.status = pieces, error, status
        self.environ: dict[str, Any] = {}
        self.closed = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> "Spy":
        self.environ = environ
        start_response(self.status, [("Content-Type", "text/plain")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.error:
            raise self.error

    def close(self) -> None:
        """See PEP 3333, 'Specification Details'."""
        self.closed += 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.id}: {case.title}")
def test_case_is_right(case: Case) -> None:
    """The application sees the request as the client made it, and the client gets the reply as it was given."""
    actual = faults(case, respond)

    assert [] == actual


@each_sender
def test_environ_holds_event_and_context(event: Event) -> None:
    """The application can read what the adapter doesn't convert, under our names and under awsgi's."""
    app, context = Spy(), object()
    respond(app, event, context)

    assert event is app.environ["aws.event"]
    assert event is app.environ["awsgi.event"]
    assert context is app.environ["aws.context"]
    assert context is app.environ["awsgi.context"]


@each_sender
def test_environ_is_valid(event: Event) -> None:
    """The standard library's validator of WSGI has nothing to say of the environ and of how it is closed."""
    reply = respond(validator(Spy(b"text")), event, None)

    assert "text" == reply["body"]


def test_requests_share_nothing() -> None:
    """What one request brings isn't seen by the next."""
    app = Spy()
    respond(app, rest_event(headers=[("X-Secret", "1")], body=b"one"), None)
    respond(app, rest_event(), None)

    assert "HTTP_X_SECRET" not in app.environ
    assert b"" == app.environ["wsgi.input"].read()


@pytest.mark.parametrize(
    ("app", "method"),
    [
        (Spy(b"text"), "GET"),
        (Spy(b"text"), "HEAD"),
        (Spy(b"text", error=ValueError("no")), "GET"),
        (Spy(b"x" * 7_000_000, b"x" * 7_000_000, error=ValueError("never reached")), "GET"),
    ],
    ids=["whole", "HEAD", "error", "too large"],
)
def test_output_is_closed_once(app: Spy, method: str) -> None:
    """However a reply ends, the application's output is closed."""
    respond(app, rest_event(method), None)

    assert 1 == app.closed


def test_endless_output_is_cut_off() -> None:
    """An application that never ends its reply is stopped at the limit instead of filling the memory."""

    def endless(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        while True:
            yield b"x" * 1_000_000

    reply = respond(endless, rest_event(), None)

    assert "Reply too large" == json.loads(reply["body"])["title"]


def test_reply_at_the_limit_passes() -> None:
    """Lambda's limit counts the whole reply: one byte decides."""
    around = len(json.dumps(respond(Spy(b""), rest_event(), None)))
    fits, over = (
        respond(Spy(b"x" * (6 * 1024 * 1024 - around + more)), rest_event(), None) for more in (0, 1)
    )

    assert (200, 500) == (fits["statusCode"], over["statusCode"])


@each_sender
@pytest.mark.parametrize("app", [probe.failing, probe.failing_later])
def test_error_is_logged_and_not_shown(event: Event, app: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The log has the traceback; the client gets neither it nor the error's words nor part of the reply."""
    reply = respond(app, event, None)

    assert "hunter2" in caplog.text
    assert "Traceback" in caplog.text
    assert not {"hunter2", "Traceback", "ValueError", "partial"} & set(
        json.dumps(reply).replace('"', " ").split()
    )
    assert 500 == receive(event, reply).status


@pytest.mark.parametrize("header", [("Content-Length", 4), (b"X-Name", "value"), ("X-Name", None)])
def test_header_that_is_no_string_is_an_error(header: Any) -> None:
    """A header that API Gateway would choke on is the application's failure, not an unreadable reply."""
    reply = respond(probe.fixed("200 OK", [header], b""), rest_event(), None)

    assert 500 == reply["statusCode"]


def test_unsupported_event_is_logged_without_values(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the event's keys, which tell what it is, and not its values, which may be personal."""
    reply = respond(probe.flask, {"Records": [{"body": "ann@example.com"}]}, None)

    assert "unsupported event (Records)" in caplog.text
    assert "ann@example.com" not in caplog.text
    assert {"type": "about:blank", "title": "Unsupported event", "status": 400} == {
        key: value for key, value in json.loads(reply["body"]).items() if key != "detail"
    }


@pytest.mark.parametrize("event", PINGS.values(), ids=PINGS.keys())
def test_ping_is_no_error(event: Event, caplog: pytest.LogCaptureFixture) -> None:
    """What only keeps the function warm raises no alarm."""
    caplog.set_level(logging.DEBUG, "esclusa.wsgi")
    respond(probe.flask, event, None)

    assert [logging.INFO] == [record.levelno for record in caplog.records]


@pytest.mark.parametrize("event", NOT_HTTP.values(), ids=NOT_HTTP.keys())
def test_unsupported_events_get_one_answer(event: Any) -> None:
    """Whatever else is no request gets the same status, type and title."""
    reply = respond(probe.flask, event, None)

    assert (400, "about:blank", "Unsupported event", 400) == (
        reply["statusCode"],
        *(json.loads(reply["body"])[name] for name in ("type", "title", "status")),
    )


@pytest.mark.parametrize(("method", "status"), [("PURGE", 200), ("", 400), ("GET /", 400), ("G\u00c9T", 400)])
def test_method_is_a_token(method: str, status: int) -> None:
    """Methods of one's own pass (RFC 9110); what can't stand in a request line doesn't reach the application."""
    reply = respond(probe.fixed("200 OK", [], b""), {**rest_event(), "httpMethod": method}, None)

    assert status == reply["statusCode"]


def test_every_cookie_passes_a_load_balancer_without_multi_value_headers() -> None:
    """Each of many cookies goes under a spelling of its own."""
    cookies = [("Set-Cookie", f"c{number}={number}") for number in range(300)]
    answer = receive(alb_event(), respond(probe.fixed("200 OK", cookies, b""), alb_event(), None))

    assert [value for _, value in cookies] == answer.values("set-cookie")


def test_spellings_of_a_name_are_one_header() -> None:
    """'vary' and 'Vary' are values of the same header."""
    app = probe.fixed("200 OK", [("Vary", "Accept"), ("vary", "Origin")], b"")
    rest, http = (respond(app, event, None) for event in (rest_event(), http_event()))

    assert {"Vary": ["Accept", "Origin"]} == rest["multiValueHeaders"]
    assert {"Vary": "Accept, Origin"} == http["headers"]


@pytest.mark.parametrize(
    ("host", "headers", "expected"),
    [
        ("api.example.com", [], ("api.example.com", "443")),
        ("api.example.com:8443", [], ("api.example.com", "8443")),
        ("[2001:db8::1]", [], ("[2001:db8::1]", "443")),
        ("[2001:db8::1]:80", [], ("[2001:db8::1]", "80")),
        ("api.example.com", [("x-forwarded-port", "3000")], ("api.example.com", "3000")),
        ("api.example.com:", [], ("api.example.com", "443")),
        (
            "api.example.com",
            [("x-forwarded-proto", "http"), ("x-forwarded-port", "")],
            ("api.example.com", "80"),
        ),
        ("api.example.com", [("x-forwarded-proto", "gopher")], ("api.example.com", "443")),
    ],
)
def test_server_and_port(host: str, headers: list[tuple[str, str]], expected: tuple[str, str]) -> None:
    """SERVER_NAME and SERVER_PORT are never empty, and follow the host that was called."""
    app = Spy()
    respond(app, alb_event(headers=[("host", host), *headers]), None)

    assert expected == (app.environ["SERVER_NAME"], app.environ["SERVER_PORT"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [("caffè", "caffè"), ("日本", "日本".encode().decode("latin-1")), ("plain", "plain")],
)
def test_header_values_are_native_strings(given: str, expected: str) -> None:
    """PEP 3333 wants a character a byte; what can't be written so is UTF-8."""
    app = Spy()
    respond(app, rest_event(headers=[("X-Name", given)]), None)

    assert expected == app.environ["HTTP_X_NAME"]


def test_header_with_one_value_by_its_nature_takes_the_last() -> None:
    """Two values of Content-Type or Host aren't joined to one that means nothing."""
    app = Spy()
    respond(app, rest_event(headers=[("Content-Type", "text/a"), ("Content-Type", "text/b")]), None)

    assert "text/b" == app.environ["CONTENT_TYPE"]


def test_body_headers_are_not_repeated() -> None:
    """CONTENT_TYPE and CONTENT_LENGTH have no HTTP_ twin, and the length is that of the decoded body."""
    app = Spy()
    headers = [("Content-Type", "text/plain"), ("Content-Length", "999"), ("Transfer-Encoding", "chunked")]
    respond(app, rest_event("POST", headers=headers, body=b"\xff", binary=True), None)

    assert "1" == app.environ["CONTENT_LENGTH"]
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"} & set(app.environ)


def test_header_names_do_not_fill_the_memory() -> None:
    """A client that sends ever new header names is served, and only so many names are remembered."""
    app = Spy()
    for number in range(1100):
        respond(app, rest_event(headers=[(f"X-{number}", "1")]), None)

    assert "1" == app.environ["HTTP_X_1099"]
    assert 1000 >= len(wsgi._environ_keys)


@pytest.mark.outside
def test_import_is_cheap() -> None:
    """The adapter loads neither a web framework nor an HTTP client: only awsgi and the standard library's small."""
    root = Path(wsgi.__file__).parent
    code = (
        "import sys, types; package = types.ModuleType('app'); package.__path__ = [sys.argv[1]];"
        "sys.modules['app'] = package; import app.wsgi; print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code, root], check=True, capture_output=True, text=True
    ).stdout.split()

    assert "awsgi" in loaded
    assert not {"flask", "werkzeug", "boto3", "http.client", "email", "asyncio", "ssl"} & set(loaded)


def test_failures_go_to_the_adapters_own_log(caplog: pytest.LogCaptureFixture) -> None:
    """An operator can find, and raise an alarm on, what the adapter logs."""
    respond(probe.rude, rest_event(), None)

    assert [("esclusa.wsgi", logging.ERROR)] == [(record.name, record.levelno) for record in caplog.records]
