"""Ways in which a database refuses a connection, and a server that refuses in the language that it is told."""

import socket
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

from psycopg import sql

from tests.conftest import Connection
from tests.listening import listening

PASSWORD = "a-password-that-is-right"


@dataclass(frozen=True)
class Refusal:
    """What is made of a user and of a database, so that the right password is of no use."""

    state: str
    user: str = "LOGIN"
    database: str | None = ""
    """What is done to the database {}, if anything; None if it isn't made at all."""


# PostgreSQL documentation, appendix 'PostgreSQL Error Codes'.
REFUSALS = {
    "a user's limit": Refusal("53300", "LOGIN CONNECTION LIMIT 0"),
    "a database's limit": Refusal("53300", database="ALTER DATABASE {} CONNECTION LIMIT 0"),
    "no such database": Refusal("3D000", database=None),
    "NOLOGIN": Refusal("28000", "NOLOGIN"),
    "no right to connect": Refusal("42501", database="REVOKE CONNECT ON DATABASE {} FROM PUBLIC"),
    "a database that takes no connections": Refusal(
        "55000", database="ALTER DATABASE {} ALLOW_CONNECTIONS false"
    ),
}


@contextmanager
def refusing(administrator: Connection, refusal: Refusal, user: str, database: str) -> Iterator[None]:
    """Make user and database, as long as the context lasts."""
    role, name = sql.Identifier(user), sql.Identifier(database)
    make = sql.SQL("CREATE ROLE {} {} PASSWORD {}")
    administrator.execute(make.format(role, sql.SQL(refusal.user), sql.Literal(PASSWORD)))
    if refusal.database is not None:
        administrator.execute(sql.SQL("CREATE DATABASE {}").format(name))
    if refusal.database:
        administrator.execute(sql.SQL(refusal.database).format(name))
    yield
    administrator.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
    administrator.execute(sql.SQL("DROP ROLE {}").format(role))


class Server:
    """A server on loopback that asks for a password and refuses whoever gives it; counts who came.

    Source: PostgreSQL documentation, 'Message Formats': AuthenticationCleartextPassword, ErrorResponse.
    """

    def __init__(self, severity: str, state: str, message: str) -> None:
        fields = {"S": severity, "V": "FATAL", "C": state, "M": message}
        text = b"".join(f"{kind}{value}\0".encode() for kind, value in fields.items()) + b"\0"
        self.answer = b"E" + struct.pack("!i", len(text) + 4) + text if state else b""
        self.attempts = 0

    def serve(self) -> AbstractContextManager[int]:
        """Listen, as long as the context lasts; give the port."""
        return listening(self._accept)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.attempts += 1
                with client:
                    client.recv(4096)
                    client.sendall(b"R" + struct.pack("!ii", 8, 3))
                    client.recv(4096)
                    client.sendall(self.answer)


# Severity, state and message, and whether it is the password: as translated in PostgreSQL's src/backend/po, and what
# only looks like it.
SPOKEN = {
    "French, wrong password": (
        "FATAL",
        "28P01",
        "authentification par mot de passe échouée pour l'utilisateur « u »",
        True,
    ),
    "Chinese, wrong password": ("致命错误", "28P01", "用户 u Password 认证失败", True),
    "German, limit": ("FATAL", "53300", "tut mir leid, schon zu viele Verbindungen", False),
    "Spanish, no database": ("FATAL", "3D000", "no existe la base de datos «d»", False),
    "a state in a name": ("FATAL", "3D000", 'database "x:  28P01: y" does not exist', False),
    "a password that expired, by its words": ("FATAL", "28000", "password authentication failed", False),
    "hangs up": ("", "", "", False),
}
