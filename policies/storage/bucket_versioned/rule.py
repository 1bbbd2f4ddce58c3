"""Buckets without versioning."""

from collections.abc import Iterator

from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for bucket in stack.of_type("AWS::S3::Bucket"):
            if bucket.get("VersioningConfiguration", "Status") != "Enabled":
                yield at(bucket, f"{bucket.id} keeps no versions", "VersioningConfiguration")
