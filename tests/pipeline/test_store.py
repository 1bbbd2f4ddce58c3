"""What is read from a bucket is whole, or an error."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.httpchecksum import Crc32Checksum, StreamingChecksumBody
from botocore.response import StreamingBody

from pipeline.base.errors import ConfigurationError
from pipeline.delivery import store

WHOLE = b'{"subject": "all of it"}'


def read(body: Any, most: int = 1000) -> bytes | None:
    """An object's content, from a client whose answer has this body."""
    client = SimpleNamespace(get_object=lambda **_: {"Body": body})
    session: Any = SimpleNamespace(client=lambda *_, **__: client)
    return store.read(session, "bucket", "key", most)


def checked(content: bytes, of: bytes) -> StreamingChecksumBody:
    """As boto3 hands it over where S3 keeps a checksum, here that of other bytes."""
    checksum = Crc32Checksum()
    checksum.update(of)
    return StreamingChecksumBody(io.BytesIO(content), len(content), Crc32Checksum(), checksum.b64digest())


@pytest.mark.parametrize("size", [len(WHOLE) // 2, 1, 0])
def test_half_an_answer_is_an_error(size: int) -> None:
    """The connection ended before what its header announced: by botocore's own body, as S3's answers come."""
    with pytest.raises(ConfigurationError, match=r"reading s3://bucket/key"):
        read(StreamingBody(io.BytesIO(WHOLE[:size]), len(WHOLE)))


def test_other_bytes_are_an_error() -> None:
    """Of the length that was announced, and not of the checksum."""
    with pytest.raises(ConfigurationError, match=r"reading s3://bucket/key.*checksum"):
        read(checked(WHOLE, WHOLE[::-1]))


@pytest.mark.parametrize("body", [StreamingBody(io.BytesIO(WHOLE), len(WHOLE)), checked(WHOLE, WHOLE)])
def test_what_is_whole_is_given(body: Any) -> None:
    """Also where it is as large as may be."""
    assert WHOLE == read(body, len(WHOLE))


def test_no_more_is_held_than_was_asked_for() -> None:
    """Of an object without end one byte more is read, and no other."""
    body = StreamingBody(io.BytesIO(WHOLE * 100), len(WHOLE) * 100)
    with pytest.raises(store.TooLargeError):
        read(body, len(WHOLE))

    assert len(WHOLE) + 1 == body.tell()
