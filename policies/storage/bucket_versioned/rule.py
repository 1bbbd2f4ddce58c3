"""Buckets without versioning."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for bucket in stack.of_type("AWS::S3::Bucket"):
            if bucket.get("VersioningConfiguration", "Status") != "Enabled":
                yield at(
                    bucket,
                    f"{bucket.id} keeps no versions",
                    "VersioningConfiguration",
                    fact="VersioningConfiguration",
                )
