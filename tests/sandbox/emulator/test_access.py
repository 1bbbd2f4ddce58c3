"""Callers are judged on what they name."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.proofs import calls
from tests.sandbox.emulator.cloud import Cloud

pytestmark = pytest.mark.e2e
_TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


def test_parameters_are_judged_one_by_one(cloud: Cloud) -> None:
    """A policy for some parameters is enough for these, and not for another beside them."""
    ssm = cloud.client("ssm")
    for name in ("/mine/a", "/mine/b", "/other/c"):
        ssm.put_parameter(Name=name, Value=name, Type="String")
    allowed = {
        "Effect": "Allow",
        "Action": "ssm:GetParameters",
        "Resource": "arn:aws:ssm:eu-west-1:111111111111:parameter/mine/*",
    }
    client = cloud.client("ssm", cloud.become(cloud.role("reads-parameters", allowed)))

    found = client.get_parameters(Names=["/mine/a", "/mine/b"])["Parameters"]

    assert ["/mine/a", "/mine/b"] == sorted(each["Value"] for each in found)
    with pytest.raises(ClientError, match="parameter/other/c"):
        client.get_parameters(Names=["/mine/a", "/other/c"])


def test_a_change_set_is_judged_by_its_stack(cloud: Cloud) -> None:
    """A policy for one stack reaches its change sets by their ARNs, and no other stack's."""
    made = {}
    for stack in ("stack-mine", "stack-other"):
        made[stack] = cloud.client("cloudformation").create_change_set(
            StackName=stack, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=_TEMPLATE
        )["Id"]
    allowed = {
        "Effect": "Allow",
        "Action": "cloudformation:DescribeChangeSet",
        "Resource": "arn:aws:cloudformation:eu-west-1:111111111111:stack/stack-mine/*",
    }
    client = cloud.client("cloudformation", cloud.become(cloud.role("drives-one-stack", allowed)))

    assert "stack-mine" == client.describe_change_set(ChangeSetName=made["stack-mine"])["StackName"]
    with pytest.raises(ClientError, match="AccessDenied"):
        client.describe_change_set(ChangeSetName=made["stack-other"])


def test_every_operation_of_lambda_asks_for_a_right(cloud: Cloud) -> None:
    """Who may list functions may do nothing else: each operation that botocore knows is refused."""
    allowed = {"Effect": "Allow", "Action": "lambda:ListFunctions", "Resource": "*"}
    client = cloud.client("lambda", cloud.become(cloud.role("lists-functions", allowed)))
    operations = client.meta.service_model.operation_names
    done = [one for one in operations if not calls.refused(lambda _: client, f"lambda:{one}", {})]

    assert len(operations) > 60
    assert ["ListFunctions"] == done
