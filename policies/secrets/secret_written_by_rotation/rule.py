"""Roles of functions that write secrets, other than the function that rotates them."""

from collections.abc import Iterator

from pipeline.iam.statements import IDENTITY, statements
from pipeline.source.functions import functions, role_of, rotating
from pipeline.source.project import Project
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import refers
from pipeline.source.violations import Violation

_WRITING = ("PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        own = rotating(stack)
        others = {
            role.id: function.id
            for function in functions(stack)
            if function.id not in own and (role := role_of(function)) is not None
        }
        for one in statements(stack):
            writes = ", ".join(name for name in _WRITING if one.covers(f"secretsmanager:{name}"))
            if one.kind == IDENTITY and one.allows and writes:
                for holder in sorted(_holders(stack, one.resource) & others.keys()):
                    yield one.violation(
                        f"{others[holder]} may write secrets ({writes})",
                        "Action",
                        fact=f"{others[holder]} {writes}",
                    )


def _holders(stack: Stack, resource: Resource) -> set[str]:
    """The roles that a policy is for: the role that it stands in, or those that it is attached to."""
    attached = {one.id for one in stack.of_type("AWS::IAM::Role") if resource.id in refers(one.properties)}
    return {resource.id, *refers(resource.get("Roles")), *attached}
