"""What lies in the bucket is never taken for what the deployment brings, and templates are taken by their version."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.delivery import bundle, changeset
from pipeline.delivery.bundle import Bundle
from tests.pipeline.bundles import make
from tests.pipeline.cloud import environment
from tests.sandbox.emulator.cloud import Cloud, archive

pytestmark = pytest.mark.e2e
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ARCHIVES = ("app.zip", "other.zip")
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters: {Commit: {Type: String}}
Globals: {Function: {Runtime: python3.13, Handler: index.handler}}
Resources:
  AppFunction:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: STACK-app, Role: ROLE, CodeUri: app.zip}
  OtherFunction:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: STACK-other, Role: ROLE, CodeUri: other.zip}
"""
FOREIGN = archive("def handler(*_): return 'foreign'")


@pytest.fixture(autouse=True)
def account(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipeline's own sessions are the emulator's root user."""
    for name, value in cloud.aws.root("dev").items():
        monkeypatch.setenv(name, value)


class Bucket:
    """A bucket with versions, a role that may do all, and a bundle for it."""

    def __init__(self, cloud: Cloud, folder: Path, stack: str) -> None:
        self.cloud, self.stack = cloud, stack
        role = cloud.role(stack, EVERYTHING)
        contents = {name.partition(".")[0]: archive(f"def handler(*_): return {name!r}") for name in ARCHIVES}
        text = TEMPLATE.replace("ROLE", role).replace("STACK", stack)
        self.made = make(folder / "bundle", "c" * 40, ARCHIVES, template=text.encode(), **contents)
        self.target = environment(bucket=f"{stack}-artifacts", stack_name=stack, execution_role=role)
        self.s3 = cloud.client("s3")
        place = {"LocationConstraint": self.target.region}
        self.s3.create_bucket(Bucket=self.target.bucket, CreateBucketConfiguration=place)
        self.s3.put_bucket_versioning(
            Bucket=self.target.bucket, VersioningConfiguration={"Status": "Enabled"}
        )

    def change_set(self) -> changeset.ChangeSet:
        found = changeset.make(self.cloud.aws.session("dev"), self.target, self.made, {"Commit": "c"})
        assert found is not None
        return found

    def write_over_all(self) -> None:
        """As who may write there, and knows each key."""
        for one in self.s3.list_objects_v2(Bucket=self.target.bucket)["Contents"]:
            self.s3.put_object(Bucket=self.target.bucket, Key=one["Key"], Body=FOREIGN)

    def live(self) -> set[str]:
        """The digests of what the functions run."""
        client = self.cloud.client("lambda")
        names = ("app", "other")
        found = [client.get_function(FunctionName=f"{self.stack}-{name}")["Configuration"] for name in names]
        return {one["CodeSha256"] for one in found}


def digests(made: Bundle) -> set[str]:
    return {
        base64.b64encode(hashlib.sha256(made.path(name).read_bytes()).digest()).decode() for name in ARCHIVES
    }


def test_what_lay_there_before_is_not_used(cloud: Cloud, tmp_path: Path) -> None:
    """Every key is the digest of what is brought there, which everybody can foresee."""
    bucket = Bucket(cloud, tmp_path, "before")
    first = bucket.change_set()
    changeset.delete(cloud.aws.session("dev"), "before", first.arn)
    bucket.write_over_all()
    changeset.execute(cloud.aws.session("dev"), bucket.change_set())

    assert digests(bucket.made) == bucket.live()


def test_what_is_written_over_it_afterwards_is_not_used(cloud: Cloud, tmp_path: Path) -> None:
    """Between the change set and its execution: the functions' code is of the versions that were looked at."""
    bucket = Bucket(cloud, tmp_path, "after")
    changes = bucket.change_set()
    bucket.write_over_all()
    changeset.execute(cloud.aws.session("dev"), changes)

    assert digests(bucket.made) == bucket.live()


def test_a_template_is_taken_by_its_version(cloud: Cloud, tmp_path: Path) -> None:
    """Written over before CloudFormation looks; a version that isn't there is an error, and no other one is taken."""
    bucket = Bucket(cloud, tmp_path, "versions")
    name, client = bucket.target.bucket, cloud.client("cloudformation")
    text = bucket.made.path(bundle.TEMPLATE).read_text().replace("CodeUri: ", "CodeUri: s3://b/")
    put: Any = bucket.s3.put_object(Bucket=name, Key="packages/a b.template", Body=text.encode())
    bucket.write_over_all()
    given = [{"ParameterKey": "Commit", "ParameterValue": "c"}]
    words: Any = {"StackName": "versions", "ChangeSetType": "CREATE", "Parameters": given}
    address = f"{bucket.s3.meta.endpoint_url}/{name}/packages/a%20b.template?versionId="
    client.create_change_set(ChangeSetName="mine", TemplateURL=address + put["VersionId"], **words)
    read = client.get_template(StackName="versions", ChangeSetName="mine", TemplateStage="Original")
    with pytest.raises(ClientError, match="ValidationError"):
        client.create_change_set(ChangeSetName="none", TemplateURL=f"{address}none", **words)

    assert text == read["TemplateBody"]
