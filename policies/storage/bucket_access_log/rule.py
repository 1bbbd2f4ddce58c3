"""Buckets without an access log, beside those that receive logs."""

from collections.abc import Iterator

from pipeline.iam.matching import texts
from pipeline.source.project import Project
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        targets: set[str] = set()
        for bucket in stack.of_type("AWS::S3::Bucket"):
            named = bucket.get("LoggingConfiguration", "DestinationBucketName")
            targets |= refers(named) | set(texts(named))
        for bucket in stack.of_type("AWS::S3::Bucket"):
            receives = bucket.id in targets or str(bucket.get("BucketName")) in targets
            if not receives and not bucket.get("LoggingConfiguration", "DestinationBucketName"):
                yield at(
                    bucket,
                    f"access to {bucket.id} is not logged",
                    "LoggingConfiguration",
                    fact="LoggingConfiguration",
                )
