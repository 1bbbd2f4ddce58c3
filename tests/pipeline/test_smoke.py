"""A deployment asks what it deployed, and bears with a gateway that is behind, not with an application that fails."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.base import http
from pipeline.base.errors import GateError
from pipeline.delivery import smoke
from tests.pipeline.applications import application
from tests.waiting import Clock

EXPECTED = {"release": "new"}


def answer(status: int, data: Any) -> http.Answer:
    return http.Answer(status, data, json.dumps(data))


# API Gateway's own answers, by its documentation "Gateway response types": a message, and nothing else.
FORBIDDEN = answer(403, {"message": "Missing Authentication Token"})
BROKEN = answer(500, {"message": "Internal server error"})
OLD = answer(200, {"release": "old"})
GOOD = answer(200, {"release": "new"})
DOWN = answer(503, {"type": "about:blank", "title": "Service Unavailable", "status": 503})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time passes by sleeping alone."""
    made = Clock()
    monkeypatch.setattr("pipeline.delivery.smoke.time.monotonic", made)
    monkeypatch.setattr(
        "pipeline.delivery.smoke.time.sleep", lambda seconds: setattr(made, "now", made.now + seconds)
    )
    return made


def asked(monkeypatch: pytest.MonkeyPatch, answers: Iterator[http.Answer]) -> list[str]:
    """Ask a deployment that gives these answers; returns the routes as they were asked."""
    urls: list[str] = []

    def request(_method: str, url: str, **_: Any) -> http.Answer:
        urls.append(url)
        return next(answers)

    monkeypatch.setattr(http, "request", request)
    smoke.check(application(), "https://api/live", EXPECTED)
    return urls


@pytest.mark.parametrize("early", [FORBIDDEN, BROKEN, OLD])
def test_a_gateway_that_is_behind_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, early: http.Answer
) -> None:
    """A minute and no longer."""
    routes = len(dict.fromkeys((*application().health, application().version)))
    late = [early] * 6

    assert 6 + routes == len(asked(monkeypatch, iter([*[GOOD] * (routes - 1), *late, GOOD])))

    began = clock.now
    with pytest.raises(GateError, match="Smoke test"):
        asked(monkeypatch, iter([*[GOOD] * (routes - 1), *[early] * 1000]))
    assert 60 <= clock.now - began < 80


def test_an_application_that_fails_is_not(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """The release before is to serve again soon."""
    began = clock.now
    with pytest.raises(GateError, match="answered 503"):
        asked(monkeypatch, iter([DOWN] * 1000))

    assert clock.now - began < 10
