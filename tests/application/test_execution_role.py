"""The execution role against CloudFormation's registry: nothing missing, nothing more, or else a reason.

It is written by hand for what any application here is made of; what a list adds is generated (test_grants.py).

The registry names, for each resource type, the IAM actions that its handlers call. cfn-lint ships it
(cfnlint/data/schemas), so the comparison follows the locked version of cfn-lint.
"""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from pipeline.iam.grants import PLATFORM
from tests.stacks import (
    ENVIRONMENTS,
    ROOT,
    bootstrap,
    name_of_application,
    prefix,
    statements,
    texts,
)

SCHEMAS = next((ROOT / ".tools/policy/lib").glob("python3.*/site-packages/cfnlint/data/schemas"))

# The statements for the types of policies/settings.toml.
GENERATED = {"EncryptThroughMore", "HandRolesToMore", "MakeMore", "MakeMoreAnywhere"}

# Needed, and in no schema of a type that the stack has.
BESIDES = {
    "ssm:GetParameters": "CloudFormation resolves AWS::SSM::Parameter::Value as the execution role",
    "lambda:InvokeFunction": "Custom::Migration is a function of ours; rotation tries its own when set up",
}

# Named by a schema and withheld: what the stack doesn't use, a deployment can't do.
WITHHELD = {
    "apigateway:UpdateRestApiPolicy": "the API has no resource policy",
    "codedeploy:RegisterOnPremisesInstance": "there are no such instances",
    "elasticfilesystem:DescribeMountTargets": "no function mounts a file system",
    "firehose:TagDeliveryStream": "no log group of the delivery class",
    "iam:AttachRolePolicy": "no role takes a managed policy",
    "iam:DeleteGroupPolicy": "policies belong to roles alone",
    "iam:DeleteRolePermissionsBoundary": "a role keeps its boundary as long as it lives",
    "iam:DeleteUserPolicy": "policies belong to roles alone",
    "iam:DetachRolePolicy": "no role takes a managed policy",
    "iam:GetGroupPolicy": "policies belong to roles alone",
    "iam:GetUserPolicy": "policies belong to roles alone",
    "iam:PutGroupPolicy": "policies belong to roles alone",
    "iam:PutUserPolicy": "policies belong to roles alone",
    "lambda:AssociateRuntimeAlias": "the runtime is updated by AWS",
    "lambda:DeleteFunctionCodeSigningConfig": "code is verified by the pipeline's signatures",
    "lambda:DeleteProvisionedConcurrencyConfig": "no provisioned concurrency",
    "lambda:GetCodeSigningConfig": "code is verified by the pipeline's signatures",
    "lambda:GetLayerVersion": "no layers",
    "lambda:PassCapacityProvider": "no capacity providers",
    "lambda:PutFunctionCodeSigningConfig": "code is verified by the pipeline's signatures",
    "lambda:PutFunctionRecursionConfig": "the default, which ends loops, stays",
    "lambda:PutFunctionScalingConfig": "no capacity providers",
    "lambda:PutProvisionedConcurrencyConfig": "no provisioned concurrency",
    "lambda:PutRuntimeManagementConfig": "the runtime is updated by AWS",
    "logs:CreateLogDelivery": "no log group of the delivery class",
    "logs:DeleteDataProtectionPolicy": "no data protection policy",
    "logs:DeleteIndexPolicy": "no field indexes",
    "logs:DeleteResourcePolicy": "no resource policy on log groups",
    "logs:PutBearerTokenAuthentication": "nobody writes logs with a bearer token",
    "logs:PutDataProtectionPolicy": "no data protection policy",
    "logs:PutIndexPolicy": "no field indexes",
    "logs:PutLogGroupDeletionProtection": "log groups are retained by the stack",
    "logs:PutResourcePolicy": "no resource policy on log groups",
    "s3:REST.PUT.OBJECT": "not an IAM action",
    "s3files:ListMountTargets": "no function mounts a file system",
    "secretsmanager:GetSecretValue": "denied: CloudFormation would hand the value to any template that asks",
    "secretsmanager:RemoveRegionsFromReplication": "the secret stays in its region",
    "secretsmanager:ReplicateSecretToRegions": "the secret stays in its region",
}


@cache
def needed() -> frozenset[str]:
    """The actions that the handlers of every resource type of the platform name."""
    files = json.loads((SCHEMAS / "providers/us-east-1.json").read_text())
    return frozenset(
        action for kind in PLATFORM for action in permissions(SCHEMAS / "resources" / f"{files[kind]}.json")
    )


def permissions(schema: Path) -> set[str]:
    handlers = json.loads(schema.read_text())["handlers"]
    return {
        action
        for name, handler in handlers.items()
        if name != "list"  # CloudFormation never lists
        for action in handler.get("permissions", [])
    }


def granted(environment: str) -> set[str]:
    policy = statements(bootstrap(environment)["ExecutionRole"]["Properties"]["Policies"])
    return {
        action
        for s in policy
        if s["Effect"] == "Allow" and s["Sid"] not in GENERATED
        for action in texts(s["Action"])
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_is_missing_and_nothing_is_too_much(environment: str) -> None:
    """The role may do what the registry says that the stack needs, save for the two lists above."""
    assert sorted(needed() - set(WITHHELD) | set(BESIDES)) == sorted(granted(environment))


def test_every_exception_is_one() -> None:
    """An action that the registry no longer names, or names by now, leaves the lists."""
    assert [] == sorted(set(WITHHELD) - needed())
    assert ["lambda:InvokeFunction"] == sorted(set(BESIDES) & needed())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_lookups_reach_beyond_the_environment(environment: str) -> None:
    """What changes something is limited to names of the environment, save the API, whose id AWS makes up, and
    the end of a gradual deployment, which AWS judges on no resource (test_authorization.py)."""
    parameters = f"parameter/{name_of_application()}/{environment}/"
    own = re.compile(rf"[:/]{re.escape(prefix(environment))}(?=[-/:]|$)|{parameters}|^<")
    reaching = {
        action
        for s in statements(bootstrap(environment)["ExecutionRole"]["Properties"]["Policies"])
        if s["Effect"] == "Allow"
        and s["Sid"] not in GENERATED
        and not all(own.search(resource) for resource in texts(s["Resource"]))
        for action in texts(s["Action"])
    }
    expected = {
        *(f"apigateway:{method}" for method in ("DELETE", "GET", "PATCH", "POST", "PUT")),
        *(f"ec2:Describe{what}" for what in ("NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")),
        "cloudwatch:DescribeAlarms",
        "codedeploy:GetDeploymentConfig",
        "codedeploy:StopDeployment",
        "logs:DescribeIndexPolicies",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "secretsmanager:GetRandomPassword",
    }

    assert expected == reaching
