"""Requests over HTTP, against a server that answers as it is told."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pipeline.base import github, http
from pipeline.base.errors import GateError

pytestmark = pytest.mark.outside

type Told = tuple[int, dict[str, str], bytes]


class Server(HTTPServer):
    """Answers one after the other, and keeps what was asked."""

    told: list[Told]
    asked: list[tuple[str, str]]


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path))
        status, headers, body = self.server.told.pop(0)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # noqa: N815 - the names are the library's

    def log_message(self, *_: object) -> None:
        """Nothing of it on the terminal."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), _Handler) as made:
        made.told, made.asked = [], []
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setattr(http, "_BACKOFF", 0)
        monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{made.server_port}")
        monkeypatch.setenv("GITHUB_REPOSITORY", "acme/ledger")
        monkeypatch.setenv("GITHUB_TOKEN", "t")
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()


def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/a"


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ([(500, {}, b""), (502, {}, b""), (200, {}, b"{}")], 200),
        ([(403, {"Retry-After": "0"}, b""), (200, {}, b"{}")], 200),  # a secondary limit
        ([(429, {"Retry-After": "0"}, b""), (200, {}, b"{}")], 200),
        ([(503, {}, b"")] * 4, 503),
        ([(403, {}, b"")], 403),  # refused, and not a limit
        ([(404, {}, b"")], 404),
        ([(302, {"Location": "/b"}, b"")], 302),
    ],
)
def test_a_patient_read_is_asked_again(server: Server, told: list[Told], status: int) -> None:
    """After a fault of the server or where it asks for patience, three times, and no redirect is followed."""
    server.told = list(told)
    answer = http.send("GET", url(server), headers={}, patient=True)

    assert (status, len(told)) == (answer.status, len(server.asked))


@pytest.mark.parametrize(("method", "patient"), [("POST", True), ("PATCH", False), ("GET", False)])
def test_what_may_have_been_done_is_not_asked_again(server: Server, method: str, patient: bool) -> None:
    """What was made may be there already; a read of the API is judged by its first answer."""
    server.told = [(500, {}, b"no"), (200, {}, b"{}")]
    answer = http.send(method, url(server), headers={}, body=b"x", patient=patient)

    assert (500, "no", None, 1) == (answer.status, answer.text, answer.data, len(server.asked))


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_what_is_the_same_when_done_twice_is_asked_again(server: Server, method: str) -> None:
    """A change to what was asked for, and a removal."""
    server.told = [(502, {}, b""), (200, {}, b"{}")]

    assert 200 == http.send(method, url(server), headers={}, body=b"x", patient=True).status


@pytest.mark.parametrize("status", [403, 429])
def test_what_a_limit_refused_was_not_done(server: Server, status: int) -> None:
    """Also a POST is asked again then; one that the server failed at isn't."""
    server.told = [(status, {"Retry-After": "0"}, b""), (200, {}, b"{}")]

    assert 200 == http.send("POST", url(server), headers={}, body=b"x", patient=True).status


def test_github_is_asked_again_for_a_read(server: Server) -> None:
    """One bad moment of GitHub ends no deployment."""
    server.told = [(502, {}, b""), (200, {}, b'[{"id": 1}]')]

    assert [{"id": 1}] == github.get("issues")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ((500, {}, b"oh"), "answered POST /repos/acme/ledger/issues with 500: 'oh'"),
        ((403, {}, b""), "refused POST /repos/acme/ledger/issues with 403"),
        ((200, {}, b"<html>"), "something else than JSON"),
        ((200, {}, b"[" * 100_000), "something else than JSON"),
    ],
)
def test_what_github_answers_to_a_write(server: Server, told: Told, said: str) -> None:
    """Is told as it is, once."""
    server.told = [(200, {}, b"[]"), told]

    with pytest.raises(GateError, match=said):
        github.keep_issue("<!-- mark -->", "title", "text")


@pytest.mark.parametrize("patient", [True, False])
def test_nobody_there_says_whom_it_asked(patient: bool) -> None:
    """But not what stands behind the question mark, which may open something."""
    with pytest.raises(GateError, match=r"no answer to GET http://127\.0\.0\.1:9/a: ") as caught:
        http.send("GET", "http://127.0.0.1:9/a?secret=x", headers={}, patient=patient)

    assert "secret" not in caught.value.message
