"""Mends of S3's objects: what is told of one that was stored."""

from typing import Any

from ministack.services import s3


def checksums() -> None:
    """AWS: the answer to PutObject has the object's checksum, by the algorithm that the request has. ministack: it
    keeps it, and says nothing. Source: PutObject in S3's API reference, Response Syntax."""
    put = s3._put_object

    def stored(bucket: str, key: str, body: bytes, headers: dict[str, str]) -> Any:
        status, told, content = put(bucket, key, body, headers)
        if status == 200:
            found, _ = s3._resolve_object_checksums(body, headers)
            told |= {f"x-amz-checksum-{name.lower()}": value for name, value in found.items()}
        return status, told, content

    s3._put_object = stored


def content_types() -> None:
    """AWS: an object without a content type is binary/octet-stream. ministack: application/octet-stream.
    Source: PutObject in S3's API reference, Content-Type, as its SDKs' documentation has it."""
    build = s3._build_object_record

    def built(body: bytes, headers: dict[str, str], *rest: Any, **more: Any) -> Any:
        return build(body, {"content-type": "binary/octet-stream", **headers}, *rest, **more)

    s3._build_object_record = built


MENDS = (checksums, content_types)
