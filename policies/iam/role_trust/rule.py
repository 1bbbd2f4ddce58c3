"""Roles that trust several services, an unknown one, or another than what uses them."""

from collections.abc import Iterator

from pipeline.iam.statements import TRUST, Statement, statements
from pipeline.source.functions import functions
from pipeline.source.project import Project
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_SERVICES = {
    "lambda.amazonaws.com",
    "cloudformation.amazonaws.com",
    "codedeploy.amazonaws.com",
    "apigateway.amazonaws.com",
    "scheduler.amazonaws.com",
    "events.amazonaws.com",
    "states.amazonaws.com",
}


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        used = {name for function in functions(stack) for name in refers(function.get("Role"))}
        for role in stack.of_type("AWS::IAM::Role"):
            trust = [one for one in statements_of(stack, role) if one.allows]
            named = [(one, kind, name) for one in trust for kind, name in one.principals]
            services = {name for _, kind, name in named if kind == "Service"}
            for one, kind, name in named:
                if kind == "Service" and name not in _SERVICES:
                    yield one.violation(f"{name} may take the role", "Principal", fact=name)
                elif role.id in used and name != "lambda.amazonaws.com":
                    yield one.violation(f"{name} may take the role of a function", "Principal", fact=name)
            if len(services) > 1 or len({kind for _, kind, _ in named}) > 1:
                yield at(
                    role,
                    "more than one kind of principal may take the role",
                    "AssumeRolePolicyDocument",
                    fact=", ".join(sorted({name for _, _, name in named})),
                )
            for one in trust:
                odd = [action for action in one.actions if action not in _TAKING]
                if odd or "NotAction" in one.body:
                    yield one.violation(
                        "the trust policy allows more than taking the role", "Action", fact=one.grant
                    )


_TAKING = ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity")


def statements_of(stack: Stack, role: Resource) -> Iterator[Statement]:
    for one in statements(stack):
        if one.kind == TRUST and one.resource.id == role.id:
            yield one
