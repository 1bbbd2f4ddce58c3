"""What the settings let in: methods of a browser on another origin, and how long a body may be."""

import pytest
from flask import request

from app import create_app
from app.config import Config
from tests.app.test_config import COMPLETE
from tests.running import ORIGIN


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "GET, POST, OPTIONS"),
        ({"CORS_METHODS": "GET,PUT,PATCH,DELETE,OPTIONS"}, "GET, PUT, PATCH, DELETE, OPTIONS"),
    ],
)
def test_a_preflight_hears_the_methods(settings: dict[str, str], expected: str) -> None:
    """Of the settings, as Fetch's preflight wants them."""
    app = create_app(Config.from_environ({**COMPLETE, **settings}))

    answer = app.test_client().options("/health", headers={"Origin": ORIGIN})

    assert expected == answer.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("limit", [10, 2_000_000])
def test_a_body_over_the_limit_is_refused(limit: int) -> None:
    """One byte decides."""
    app = create_app(Config.from_environ({**COMPLETE, "MAX_BODY_BYTES": str(limit)}))
    app.add_url_rule("/upload", "upload", lambda: str(len(request.get_data())), methods=["POST"])
    client = app.test_client()

    answers = [client.post("/upload", data=b"x" * size).status_code for size in (limit, limit + 1)]

    assert [200, 413] == answers
