"""A proxy on loopback before the laptop's AWS, which knows every call by name and spoils the one that it is told to."""

import http.client
import json
import re
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from sandbox.aws import Aws

KINDS = ("refused", "time-out", "throttled", "error", "cut", "killed", "killed after")
HOLD = 3.0  # seconds without an answer; longer than the client under test waits
_JSON = ("kms", "ssm", "secretsmanager")
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Fault:
    """What befalls a call from its `nth` time on: always, or `times` times only.

    refused: from then on nobody listens. time-out: silence. throttled, error: AWS's answer of that kind. cut: half
    of the answer. killed: the caller's process, before AWS hears of it; killed after: when AWS has done it.
    """

    call: str
    kind: str
    nth: int = 1
    times: int = 1_000_000


@dataclass
class Proxy:
    """Passes everything on to `aws`, in the context. `heard` are the names of the calls, in their order."""

    aws: Aws
    fault: Fault | None = None
    kill: Callable[[], None] = lambda: None
    heard: list[str] = field(default_factory=list)
    spoiled: int = 0

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"over": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.aws.folder / "server.pem", self.aws.folder / "server-key.pem")
        # The handshake happens in the connection's own thread, so that a slow one holds up no other.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more; a second time does nothing."""
        self._server.shutdown()
        self._server.server_close()

    def variables(self) -> dict[str, str]:
        """What a program needs to come through here."""
        here = f"https://localhost:{self._server.server_address[1]}"
        return {**self.aws.variables(), "AWS_ENDPOINT_URL": here, "AWS_ENDPOINT_URL_EXECUTE_API": here}

    def strikes(self, call: str) -> str:
        """The kind of the fault if it befalls this call, else nothing."""
        self.heard.append(call)
        fault = self.fault
        if fault is None or fault.call != call:
            return ""
        if self.heard.count(call) < fault.nth or self.spoiled >= fault.times:
            return ""
        self.spoiled += 1
        return fault.kind


class _Handler(BaseHTTPRequestHandler):
    over: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        return

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def _pass(self) -> None:
        body = self._body()
        call = named(self.command, self.path, self.headers, body)
        kind = self.over.strikes(call)
        if kind == "killed":
            self.over.kill()
        if kind == "refused":
            threading.Thread(target=self.over.close, daemon=True).start()
        if kind == "time-out":
            time.sleep(HOLD)
        if kind in ("killed", "refused", "time-out"):
            self.close_connection = True
            return
        if kind in ("throttled", "error"):
            status, headers, content = _spoiled(kind, call)
        else:
            status, headers, content = self._ask(body)
        if kind == "killed after":
            self.over.kill()
        self._answer(status, headers, content, cut=kind == "cut")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = _pass  # noqa: N815 - names of the base class

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        raw = b""
        while True:
            line = self.rfile.readline()
            raw += line + self.rfile.read(int(line.split(b";")[0], 16) + 2)
            if line.split(b";")[0].strip() == b"0":
                return raw

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        context = ssl.create_default_context(cafile=str(self.over.aws.ca_bundle))
        place = urlsplit(self.over.aws.endpoint).netloc
        connection = http.client.HTTPSConnection(place, context=context, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("connection", "expect"):
                connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), content

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool) -> None:
        self.send_response_only(status)
        length = next((value for name, value in headers if name.lower() == "content-length"), None)
        for name, value in headers:
            if name.lower() not in _HOP:
                self.send_header(name, value)
        silent = self.command == "HEAD" or status in (204, 304)
        self.send_header(
            "Content-Length", length or "0" if silent else str(len(content) + (cut and not content))
        )
        self.end_headers()
        if cut:
            self.close_connection = True
            content = content[: len(content) // 2]
        if not silent:
            self.wfile.write(content)


def named(method: str, path: str, headers: Message, body: bytes) -> str:
    """The name of a call, such as `cloudformation:ExecuteChangeSet` or `s3:PUT bundles`."""
    if ".execute-api." in headers.get("Host", ""):
        return f"execute-api:{method} {urlsplit(path).path.partition('/live')[2]}"
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", headers.get("Authorization", ""))
    service = scope[1] if scope else "?"
    if service == "s3":
        key = urlsplit(path).path.strip("/").split("/")[1:]
        kind = (
            key[2]
            if len(key) > 3 and key[2] == "attestations"
            else key[-1]
            if key[-1:] == ["withdrawn.json"]
            else ""
        )
        return f"s3:{method} {kind or (key[0] if key else 'bucket')}"
    if headers.get("X-Amz-Target"):
        return f"{service}:{headers['X-Amz-Target'].rpartition('.')[2]}"
    if service == "lambda":
        return f"lambda:{method} {'/'.join(urlsplit(path).path.strip('/').split('/')[1:2])}"
    action = parse_qs(body.decode(errors="replace")).get("Action", ["?"])[0]
    return f"{service}:{action}"


def _spoiled(kind: str, call: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """AWS's answer to a call when it is throttled, or when AWS itself fails."""
    service = call.partition(":")[0]
    throttled = kind == "throttled"
    code = "ThrottlingException" if throttled else "InternalFailure"
    if service in _JSON:
        status, content = (400 if throttled else 500), json.dumps({"__type": code, "message": kind})
    elif service == "execute-api":
        status = 429 if throttled else 502
        content = json.dumps({"message": "Too Many Requests" if throttled else "Internal server error"})
    elif service == "lambda":
        status, content = (429 if throttled else 500), json.dumps({"message": kind, "Type": "Service"})
        code = "TooManyRequestsException" if throttled else "ServiceException"
    elif service == "s3":
        code = "SlowDown" if throttled else "InternalError"
        status, content = (
            (503 if throttled else 500),
            f"<Error><Code>{code}</Code><Message>{kind}</Message></Error>",
        )
    else:
        code = "Throttling" if throttled else code
        status = 400 if throttled else 500
        content = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{kind}</Message></Error>"
            "<RequestId>1</RequestId></ErrorResponse>"
        )
    return status, [("x-amzn-ErrorType", code)], content.encode()
