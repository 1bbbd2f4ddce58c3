"""What a deployment asks of the application. `bin/pipeline routes` holds its other routes against template.yaml."""

from flask.testing import FlaskClient

PROBES = ("/health", "/ready", "/version")


def test_the_probes_answer(client: FlaskClient) -> None:
    """With a migrated database the smoke test of a deployment passes."""
    assert [200, 200, 200] == [client.get(path).status_code for path in PROBES]
