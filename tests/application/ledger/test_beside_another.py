"""The ledger's routes beside another application: those of its blueprints."""

from flask.testing import FlaskClient
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from app.beside import beside
from tests.running import signed

BLUEPRINTS = ("health", "api", "sessions", "pages")


@Request.application
def shop(request: Request) -> Response:
    """Another application, which says what it was asked for."""
    return Response(f"the shop's {request.path}")


def test_the_ledger_can_stay(offline: FlaskClient) -> None:
    """It answers at its own addresses, the other application at the rest."""
    both = Client(beside(shop, offline.application, BLUEPRINTS))

    statuses = {
        path: both.get(path, environ_base=signed()).status_code
        for path in ("/health", "/api/openapi.json", "/api/deployments", "/ledger", "/session")
    }

    assert {
        "/health": 200,
        "/api/openapi.json": 200,
        "/api/deployments": 503,
        "/ledger": 401,
        "/session": 503,
    } == statuses
    assert "the shop's /orders/7" == both.get("/orders/7").text
