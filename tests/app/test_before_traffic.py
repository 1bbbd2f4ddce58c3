"""A new version is asked for its health before traffic moves to it, and CodeDeploy always gets an answer."""

import io
import json
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from flask import Flask

from app import before_traffic
from app.wsgi import respond

VERSION = "arn:aws:lambda:eu-west-1:111111111111:function:esclusa-prod-app:7"
ENVIRON = {"NEW_VERSION": VERSION, "RELEASE_DIGEST": "d" * 64, "ASKED_ROUTES": "/health,/ready,/version"}
EVENT = {"DeploymentId": "d-ABCDEF123", "LifecycleEventHookExecutionId": "eyJlbmMiOiJ4In0"}


class Lambda:
    """Lambda's Invoke, with a version that answers by `function`."""

    def __init__(self, function: Callable[[dict[str, Any]], Any]) -> None:
        self.function = function
        self.asked: list[str] = []

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        event = json.loads(Payload)
        self.asked.append(event["path"])
        assert VERSION == FunctionName
        try:
            answer = self.function(event)
        except RuntimeError as error:
            # "Lambda function errors": the call succeeds, and FunctionError says that the function did not.
            failed = {"errorMessage": str(error), "errorType": "RuntimeError"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(failed).encode())}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(before_traffic, "PAUSE_SECONDS", 0.0)


def unfit(function: Callable[[dict[str, Any]], Any]) -> str:
    return before_traffic.unfit(Lambda(function), ENVIRON)


def test_a_version_that_serves_is_fit(flask_app: Flask) -> None:
    """It is asked what the deployment's own smoke test asks, as API Gateway would."""
    client = Lambda(lambda event: respond(flask_app, event, None))

    assert "" == before_traffic.unfit(client, ENVIRON)
    assert ["/health", "/ready", "/version"] == client.asked


def test_a_version_that_lost_its_database_is_not(offline: Any) -> None:
    """It lives, and isn't ready."""
    wrong = unfit(lambda event: respond(offline.application, event, None))

    assert wrong.startswith("GET /ready answered 503")


def raising(_event: dict[str, Any]) -> Any:
    raise RuntimeError("no module named app.aws")


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (raising, "GET /health raised: .*no module named"),
        (lambda _: None, "GET /health gave no reply of HTTP"),
        (lambda _: {"body": "{}"}, "GET /health gave no reply of HTTP"),
        (lambda _: {"statusCode": 500, "body": "x"}, "GET /health answered 500"),
        (lambda _: {"statusCode": 302}, "GET /health answered 302"),
        (
            lambda _: {"statusCode": 200, "body": '{"release": "other"}'},
            "GET /health answered as release other",
        ),
    ],
)
def test_a_version_that_does_not_serve_is_told_with_its_answer(
    function: Callable[[dict[str, Any]], Any], why: str
) -> None:
    """Whatever it does: raise, answer no HTTP, answer wrong, or be another release."""
    assert re.match(why, unfit(function))


def test_a_first_call_may_fail() -> None:
    """A cold start, or a database that wakes up, is no reason; one that goes on is."""
    answers = iter([500, 503, 200, 200, 200])

    assert "" == unfit(lambda _: {"statusCode": next(answers), "body": ""})


@pytest.mark.parametrize(
    ("function", "status"),
    [
        (lambda _: {"statusCode": 200, "body": "ok"}, "Succeeded"),
        (lambda _: {"statusCode": 500, "body": "no"}, "Failed"),
        (lambda _: 1 / 0, "Failed"),
    ],
)
def test_codedeploy_always_gets_an_answer(
    monkeypatch: pytest.MonkeyPatch, function: Callable[[dict[str, Any]], Any], status: str
) -> None:
    """Without one it waits for an hour, and the deployment with it."""
    told: list[dict[str, Any]] = []
    clients = {
        "lambda": Lambda(function),
        "codedeploy": SimpleNamespace(
            put_lifecycle_event_hook_execution_status=lambda **given: told.append(given)
        ),
    }
    monkeypatch.setattr(boto3, "client", lambda service: clients[service])
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    before_traffic.handler(EVENT, SimpleNamespace(aws_request_id="r"))

    assert [("d-ABCDEF123", "eyJlbmMiOiJ4In0", status)] == [tuple(one.values()) for one in told]
