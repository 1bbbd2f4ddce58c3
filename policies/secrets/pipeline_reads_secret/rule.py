"""Roles that a workflow or CloudFormation becomes, without a flat denial of secrets."""

from collections.abc import Iterator

from pipeline.iam.statements import IDENTITY, TRUST, Statement, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.stacks import Resource
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_VALUES = ("secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        found = list(statements(stack))
        for role in stack.of_type("AWS::IAM::Role"):
            if not _drives(found, role):
                continue
            own = [one for one in found if one.kind == IDENTITY and _belongs(one, role)]
            for action in _VALUES:
                if not any(_denies(one, action) for one in own):
                    yield at(role, f"nothing denies this role {action} on every secret", fact=action)
            for one in own:
                if one.allows and any(one.covers(action) for action in _VALUES):
                    yield one.violation("the role may read secrets", "Action", fact=one.grant)


def _drives(found: list[Statement], role: Resource) -> bool:
    """Whether a workflow (by OIDC) or CloudFormation may become the role."""
    return any(
        kind == "Federated" or name.startswith("cloudformation.")
        for one in found
        if one.kind == TRUST and one.resource.id == role.id
        for kind, name in one.principals
    )


def _belongs(one: Statement, role: Resource) -> bool:
    return one.resource.id == role.id or role.id in refers(one.resource.get("Roles", default=[]))


def _denies(one: Statement, action: str) -> bool:
    flat = "Condition" not in one.body and "NotAction" not in one.body
    return one.denies and flat and one.covers(action) and any(is_everything(text) for text in one.resources)
