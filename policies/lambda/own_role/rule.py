"""Roles that several functions share, or CodeDeploy with one, and roles that the stack doesn't make."""

from collections.abc import Iterator

from pipeline.source.functions import functions, role_of
from pipeline.source.project import Project
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        users: dict[str, str] = {}
        for function in functions(stack):
            role = role_of(function)
            if role is None:
                yield at(
                    function, f"the role of {function.id} is not made by this stack", "Role", fact="Role"
                )
            elif role.id in users:
                yield at(
                    function,
                    f"{function.id} shares its role with {users[role.id]}",
                    "Role",
                    fact=f"Role of {users[role.id]}",
                )
            else:
                users[role.id] = function.id
        for group in stack.of_type("AWS::CodeDeploy::DeploymentGroup"):
            for name in sorted(refers(group.get("ServiceRoleArn")) & users.keys()):
                text = f"CodeDeploy shares its role with {users[name]}"
                yield at(
                    group,
                    text,
                    "DeploymentPreference",
                    "Role",
                    fact=f"CodeDeploy with the Role of {users[name]}",
                )
