"""The custom resource: always answers CloudFormation, never drops data, never tells a secret."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import cloudformation, migrate, roles, schema
from app.cloudformation import Answer
from tests.conftest import TestDatabase
from tests.running import ADMIN_ARN, PASSWORD, SECRET_ARN
from tests.secrets_manager import NEEDLE, SHAPES, SecretsManager

pytestmark = pytest.mark.outside


class Context:
    """What Lambda gives beside the event."""

    aws_request_id = "a-request"

    def __init__(self, seconds: float = 300.0) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return int(self._seconds * 1000)


class Stack:
    """Takes the answers that CloudFormation would get."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []
        self.statuses: list[int] = []
        stack = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                stack.answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                stack.content_types.append(self.headers["Content-Type"])
                self.send_response(stack.statuses.pop(0) if stack.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                """Keep the tests' output clean."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    def event(self, kind: str = "Create", **more: Any) -> dict[str, Any]:
        """Return CloudFormation's event."""
        return {
            "RequestType": kind,
            "ResponseURL": f"http://127.0.0.1:{self.server.server_port}/answer?signature=x",
            "StackId": "arn:aws:cloudformation:eu-west-1:111111111111:stack/esclusa-dev/1",
            "RequestId": "1",
            "LogicalResourceId": "Migration",
            "ResourceProperties": {"ReleaseDigest": "d" * 64},
            **more,
        }


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack that waits for answers, and no pause between attempts to reach it."""
    monkeypatch.setattr("app.cloudformation.time.sleep", lambda _: None)
    stack = Stack()
    thread = threading.Thread(target=stack.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield stack
    stack.server.shutdown()
    thread.join()
    stack.server.server_close()


def test_create_makes_roles_and_schema(stack: Stack, environ: dict[str, str], database: TestDatabase) -> None:
    """After success the application's user works with the secret's password, and can read its table."""
    migrate.handler(stack.event(), Context())

    answer = stack.answers[0]
    assert ("SUCCESS", "ledger-schema") == (answer["Status"], answer["PhysicalResourceId"])
    assert answer["Data"]["Applied"].startswith("0001_deployments.sql")
    assert [""] == stack.content_types
    with database.connect("ledger_app", PASSWORD) as connection:
        assert connection.execute("SELECT count(*) FROM ledger.deployment").fetchone() == (0,)


def test_a_repeated_event_changes_nothing(stack: Stack, environ: dict[str, str]) -> None:
    """CloudFormation may send an event twice; the second answer is the same, with nothing applied."""
    migrate.handler(stack.event(), Context())
    migrate.handler(stack.event("Update", PhysicalResourceId="ledger-schema"), Context())

    assert ["SUCCESS", "SUCCESS"] == [answer["Status"] for answer in stack.answers]
    assert stack.answers[1]["Data"] == {"Applied": ""}


def test_the_physical_id_never_changes(stack: Stack, environ: dict[str, str]) -> None:
    """Another id would be a replacement, followed by a Delete of the old one."""
    migrate.handler(stack.event("Update", PhysicalResourceId="as-it-was"), Context())

    assert [answer["PhysicalResourceId"] for answer in stack.answers] == ["as-it-was"]


def test_delete_leaves_the_data(stack: Stack, migrated: dict[str, str]) -> None:
    """Deleting the stack, or undoing its creation, drops nothing."""
    migrate.handler(stack.event("Delete", PhysicalResourceId="ledger-schema"), Context())

    assert [answer["Status"] for answer in stack.answers] == ["SUCCESS"]
    assert migrate.migrate(migrated, 600.0) == []


def test_a_failing_migration_fails_the_deployment_and_leaves_the_schema(
    stack: Stack, migrated: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """FAILED with file, line and reason; the application's previous schema is untouched."""
    shipped = schema.load()
    number = len(shipped) + 1
    broken = tmp_path / f"{number:04}_broken.sql"
    broken.write_text("ALTER TABLE ledger.deployment RENAME TO gone;\nSELECT 1 FROM nowhere;")
    monkeypatch.setattr(
        schema,
        "load",
        lambda: [*shipped, schema.Migration(number, broken.name, broken.read_text(), "0" * 64)],
    )

    migrate.handler(stack.event("Update", PhysicalResourceId="ledger-schema"), Context())

    assert stack.answers[0]["Status"] == "FAILED"
    assert f"{broken.name} line 2 failed and was undone" in stack.answers[0]["Reason"]
    with TestDatabase(
        migrated["DATABASE_HOST"], int(migrated["DATABASE_PORT"]), migrated["DATABASE_NAME"], "", ""
    ).connect("ledger_app", PASSWORD) as connection:
        assert connection.execute("SELECT count(*) FROM ledger.deployment").fetchone() == (0,)


def test_a_slow_migration_is_cancelled_in_time(
    migrated: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is on the whole, so that many short statements can't outlast it either."""
    slow = schema.Migration(99, "0099_slow.sql", "SELECT pg_sleep(0.2);" * 10_000, "0" * 64)
    monkeypatch.setattr(schema, "load", lambda: [slow])

    with pytest.raises(schema.SchemaError, match=r"0099_slow.sql took longer than the deployment allows"):
        migrate.migrate(migrated, 3.0)


def test_two_migrations_do_not_meet(
    migrated: dict[str, str], database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another one holds the lock, a migration waits for its end, for so long and no longer."""
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 1.0)
    other = TestDatabase(
        migrated["DATABASE_HOST"],
        int(migrated["DATABASE_PORT"]),
        migrated["DATABASE_NAME"],
        database.admin_user,
        database.admin_password,
    )
    with other.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended('esclusa.migration', 0))")

        with pytest.raises(schema.SchemaError, match="another migration held the lock for 1 seconds"):
            migrate.migrate(migrated, 600.0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"DATABASE_PORT": "1"}, "the database refused: connection failed"),
        ({"DATABASE_PORT": ""}, "DATABASE_PORT is missing"),
        ({"DATABASE_ADMIN_SECRET_ARN": "arn:unknown"}, "arn:unknown: 400 ResourceNotFoundException"),
        ({"DATABASE_SECRET_ARN": "arn:postgres"}, "the application's secret names the user 'postgres'"),
    ],
)
def test_every_failure_is_answered_with_its_reason(
    stack: Stack,
    environ: dict[str, str],
    secrets_manager: SecretsManager,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    reason: str,
) -> None:
    """The stack never waits for its timeout, and its reason says what to mend."""
    secrets_manager.put("arn:postgres", {"username": "postgres", "password": "irrelevant"})
    for name, value in changes.items():
        monkeypatch.setenv(name, value)

    migrate.handler(stack.event(), Context())

    assert stack.answers[0]["Status"] == "FAILED"
    assert reason in stack.answers[0]["Reason"]


@pytest.mark.parametrize("arn", [SECRET_ARN, ADMIN_ARN])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_secret_of_another_shape_is_answered_without_its_value(
    stack: Stack,
    environ: dict[str, str],
    secrets_manager: SecretsManager,
    capsys: pytest.CaptureFixture[str],
    shape: str,
    arn: str,
) -> None:
    """Whatever lies in either secret: the reason names it, and neither reason nor log has its value."""
    secrets_manager.put(arn, SHAPES[shape])

    migrate.handler(stack.event(), Context())

    written = capsys.readouterr().out + json.dumps(stack.answers)
    assert arn in stack.answers[0]["Reason"]
    assert NEEDLE not in written
    assert "Traceback" not in written


def test_an_unexpected_failure_is_answered_without_its_text(
    stack: Stack, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that nobody thought of may quote anything: the stack gets its name alone."""

    def fail(*_: Any) -> None:
        raise LookupError("something private")

    monkeypatch.setattr(schema, "load", fail)

    migrate.handler(stack.event(), Context())

    assert "LookupError" in stack.answers[0]["Reason"]
    assert "private" not in stack.answers[0]["Reason"]


def test_a_password_that_does_not_work_is_set(
    environ: dict[str, str], database: TestDatabase, secrets_manager: SecretsManager
) -> None:
    """A restored database, or a secret made anew, gets the password that the secret holds now."""
    migrate.migrate(environ, 30.0)
    secrets_manager.put(SECRET_ARN, {"username": "ledger_app", "password": "another-password-than-before"})
    try:
        migrate.migrate(environ, 30.0)
        database.connect("ledger_app", "another-password-than-before").close()
        with pytest.raises(psycopg.OperationalError):
            database.connect("ledger_app", PASSWORD)
    finally:
        secrets_manager.put(SECRET_ARN, {"username": "ledger_app", "password": PASSWORD})
        migrate.migrate(environ, 30.0)


def test_a_password_that_works_is_left_alone(
    migrated: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment in the middle of a rotation must not touch the passwords."""
    monkeypatch.setattr(roles, "set_password", lambda *_: pytest.fail("a password was set"))

    assert migrate.migrate(migrated, 600.0) == []


@pytest.mark.parametrize(("statuses", "puts"), [([503, 500], 3), ([], 1)])
def test_a_busy_stack_is_asked_again(stack: Stack, statuses: list[int], puts: int) -> None:
    """A server error of the answer's address is no reason to leave the stack waiting."""
    stack.statuses = statuses

    cloudformation.send(stack.event(), Answer("id"))

    assert len(stack.answers) == puts


def test_a_refused_answer_is_an_error_of_the_function(stack: Stack) -> None:
    """An expired address stays expired: the function fails, so that its alarm rings."""
    stack.statuses = [403]

    with pytest.raises(OSError, match="403"):
        cloudformation.send(stack.event(), Answer("id"))
    assert len(stack.answers) == 1


def test_a_reason_is_masked_and_short(stack: Stack, environ: dict[str, str]) -> None:
    """Known secrets are blotted out, and the answer stays below CloudFormation's 4 KB."""
    migrate.migrate(environ, 30.0)

    cloudformation.send(stack.event(), Answer("id", reason=f"{PASSWORD} {'x' * 9000}"))

    assert stack.answers[0]["Reason"].startswith("*** xxx")
    assert len(json.dumps(stack.answers[0])) < 4096
