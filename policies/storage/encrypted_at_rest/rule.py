"""Buckets, queues, topics, log groups, secrets and tables without encryption."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.stacks import Resource, dig
from pipeline.source.violations import Violation, at

_NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "AWS::SQS::Queue": (("KmsMasterKeyId",),),
    "AWS::SNS::Topic": (("KmsMasterKeyId",),),
    "AWS::Logs::LogGroup": (("KmsKeyId",),),
    "AWS::SecretsManager::Secret": (("KmsKeyId",),),
    "AWS::DynamoDB::Table": (("SSESpecification", "SSEEnabled"),),
    "AWS::DynamoDB::GlobalTable": (("SSESpecification", "SSEEnabled"),),
    "AWS::RDS::DBInstance": (("StorageEncrypted",),),
    "AWS::RDS::DBCluster": (("StorageEncrypted",),),
    "AWS::EFS::FileSystem": (("Encrypted",),),
    "AWS::Kinesis::Stream": (("StreamEncryption", "KeyId"),),
}
_AWS_KEYS = ("alias/aws/", "aws/")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for resource in stack.resources.values():
            for place in () if _is_encrypted(resource) else _NEEDS.get(resource.type, ()):
                value = str(resource.get(*place, default=""))
                if value.lower() in ("", "false"):
                    yield at(
                        resource,
                        f"{resource.id} is not encrypted: {'.'.join(place)} is missing",
                        *place,
                        fact=".".join(place),
                    )
                elif value.startswith(_AWS_KEYS):
                    yield at(
                        resource,
                        f"{resource.id} is encrypted with a key of AWS, {value}",
                        *place,
                        fact=".".join(place),
                    )
        for bucket in stack.of_type("AWS::S3::Bucket"):
            rules = bucket.get("BucketEncryption", "ServerSideEncryptionConfiguration", default=[])
            kinds = {str(dig(rule, "ServerSideEncryptionByDefault", "SSEAlgorithm")) for rule in rules}
            if not kinds or kinds - {"AES256", "aws:kms", "aws:kms:dsse"}:
                yield at(bucket, f"{bucket.id} is not encrypted", "BucketEncryption", fact="BucketEncryption")


def _is_encrypted(resource: Resource) -> bool:
    """Whether a queue has SQS's own encryption, or an instance that of its cluster, where alone it can be set."""
    by_sqs = str(resource.get("SqsManagedSseEnabled", default="")).lower() == "true"
    managed = resource.type == "AWS::SQS::Queue" and by_sqs and not resource.get("KmsMasterKeyId")
    return managed or (resource.type == "AWS::RDS::DBInstance" and bool(resource.get("DBClusterIdentifier")))
