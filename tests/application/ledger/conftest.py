"""A ledger whose pages open: a signing key, and a browser's session."""

import uuid

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.running import signing
from tests.secrets_manager import SecretsManager

SESSION_ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:session"
IDENTITY = "arn:aws:sts::111111111111:assumed-role/auditors/ada"


@pytest.fixture
def signing_key(secrets_manager: SecretsManager, monkeypatch: pytest.MonkeyPatch) -> str:
    """A secret with a signing key, made before the application is."""
    secrets_manager.put(SESSION_ARN, {"signing_key": uuid.uuid4().hex * 2})
    monkeypatch.setenv("SESSION_SECRET_ARN", SESSION_ARN)
    return SESSION_ARN


@pytest.fixture
def migrated(signing_key: str, migrated: dict[str, str]) -> dict[str, str]:
    """The functions' environment, sessions included."""
    return {**migrated, "SESSION_SECRET_ARN": signing_key}


@pytest.fixture
def browser(flask_app: Flask) -> FlaskClient:
    """A client with a session, got as a person gets it."""
    client = signing(flask_app, identity=IDENTITY)
    url = client.post("/api/sessions").get_json()["url"]
    assert client.get(url, base_url="https://localhost").status_code == 303
    return client
