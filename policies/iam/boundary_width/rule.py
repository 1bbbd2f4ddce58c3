"""Statements of a boundary that allow a service whole, to everybody whom it bounds."""

import re
from collections.abc import Iterator

from pipeline.iam.statements import BOUNDARY, Statement, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.violations import Violation

_NEVER = (
    "iam:CreateUser",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateOpenIDConnectProvider",
    "organizations:LeaveOrganization",
    "sts:AssumeRole",
    "cloudtrail:StopLogging",
)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.bootstrap:
        for one in statements(stack):
            if one.kind != BOUNDARY or not one.allows:
                continue
            for action in _NEVER:
                if one.covers(action):
                    yield one.violation(
                        f"the boundary takes in {action}, which nothing here needs", "Action", fact=action
                    )
            whole = [action for action in one.actions if re.fullmatch(r"[a-z0-9-]+:\*.*|\*", action)]
            if whole and not _for_one_role(one):
                yield one.violation(
                    f"{whole[0]} is open to every role that the boundary bounds",
                    "Action",
                    fact=", ".join(whole),
                )
            for text in one.resources:
                if (
                    (is_everything(text) or text.endswith(":secret:*"))
                    and not _for_one_role(one)
                    and _reads_data(one)
                ):
                    yield one.violation(
                        "secrets or objects of every kind lie below this ceiling",
                        "Resource",
                        fact=f"data of {text}",
                    )


def _for_one_role(one: Statement) -> bool:
    values = one.demanded("aws:PrincipalArn")
    return bool(values) and all("*" not in value and ":role/" in value for value in values)


def _reads_data(one: Statement) -> bool:
    return any(
        one.covers(action) for action in ("secretsmanager:GetSecretValue", "s3:GetObject", "ssm:GetParameter")
    )
