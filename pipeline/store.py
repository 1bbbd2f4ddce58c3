"""The artifact bucket: bundles by digest, and which bundle a commit was deployed as."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from pipeline import aws, bundle
from pipeline.bundle import Bundle
from pipeline.canonical import canonical
from pipeline.errors import GateError

SCHEMA = 1
_MISSING = {"NoSuchKey", "404"}


def put(session: boto3.Session, bucket: str, made: Bundle) -> None:
    """Store a bundle under its digest. What is there already has the same bytes, so a repetition changes nothing.

    The manifest comes last: a bundle whose manifest is there is whole.
    """
    client = session.client("s3", config=aws.CONFIG)
    for name in (*made.files, bundle.MANIFEST):
        with aws.errors(f"storing {name} in {bucket}"):
            client.put_object(
                Bucket=bucket,
                Key=f"bundles/{made.digest}/{name}",
                Body=made.path(name).read_bytes(),
                ChecksumAlgorithm="SHA256",
            )


def get(session: boto3.Session, bucket: str, digest: str, into: Path) -> Bundle:
    """Fetch the bundle `digest` into the folder `into`, every byte checked. Raises GateError."""
    if not bundle.DIGEST.fullmatch(digest):
        raise GateError(f"{digest!r} is not a bundle's digest: 64 hexadecimal digits.")
    into.mkdir(parents=True, exist_ok=True)
    prefix = f"bundles/{digest}"
    raw = _read(session, bucket, f"{prefix}/{bundle.MANIFEST}")
    if raw is None:
        raise GateError(
            f"{bucket} has no bundle {digest}.", "Deploy it to dev first: merge its commit to main."
        )
    listed = bundle.parse(raw, into, digest)
    (into / bundle.MANIFEST).write_bytes(raw)
    for name in listed.files:
        content = _read(session, bucket, f"{prefix}/{name}")
        if content is None:
            raise GateError(
                f"The bundle {digest} in {bucket} has lost {name}.", "Build its commit anew, through dev."
            )
        (into / name).write_bytes(content)
    return bundle.load(into, digest)


def record_commit(session: boto3.Session, bucket: str, record: Mapping[str, str]) -> None:
    """Note which bundle the commit in `record` was deployed as, after it was seen to work."""
    with aws.errors(f"recording the commit in {bucket}"):
        session.client("s3", config=aws.CONFIG).put_object(
            Bucket=bucket,
            Key=f"commits/{record['commit']}.json",
            Body=canonical({"schema": SCHEMA, **record}),
            ChecksumAlgorithm="SHA256",
        )


def commit_record(session: boto3.Session, bucket: str, commit: str) -> dict[str, Any] | None:
    """What was noted of a commit; None when it never was deployed with success. Raises GateError on other content."""
    raw = _read(session, bucket, f"commits/{commit}.json")
    if raw is None:
        return None
    try:
        found = json.loads(raw)
        good = (
            found["schema"] == SCHEMA
            and found["commit"] == commit
            and bool(bundle.DIGEST.fullmatch(found["bundle"]))
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        good = False
    if not good:
        raise GateError(
            f"commits/{commit}.json in {bucket} is not a record of that commit.", "Deploy the commit anew."
        )
    return dict(found)


def _read(session: boto3.Session, bucket: str, key: str) -> bytes | None:
    client = session.client("s3", config=aws.CONFIG)
    with aws.errors(f"reading s3://{bucket}/{key}"):
        try:
            return client.get_object(Bucket=bucket, Key=key)["Body"].read()
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
