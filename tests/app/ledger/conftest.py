"""A ledger with a story in it, and a browser's session."""

import hashlib
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.app.conftest import a_deployment
from tests.app.ledger.test_kinds import a_record, a_report
from tests.app.secrets_manager import SecretsManager

SESSION_ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:session"
IDENTITY = "arn:aws:sts::111111111111:assumed-role/auditors/ada"


def signed(identity: str | None = IDENTITY) -> dict[str, Any]:
    """Return what the adapter adds to the environ of a request that IAM authorised."""
    return {"aws.event": {"requestContext": {"identity": {"userArn": identity}}}}


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
    client = flask_app.test_client()
    url = client.post("/api/sessions", environ_base=signed()).get_json()["url"]
    assert client.get(url, base_url="https://localhost").status_code == 303
    return client


def commit(number: int) -> str:
    """Return a made-up commit."""
    return hashlib.sha1(bytes([number]), usedforsecurity=False).hexdigest()


def tell(client: FlaskClient) -> None:
    """Record twelve weeks of work: dev runs every commit, prod every third; one of prod's fails, one is undone."""
    now = datetime.now(UTC)

    def post(plural: str, record: dict[str, Any]) -> None:
        response = client.post(f"/api/{plural}", json=record)
        assert response.status_code == 201, response.get_data(as_text=True)

    def deploy(number: int, environment: str, at: datetime, **more: Any) -> None:
        times = {"started_at": at.isoformat(), "finished_at": (at + timedelta(minutes=3)).isoformat()}
        bundle = f"{number:064x}"
        post(
            "deployments",
            a_deployment(commit=commit(number), bundle=bundle, environment=environment, **times, **more),
        )

    for number in range(24):
        at = now - timedelta(days=84 - 3.4 * number)
        finding = json.loads(json.dumps(a_report()["findings"][0]))
        findings = [
            {**finding, "severity": s} for s in ("high", "medium", "low", "low")[: (24 - number) // 5]
        ]
        post("reports", a_report(commit=commit(number), finished_at=at.isoformat(), findings=findings))
        deploy(number, "dev", at)
        if number % 3 == 1:
            version = f"v1.{number // 3}.0"
            failed = {"status": "failed", "detail": "smoke test: /ready answered 503"} if number == 10 else {}
            post(
                "releases",
                a_record("releases", version=version, commit=commit(number), bundle=f"{number:064x}"),
            )
            deploy(number, "prod", at + timedelta(hours=5 + number), version=version, **failed)
        if number == 16:
            deploy(13, "prod", at + timedelta(hours=25), version="v1.4.0", kind="rollback")
    for number, days in enumerate((-2, 9, 120)):
        expires = (now + timedelta(days=days)).date().isoformat()
        post("waivers", a_record("waivers", name=f"waiver-{number}", commit=commit(23), expires_on=expires))
    post("evidence", a_record("evidence", bundle=f"{22:064x}"))
