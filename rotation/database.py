"""What rotation does in PostgreSQL: try a password, and set one."""

import ctypes
import os
import re
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg import errors, pq, sql
from psycopg.waiting import Wait

if TYPE_CHECKING:
    from psycopg.abc import PQGenConn

CERTIFICATES = Path(__file__).parent / "certificates.pem"
RDS_CERTIFICATES = Path(__file__).parent / "rds.pem"
RDS = (".rds.amazonaws.com", ".rds.amazonaws.com.cn")

Connection = psycopg.Connection[tuple[Any, ...]]


def connect(user: str, password: str, environ: Mapping[str, str] = os.environ) -> Connection:
    """Connect to the database that the function's environment names; psycopg.OperationalError if it can't.

    InvalidPassword, which is one, if the server refused the password.

    Host, port and name come from the environment alone: an altered secret must not lead the
    administrator's password to another server. Settings of the session are made when it is open: RDS Proxy refuses a
    connection that brings them along.
    """
    connection = _Connection.connect(
        autocommit=True,
        host=environ["DATABASE_HOST"],
        port=int(environ["DATABASE_PORT"]),
        dbname=environ["DATABASE_NAME"],
        user=user,
        password=password,
        application_name="esclusa-rotation",
        connect_timeout=5,
        **_tls(environ["DATABASE_TLS"], environ["DATABASE_HOST"]),
    )
    try:
        connection.execute("SET statement_timeout = 10000")
    except BaseException:
        connection.close()
        raise
    return connection


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose failure says whether the server refused the password.

    libpq keeps the server's SQLSTATE to itself when a connection fails, and the message's language is the server's
    choice: so the state is made part of the message. psycopg has no function for it, but libpq, which it links, has.
    The application, which ships apart, has the same in app/database.py.
    Source: PostgreSQL documentation, libpq, PQsetErrorVerbosity; appendix 'PostgreSQL Error Codes'.
    """

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> "PQGenConn[Self]":
        pgconn = pq.PGconn.connect_start(conninfo.encode())
        _set_verbosity(pgconn, _VERBOSE)
        while pgconn.status != pq.ConnStatus.BAD:
            polled = pgconn.connect_poll()
            if polled == pq.PollingStatus.OK:
                _set_verbosity(pgconn, _DEFAULT)
                pgconn.nonblocking = 1
                return cls(pgconn)
            if polled == pq.PollingStatus.FAILED:
                break
            while not (yield pgconn.socket, _WAITS[pq.PollingStatus(polled)]):
                pass
        message = f"connection failed: {pgconn.get_error_message()}"
        pgconn.finish()
        # A line an address: severity, two blanks, state, in whatever language. The last address is what counts.
        refused = re.findall(r"^.*?:  ([0-9A-Z]{5}): ", message, re.MULTILINE)[-1:] == ["28P01"]
        raise (errors.InvalidPassword if refused else errors.OperationalError)(message)


_WAITS = {pq.PollingStatus.READING: Wait.R, pq.PollingStatus.WRITING: Wait.W}
_DEFAULT, _VERBOSE = 1, 2  # PGVerbosity
_libpq = ctypes.CDLL(sys.modules[pq.PGconn.__module__].__file__ or "")


def _set_verbosity(pgconn: Any, verbosity: int) -> None:  # psycopg's types leave out `pgconn_ptr`
    _libpq.PQsetErrorVerbosity(ctypes.c_void_p(pgconn.pgconn_ptr), verbosity)


def _tls(mode: str, host: str) -> dict[str, Any]:
    """Return libpq's settings: 'disable' for a database on the same machine, anything else verifies fully."""
    if mode == "disable":
        return {"sslmode": "disable"}
    return {"sslmode": "verify-full", "sslrootcert": _authorities(host)}


def _authorities(host: str) -> str:
    """Name the file of certificate authorities: the team's own beside the code, Amazon RDS's for one of its hosts,
    else the system's.

    Python knows where the system keeps them; the OpenSSL inside psycopg's wheel was built elsewhere.
    """
    if CERTIFICATES.exists():
        return str(CERTIFICATES)
    if host.lower().endswith(RDS):
        return str(RDS_CERTIFICATES)
    return ssl.get_default_verify_paths().cafile or "system"


def works(user: str, password: str) -> bool:
    """Tell whether the user can connect; psycopg.OperationalError for any failure but a refused password."""
    try:
        connect(user, password).close()
    except errors.InvalidPassword:
        return False
    return True


def set_password(connection: Connection, user: str, password: str) -> None:
    """Set a user's password; only its SCRAM verifier leaves this process, so no server log can hold it."""
    verifier = connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(user), sql.Literal(verifier.decode()))
    )
