"""Errors: problem details for programs, a page for whoever prefers one, and a site's own handlers before both."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, request
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound

from app import create_app
from app.config import Config
from app.database import DatabaseUnavailableError
from app.problems import Problem
from app.secrets_manager import SecretUnavailableError
from tests.app.test_config import COMPLETE

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"  # Firefox's
REASON = "<b>&nothing</b> here"


def raising(error: Exception) -> Callable[[], str]:
    """A view that fails."""

    def view() -> str:
        raise error

    return view


@pytest.fixture
def site() -> Flask:
    """The application with a blueprint whose views fail in each way, and none of whose errors is handled."""
    app = create_app(Config.from_environ({**COMPLETE, "MAX_BODY_BYTES": "10"}))
    shop = Blueprint("shop", __name__)
    errors: dict[str, Exception] = {
        "missing": NotFound(REASON),
        "broken": ValueError("the reason is for the log"),
        "database": DatabaseUnavailableError("10.0.0.1 is away"),
        "secret": SecretUnavailableError("arn:aws:secretsmanager is away"),
        "problem": Problem(422, "Unprocessable Content", "A field is wrong.", errors=[]),
    }
    for name, error in errors.items():
        shop.add_url_rule(f"/{name}", name, raising(error))
    shop.add_url_rule("/upload", "upload", lambda: str(len(request.get_data())), methods=["POST"])
    app.register_blueprint(shop)
    return app


class Page(HTMLParser):
    """A page's words, and its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += [data.strip()] if data.strip() else []


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (BROWSER, "text/html; charset=utf-8"),
        ("text/html", "text/html; charset=utf-8"),
        ("text/*;q=0.5", "text/html; charset=utf-8"),
        ("text/html, application/json;q=0.9", "text/html; charset=utf-8"),
        (None, "application/problem+json"),
        ("", "application/problem+json"),
        ("*/*", "application/problem+json"),  # curl, and fetch
        ("application/json, text/plain, */*", "application/problem+json"),  # axios
        ("application/json, text/html;q=0.9", "application/problem+json"),
        ("application/problem+json, text/html", "application/problem+json"),
        ("application/json, text/html", "application/problem+json"),
        ("image/png", "application/problem+json"),
        ("nonsense;;q=,", "application/problem+json"),
    ],
)
def test_whoever_prefers_a_page_gets_one(site: Flask, accept: str | None, expected: str) -> None:
    """RFC 9110, 12.5.1; caches are told that the answer depends on it."""
    headers = {} if accept is None else {"Accept": accept}

    response = site.test_client().get("/nothing", headers=headers)

    assert (404, expected) == (response.status_code, response.content_type)
    assert {"Accept", "Origin"} <= set(response.vary)


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/missing", 404, ["404 Not Found", "Not Found", REASON]),
        ("GET", "/upload", 405, ["405 Method Not Allowed", "Method Not Allowed"]),
        ("POST", "/upload", 413, ["413 Request Entity Too Large"]),
        ("GET", "/broken", 500, ["500 Internal Server Error", "Internal Server Error"]),
        ("GET", "/database", 503, ["503 Service Unavailable"]),
        ("GET", "/secret", 503, ["503 Service Unavailable"]),
    ],
)
def test_a_page_says_what_the_problem_says(
    site: Flask, method: str, path: str, status: int, words: list[str]
) -> None:
    """Title, detail and the request's id: as text, whatever is in it, with nothing to load."""

    client = site.test_client()
    options: dict[str, Any] = {"method": method, "data": b"x" * 11 if method == "POST" else None}
    response = client.open(path, headers={"Accept": BROWSER}, **options)
    problem = client.open(path, **options)
    page = Page(response.get_data(as_text=True))

    assert [status, status] == [response.status_code, problem.status_code]
    assert words == page.words[: len(words)]
    assert problem.get_json()["title"] in page.words
    assert problem.get_json()["detail"] in page.words
    assert response.headers["X-Request-Id"] in page.words[-1]
    assert {"b", "script", "link", "img"}.isdisjoint(page.elements)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    for name in ("Allow", "Retry-After"):
        assert problem.headers.get(name) == response.headers.get(name)
    assert "10.0.0.1" not in response.get_data(as_text=True) + problem.get_data(as_text=True)


def test_a_problem_stays_a_problem(site: Flask) -> None:
    """What an API raises as such has members that no page shows."""
    response = site.test_client().get("/problem", headers={"Accept": BROWSER})

    assert (422, "application/problem+json") == (response.status_code, response.content_type)


def mine(error: Exception) -> tuple[str, int]:
    """A site's own page, in its own words."""
    return f"mine: {type(error).__name__}", getattr(error, "code", None) or 500


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
@pytest.mark.parametrize(
    ("handled", "path", "expected"),
    [
        (404, "/missing", (404, "mine: NotFound")),
        (404, "/nothing", (404, "mine: NotFound")),
        (500, "/broken", (500, "mine: InternalServerError")),
        (InternalServerError, "/broken", (500, "mine: InternalServerError")),
        (ValueError, "/broken", (500, "mine: ValueError")),
        (503, "/database", (503, "mine: ServiceUnavailable")),
        (503, "/secret", (503, "mine: ServiceUnavailable")),
        (DatabaseUnavailableError, "/database", (500, "mine: DatabaseUnavailableError")),
        (HTTPException, "/missing", (404, "mine: NotFound")),
        (HTTPException, "/broken", (500, "mine: InternalServerError")),
        (Exception, "/broken", (500, "mine: ValueError")),
    ],
)
@pytest.mark.parametrize("testing", [True, False])
def test_a_sites_own_handlers_stand(
    site: Flask, handled: Any, path: str, expected: tuple[int, str], accept: str, testing: bool
) -> None:
    """For every error that a blueprint, registered later, handles for the application."""
    site.testing = testing
    handlers = Blueprint("handlers", __name__)
    handlers.app_errorhandler(handled)(mine)
    site.register_blueprint(handlers)

    response = site.test_client().get(path, headers={"Accept": accept})

    assert expected == (response.status_code, response.get_data(as_text=True))


def test_a_blueprints_handlers_are_for_its_own_views(site: Flask) -> None:
    """Elsewhere the application answers."""
    inner = Blueprint("inner", __name__, url_prefix="/inner")
    inner.errorhandler(404)(mine)
    inner.errorhandler(500)(mine)
    inner.add_url_rule("/missing", "missing", raising(NotFound()))
    inner.add_url_rule("/broken", "broken", raising(KeyError("x")))
    site.register_blueprint(inner)
    client = site.test_client()

    texts = [client.get(path).get_data(as_text=True) for path in ("/inner/missing", "/inner/broken")]

    assert ["mine: NotFound", "mine: InternalServerError"] == texts
    assert client.get("/missing").content_type == "application/problem+json"


def test_a_response_that_was_raised_stands(site: Flask) -> None:
    """As `abort` takes it: whole, or with an error."""
    site.add_url_rule("/whole", "whole", lambda: abort(Response("whole", 418)))
    site.add_url_rule("/with", "with", lambda: abort(404, response=Response("with", 404)))
    client = site.test_client()

    assert [(418, "whole"), (404, "with")] == [
        (answer.status_code, answer.get_data(as_text=True))
        for answer in (client.get("/whole"), client.get("/with"))
    ]


def test_the_log_has_the_reason(site: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever answers, the log has the traceback, once."""
    site.errorhandler(500)(mine)
    site.test_client().get("/broken")

    assert 1 == capsys.readouterr().out.count("ValueError: the reason is for the log")
