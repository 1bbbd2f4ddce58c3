"""Trust and resource policies that name everybody, or name whom they leave out."""

import re
from collections.abc import Iterator

from pipeline.iam.statements import RESOURCE, TRUST, Statement, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.values import holes, known, refers
from pipeline.source.violations import Violation, at

_TIES = (
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:principalaccount",
    "aws:principalarn",
)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in statements(stack):
            if not one.allows or one.kind not in (TRUST, RESOURCE):
                continue
            if "NotPrincipal" in one.body:
                yield one.violation(
                    "NotPrincipal allows everybody but those it names",
                    "NotPrincipal",
                    fact=f"NotPrincipal {one.body['NotPrincipal']}: {one.grant}",
                )
            for _, name in one.principals:
                if _everybody(name) and not _tied(one):
                    organization = one.demanded("aws:principalorgid")
                    who = f"everybody in {organization[0]}" if organization else "everybody"
                    yield one.violation(
                        f"the principal {name} is {who}", "Principal", fact=f"{name}: {one.grant}"
                    )
                elif not known(name) and not refers(name) and _unknown(name):
                    yield one.violation(
                        f"it can't be known who {name} is", "Principal", fact=f"{name}: {one.grant}"
                    )
        for resource in stack.resources.values():
            if resource.type in _PERMISSIONS and _everybody(str(resource.get("Principal", default=""))):
                yield at(
                    resource, "the principal * is everybody", "Principal", fact=f"*: {resource.get('Action')}"
                )


_PERMISSIONS = (
    "AWS::Lambda::Permission",
    "AWS::Lambda::LayerVersionPermission",
    "AWS::Events::EventBusPolicy",
)


def _everybody(name: str) -> bool:
    return is_everything(name) or bool(re.fullmatch(r"arn:aws[^:]*:(iam|sts)::\*:.*", name))


_OPERATORS = ("StringEquals", "StringLike", "ArnEquals", "ArnLike")


def _tied(one: Statement) -> bool:
    values = [value for key in _TIES for value in one.values(key, *_OPERATORS)]
    return bool(values) and all("*" not in value.split(":")[4:5] and value != "*" for value in values)


def _unknown(name: str) -> bool:
    return any(hole.kind == "function" for hole in holes(name))
