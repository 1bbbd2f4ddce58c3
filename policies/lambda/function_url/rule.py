"""Function URLs that ask nobody who calls."""

from collections.abc import Iterator

from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for url in stack.of_type("AWS::Lambda::Url"):
            if url.get("AuthType") != "AWS_IAM":
                yield at(url, "the function URL is open to everybody", "FunctionUrlConfig", "AuthType")
        for permission in stack.of_type("AWS::Lambda::Permission"):
            if permission.get("FunctionUrlAuthType") == "NONE" and permission.id == permission.source:
                yield at(
                    permission, "the permission opens a function URL to everybody", "FunctionUrlAuthType"
                )
