"""The application as it runs: a migrated database, its secret in a Secrets Manager, a test client."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, LiteralString

import pytest
from flask import Flask
from flask.testing import FlaskClient
from psycopg import sql

from app import create_app, log, migrate
from app.config import Config
from app.state import State, state
from tests.conftest import Connection, TestDatabase, new_database
from tests.secrets_manager import ENVIRON, SecretsManager

if TYPE_CHECKING:
    from sandbox.postgres import PostgreSQL

SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:application"
ADMIN_ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:administrator"
PASSWORD = uuid.uuid4().hex  # of the application's user, in every database of this session
ORIGIN = "https://releases.example.com"


@pytest.fixture
def secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretsManager]:
    """A Secrets Manager that the SDKs' own variables point to."""
    with SecretsManager() as service:
        for name, value in {**ENVIRON, "AWS_ENDPOINT_URL": service.endpoint}.items():
            monkeypatch.setenv(name, value)
        yield service


def environment(database: TestDatabase, secrets_manager: SecretsManager) -> dict[str, str]:
    """Put both secrets in place and return the functions' environment."""
    secrets_manager.put(ADMIN_ARN, {"username": database.admin_user, "password": database.admin_password})
    where = {"engine": "postgres", "host": database.host, "port": database.port, "dbname": database.name}
    secrets_manager.put(SECRET_ARN, {**where, "username": "ledger_app", "password": PASSWORD})
    return {
        **ENVIRON,
        "AWS_ENDPOINT_URL": secrets_manager.endpoint,
        "ENVIRONMENT": "dev",
        "COMMIT": "c" * 40,
        "BUNDLE_DIGEST": "b" * 64,
        "RELEASE_DIGEST": "d" * 64,
        "CORS_ORIGINS": ORIGIN,
        "LOG_LEVEL": "INFO",
        "DATABASE_HOST": database.host,
        "DATABASE_PORT": str(database.port),
        "DATABASE_NAME": database.name,
        "DATABASE_TLS": "disable",
        "DATABASE_SECRET_ARN": SECRET_ARN,
        "DATABASE_ADMIN_SECRET_ARN": ADMIN_ARN,
    }


@pytest.fixture
def environ(
    database: TestDatabase, secrets_manager: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The functions' environment, with a database that is still empty."""
    values = environment(database, secrets_manager)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@dataclass(frozen=True)
class Ledger:
    """A migrated database that the tests take in turn, and its administrator's connection to empty it."""

    database: TestDatabase
    connection: Connection

    def empty(self) -> None:
        """Remove every record: three milliseconds, where a copy of the database takes a hundred."""
        self.connection.execute(_EMPTY)

    def keep(self) -> dict[str, bytes]:
        """Every record there is, by its table: what takes a second to record is recorded once."""
        tables = [str(row[0]) for row in self.connection.execute(_TABLES)]
        kept = {}
        for table in tables:
            with self.connection.cursor().copy(_copy("COPY ledger.{} TO STDOUT", table)) as rows:
                kept[table] = b"".join(bytes(part) for part in rows)
        return kept

    def put_back(self, kept: dict[str, bytes]) -> None:
        """Add what was kept to the records that there are."""
        with self.connection.transaction():
            self.connection.execute("SET LOCAL session_replication_role = replica")
            for table, content in kept.items():
                with self.connection.cursor().copy(_copy("COPY ledger.{} FROM STDIN", table)) as rows:
                    rows.write(content)


def _copy(text: LiteralString, table: str) -> sql.Composed:
    return sql.SQL(text).format(sql.Identifier(table))


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'ledger' AND tablename <> 'migration'"

# The tables refuse this by triggers, which an ordinary administrator can't switch off like this.
_EMPTY = """
DO $$
DECLARE
    name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'ledger' AND tablename <> 'migration' LOOP
        EXECUTE format('DELETE FROM ledger.%I', name);
    END LOOP;
END
$$
"""


@pytest.fixture(scope="session")
def ledger(postgresql: "PostgreSQL") -> Iterator[Ledger]:
    """One migrated database for the whole session; a test that changes its schema changes it back."""
    with new_database(postgresql) as database, SecretsManager() as service:
        migrate.migrate(environment(database, service), 600.0)
        with postgresql.wait() as superuser:
            leave = sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}")
            superuser.execute(leave.format(sql.Identifier(database.admin_user)))
        with database.connect() as connection:
            yield Ledger(database, connection)


@pytest.fixture
def migrated(
    ledger: Ledger, secrets_manager: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The functions' environment after the migrations, with nothing recorded yet."""
    ledger.empty()
    values = environment(ledger.database, secrets_manager)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@cache
def _nowhere() -> dict[str, str]:
    """The functions' environment without a database or a secret that answers."""
    database = TestDatabase("127.0.0.1", 1, "ledger", "nobody", "nothing")
    return {**environment(database, SecretsManager()), "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


@pytest.fixture(scope="session")
def built() -> Callable[[dict[str, str]], Flask]:
    """The application with an environment's settings and nothing of the test before, but built once: to compile its
    rules and pages takes longer than most tests. A test that adds a route makes an application of its own."""
    app = create_app(Config.from_environ(_nowhere()))
    config, extensions = dict(app.config), dict(app.extensions)

    def settled(values: dict[str, str]) -> Flask:
        settings = Config.from_environ(values)
        log.configure(settings.log_level)
        vars(app).pop("wsgi_app", None)  # what a test put around it
        for held, before in ((app.config, config), (app.extensions, extensions)):
            held.clear()
            held.update(before)
        app.extensions["esclusa"] = State.of(settings)
        return app

    return settled


@pytest.fixture
def offline(built: Callable[[dict[str, str]], Flask], monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A client of an application that can reach neither its database nor its secret."""
    for name, value in _nowhere().items():
        monkeypatch.setenv(name, value)
    return signing(built(_nowhere()))


@pytest.fixture
def flask_app(built: Callable[[dict[str, str]], Flask], migrated: dict[str, str]) -> Iterator[Flask]:
    """The application, its connection closed afterwards."""
    app = built(migrated)
    yield app
    state(app).database.close()


@pytest.fixture
def client(flask_app: Flask) -> FlaskClient:
    """A client of the application, whose requests IAM authorised."""
    return signing(flask_app)


def signed(identity: str | None = "arn:aws:sts::111111111111:assumed-role/drill/x") -> dict[str, Any]:
    """What the adapter adds to the environ of a request that IAM authorised."""
    return {"aws.event": {"requestContext": {"identity": {"userArn": identity}}}}


def signing(app: Flask, **of: str) -> FlaskClient:
    """A client whose requests IAM authorised."""
    made = app.test_client()
    made.environ_base |= signed(**of)
    return made


def a_deployment(**changes: Any) -> dict[str, Any]:
    """Return a valid deployment as a client sends it."""
    return {
        "id": str(uuid.uuid4()),
        "environment": "dev",
        "commit": "a" * 40,
        "bundle": "b" * 64,
        "release": "d" * 64,
        "version": None,
        "kind": "deploy",
        "status": "succeeded",
        "started_at": "2026-03-01T12:00:00Z",
        "finished_at": "2026-03-01T12:01:30.250000Z",
        "run": "https://github.com/acme/ledger/actions/runs/1",
        "actor": "octocat",
        "detail": None,
        **changes,
    }
