"""What stands before PostgreSQL on AWS and isn't PostgreSQL: RDS Proxy's manners, and TLS.

Sources: PostgreSQL documentation, 'Message Formats' (StartupMessage, SSLRequest, CancelRequest, ErrorResponse).
RDS Proxy answers a connection that brings `options` along with "Feature not supported: RDS Proxy currently doesn't
support command-line options" (psycopg/psycopg2#1577, stac-utils/pgstac#156); that it heeds no CancelRequest is assumed.
"""

import select
import socket
import ssl
import struct
import threading
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

from tests.listening import listening

_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
_REFUSAL = "Feature not supported: RDS Proxy currently doesn't support command-line options."


@dataclass
class Proxy:
    """Passes on what a session says to the server at `host` and `port`; keeps what it was asked.

    With `tls` it speaks that to its clients, and refuses those who don't.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
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
        with socket.create_connection((self.host, self.port)) as server:
            server.sendall(struct.pack("!ii", len(body) + 8, code) + body)
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
    return b"E" + struct.pack("!i", len(text) + 4) + text
