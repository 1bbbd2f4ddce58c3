"""Buckets, keys, secrets, databases, queues and log groups that go with their stack."""

from collections.abc import Iterator

from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at

_STATEFUL = (
    "AWS::S3::Bucket",
    "AWS::KMS::Key",
    "AWS::SecretsManager::Secret",
    "AWS::DynamoDB::Table",
    "AWS::DynamoDB::GlobalTable",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBCluster",
    "AWS::EFS::FileSystem",
    "AWS::Logs::LogGroup",
    "AWS::SQS::Queue",
    "AWS::IAM::OIDCProvider",
)
_KEPT = {
    "DeletionPolicy": ("Retain", "RetainExceptOnCreate", "Snapshot"),
    "UpdateReplacePolicy": ("Retain", "Snapshot"),
}


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for resource in stack.of_type(*_STATEFUL):
            for key, values in _KEPT.items():
                found = resource.attributes.get(key)
                if found not in values:
                    yield at(resource, f"{key} of {resource.id} is {found or 'missing'}", key)
