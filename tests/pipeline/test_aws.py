"""What AWS's SDK raises, in this command's words and exit codes."""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError

from pipeline.base.errors import ConfigurationError, PipelineError
from pipeline.delivery import aws
from pipeline.source import samconfig
from tests.pipeline.cloud import environment, refused
from tests.sandbox.shop import written


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


@pytest.mark.outside
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


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[AWSPreparedRequest]:
    """What a session sends; it is answered with nothing, by nobody."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    return []


def client(sent: list[AWSPreparedRequest], service: str = "s3") -> Any:
    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders(), RawStub())

    session: Any = aws.session(environment())
    session.events.register("before-send", answer)
    return session.client(service)


class RawStub(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield b""


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("get_object", {"Key": "x"}),
        ("put_object", {"Key": "x", "Body": b"x"}),
        ("head_object", {"Key": "x"}),
        ("list_objects_v2", {}),
        ("create_multipart_upload", {"Key": "x"}),
        ("delete_object", {"Key": "x"}),
    ],
)
@pytest.mark.parametrize("bucket", ["dev-artifacts", "esclusa-dev-evidence-111111111111"])
def test_every_call_on_a_bucket_names_its_owner(
    sent: list[AWSPreparedRequest],
    operation: str,
    given: dict[str, Any],
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The header is the one of S3's API reference (x-amz-expected-bucket-owner); S3 answers 403 when it isn't so."""
    monkeypatch.chdir(tmp_path)
    with suppress(ResponseParserError):
        getattr(client(sent), operation)(Bucket=bucket, **given)

    assert ["111111111111"] == [_text(one.headers["x-amz-expected-bucket-owner"]) for one in sent]


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def test_a_bucket_that_nobody_named_is_not_asked(
    sent: list[AWSPreparedRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose it must be isn't known."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigurationError, match="other-artifacts is the bucket of no environment"):
        client(sent).get_object(Bucket="other-artifacts", Key="x")
    assert [] == sent


def test_the_buckets_of_other_environments_are_their_accounts(
    sent: list[AWSPreparedRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is promoted lies in another account's."""
    written(tmp_path, "shop")
    monkeypatch.chdir(tmp_path)
    prod = samconfig.read(tmp_path, "prod")
    with suppress(ResponseParserError):
        client(sent).get_object(Bucket=prod.bucket, Key="x")

    assert prod.account != environment().account
    assert [prod.account] == [_text(one.headers["x-amz-expected-bucket-owner"]) for one in sent]


def _answer(server: socket.socket, body: bytes, missing: int) -> None:
    """One answer to one request, read whole: a socket closed on unread bytes is reset, and the SDK asks again."""
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as request:
        headers = [line.lower().split(b":", 1) for line in iter(request.readline, b"\r\n")]
        request.read(next(int(words[1]) for words in headers if words[0] == b"content-length"))
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body[: len(body) - missing])
