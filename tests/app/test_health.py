"""Health, readiness and version."""

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.config import Config
from app.state import state
from tests.running import ORIGIN
from tests.secrets_manager import RefusedError, SecretsManager


def test_health_asks_neither_database_nor_secret(offline: FlaskClient) -> None:
    """Liveness holds while everything else is down."""
    response = offline.get("/health")

    assert (200, {"status": "ok"}) == (response.status_code, response.get_json())


def test_ready_reads_the_table(client: FlaskClient) -> None:
    """Readiness means that the application's own user can read the application's own table."""
    response = client.get("/ready")

    assert (200, {"status": "ok"}) == (response.status_code, response.get_json())


def test_ready_without_database_is_503(environ: dict[str, str]) -> None:
    """No database is a clean 503 in problem details, without a word of where it was sought."""
    app = create_app(Config.from_environ({**environ, "DATABASE_PORT": "1"}))

    response = app.test_client().get("/ready")

    assert response.status_code == 503
    assert response.content_type == "application/problem+json"
    assert response.headers["Retry-After"] == "5"
    assert "127.0.0.1" not in response.get_data(as_text=True)


def test_ready_without_schema_is_503(environ: dict[str, str]) -> None:
    """A database that was never migrated is not ready."""
    app = create_app(Config.from_environ(environ))

    response = app.test_client().get("/ready")
    state(app).database.close()

    assert response.status_code == 503


def test_ready_without_secret_is_503(client: FlaskClient, secrets_manager: SecretsManager) -> None:
    """A refused secret is a clean 503, and is not asked for again and again."""
    secrets_manager.failures = [RefusedError(400, "AccessDeniedException")]

    response = client.get("/ready")

    assert (503, ["GetSecretValue"]) == (response.status_code, secrets_manager.calls)


def test_version_names_what_runs(offline: FlaskClient) -> None:
    """Commit, bundle, environment and release are those of the function's environment."""
    expected = {"commit": "c" * 40, "bundle": "b" * 64, "environment": "dev", "release": "d" * 64}

    assert expected == offline.get("/version").get_json()


@pytest.mark.parametrize("path", ["/health", "/ready", "/version"])
def test_preflight_from_a_known_origin(offline: FlaskClient, path: str) -> None:
    """A browser on a configured origin hears that it may ask."""
    response = offline.options(path, headers={"Origin": ORIGIN})

    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", f"{ORIGIN}.evil.example.com"])
def test_other_origins_get_no_leave(offline: FlaskClient, origin: str) -> None:
    """An origin that isn't configured isn't named back; caches are told that the answer depends on it."""
    response = offline.get("/health", headers={"Origin": origin})

    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Origin" in response.headers["Vary"]
