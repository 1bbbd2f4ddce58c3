"""A rotation that really calls its function."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.emulator.cloud import Cloud
from tests.waiting import until

pytestmark = pytest.mark.e2e
# It does what its steps are for with a secret's text alone, with its own role's rights, and breaks on demand.
_CODE = """
import boto3, os

def handler(event, context):
    client = boto3.client("secretsmanager")
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    current = client.get_secret_value(SecretId=arn)
    if step == client.describe_secret(SecretId=arn).get("Description"):
        raise RuntimeError("broken at " + step)
    if step == "createSecret":
        try:
            client.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
        except client.exceptions.ResourceNotFoundException:
            client.put_secret_value(SecretId=arn, ClientRequestToken=token, VersionStages=["AWSPENDING"],
                                    SecretString=current["SecretString"] + "+")
    if step == "finishSecret":
        client.update_secret_version_stage(SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token,
                                           RemoveFromVersionId=current["VersionId"])
"""
_ACTIONS = [
    "secretsmanager:GetSecretValue",
    "secretsmanager:DescribeSecret",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
]


@pytest.fixture(scope="module")
def function(cloud: Cloud) -> str:
    """A rotation function that may rotate the secrets whose names begin with `turn-`."""
    allowed = {
        "Effect": "Allow",
        "Action": _ACTIONS,
        "Resource": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:turn-*",
    }
    arn = cloud.function("turns", _CODE, cloud.role("turns", allowed))
    cloud.client("lambda").add_permission(
        FunctionName="turns",
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceAccount="111111111111",
    )
    return arn


def _secret(cloud: Cloud, name: str) -> str:
    arn: str = cloud.client("secretsmanager").create_secret(Name=name, SecretString="v")["ARN"]
    return arn


def _becomes(cloud: Cloud, arn: str, value: str) -> bool:
    client = cloud.client("secretsmanager")
    return until(
        lambda: bool(client.get_secret_value(SecretId=arn)["SecretString"] == value), f"the value {value}"
    )


def _fails(cloud: Cloud, name: str, step: str) -> None:
    """Wait until the rotation of a secret has failed at a step."""
    until(lambda: f"rotation of {name}: {step} failed" in cloud.aws.log.read_text(), f"the failure at {step}")


def test_rotation_calls_the_four_steps(cloud: Cloud, function: str) -> None:
    """The function makes the new value; the old one stays as the previous version."""
    client = cloud.client("secretsmanager")
    arn = _secret(cloud, "turn-whole")
    client.rotate_secret(
        SecretId=arn, RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 7}
    )

    assert _becomes(cloud, arn, "v+")
    assert "v" == client.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")["SecretString"]
    described = client.describe_secret(SecretId=arn)
    assert (True, function, 7) == (
        described["RotationEnabled"],
        described["RotationLambdaARN"],
        described["RotationRules"]["AutomaticallyAfterDays"],
    )


def test_each_rotation_makes_a_new_version(cloud: Cloud, function: str) -> None:
    """Four one after the other: none begins with what an earlier one left; each label is on one version."""
    client = cloud.client("secretsmanager")
    arn = _secret(cloud, "turn-turn")
    for value in ("v+", "v++", "v+++", "v++++"):
        client.rotate_secret(SecretId=arn, RotationLambdaARN=function)
        assert _becomes(cloud, arn, value)
    stages = client.describe_secret(SecretId=arn)["VersionIdsToStages"]

    assert ["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"] == sorted(
        label for labels in stages.values() for label in labels
    )


def test_rotation_has_the_functions_rights_alone(cloud: Cloud, function: str) -> None:
    """A function whose role may not read the secret can't rotate it: the old value stays current."""
    arn = _secret(cloud, "foreign")
    cloud.client("secretsmanager").rotate_secret(SecretId=arn, RotationLambdaARN=function)

    _fails(cloud, "foreign", "createSecret")
    assert "v" == cloud.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]


@pytest.mark.parametrize("step", ["createSecret", "setSecret", "testSecret", "finishSecret"])
def test_a_broken_rotation_is_tried_again(cloud: Cloud, function: str, step: str) -> None:
    """Broken at any step the old value stays; asked again, Secrets Manager says so and ends what was begun."""
    client = cloud.client("secretsmanager")
    arn = _secret(cloud, f"turn-{step}")
    client.update_secret(SecretId=arn, Description=step)
    token = client.rotate_secret(SecretId=arn, RotationLambdaARN=function)["VersionId"]
    _fails(cloud, f"turn-{step}", step)
    assert "v" == client.get_secret_value(SecretId=arn)["SecretString"]

    client.update_secret(SecretId=arn, Description="whole")
    with pytest.raises(ClientError, match="A previous rotation isn't complete"):
        client.rotate_secret(SecretId=arn)

    assert _becomes(cloud, arn, "v+")
    assert token == client.get_secret_value(SecretId=arn)["VersionId"]


def test_secrets_manager_must_be_let_in(cloud: Cloud) -> None:
    """Without a permission in the function's policy, or without a function, there is no rotation."""
    client = cloud.client("secretsmanager")
    arn = _secret(cloud, "turn-shut")
    shut = cloud.function("shut", _CODE, cloud.role("shut"))

    with pytest.raises(ClientError, match="cannot invoke the specified Lambda function"):
        client.rotate_secret(SecretId=arn, RotationLambdaARN=shut)
    with pytest.raises(ClientError, match="No Lambda rotation function"):
        client.rotate_secret(SecretId=_secret(cloud, "turn-none"))


@pytest.mark.parametrize("at_once", [True, False])
def test_a_schedule_sets_rotation(cloud: Cloud, function: str, at_once: bool) -> None:
    """It rotates at once unless told not to, and its rules are the secret's."""
    name = f"turn-schedule-{at_once}"
    template: dict[str, Any] = {
        "Resources": {
            "S": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": name, "SecretString": "v"}},
            "R": {
                "Type": "AWS::SecretsManager::RotationSchedule",
                "Properties": {
                    "SecretId": {"Ref": "S"},
                    "RotationLambdaARN": function,
                    "RotateImmediatelyOnUpdate": at_once,
                    "RotationRules": {"AutomaticallyAfterDays": 30},
                },
            },
        }
    }
    assert "CREATE_COMPLETE" == cloud.deploy(name, template)
    described = cloud.client("secretsmanager").describe_secret(SecretId=name)

    # A rotation that begins, or its trial, makes its version before the stack is complete.
    assert _becomes(cloud, name, "v+" if at_once else "v")
    assert (True, 30) == (described["RotationEnabled"], described["RotationRules"]["AutomaticallyAfterDays"])


@pytest.mark.parametrize("step", ["testSecret", "setSecret"])
def test_setting_a_rotation_up_calls_its_test_alone(cloud: Cloud, function: str, step: str) -> None:
    """On a pending version that is gone afterwards, whatever came of it: so a function that is broken there is told of,
    and one that is broken elsewhere isn't (RotateSecret's RotateImmediately; getmoto/moto#8504)."""
    client, name = cloud.client("secretsmanager"), f"turn-try-{step}"
    arn = _secret(cloud, name)
    client.update_secret(SecretId=arn, Description=step)
    client.rotate_secret(SecretId=arn, RotationLambdaARN=function, RotateImmediately=False)
    if step == "testSecret":
        _fails(cloud, name, step)
    until(lambda: len(client.describe_secret(SecretId=arn)["VersionIdsToStages"]) == 1, "the trial's end")

    assert "v" == client.get_secret_value(SecretId=arn)["SecretString"]
    assert (step == "testSecret") == (f"rotation of {name}:" in cloud.aws.log.read_text())
    client.update_secret(SecretId=arn, Description="whole")
    client.rotate_secret(SecretId=arn)
    assert _becomes(cloud, arn, "v+")


def test_a_version_without_value_is_not_found(cloud: Cloud, function: str) -> None:
    """Between its making and the function's first step a pending version can't be read; nor by a wrong label."""
    client = cloud.client("secretsmanager")
    arn = _secret(cloud, "turn-empty")
    client.update_secret(SecretId=arn, Description="createSecret")
    token = client.rotate_secret(SecretId=arn, RotationLambdaARN=function)["VersionId"]

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
    current = client.get_secret_value(SecretId=arn)["VersionId"]
    with pytest.raises(ClientError, match="InvalidRequestException"):
        client.get_secret_value(SecretId=arn, VersionId=current, VersionStage="AWSPENDING")
    assert json.dumps(token) in json.dumps(client.describe_secret(SecretId=arn)["VersionIdsToStages"])
