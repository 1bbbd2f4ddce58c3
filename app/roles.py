"""The database's roles: an owner, a group that holds the privileges, and two login users in turn, or one of IAM's."""

from collections.abc import Sequence

import psycopg
from psycopg import errors, sql

from app.config import DatabaseConfig
from app.database import Connection, connect, describe
from app.secret import Credentials

OWNER = "ledger_owner"
GROUP = "ledger"
USERS = ("ledger_app", "ledger_app_clone")
_IAM = "rds_iam"  # Amazon RDS's own: who is granted it logs in by a token, and by no password any more


class RoleError(Exception):
    """The roles can't be brought into the state that the application needs."""


def ensure(connection: Connection, users: Sequence[str] = USERS) -> None:
    """Create what is missing of roles and schema; the connection is the administrator's."""
    for role in (OWNER, GROUP):
        _create(connection, role, "NOLOGIN")
    for user in users:
        _create(connection, user, "LOGIN")
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(GROUP), sql.Identifier(user)))
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))
    connection.execute(
        sql.SQL("CREATE SCHEMA IF NOT EXISTS ledger AUTHORIZATION {}").format(sql.Identifier(OWNER))
    )


def ensure_token(connection: Connection, user: str) -> None:
    """Let IAM decide who logs in as the user. Users with passwords stay: the release before this one has them."""
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [_IAM]).fetchone() is None:
        raise RoleError(
            f"the database has no role {_IAM}, which Amazon RDS makes: IAM lets nobody in there; "
            "deploy with DatabaseAuthentication=password"
        )
    connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(_IAM), sql.Identifier(user)))


def ensure_password(connection: Connection, config: DatabaseConfig, credentials: Credentials) -> bool:
    """Give the application's user the secret's password unless it works already; True if it was set."""
    if credentials.username not in USERS:
        raise RoleError(
            f"the application's secret names the user {credentials.username!r}; "
            f"it must be one of {', '.join(USERS)}"
        )
    try:
        connect(config, credentials).close()
    except errors.InvalidPassword:
        pass
    else:
        return False
    set_password(connection, credentials)
    try:
        connect(config, credentials).close()
    except psycopg.OperationalError as error:
        raise RoleError(
            f"user {credentials.username} can't connect with its new password: {describe(error)}"
        ) from None
    return True


def set_password(connection: Connection, credentials: Credentials) -> None:
    """Set a user's password; only its SCRAM verifier leaves this process, so no server log can hold it."""
    verifier = connection.pgconn.encrypt_password(
        credentials.password.encode(), credentials.username.encode(), b"scram-sha-256"
    )
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(
            sql.Identifier(credentials.username), sql.Literal(verifier.decode())
        )
    )


def _create(connection: Connection, role: str, login: str) -> None:
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    if known is None:
        connection.execute(
            sql.SQL("CREATE ROLE {} NOSUPERUSER NOCREATEDB NOCREATEROLE {}").format(
                sql.Identifier(role), sql.SQL(login)
            )
        )
