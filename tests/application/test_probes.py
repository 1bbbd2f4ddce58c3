"""What a deployment asks of the application. `bin/pipeline routes` holds its other routes against template.yaml."""

import importlib
import json

from flask.testing import FlaskClient

PROBES = ("/health", "/ready", "/version")


def test_the_probes_answer(client: FlaskClient) -> None:
    """With a migrated database the smoke test of a deployment passes."""
    assert [200, 200, 200] == [client.get(path).status_code for path in PROBES]


def test_the_entry_answers_an_event(offline: FlaskClient) -> None:
    """What Lambda calls is there, and serves the application; an event is as API Gateway's test console sends it."""
    event = {
        "resource": "/health",
        "path": "/health",
        "httpMethod": "GET",
        "headers": {},
        "requestContext": {},
    }
    reply = importlib.import_module("app.aws").handler(event, None)

    assert (200, {"status": "ok"}) == (reply["statusCode"], json.loads(reply["body"]))
