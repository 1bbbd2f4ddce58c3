"""One PostgreSQL connection for the process, which outlives freezes, failovers and rotations."""

import ctypes
import re
import ssl
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg import errors, pq
from psycopg.waiting import Wait

from app.config import DatabaseConfig
from app.log import logger
from app.secret import Credentials, Kept
from app.secrets_manager import SecretUnavailableError

if TYPE_CHECKING:
    from psycopg.abc import PQGenConn

CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_MS = 10_000
IDLE_SECONDS = 5.0
CERTIFICATES = Path(__file__).parent / "certificates.pem"
RDS_CERTIFICATES = Path(__file__).parent / "rds.pem"
RDS = (".rds.amazonaws.com", ".rds.amazonaws.com.cn")

Connection = psycopg.Connection[tuple[Any, ...]]


class DatabaseUnavailableError(Exception):
    """No usable connection; the message has no secret in it."""


class Database:
    """Runs work in transactions on one connection, opened on first use and again when it is lost."""

    def __init__(
        self, config: DatabaseConfig, secret: Kept[Credentials], clock: Callable[[], float] = time.time
    ) -> None:
        self._config = config
        self._secret = secret
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._used_at = 0.0

    def run[T](self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns, in one transaction; DatabaseUnavailableError if there is no connection.

        A connection that idled is asked first whether it still lives, since a frozen function can't
        notice that the other end went away.
        """
        with self._lock:
            connection = self._usable()
            try:
                with connection.transaction():
                    result = work(connection)
            except psycopg.OperationalError as error:
                self._drop()
                raise DatabaseUnavailableError(f"the database went away: {describe(error)}") from None
            self._used_at = self._clock()
            return result

    def close(self) -> None:
        """Close the connection, if there is one."""
        with self._lock:
            self._drop()

    def _usable(self) -> Connection:
        connection = self._connection
        if connection is not None and not 0 <= self._clock() - self._used_at < IDLE_SECONDS:
            try:
                connection.execute("SELECT 1")
            except psycopg.Error:
                logger.info("the kept connection is lost, opening another")
                self._drop()
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> Connection:
        """Connect; on a refused password, and on nothing else, read the secret anew once and try once more."""
        try:
            credentials = self._secret.get()
            try:
                return connect(self._config, credentials)
            except errors.InvalidPassword:
                pass  # the second attempt's failure is told without the first one's
            logger.info("the database refused the kept credentials, reading the secret anew")
            return connect(self._config, self._secret.refresh(credentials))
        except psycopg.OperationalError as error:
            message = f"no connection to the database at {self._config.host}: {describe(error)}"
        except SecretUnavailableError as error:
            message = str(error)
        raise DatabaseUnavailableError(message)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def connect(
    config: DatabaseConfig, credentials: Credentials, *, statement_timeout_ms: int = STATEMENT_TIMEOUT_MS
) -> Connection:
    """Open a connection; psycopg.OperationalError when it can't be had, InvalidPassword if that is why.

    Settings of the session are made when it is open: RDS Proxy refuses a connection that brings them along.
    """
    connection = _Connection.connect(
        autocommit=True,  # transactions are explicit, so that none stays open over a freeze
        host=config.host,
        port=config.port,
        dbname=config.name,
        user=credentials.username,
        password=credentials.password,
        application_name="esclusa",
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        tcp_user_timeout=5000,  # milliseconds; a dead peer is noticed long before the request's end
        keepalives_idle=30,
        target_session_attrs="read-write",  # after a failover the old primary may answer as a replica
        sslmode=config.tls,
        sslrootcert=certificates(config.tls, config.host),
    )
    try:
        connection.execute(_SETTINGS, [str(statement_timeout_ms)])
    except BaseException:
        connection.close()
        raise
    return connection


_SETTINGS = "SELECT set_config('statement_timeout', %s, false), set_config('TimeZone', 'UTC', false)"


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose failure says whether the server refused the password.

    libpq keeps the server's SQLSTATE to itself when a connection fails, and the message's language is the server's
    choice: so the state is made part of the message. psycopg has no function for it, but libpq, which it links, has.
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


def certificates(tls: str, host: str) -> str | None:
    """Return the file of certificate authorities that verify the server, None where TLS is off."""
    if tls == "disable":
        return None
    return _authorities(host)


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


def describe(error: psycopg.Error) -> str:
    """Return the error's text on one line, and what to do where it can be told."""
    text = " ".join(str(error).split())
    return f"{text}; {_AUTHORITY}" if "certificate verify failed" in text else text


_AUTHORITY = (
    "the server's certificate has ended, or no authority that is trusted here signed it: put the one that did beside "
    "the code, as certificates.pem, or for Amazon RDS renew rds.pem by `make certificates`"
)
