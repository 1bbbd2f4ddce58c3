"""What rotation does in PostgreSQL: try a password, and set one."""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

CERTIFICATES = Path(__file__).parent / "certificates.pem"

Connection = psycopg.Connection[tuple[Any, ...]]


def connect(user: str, password: str, environ: Mapping[str, str] = os.environ) -> Connection:
    """Connect to the database that the function's environment names; psycopg.OperationalError if it can't.

    Host, port and name come from the environment alone: an altered secret must not lead the
    administrator's password to another server.
    """
    return psycopg.connect(
        autocommit=True,
        host=environ["DATABASE_HOST"],
        port=int(environ["DATABASE_PORT"]),
        dbname=environ["DATABASE_NAME"],
        user=user,
        password=password,
        application_name="esclusa-rotation",
        connect_timeout=5,
        options="-c statement_timeout=10000",
        **_tls(environ["DATABASE_TLS"]),
    )


def _tls(mode: str) -> dict[str, Any]:
    """Return libpq's settings: 'disable' for a database on the same machine, anything else verifies fully."""
    if mode == "disable":
        return {"sslmode": "disable"}
    return {"sslmode": "verify-full", "sslrootcert": _authorities()}


def _authorities() -> str:
    """Name the file of certificate authorities: one beside the code, such as Amazon RDS's own, else the system's.

    Python knows where the system keeps them; the OpenSSL inside psycopg's wheel was built elsewhere.
    """
    return str(CERTIFICATES) if CERTIFICATES.exists() else ssl.get_default_verify_paths().cafile or "system"


def works(user: str, password: str) -> bool:
    """Tell whether the user can connect; any failure after the password was sent counts as no."""
    try:
        connect(user, password).close()
    except psycopg.OperationalError as error:
        # No SQLSTATE comes with a failed connection, and the text's language is the server's choice.
        if error.pgconn is None or not error.pgconn.used_password:
            raise
        return False
    return True


def set_password(connection: Connection, user: str, password: str) -> None:
    """Set a user's password; only its SCRAM verifier leaves this process, so no server log can hold it."""
    verifier = connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(user), sql.Literal(verifier.decode()))
    )
