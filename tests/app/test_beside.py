"""Another WSGI application, with the addresses that a deployment asks beside it."""

import json
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from flask import Blueprint, Flask, request
from flask.testing import FlaskClient

from app import create_app, secret_key, static
from app.beside import beside
from app.config import Config
from app.wsgi import respond
from tests.app.test_config import COMPLETE
from tests.events import rest_event
from tests.running import ORIGIN


def plain(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """An application by the letter of PEP 3333: it says what it was asked."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length).decode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    told = (environ["REQUEST_METHOD"], environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["QUERY_STRING"])
    return [" ".join([*told, body]).encode()]


def second() -> WSGIApplication:
    """Another Flask application, with addresses that the platform has, too."""
    app = Flask("second", static_folder=None)
    static.init_app(app)
    secret_key.init_app(app, "arn:aws:secretsmanager:eu-west-1:000000000000:secret:session")

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST", "PUT"])
    @app.route("/<path:path>", methods=["GET", "POST", "PUT"])
    def view(path: str) -> str:
        told = (request.method, request.root_path, f"/{path}", request.query_string.decode())
        return " ".join([*told, request.get_data(as_text=True)])

    return app


@pytest.fixture(params=[plain, second()], ids=["plain", "Flask"])
def application(request: pytest.FixtureRequest, offline: FlaskClient) -> WSGIApplication:
    """The other application beside the platform, which reaches no database."""
    return beside(request.param, offline.application)


def ask(application: WSGIApplication, method: str, path: str, **headers: str) -> dict[str, Any]:
    """Ask as API Gateway does, at the stage `Prod`."""
    body = "ä".encode() if method in ("POST", "PUT") else None
    event = rest_event(method, path, headers=list(headers.items()), body=body)
    return respond(application, event, None)


@pytest.mark.parametrize(
    ("path", "status", "member"),
    [("/health", 200, "status"), ("/version", 200, "commit"), ("/ready", 503, "title")],
)
def test_the_pipelines_addresses_are_the_platforms(
    application: WSGIApplication, path: str, status: int, member: str
) -> None:
    """For every method: GET is answered, HEAD and a browser's preflight too, the others are refused."""
    got, head, preflight, posted = (
        ask(application, "GET", path),
        ask(application, "HEAD", path),
        ask(application, "OPTIONS", path, Origin=ORIGIN),
        ask(application, "POST", path),
    )

    assert [status, status, 200, 405] == [one["statusCode"] for one in (got, head, preflight, posted)]
    assert member in json.loads(got["body"])
    assert "" == head["body"]
    assert [ORIGIN] == preflight["multiValueHeaders"]["Access-Control-Allow-Origin"]


@pytest.mark.parametrize(
    "path",
    ["/", "/orders/7", "/health/", "/healthy", "/HEALTH", "/api/deployments", "/ledger", "/static/x.css"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_everything_else_is_the_applications(application: WSGIApplication, method: str, path: str) -> None:
    """Addresses of the ledger and static files included; path, prefix and body come as they are."""
    reply = ask(application, method, path)

    assert (200, f"{method} /Prod {path}  {'ä' if method != 'GET' else ''}") == (
        reply["statusCode"],
        reply["body"],
    )


def test_other_blueprints_can_stay() -> None:
    """Those that are named: a converter in an address counts."""
    platform = create_app(Config.from_environ(COMPLETE))
    shop = Blueprint("shop", __name__, url_prefix="/shop")
    shop.add_url_rule("/<int:number>", "item", lambda number: f"item {number}")
    platform.register_blueprint(shop)
    both = beside(plain, platform, ["health", "shop"])

    assert "item 7" == ask(both, "GET", "/shop/7")["body"]
    assert "GET /Prod /shop/seven  " == ask(both, "GET", "/shop/seven")["body"]
    assert 200 == ask(both, "GET", "/health")["statusCode"]


def test_a_blueprint_that_is_not_there_is_refused() -> None:
    """At once, and not when its address is asked."""
    with pytest.raises(LookupError, match="no blueprint shop; it has health"):
        beside(plain, create_app(Config.from_environ(COMPLETE)), ["shop"])
