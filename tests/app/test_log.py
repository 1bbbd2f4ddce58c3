"""The log: a JSON object a line, with the request's id and its metrics, and without what must not be there."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import log


@pytest.fixture
def lines(offline: FlaskClient, capsys: pytest.CaptureFixture[str]) -> Any:
    """What is logged of one request."""

    def ask(path: str, **more: Any) -> dict[str, Any]:
        capsys.readouterr()
        offline.get(path, **more)
        return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))

    return ask


def test_a_request_is_one_line_with_its_id(lines: Any) -> None:
    """The id is Lambda's own, which the client hears too."""
    context = type("Context", (), {"aws_request_id": "an-id"})
    line = lines("/health", environ_base={"aws.context": context})

    assert ("request", "an-id", "GET", "/health", 200) == tuple(
        line[name] for name in ("message", "request_id", "method", "route", "status")
    )


def test_nothing_personal_is_logged(lines: Any) -> None:
    """Neither address nor query, header or unknown path: any of them may name a person."""
    line = lines(
        "/mallory@example.com?name=mallory",
        headers={"User-Agent": "mallory"},
        environ_base={"REMOTE_ADDR": "192.0.2.1"},
    )

    assert "mallory" not in json.dumps(line)
    assert "192.0.2.1" not in json.dumps(line)
    assert (404, "none") == (line["status"], line["route"])


@pytest.mark.parametrize(("path", "errors"), [("/health", 0.0), ("/ready", 1.0)])
def test_a_request_is_measured(lines: Any, path: str, errors: float) -> None:
    """Time and errors in CloudWatch's embedded metric format: what it names stands beside it."""
    line = lines(path)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    named = {one["Name"]: one["Unit"] for one in directive["Metrics"]}

    assert {"milliseconds": "Milliseconds", "errors": "Count"} == named
    assert [["environment", "route"]] == directive["Dimensions"]
    assert ("dev", path, errors) == tuple(line[name] for name in ("environment", "route", "errors"))
    assert isinstance(line["_aws"]["Timestamp"], int)


def test_a_secret_is_masked_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """In the message, in a field, in a traceback."""
    log.mask("a-known-secret")
    log.configure("INFO")
    error = ValueError("a-known-secret")
    log.logger.error("a-known-secret", exc_info=error, extra={"fields": {"reason": "a-known-secret"}})
    written = capsys.readouterr().out

    assert "a-known-secret" not in written
    assert written.count("***") >= 3
