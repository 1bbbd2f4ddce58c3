"""The kept connection: it survives rotation, freezes and a lost server, and fails cleanly."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from app import roles
from app.config import Config
from app.database import IDLE_SECONDS, Connection, Database, DatabaseUnavailableError
from app.secret import Credentials, Secret
from tests.app.conftest import PASSWORD, SECRET_ARN
from tests.app.secrets_manager import SecretsManager
from tests.app.test_secret import Clock
from tests.conftest import TestDatabase


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
