"""Actions of roles that a workflow becomes, beyond those that a deployment by change set needs."""

from collections.abc import Iterator

from pipeline.gate.iam import (
    IDENTITY,
    TRUST,
    matches,
    statements,
)
from pipeline.gate.project import Project
from pipeline.gate.rules import Violation
from pipeline.gate.values import refers

_NEEDED = tuple(
    pattern.lower()
    for pattern in (
        "cloudformation:*ChangeSet",
        "cloudformation:*ChangeSets",
        "cloudformation:Describe*",
        "cloudformation:Detect*",
        "cloudformation:Get*",
        "cloudformation:List*",
        "cloudformation:ValidateTemplate",
        "cloudformation:ContinueUpdateRollback",
        "cloudformation:TagResource",
        "cloudwatch:Describe*",
        "codedeploy:Get*",
        "execute-api:Invoke",
        "iam:PassRole",
        "kms:DescribeKey",
        "kms:GetPublicKey",
        "kms:Sign",
        "kms:Verify",
        "lambda:Get*",
        "lambda:List*",
        "logs:Describe*",
        "logs:FilterLogEvents",
        "s3:GetObject*",
        "s3:GetBucketLocation",
        "s3:ListBucket",
        "s3:PutObject",
        "ssm:GetParameter*",
        "sts:GetCallerIdentity",
        "tag:GetResources",
    )
)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        found = list(statements(stack))
        roles = {
            one.resource.id
            for one in found
            if one.kind == TRUST and any(kind == "Federated" for kind, _ in one.principals)
        }
        for one in found:
            holders = {one.resource.id} | refers(one.resource.get("Roles", default=[]))
            if one.kind != IDENTITY or not one.allows or not holders & roles:
                continue
            for action in one.actions:
                if not any(matches(pattern, action) for pattern in _NEEDED):
                    yield one.violation(f"a workflow could call {action}", "Action")
