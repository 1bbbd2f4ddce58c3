"""Roles without a boundary, with one of AWS, or with that of another environment."""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.iam.matching import texts
from pipeline.source.environments import Environment
from pipeline.source.project import Project
from pipeline.source.stacks import Resource, Stack, dig
from pipeline.source.values import known, refers
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    names = {stack.environment.name: set(_boundaries(stack)) for stack in project.bootstrap}
    for stack in project.application:
        for role in stack.of_type("AWS::IAM::Role", "AWS::IAM::User"):
            boundary = role.get("PermissionsBoundary")
            if why := _wrong(boundary, stack.environment, names):
                yield at(
                    role,
                    f"{role.id} {why}",
                    "PermissionsBoundary",
                    fact=f"PermissionsBoundary {boundary or ''}",
                )
    for stack in project.bootstrap:
        for role in stack.of_type("AWS::IAM::Role"):
            if "cloudformation.amazonaws.com" in _trusted(role):
                boundary = role.get("PermissionsBoundary")
                own = any(
                    stack.resources[name].type == "AWS::IAM::ManagedPolicy" for name in refers(boundary)
                )
                if not own:
                    yield at(
                        role,
                        f"{role.id} carries no boundary of this stack",
                        "PermissionsBoundary",
                        fact="PermissionsBoundary",
                    )


def _wrong(boundary: Any, environment: Environment, names: dict[str, set[str]]) -> str:
    if not boundary:
        return "carries no boundary"
    if not known(boundary):
        return f"carries a boundary that can't be known: {boundary}"
    arn = str(boundary)
    if "::aws:policy/" in arn or not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:policy/.+", arn):
        return f"carries {arn}, which is no boundary of ours"
    account, name = arn.split(":")[4], arn.partition(":policy/")[2].rpartition("/")[2]
    if environment.account and account != environment.account:
        return f"carries the boundary of account {account}"
    made = names.get(environment.name)
    return f"carries {name}, which the bootstrap doesn't make" if made and name not in made else ""


def _boundaries(stack: Stack) -> Iterator[str]:
    used = {name for role in stack.resources.values() for name in refers(role.get("PermissionsBoundary"))}
    for policy in stack.of_type("AWS::IAM::ManagedPolicy"):
        name = policy.get("ManagedPolicyName")
        if policy.id in used and isinstance(name, str):
            yield name


def _trusted(role: Resource) -> set[str]:
    trust = role.get("AssumeRolePolicyDocument", "Statement", default=[])
    found = trust if isinstance(trust, list) else [trust]
    return {
        name for one in found if isinstance(one, dict) for name in texts(dig(one, "Principal", "Service"))
    }
