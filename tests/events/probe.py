"""Applications that show what an adapter makes of events, and that use WSGI's rarer parts."""

import gzip
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Flask, Response, jsonify, make_response, request, url_for

PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
DATED = (
    "a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Path=/",
    "b=2; Expires=Thu, 10 Jun 2027 10:18:14 GMT; Path=/",
)
GZIPPED = gzip.compress(b'{"a": 1}', mtime=0)
LARGE = 7 * 1024 * 1024

flask = Flask(__name__)


@flask.route("/", defaults={"rest": ""}, methods=["GET", "POST"])
@flask.route("/<path:rest>", methods=["GET", "POST"])
def echo(rest: str) -> Response:
    """What the application sees of the request."""
    return jsonify(
        path=request.path,
        url=request.url,
        link=url_for("echo", rest="other", _external=True),
        args=request.args.to_dict(flat=False),
        cookies=request.cookies,
        address=request.remote_addr,
        body=request.get_data().hex(),
        length=request.environ["CONTENT_LENGTH"],
        type=request.content_type,
        many=request.headers.get("X-Many"),
    )


@flask.get("/cookies")
def cookies() -> Response:
    """Two cookies and two values of Vary."""
    response = make_response("")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    response.headers.add("Vary", "Accept")
    response.headers.add("Vary", "Origin")
    return response


@flask.get("/empty")
def empty() -> tuple[str, int]:
    """No content."""
    return "", 204


def only_get(environ: Any, start_response: Any) -> Iterable[bytes]:
    """A view that answers OPTIONS and HEAD by Flask's own means."""
    application = Flask(__name__)
    application.add_url_rule("/only-get", view_func=lambda: "text", methods=["GET"])

    @application.after_request
    def sort(response: Response) -> Response:  # Flask lists them in the order of a set
        if "Allow" in response.headers:
            response.headers["Allow"] = ", ".join(sorted(response.allow))
        return response

    return application(environ, start_response)


def fixed(status: str, headers: list[tuple[str, str]], body: bytes) -> Callable[..., Iterable[bytes]]:
    """An application with one answer."""

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(status, headers)
        return [body]

    return application


png = fixed("200 OK", [("content-type", "image/png")], PNG)
gzipped = fixed("200 OK", [("Content-Type", "application/json"), ("Content-Encoding", "gzip")], GZIPPED)
unnamed = fixed("200 OK", [("Content-Type", "application/vnd.example")], PNG)
latin = fixed("200 OK", [("Content-Type", "text/plain; charset=iso-8859-1")], "caffè".encode("latin-1"))
dated = fixed("200 OK", [("Set-Cookie", cookie) for cookie in DATED], b"")
not_modified = fixed("304 Not Modified", [("ETag", '"1"')], b"")
teapot = fixed("418 I'm a teapot", [("Content-Type", "text/plain")], "Grüße".encode())
large = fixed("200 OK", [("Content-Type", "text/plain")], b"x" * LARGE)
large_binary = fixed("200 OK", [("Content-Type", "image/png")], b"\xff" * (LARGE * 3 // 4))
escaped = fixed("200 OK", [("Content-Type", "text/plain")], b"\x01" * (LARGE // 6))
"""Small as bytes, over the limit as JSON, which writes each byte as six."""


def late(environ: Any, start_response: Any) -> Iterator[bytes]:
    """A generator: start_response is called when its first piece is asked for, and `write` in between."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"one ")
    yield b"two "
    write(b"three ")
    yield b"four"


def rude(environ: Any, start_response: Any) -> Iterable[bytes]:
    """An application that replies without calling start_response."""
    return [b"text"]


def twice(environ: Any, start_response: Any) -> Iterable[bytes]:
    """An application that starts its response twice, without an error to show."""
    start_response("200 OK", [])
    start_response("404 Not Found", [])
    return []


def failing(environ: Any, start_response: Any) -> Iterable[bytes]:
    """An application that fails at once."""
    raise ValueError("the password is hunter2")


def failing_later(environ: Any, start_response: Any) -> Iterator[bytes]:
    """An application that fails after the first piece of its reply."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"partial"
    raise ValueError("the password is hunter2")


def recovering(environ: Any, start_response: Any) -> Iterable[bytes]:
    """An application that replaces what it had begun by an error page: PEP 3333's use of exc_info."""
    write = start_response("200 OK", [("Content-Type", "text/html"), ("X-Begun", "yes")])
    write(b"<table>")
    try:
        int("hunter2")
    except ValueError:
        start_response("503 Service Unavailable", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"try again"]
