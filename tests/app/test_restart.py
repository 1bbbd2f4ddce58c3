"""A database that goes away and comes back, under an application that goes on."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from flask import Flask

from app import create_app, database, migrate
from app.config import Config
from app.database import IDLE_SECONDS
from app.state import state
from sandbox.postgres import PostgreSQL
from tests.conftest import TestDatabase
from tests.running import environment
from tests.secrets_manager import SecretsManager

pytestmark = pytest.mark.e2e


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    """A server that no other test uses."""
    with tempfile.TemporaryDirectory(prefix="esclusa-tests-") as folder:
        Path(folder).chmod(0o755)
        with PostgreSQL(Path(folder)) as server:
            yield server


@pytest.fixture
def serving(
    server: PostgreSQL, secrets_manager: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """An application that has served a request from it, with a route that reads and one that writes."""
    admin = server.administrator
    database = TestDatabase(server.host, server.port, admin.database, admin.user, admin.password)
    values = environment(database, secrets_manager)
    migrate.migrate(values, 600.0)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    app = create_app(Config.from_environ(values))

    def read() -> str:
        return str(state(app).database.run(lambda connection: connection.execute("SELECT 1").fetchone()))

    def write() -> str:
        statement = "CREATE TEMPORARY TABLE IF NOT EXISTS noted ()"
        return state(app).database.run(lambda connection: connection.execute(statement).statusmessage or "")

    app.add_url_rule("/read", view_func=read)
    app.add_url_rule("/write", view_func=write, methods=["POST"])
    assert app.test_client().get("/ready").status_code == 200
    yield app
    state(app).database.close()


def restart(server: PostgreSQL) -> None:
    """Stop the server and start it again on its data."""
    server.pause()
    server.resume()
    server.wait().close()


def test_while_the_database_is_away_the_answer_is_503(
    server: PostgreSQL, serving: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For reads and writes, after one look for the database at most; health is not touched, and afterwards all is as
    before."""
    connect = Mock(side_effect=database.connect)
    monkeypatch.setattr(database, "connect", connect)
    client = serving.test_client()
    server.pause()
    away = [client.get("/ready"), client.get("/read"), client.post("/write")]
    looks = connect.call_count
    healthy = client.get("/health").status_code
    server.resume()
    server.wait().close()
    back = [client.get("/ready"), client.get("/read"), client.post("/write")]

    assert [503] * 3 == [answer.status_code for answer in away]
    assert {("application/problem+json", "5")} == {
        (answer.content_type, answer.headers["Retry-After"]) for answer in away
    }
    assert looks <= len(away)
    assert (200, [200] * 3) == (healthy, [answer.status_code for answer in back])


def test_a_restart_while_nobody_asks_is_not_noticed(
    server: PostgreSQL, serving: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after Lambda's freeze: the kept connection is asked first whether it lives."""
    restart(server)
    monkeypatch.setattr(state(serving).database, "_clock", lambda: time.time() + IDLE_SECONDS)

    assert serving.test_client().get("/ready").status_code == 200


def test_a_restart_between_two_requests_fails_one(server: PostgreSQL, serving: Flask) -> None:
    """What may have been done is not repeated by itself: one 503, which says to try again, and then it works."""
    restart(server)
    client = serving.test_client()

    assert [503, 200, 200] == [client.get("/ready").status_code for _ in range(3)]
