"""What lies in the bucket before a deployment is never taken for what the deployment brings."""

import base64
import hashlib
from pathlib import Path

import pytest

from pipeline.delivery import changeset
from tests.pipeline.cloud import environment
from tests.sandbox.emulator.cloud import Cloud, archive

pytestmark = pytest.mark.e2e
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters: {Commit: {Type: String}}
Resources:
  AppFunction:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: uploads-app, Runtime: python3.13, Handler: index.handler, Role: ROLE, Code: app.zip}
  OtherFunction:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: uploads-other, Runtime: python3.13, Handler: index.handler, Role: ROLE, Code: other.zip}
"""


def test_a_foreign_zip_at_the_key_is_not_used(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sam names what it uploads by its MD5, which everybody can foresee: whatever lies there is written over.

    Source: upload_with_dedup in https://github.com/aws/aws-sam-cli/blob/v1.170.0/samcli/lib/package/s3_uploader.py
    """
    for name, value in cloud.aws.root("dev").items():
        monkeypatch.setenv(name, value)
    role = cloud.role("uploads", EVERYTHING)
    mine = {name: archive(f"def handler(*_): return '{name}'") for name in ("app", "other")}
    for name, content in mine.items():
        (tmp_path / f"{name}.zip").write_bytes(content)
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("ROLE", role))
    target = environment(bucket="uploads-artifacts", stack_name="uploads", execution_role=role)
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=target.bucket, CreateBucketConfiguration={"LocationConstraint": target.region})
    first = changeset.make(cloud.aws.session("dev"), target, tmp_path / "template.yaml", {"Commit": "c"})
    assert first is not None
    changeset.delete(cloud.aws.session("dev"), "uploads", first.arn)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=target.bucket)["Contents"]]
    brought = {key: s3.get_object(Bucket=target.bucket, Key=key)["Body"].read() for key in keys}
    for key, content in brought.items():
        other = (
            archive("def handler(*_): return 'foreign'")
            if content in mine.values()
            else content + b"# foreign\n"
        )
        s3.put_object(Bucket=target.bucket, Key=key, Body=other)
    changes = changeset.make(cloud.aws.session("dev"), target, tmp_path / "template.yaml", {"Commit": "c"})
    assert changes is not None
    changeset.execute(cloud.aws.session("dev"), changes)

    assert {*mine.values()} < {*brought.values()}
    assert brought == {key: s3.get_object(Bucket=target.bucket, Key=key)["Body"].read() for key in keys}
    for name, content in mine.items():
        live = cloud.client("lambda").get_function(FunctionName=f"uploads-{name}")["Configuration"]
        assert base64.b64encode(hashlib.sha256(content).digest()).decode() == live["CodeSha256"]
