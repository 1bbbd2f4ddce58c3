"""What AWS's SDK raises, in this command's words and exit codes."""

import socket
import threading

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
)

from pipeline.base.errors import PipelineError
from pipeline.delivery import aws
from tests.pipeline.cloud import environment, refused


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (NoCredentialsError(), 2, "there are no AWS credentials"),
        (EndpointConnectionError(endpoint_url="https://x"), 2, "AWS can't be reached"),
        (refused("ExpiredToken"), 2, "the credentials have expired"),
        (refused("ExpiredTokenException"), 2, "the credentials have expired"),
        (refused("InvalidClientTokenId"), 2, "does not know these credentials"),
        (refused("AccessDenied"), 1, "refused"),
        (refused("AccessDeniedException"), 1, "refused"),
        (refused("ValidationError", "wrong"), 1, "ValidationError: wrong"),
        (BotoCoreError(), 2, "reading it: "),
    ],
)
def test_each_error_says_what_failed_and_ends_with_its_status(
    error: ClientError | BotoCoreError, status: int, message: str
) -> None:
    """2 where the machine is not set up, 1 where AWS judged and refused."""
    with pytest.raises(PipelineError, match=message) as caught, aws.errors("reading it"):
        raise error

    assert status == caught.value.exit_code
    assert caught.value.message.startswith("reading it: ")


@pytest.mark.parametrize("missing", [0, 4])
def test_half_an_answer_is_no_answer(missing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would take it for an empty success; a whole one is taken as it is."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    body = b'{"Parameter": {"Value": "v"}}'
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer, args=(server, body, missing), daemon=True).start()
        client = aws.session(environment()).client(
            "ssm", endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}"
        )
        try:
            with aws.errors("reading it"):
                said = client.get_parameter(Name="x")["Parameter"]["Value"]
        except PipelineError as error:
            said = error.message

    assert (
        "v" if missing == 0 else f"reading it: {len(body) - 4} read, but total bytes expected is {len(body)}."
    ) == said


def _answer(server: socket.socket, body: bytes, missing: int) -> None:
    """One answer to one request, read whole: a socket closed on unread bytes is reset, and the SDK asks again."""
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as request:
        headers = [line.lower().split(b":", 1) for line in iter(request.readline, b"\r\n")]
        request.read(next(int(words[1]) for words in headers if words[0] == b"content-length"))
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body[: len(body) - missing])
