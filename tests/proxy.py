"""What stands before PostgreSQL on AWS and isn't PostgreSQL: RDS Proxy's manners, TLS, and IAM's tokens.

Sources: PostgreSQL documentation, 'Message Formats' (StartupMessage, SSLRequest, CancelRequest, ErrorResponse,
AuthenticationCleartextPassword, PasswordMessage, ParameterStatus, BackendKeyData, ReadyForQuery) and 'Protocol Flow';
its auth.c, where a failure of PAM is 28000. That RDS asks for a token by PAM, and what a token is: Amazon RDS user
guide, "IAM database authentication", and botocore's generate_db_auth_token, by which a token is made again here and
compared.
RDS Proxy answers a connection that brings `options` along with "Feature not supported: RDS Proxy currently doesn't
support command-line options" (psycopg/psycopg2#1577, stac-utils/pgstac#156); that it heeds no CancelRequest is assumed.
"""

import datetime as dt
import os
import select
import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from unittest import mock
from urllib.parse import parse_qs

import boto3
import psycopg
from botocore import auth

from tests.listening import listening

_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
_REFUSAL = "Feature not supported: RDS Proxy currently doesn't support command-line options."


@dataclass
class Tokens:
    """Stands in for IAM before a database: knows whose credentials may become which of its users.

    `session` has the credentials and the region; `passwords` are the users' at the server behind, which no client
    knows. `host` is the server's name. Keeps why it refused, which no client is told.
    """

    session: boto3.Session
    passwords: Mapping[str, str]
    host: str = "localhost"
    now: dt.datetime | None = None
    refused: list[str] = field(default_factory=list)

    def fault(self, token: str, user: str, port: int) -> str:
        """Why the token doesn't open the database at `port` to the user; "" where it does."""
        if user not in self.passwords:
            return f"{user} may not be had by IAM"
        try:
            given = parse_qs(token.partition("/?")[2])["X-Amz-Date"][0]
            signed = dt.datetime.strptime(given, "%Y%m%dT%H%M%SZ")  # noqa: DTZ007 - as botocore has it
        except (LookupError, ValueError):
            return "that is no token"
        with mock.patch.object(auth, "get_current_datetime", return_value=signed):
            right = self.session.client("rds").generate_db_auth_token(self.host, port, user)
        if _parts(token) != _parts(right):
            return "the signature is another, or for something else"
        now = self.now or dt.datetime.now(dt.UTC)
        age = now - signed.replace(tzinfo=dt.UTC)
        return "" if abs(age) < dt.timedelta(minutes=15) else f"it is {age} old"


def _parts(token: str) -> tuple[str, dict[str, list[str]]]:
    where, _, query = token.partition("?")
    return where, parse_qs(query, keep_blank_values=True)


@dataclass
class Proxy:
    """Passes on what a session says to the server at `host` and `port`; keeps what it was asked.

    With `tls` it speaks that to its clients, and refuses those who don't; with `tokens` it wants one of each.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    tokens: Tokens | None = None
    startups: list[dict[str, str]] = field(default_factory=list)
    cancelled: int = 0

    def serve(self) -> AbstractContextManager[int]:
        """Listen, as long as the context lasts; give the port."""
        return listening(self._accept)

    def _accept(self, listener: socket.socket) -> None:
        sessions = []
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                sessions.append(threading.Thread(target=self._session, args=(client,)))
                sessions[-1].start()
        for session in sessions:
            session.join()

    def _session(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            plain = True
            while True:
                code, body = self._packet(client)
                if code == _SSL and plain and self.tls:
                    client.sendall(b"S")
                    client = self.tls.wrap_socket(client, server_side=True)
                    plain = False
                elif code in (_SSL, _GSS):
                    client.sendall(b"N")
                else:
                    break
            with client:
                if code == _CANCEL:
                    self.cancelled += 1
                elif self.tls and plain:
                    client.sendall(_error("28000", "This RDS proxy requires TLS connections."))
                else:
                    self._begin(client, code, body)

    def _begin(self, client: socket.socket, code: int, body: bytes) -> None:
        words = body.split(b"\0")
        given = {
            key.decode(): value.decode() for key, value in zip(words[::2], words[1::2], strict=False) if key
        }
        self.startups.append(given)
        if "options" in given:
            client.sendall(_error("0A000", _REFUSAL))
            return
        if self.tokens is not None:
            self._by_token(self.tokens, client, given)
            return
        with socket.create_connection((self.host, self.port)) as server:
            server.sendall(struct.pack("!ii", len(body) + 8, code) + body)
            _pass_on(client, server)

    def _by_token(self, tokens: Tokens, client: socket.socket, given: Mapping[str, str]) -> None:
        client.sendall(_message(b"R", struct.pack("!i", 3)))  # a password in the clear, within TLS
        kind, length = struct.unpack("!ci", _exactly(client, 5))
        token = _exactly(client, length - 4).rstrip(b"\0").decode() if kind == b"p" else ""
        if fault := tokens.fault(token, given["user"], client.getsockname()[1]):
            tokens.refused.append(fault)
            client.sendall(_error("28000", f'PAM authentication failed for user "{given["user"]}"'))
            return
        with psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=given["database"],
            user=given["user"],
            password=tokens.passwords[given["user"]],
            autocommit=True,
        ) as behind:
            told = {
                name: behind.info.parameter_status(name)
                for name in (
                    "server_version",
                    "client_encoding",
                    "DateStyle",
                    "integer_datetimes",
                    "TimeZone",
                )
            }
            client.sendall(
                _message(b"R", struct.pack("!i", 0))
                + b"".join(_message(b"S", f"{name}\0{value}\0".encode()) for name, value in told.items())
                + _message(b"K", struct.pack("!ii", 1, 1))
                + _message(b"Z", b"I")
            )
            with socket.socket(fileno=os.dup(behind.fileno())) as server:
                _pass_on(client, server)

    @staticmethod
    def _packet(client: socket.socket) -> tuple[int, bytes]:
        length, code = struct.unpack("!ii", _exactly(client, 8))
        return code, _exactly(client, length - 8)


def _exactly(client: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = client.recv(count - len(found))
        if not part:
            raise ConnectionError
        found += part
    return found


def _pass_on(client: socket.socket, server: socket.socket) -> None:
    """Both ways, until one of them ends."""
    while True:
        pending = isinstance(client, ssl.SSLSocket) and client.pending()
        ready = [client] if pending else select.select([client, server], [], [])[0]
        for one in ready:
            part = one.recv(65536)
            if not part:
                return
            (server if one is client else client).sendall(part)


def _error(state: str, message: str) -> bytes:
    fields = {"S": "FATAL", "V": "FATAL", "C": state, "M": message}
    text = b"".join(f"{kind}{value}\0".encode() for kind, value in fields.items()) + b"\0"
    return _message(b"E", text)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body
