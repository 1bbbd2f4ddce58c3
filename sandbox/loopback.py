"""A small HTTP server on a free port of 127.0.0.1, in threads of this process; it speaks JSON."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LARGEST = 64 * 1024 * 1024  # bytes of a request's body

type Connection = tuple[tuple[str, int], tuple[str, int]]  # the client's end and ours


@dataclass(frozen=True)
class Request:
    """One request: `path` without its query, `ends` the connection that it came by."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    ends: Connection

    @property
    def bearer(self) -> str:
        """The token of the Authorization header, after `Bearer` or `token`; empty without one."""
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if kind.lower() in ("bearer", "token") else ""


@dataclass(frozen=True)
class Reply:
    """Status, body (bytes as they are, all else as JSON) and further headers."""

    status: HTTPStatus
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Server:
    """Listens from `start` to `stop`, and lets `answer` answer."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self._answer = answer
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen. A second start does nothing."""
        if self._server:
            return
        answer = self._answer

        class Handler(_Handler):
            def reply(self, request: Request) -> Reply:
                return answer(request)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def stop(self) -> None:
        """Stop listening. A second stop does nothing."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        """Where it listens. Raises RuntimeError before `start`."""
        if not self._server:
            raise RuntimeError("The server is not started.")
        return f"http://127.0.0.1:{self._server.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def reply(self, request: Request) -> Reply:
        raise NotImplementedError

    def _do(self) -> None:
        target = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST:
            self._send(Reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"message": f"More than {LARGEST} bytes."}))
            return
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        ends = (self.client_address, self.connection.getsockname())
        body = self.rfile.read(length)
        self._send(self.reply(Request(self.command, target.path, query, self.headers, body, ends)))  # type: ignore[arg-type] # a Message maps names without regard to case

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _do  # noqa: N815 - the names that http.server calls

    def _send(self, reply: Reply) -> None:
        raw = isinstance(reply.body, bytes)
        data = reply.body if raw else json.dumps(reply.body).encode()
        data = b"" if reply.status == HTTPStatus.NO_CONTENT else data
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/octet-stream" if raw else "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's own name
        """Nothing: requests have no place in a terminal."""
