"""The database's credentials: read by ARN, kept for a while, refreshed once when refused."""

import json
import traceback

import pytest

from app import log
from app.secret import Credentials, Secret, credentials
from app.secrets_manager import ATTEMPTS, SecretUnavailableError, get_secret_value
from tests.secrets_manager import NEEDLE, SHAPES, RefusedError, SecretsManager
from tests.waiting import Clock

ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:application"


@pytest.mark.parametrize(("seconds", "reads"), [(0, 1), (299, 1), (300, 2), (-5, 2)])
def test_the_secret_is_kept_for_its_lifetime(
    secrets_manager: SecretsManager, seconds: float, reads: int
) -> None:
    """Within the lifetime nothing is read; after it, or when the clock was set back, it is read again."""
    secrets_manager.put(ARN, {"username": "ledger_app", "password": "first-password"})
    clock = Clock()
    secret = Secret(ARN, lifetime=300, clock=clock)
    secret.get()

    clock.now += seconds
    secret.get()

    assert ["GetSecretValue"] * reads == secrets_manager.calls


def test_refused_credentials_are_refreshed_once_for_all(secrets_manager: SecretsManager) -> None:
    """Whoever comes second with the same refused credentials gets what the first one read."""
    secrets_manager.put(ARN, {"username": "ledger_app", "password": "first-password"})
    secret = Secret(ARN)
    refused = secret.get()
    secrets_manager.put(ARN, {"username": "ledger_app_clone", "password": "second-password"})

    first, second = secret.refresh(refused), secret.refresh(refused)

    assert Credentials("ledger_app_clone", "second-password") == first == second
    assert len(secrets_manager.calls) == 2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_failures_that_pass_are_tried_again(secrets_manager: SecretsManager, status: int) -> None:
    """Throttling and server errors are no reason to fail at once."""
    secrets_manager.put(ARN, "value")
    secrets_manager.failures = [RefusedError(status, "InternalServiceError")] * (ATTEMPTS - 1)

    assert get_secret_value(ARN) == "value"


def test_failures_that_stay_are_reported(secrets_manager: SecretsManager) -> None:
    """A refusal is not tried again; the message names the secret and the reason."""
    secrets_manager.failures = [RefusedError(400, "AccessDeniedException")] * 2

    with pytest.raises(SecretUnavailableError, match=rf"{ARN}: 400 AccessDeniedException"):
        get_secret_value(ARN)
    assert len(secrets_manager.calls) == 1


def test_no_service_is_reported(monkeypatch: pytest.MonkeyPatch, secrets_manager: SecretsManager) -> None:
    """No connection is an error of ours, after the last attempt."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    with pytest.raises(SecretUnavailableError, match="ConnectionRefusedError"):
        get_secret_value(ARN)


@pytest.mark.parametrize(
    "text",
    [
        "hunter2-is-the-password",
        '["hunter2"]',
        '{"username": "ledger_app"}',
        '{"username": "ledger_app", "password": ""}',
        '{"username": null, "password": "hunter2"}',
        '{"username": "ledger_app", "password": ["hunter2"]}',
    ],
)
def test_a_malformed_secret_is_reported_without_its_value(text: str) -> None:
    """The error says what was expected and quotes nothing of what was there."""
    with pytest.raises(SecretUnavailableError, match="GenerateSecretString") as caught:
        credentials(text, ARN)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("shape", SHAPES)
def test_a_secret_of_another_shape_is_reported_without_its_value(
    secrets_manager: SecretsManager, shape: str
) -> None:
    """Whatever lies in the secret: one error of ours that names the secret, quotes nothing and has no cause."""
    secrets_manager.put(ARN, SHAPES[shape])
    with pytest.raises(SecretUnavailableError, match=ARN) as caught:
        Secret(ARN).get()

    assert NEEDLE not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_an_answer_that_is_no_object_is_reported(
    secrets_manager: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's own answer may be anything, too: a proxy's page, or brackets without end."""
    secrets_manager.put(ARN, "value")
    for answer in ("[" * 60_000, "<html>", '"text"', "[]"):
        monkeypatch.setattr(secrets_manager, "raw", answer.encode())
        with pytest.raises(SecretUnavailableError, match="200 no SecretString"):
            get_secret_value(ARN)


def test_the_password_never_reaches_the_log() -> None:
    """What was parsed once is masked wherever it turns up, and hidden in a repr."""
    kept = credentials(json.dumps({"username": "ledger_app", "password": "very-secret-password"}), ARN)

    assert log.masked("password=very-secret-password;") == "password=***;"
    assert "very-secret-password" not in repr(kept)
