"""The kept connection: it survives rotation, freezes and a lost server, and fails cleanly."""

import socket
import uuid
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from app import database as database_module
from app import roles
from app.config import Config, DatabaseConfig
from app.database import IDLE_SECONDS, Connection, Database, DatabaseUnavailableError
from app.secret import Credentials, Secret
from tests.conftest import TestDatabase
from tests.refusals import PASSWORD as RIGHT
from tests.refusals import REFUSALS, SPOKEN, Server, refusing
from tests.running import PASSWORD, SECRET_ARN
from tests.secrets_manager import SecretsManager
from tests.waiting import Clock


def backend(connection: Connection) -> int:
    """Return the server process of a connection."""
    return connection.pgconn.backend_pid


@pytest.fixture
def clock() -> Clock:
    """The clock of the kept connection."""
    return Clock()


@pytest.fixture
def kept(migrated: dict[str, str], clock: Clock) -> Iterator[Database]:
    """The application's database, with a clock that the test moves."""
    database = Database(Config.from_environ(migrated).database, Secret(SECRET_ARN), clock)
    yield database
    database.close()


def administrator(environ: dict[str, str], service: SecretsManager) -> Connection:
    """Connect as the administrator."""
    value = service.value(environ["DATABASE_ADMIN_SECRET_ARN"])
    return TestDatabase(
        environ["DATABASE_HOST"],
        int(environ["DATABASE_PORT"]),
        environ["DATABASE_NAME"],
        value["username"],
        value["password"],
    ).connect()


def rotate(environ: dict[str, str], service: SecretsManager, user: str, password: str) -> None:
    """Give a user another password, and put it into the secret."""
    with administrator(environ, service) as connection:
        roles.set_password(connection, Credentials(user, password))
    service.put(SECRET_ARN, {"username": user, "password": password})


def test_one_connection_serves_many_requests(kept: Database) -> None:
    """The connection is kept, and the secret is read once."""
    assert kept.run(backend) == kept.run(backend)


def test_a_rotated_password_costs_one_refresh(
    kept: Database, migrated: dict[str, str], secrets_manager: SecretsManager
) -> None:
    """Old credentials refused: one forced refresh, one more attempt, two reads in all."""
    kept.run(backend)
    kept.close()
    try:
        rotate(migrated, secrets_manager, "ledger_app", "another-password-of-the-user")
        secrets_manager.calls.clear()

        assert kept.run(backend) > 0
        assert ["GetSecretValue"] == secrets_manager.calls
    finally:
        rotate(migrated, secrets_manager, "ledger_app", PASSWORD)


def test_a_second_refusal_is_final(kept: Database, secrets_manager: SecretsManager) -> None:
    """When the refreshed credentials are refused too, the request fails after exactly two reads."""
    secrets_manager.put(SECRET_ARN, {"username": "ledger_app", "password": "no-longer-right"})

    with pytest.raises(DatabaseUnavailableError) as caught:
        kept.run(backend)

    assert ["GetSecretValue"] * 2 == secrets_manager.calls
    assert "no-longer-right" not in str(caught.value)


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The users of the connections that were tried."""
    users: list[str] = []
    connect = database_module.connect

    def counted(config: DatabaseConfig, credentials: Credentials) -> Connection:
        users.append(credentials.username)
        return connect(config, credentials)

    monkeypatch.setattr(database_module, "connect", counted)
    return users


@pytest.mark.parametrize("case", REFUSALS)
def test_only_a_refused_password_is_read_anew(
    case: str, migrated: dict[str, str], secrets_manager: SecretsManager, attempts: list[str]
) -> None:
    """With the right password, whatever else the server objects to: one read, one connection, no more."""
    refusal, user = REFUSALS[case], f"refused_{uuid.uuid4().hex}"
    config = replace(Config.from_environ(migrated).database, name=user)
    secrets_manager.put(SECRET_ARN, {"username": user, "password": RIGHT})
    with (
        administrator(migrated, secrets_manager) as connection,
        refusing(connection, refusal, user, config.name),
    ):
        secrets_manager.calls.clear()
        with pytest.raises(DatabaseUnavailableError, match=refusal.state):
            Database(config, Secret(SECRET_ARN)).run(backend)

    assert (["GetSecretValue"], [user]) == (secrets_manager.calls, attempts)


@pytest.mark.parametrize("case", SPOKEN)
def test_a_refused_password_is_told_in_any_language(
    case: str, migrated: dict[str, str], secrets_manager: SecretsManager
) -> None:
    """The server's state counts, not its words."""
    severity, state, message, refused = SPOKEN[case]
    server = Server(severity, state, message)
    secrets_manager.put(SECRET_ARN, {"username": "u", "password": RIGHT})
    with server.serve() as port:
        config = replace(Config.from_environ(migrated).database, port=port)
        with pytest.raises(DatabaseUnavailableError) as caught:
            Database(config, Secret(SECRET_ARN)).run(backend)

    assert [1 + refused] * 2 == [len(secrets_manager.calls), server.attempts]
    assert RIGHT not in str(caught.value)


def test_a_server_without_tls_is_no_refusal(
    migrated: dict[str, str], secrets_manager: SecretsManager, attempts: list[str]
) -> None:
    """The password doesn't leave, so nothing is known of it: one read, one connection."""
    config = replace(Config.from_environ(migrated).database, tls="verify-full")
    with pytest.raises(DatabaseUnavailableError, match="SSL"):
        Database(config, Secret(SECRET_ARN)).run(backend)

    assert (["GetSecretValue"], ["ledger_app"]) == (secrets_manager.calls, attempts)


def test_a_server_that_does_not_answer_is_no_refusal(
    migrated: dict[str, str],
    secrets_manager: SecretsManager,
    attempts: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connection that times out, and one that nobody takes: one read, one connection each."""
    monkeypatch.setattr(database_module, "CONNECT_TIMEOUT_SECONDS", 2)  # the least that psycopg knows
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ports = [silent.getsockname()[1], 1]
        for port in ports:
            secrets_manager.calls.clear()
            config = replace(Config.from_environ(migrated).database, port=port)
            with pytest.raises(DatabaseUnavailableError):
                Database(config, Secret(SECRET_ARN)).run(backend)

            assert ["GetSecretValue"] == secrets_manager.calls

    assert ["ledger_app"] * 2 == attempts


@pytest.mark.parametrize("case", REFUSALS)
def test_migration_sets_a_password_only_for_a_refused_one(
    case: str, migrated: dict[str, str], secrets_manager: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit or a lock on the application's user is reported, and its password left as it is."""
    refusal, user = REFUSALS[case], f"refused_{uuid.uuid4().hex}"
    monkeypatch.setattr(roles, "USERS", (user,))
    config = replace(Config.from_environ(migrated).database, name=user)
    with (
        administrator(migrated, secrets_manager) as connection,
        refusing(connection, refusal, user, config.name),
        pytest.raises(psycopg.OperationalError, match=refusal.state),
    ):
        roles.ensure_password(connection, config, Credentials(user, RIGHT))


def test_a_working_connection_keeps_its_messages_short(kept: Database) -> None:
    """The state is asked for while connecting only: later errors read as they always did."""
    with pytest.raises(psycopg.errors.UndefinedTable) as caught:
        kept.run(lambda connection: connection.execute("SELECT * FROM nowhere"))

    assert "LOCATION" not in str(caught.value)


def test_a_connection_lost_while_idle_is_replaced(
    kept: Database, clock: Clock, migrated: dict[str, str], secrets_manager: SecretsManager
) -> None:
    """After a freeze the server may have closed the connection: the next request doesn't notice."""
    before = kept.run(backend)
    with administrator(migrated, secrets_manager) as connection:
        # pg_signal_backend: a role may end the sessions of roles that it is a member of.
        connection.execute("GRANT ledger_app TO CURRENT_USER")
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [before])

    clock.now += IDLE_SECONDS

    assert before != kept.run(backend)


def test_a_connection_lost_in_use_fails_one_request(
    kept: Database, migrated: dict[str, str], secrets_manager: SecretsManager
) -> None:
    """Work that may have been done is not repeated; the request after it has a new connection."""
    before = kept.run(backend)
    with administrator(migrated, secrets_manager) as connection:
        connection.execute("GRANT ledger_app TO CURRENT_USER")
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [before])

    with pytest.raises(DatabaseUnavailableError):
        kept.run(lambda connection: connection.execute("SELECT 1"))

    assert before != kept.run(backend)


def test_failed_work_leaves_nothing_behind(kept: Database) -> None:
    """An error inside the work undoes all of it and keeps the connection usable."""

    def work(connection: Connection) -> None:
        connection.execute("CREATE TEMPORARY TABLE scratch ()")
        connection.execute("SELECT 1/0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        kept.run(work)

    assert kept.run(lambda c: c.execute("SELECT to_regclass('scratch')").fetchone()) == (None,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.deployment SET status = 'failed'",
        "DELETE FROM ledger.deployment",
        "TRUNCATE ledger.deployment",
        "INSERT INTO ledger.chain VALUES (1, 'x', '\\x00', '\\x00', '\\x00')",
        "DELETE FROM ledger.chain",
        "ALTER TABLE ledger.deployment DISABLE TRIGGER ALL",
        "DROP TABLE ledger.deployment",
        "CREATE TABLE ledger.other ()",
        "SET ROLE ledger_owner",
        "SELECT * FROM ledger.migration",
    ],
)
def test_the_application_s_user_can_only_read_and_add(kept: Database, statement: str) -> None:
    """The database itself refuses everything else, whatever the application does."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        kept.run(lambda connection: connection.execute(sql.SQL(statement)))


@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger.deployment SET detail = ''", "DELETE FROM ledger.chain", "TRUNCATE ledger.chain CASCADE"],
)
def test_even_the_owner_can_t_change_records(
    migrated: dict[str, str], secrets_manager: SecretsManager, statement: str
) -> None:
    """The triggers hold for the owner too, as long as nobody removes them."""
    with administrator(migrated, secrets_manager) as connection:
        connection.execute("SET ROLE ledger_owner")

        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            connection.execute(sql.SQL(statement))
