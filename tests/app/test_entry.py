"""What Lambda's entry does with an event: whatever it is, it answers."""

import importlib
import json
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.events import Event, alb_event, http_event, rest_event, url_event
from tests.events.cases import NOT_HTTP, PINGS
from tests.events.others import OTHERS


@pytest.fixture
def handler(offline: FlaskClient) -> Any:
    """A handler of the platform alone, with settings as the function's environment has them."""
    return partial(importlib.import_module("app.entry").answer, offline.application)


@pytest.mark.parametrize("event", {**OTHERS, **NOT_HTTP}.values(), ids={**OTHERS, **NOT_HTTP}.keys())
def test_an_event_that_is_no_request_gets_one_answer(
    handler: Any, event: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """No event makes it raise; the answer is JSON, always the same, and the log has one error."""
    reply = json.loads(json.dumps(handler(event, None)))
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert (400, "Unsupported event") == (reply["statusCode"], json.loads(reply["body"])["title"])
    assert ["ERROR"] == [record["level"] for record in records]


@pytest.mark.parametrize("event", PINGS.values(), ids=PINGS.keys())
def test_a_ping_is_acknowledged(handler: Any, event: Event, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an error in the log, and without a request's line."""
    reply = handler(event, None)
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert (200, "") == (reply["statusCode"], reply["body"])
    assert ["INFO"] == [record["level"] for record in records]
    assert "status" not in records[0]


@pytest.mark.parametrize(
    "event",
    [
        rest_event(path="/health"),
        http_event(path="/health"),
        url_event(path="/health"),
        alb_event(path="/health"),
    ],
    ids=["REST", "HTTP", "URL", "ALB"],
)
def test_a_request_reaches_the_application(handler: Any, event: Event) -> None:
    """From each service."""
    assert {"status": "ok"} == json.loads(handler(event, None)["body"])
