"""Buckets, queues and topics without a denial of requests over plain HTTP."""

from collections.abc import Iterator

from pipeline.iam.matching import texts
from pipeline.iam.statements import Statement, every_object, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.stacks import Resource
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_POLICIES = {
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket", "s3:GetObject"),
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues", "sqs:SendMessage"),
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics", "sns:Publish"),
}


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        found = [one for one in statements(stack) if one.denies and _on_plain_http(one)]
        for resource in stack.resources.values():
            if resource.type not in _POLICIES:
                continue
            kind, key, action = _POLICIES[resource.type]
            own = [one for one in found if one.resource.type == kind and _is_of(one, key, resource)]
            if not any(one.covers(action) and _everybody(one) for one in own):
                yield at(
                    resource,
                    f"nothing denies requests to {resource.id} over plain HTTP",
                    fact="aws:SecureTransport",
                )
            elif resource.type == "AWS::S3::Bucket" and not _whole(own, resource):
                yield at(
                    resource,
                    f"the denial of plain HTTP leaves out a part of {resource.id}",
                    fact="aws:SecureTransport on the whole",
                )

        for one in stack.of_type("AWS::SNS::Subscription"):
            if one.get("Protocol") == "http" or str(one.get("Endpoint", default="")).startswith("http://"):
                yield at(one, f"{one.id} sends messages over plain HTTP", "Protocol", fact="Protocol")


def _is_of(one: Statement, key: str, resource: Resource) -> bool:
    target = one.resource.get(key)
    name = resource.get("BucketName") or resource.get("QueueName") or resource.get("TopicName")
    return resource.id in refers(target) or (isinstance(name, str) and name in texts(target))


def _on_plain_http(one: Statement) -> bool:
    keys = one.conditions.get("Bool", {})
    return set(one.conditions) == {"Bool"} and set(keys) == {"aws:securetransport"} and _false(keys)


def _false(keys: dict[str, list[str]]) -> bool:
    return [value.lower() for value in keys["aws:securetransport"]] == ["false"]


def _everybody(one: Statement) -> bool:
    return any(is_everything(name) for _, name in one.principals)


def _whole(own: list[Statement], bucket: Resource) -> bool:
    """Whether both the bucket and its objects are covered, by every action."""
    both = [one for one in own if one.covers("s3:PutObject") and one.covers("s3:ListBucket")]
    whole = [text for one in both for text in one.resources]
    return any(every_object(text, bucket) for text in whole) and any("/" not in text for text in whole)
