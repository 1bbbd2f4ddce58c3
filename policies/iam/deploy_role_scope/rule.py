"""Actions of roles that a workflow becomes, beyond those that a deployment by change set needs."""

import re
from collections.abc import Iterator

from pipeline.iam.matching import includes
from pipeline.iam.statements import IDENTITY, TRUST, Statement, statements
from pipeline.source.project import Project
from pipeline.source.values import refers
from pipeline.source.violations import Violation

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
                if not any(includes(pattern, action.lower()) for pattern in _NEEDED) and not _shows(
                    one, action
                ):
                    yield one.violation(f"a workflow could call {action}", "Action", fact=action)


def _shows(one: Statement, action: str) -> bool:
    """Whether the action only has Lambda show variables of named functions, to compare them with the release's.

    Lambda shows them to who may decrypt with the function's key. Secrets under that key come through another
    service, and with another context.
    """
    services = one.values("kms:ViaService", "StringEquals")
    functions = one.values(
        "kms:EncryptionContext:aws:lambda:FunctionArn", "StringEquals", "StringLike", "ArnEquals", "ArnLike"
    )
    return (
        action.lower() == "kms:decrypt"
        and bool(services and functions)
        and all(service.startswith("lambda.") for service in services)
        and all(re.search(r":function:[^*?:]{3}", function) for function in functions)
    )
