"""The artifact bucket, where bundles lie by their digest."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from pipeline.base.errors import GateError
from pipeline.delivery import aws, bundle
from pipeline.delivery.bundle import Bundle

MOST = 8 << 20  # bytes of a note, a statement, a template; a bill of materials takes a few ten thousand
MOST_CODE = 250 << 20  # bytes of an archive, the most that Lambda takes (its quotas, deployment package)
_MISSING = {"NoSuchKey", "NoSuchVersion", "404"}


class TooLargeError(GateError):
    """An object is larger than the pipeline writes one of its kind."""


def put(session: boto3.Session, bucket: str, made: Bundle) -> None:
    """Store a bundle under its digest. What is there already has the same bytes, so a repetition changes nothing.

    The manifest comes last: a bundle whose manifest is there is whole.
    """
    for name in (*made.files, bundle.MANIFEST):
        write(session, bucket, f"bundles/{made.digest}/{name}", made.path(name).read_bytes())


def get(session: boto3.Session, bucket: str, digest: str, into: Path) -> Bundle:
    """Fetch the bundle `digest` into the folder `into`, every byte checked. Raises GateError."""
    if not bundle.DIGEST.fullmatch(digest):
        raise GateError(f"{digest!r} is not a bundle's digest: 64 hexadecimal digits.")
    into.mkdir(parents=True, exist_ok=True)
    prefix = f"bundles/{digest}"
    raw = read(session, bucket, f"{prefix}/{bundle.MANIFEST}")
    if raw is None:
        raise GateError(
            f"{bucket} has no bundle {digest}.", "Deploy it to dev first: merge its commit to main."
        )
    listed = bundle.parse(raw, into, digest)
    (into / bundle.MANIFEST).write_bytes(raw)
    left = MOST_CODE * len(listed.archives) + MOST
    for name in listed.files:
        content = read(session, bucket, f"{prefix}/{name}", min(left, MOST_CODE))
        if content is None:
            raise GateError(
                f"The bundle {digest} in {bucket} has lost {name}.", "Build its commit anew, through dev."
            )
        left -= len(content)
        (into / name).write_bytes(content)
    return bundle.load(into, digest)


def commit_of(session: boto3.Session, bucket: str, digest: str) -> str | None:
    """The commit of a stored bundle, by its manifest, which `digest` is of; None when it is gone. Raises GateError."""
    raw = read(session, bucket, f"bundles/{digest}/{bundle.MANIFEST}")
    return None if raw is None else bundle.parse(raw, Path(bucket), digest).commit


def manifest(session: boto3.Session, bucket: str, digest: str) -> Bundle:
    """A stored bundle by its manifest alone: what its files hash to, without their bytes. Raises GateError."""
    raw = (
        read(session, bucket, f"bundles/{digest}/{bundle.MANIFEST}")
        if bundle.DIGEST.fullmatch(digest)
        else None
    )
    if raw is None:
        raise GateError(f"{bucket} has no bundle {digest}.")
    return bundle.parse(raw, Path(bucket), digest)


def template(session: boto3.Session, bucket: str, digest: str) -> tuple[str, Mapping[str, str]]:
    """The template of a stored bundle, checked, and the digests of all its files. Raises GateError."""
    raw = read(session, bucket, f"bundles/{digest}/{bundle.MANIFEST}")
    text = read(session, bucket, f"bundles/{digest}/{bundle.TEMPLATE}")
    if raw is None or text is None:
        raise GateError(f"{bucket} has no bundle {digest}.")
    files = bundle.parse(raw, Path(bucket), digest).files
    if hashlib.sha256(text).hexdigest() != files[bundle.TEMPLATE]:
        raise GateError(f"The template of bundle {digest} in {bucket} was changed.")
    return text.decode(errors="replace"), files


def put_attestation(session: boto3.Session, bucket: str, digest: str, name: str, content: bytes) -> None:
    """Store a signed statement about the bundle `digest` beside it."""
    write(session, bucket, f"bundles/{digest}/attestations/{name}.json", content)


def attestations(session: boto3.Session, bucket: str, digest: str, names: Iterable[str]) -> dict[str, bytes]:
    """The signed statements about a bundle that are there, by name, unverified."""
    found = {name: read(session, bucket, f"bundles/{digest}/attestations/{name}.json") for name in names}
    return {name: content for name, content in found.items() if content is not None}


def write(session: boto3.Session, bucket: str, key: str, content: bytes) -> str:
    """Store an object; returns its version, "" where the bucket keeps none."""
    with aws.errors(f"storing s3://{bucket}/{key}"):
        done = session.client("s3", config=aws.CONFIG).put_object(
            Bucket=bucket, Key=key, Body=content, ChecksumAlgorithm="SHA256"
        )
    return str(done.get("VersionId", ""))


def filled(session: boto3.Session, bucket: str, prefix: str) -> list[str]:
    """The keys below a prefix whose objects hold anything."""
    pages = session.client("s3", config=aws.CONFIG).get_paginator("list_objects_v2")
    with aws.errors(f"listing s3://{bucket}/{prefix}"):
        found = pages.paginate(Bucket=bucket, Prefix=prefix)
        return [one["Key"] for page in found for one in page.get("Contents", []) if one["Size"]]


def read(session: boto3.Session, bucket: str, key: str, most: int = MOST) -> bytes | None:
    """An object's content; None when there is none. Raises TooLargeError for one of more than `most` bytes."""
    found = version(session, bucket, key, most=most)
    return None if found is None else found[0]


def version(
    session: boto3.Session, bucket: str, key: str, name: str = "", most: int = MOST_CODE
) -> tuple[bytes, str] | None:
    """The content and the name of a version of an object, the newest without a name; None when there is none.

    Raises TooLargeError for one of more than `most` bytes: who writes to a bucket doesn't choose how much is held here.
    """
    client = session.client("s3", config=aws.CONFIG)
    with aws.errors(f"reading s3://{bucket}/{key}"):
        try:
            at: dict[str, Any] = {"VersionId": name} if name else {}
            found = client.get_object(Bucket=bucket, Key=key, **at)
            content = b""
            # To its end: only there the SDK holds what came against the length and the checksum that were announced.
            while len(content) <= most and (part := found["Body"].read(most + 1 - len(content))):
                content += part
            if len(content) > most:
                raise TooLargeError(
                    f"s3://{bucket}/{key} is larger than {most} bytes, and not read.",
                    "The pipeline writes nothing of that size there. Find out who did.",
                )
            return content, str(found.get("VersionId", ""))
        except ClientError as error:
            if aws.code(error) in _MISSING:
                return None
            if aws.code(error) in {"AccessDenied", "403"}:
                # S3 tells a role that may not list the bucket the same of an object that isn't there.
                raise GateError(
                    f"s3://{bucket}/{key} is not there, or this role may not read it (S3 answers 403 to both).",
                    "Was its commit deployed to dev with success? Does the bucket's policy name this account?",
                ) from error
            raise
