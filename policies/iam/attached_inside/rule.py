"""Policies that a template attaches to roles, users or groups which it doesn't make."""

from collections.abc import Iterator

from pipeline.iam.matching import texts
from pipeline.source.project import Project
from pipeline.source.stacks import Resource
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_POLICIES = (
    "AWS::IAM::Policy",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::UserPolicy",
    "AWS::IAM::GroupPolicy",
)
_HOLDERS = ("Roles", "RoleName", "Users", "UserName", "Groups", "GroupName")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for policy in stack.of_type(*_POLICIES):
            for place in _HOLDERS:
                for holder in texts(policy.get(place)):
                    if not _is_made(policy, holder):
                        yield at(
                            policy, f"{holder} is not made by this template", place, fact=f"{place} {holder}"
                        )


def _is_made(policy: Resource, holder: str) -> bool:
    """Whether a holder is a reference to a resource of the same template, and nothing else."""
    return any(holder in (f"${{{name}}}", f"${{{name}.RoleName}}") for name in refers(holder)) and all(
        name in policy.stack.resources for name in refers(holder)
    )
