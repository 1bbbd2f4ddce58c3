"""IAM's writing actions, outside of the few that the execution role needs within its boundary."""

import re
from collections.abc import Iterator

from pipeline.iam.statements import IDENTITY, Statement, statements
from pipeline.source.functions import custom_resources, rotating
from pipeline.source.project import Project
from pipeline.source.stacks import Stack
from pipeline.source.values import refers
from pipeline.source.violations import Violation

_NEVER = tuple(
    f"iam:{name}"
    for name in (
        "CreateUser",
        "CreateAccessKey",
        "CreateLoginProfile",
        "UpdateLoginProfile",
        "AttachUserPolicy",
        "PutUserPolicy",
        "AddUserToGroup",
        "AttachGroupPolicy",
        "PutGroupPolicy",
        "CreatePolicy",
        "CreatePolicyVersion",
        "SetDefaultPolicyVersion",
        "DeletePolicyVersion",
        "DeleteRolePermissionsBoundary",
        "CreateOpenIDConnectProvider",
        "DeleteOpenIDConnectProvider",
        "AddClientIDToOpenIDConnectProvider",
        "UpdateOpenIDConnectProviderThumbprint",
        "CreateServiceLinkedRole",
        "CreateSAMLProvider",
        "UpdateSAMLProvider",
        "DeactivateMFADevice",
        "UpdateAccountPasswordPolicy",
    )
)
_ARMING = tuple(
    f"iam:{name}"
    for name in ("CreateRole", "PutRolePolicy", "AttachRolePolicy", "PutRolePermissionsBoundary")
)
_CHANGING = ("iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:DeleteRolePolicy")
_OTHER = (
    "sts:AssumeRole",
    "organizations:LeaveOrganization",
    "cloudtrail:StopLogging",
    "cloudtrail:DeleteTrail",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:BypassGovernanceRetention",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "secretsmanager:PutResourcePolicy",
    "lambda:AddLayerVersionPermission",
    "lambda:CreateFunctionUrlConfig",
)


# What gives its holder credentials, and knows no resource that could be named instead of all.
_CREDENTIALS = tuple(
    name.lower()
    for name in (
        "appsync:CreateApiKey",
        "chime:CreateApiKey",
        "cognito-identity:GetCredentialsForIdentity",
        "cognito-identity:GetOpenIdToken",
        "ecr-public:GetAuthorizationToken",
        "license-manager:GetAccessToken",
        "lightsail:DownloadDefaultKeyPair",
        "sts:GetSessionToken",
    )
)
# A function that may do this may become any code, or let anybody call it. The execution role has to.
_OF_FUNCTIONS = tuple(
    f"lambda:{name}"
    for name in (
        "AddPermission",
        "CreateEventSourceMapping",
        "CreateFunction",
        "PublishVersion",
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
    )
)
# Nor may one erase its trace, hand a key on, or end a secret.
_OF_TRACES = (
    "logs:DeleteLogGroup",
    "logs:DeleteLogStream",
    "logs:DeleteRetentionPolicy",
    "kms:CreateGrant",
    "secretsmanager:CancelRotateSecret",
    "secretsmanager:DeleteSecret",
)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in statements(stack):
            if one.kind != IDENTITY or not one.allows:
                continue
            own = (*_OF_FUNCTIONS, *_OF_TRACES) if stack in project.application else ()
            for action in (*_NEVER, *_OTHER, *own):
                if one.covers(action):
                    yield one.violation(
                        f"{action} makes its holder stronger, or undoes a guard", "Action", fact=action
                    )
            for action in one.actions:
                if action.lower() in _CREDENTIALS:
                    yield one.violation(f"{action} gives its holder credentials", "Action", fact=action)
            yield from _roles(one)
            yield from _started(stack, one) if stack in project.application else ()


def _started(stack: Stack, one: Statement) -> Iterator[Violation]:
    """What CloudFormation or Secrets Manager alone may start, with more rights than who else would start it."""
    guarded = {name for each in custom_resources(stack) for name in refers(each.get("ServiceToken"))}
    guarded |= rotating(stack)
    for name in sorted(guarded & stack.resources.keys()) if one.covers("lambda:InvokeFunction") else ():
        function = stack.resources[name].get("FunctionName")
        named = [text for text in one.resources if f":function:{function}" in text]
        if named or name in refers(one.body.get("Resource")):
            yield one.violation(
                f"it may start {name}, which has other rights",
                "Action",
                fact=f"lambda:InvokeFunction on {name}",
            )


def _roles(one: Statement) -> Iterator[Violation]:
    bound = one.demanded("iam:PermissionsBoundary")
    for action in _ARMING:
        if one.covers(action) and not (bound and all("*" not in value for value in bound)):
            yield one.violation(
                f"{action} is allowed without the boundary as its condition",
                "Action",
                fact=f"{action} without the boundary",
            )
    if any(one.covers(action) for action in (*_ARMING, *_CHANGING)):
        for text in one.resources:
            if not re.search(r":role/[^*?]*[^*?/]+/", text):
                yield one.violation(
                    f"{text} takes in roles outside of this environment's path",
                    "Resource",
                    fact=f"{one.deeds} on roles {text}",
                )
