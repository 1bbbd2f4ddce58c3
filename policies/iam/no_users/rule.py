"""IAM users, groups, keys and logins in a template."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.violations import Violation, at

_TYPES = (
    "AWS::IAM::User",
    "AWS::IAM::AccessKey",
    "AWS::IAM::Group",
    "AWS::IAM::UserToGroupAddition",
    "AWS::IAM::UserPolicy",
    "AWS::IAM::GroupPolicy",
    "AWS::IAM::SAMLProvider",
)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for resource in stack.of_type(*_TYPES):
            yield at(resource, f"{resource.id} is of type {resource.type}", fact=resource.type)
        for resource in stack.resources.values():
            for key in ("Users", "Groups"):
                if resource.type.startswith("AWS::IAM::") and resource.get(key):
                    yield at(
                        resource,
                        f"the policy is attached to {key.lower()}",
                        key,
                        fact=f"{key} {', '.join(map(str, resource.get(key)))}",
                    )
