"""Buckets, queues, topics, log groups, secrets, tables and databases that no key of ours encrypts."""

import re
from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.stacks import Resource, dig
from pipeline.source.violations import Violation, at

_NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "AWS::SQS::Queue": (("KmsMasterKeyId",),),
    "AWS::SNS::Topic": (("KmsMasterKeyId",),),
    "AWS::Logs::LogGroup": (("KmsKeyId",),),
    "AWS::SecretsManager::Secret": (("KmsKeyId",),),
    "AWS::DynamoDB::Table": (("SSESpecification", "SSEEnabled"), ("SSESpecification", "KMSMasterKeyId")),
    "AWS::DynamoDB::GlobalTable": (("SSESpecification", "SSEEnabled"),),
    "AWS::RDS::DBInstance": (("StorageEncrypted",),),
    "AWS::RDS::DBCluster": (("StorageEncrypted",),),
    "AWS::EFS::FileSystem": (("Encrypted",),),
    "AWS::Kinesis::Stream": (("StreamEncryption", "EncryptionType"), ("StreamEncryption", "KeyId")),
}
# What is in plain text without this; all else AWS encrypts by a key of its own.
_SWITCHES = ("Encrypted", "StorageEncrypted", "EncryptionType")
_AWS_KEYS = re.compile(r"(^|:)(alias/)?aws/")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for resource in stack.resources.values():
            for place in () if _is_encrypted(resource) else _NEEDS.get(resource.type, ()):
                value = str(resource.get(*place, default=""))
                fact = ".".join(place)
                if value.lower() in ("", "false", "none"):
                    what = "not encrypted" if place[-1] in _SWITCHES else "encrypted with no key of ours"
                    yield at(resource, f"{resource.id} is {what}: {fact} is missing", *place, fact=fact)
                    break
                if _AWS_KEYS.search(value):
                    why = f"{resource.id} is encrypted with a key of AWS, {value}"
                    yield at(resource, why, *place, fact=fact)
        for bucket in stack.of_type("AWS::S3::Bucket"):  # without a word S3 encrypts by AES256, since 2023
            rules = bucket.get("BucketEncryption", "ServerSideEncryptionConfiguration", default=[])
            kinds = {str(dig(rule, "ServerSideEncryptionByDefault", "SSEAlgorithm")) for rule in rules}
            if kinds - {"AES256", "aws:kms", "aws:kms:dsse"}:
                yield at(bucket, f"{bucket.id} is not encrypted", "BucketEncryption", fact="BucketEncryption")


def _is_encrypted(resource: Resource) -> bool:
    """Whether a queue has SQS's own encryption, or an instance that of its cluster, where alone it can be set."""
    by_sqs = str(resource.get("SqsManagedSseEnabled", default="")).lower() == "true"
    managed = resource.type == "AWS::SQS::Queue" and by_sqs and not resource.get("KmsMasterKeyId")
    return managed or (resource.type == "AWS::RDS::DBInstance" and bool(resource.get("DBClusterIdentifier")))
