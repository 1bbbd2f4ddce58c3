"""The plan's verdicts against the change sets that the emulator computes for the same edit."""

import copy
import dataclasses
import json
from typing import Any

import pytest

from pipeline.plan import sources
from pipeline.plan.compare import compare
from pipeline.source import environments as gate
from pipeline.source.stacks import Stack
from tests.sandbox.emulator.cloud import Cloud
from tests.sandbox.emulator.conftest import cloud as emulator
from tests.waiting import until

pytestmark = pytest.mark.e2e
__all__ = ["emulator"]

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
BASE: dict[str, Any] = {
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "one", "VisibilityTimeout": 30}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "one", "DisplayName": "one"}},
        "Setting": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": "/plan/one", "Type": "String", "Value": "one"},
        },
        "Log": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": "/plan/one", "RetentionInDays": 1},
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": "plan-one", "Description": "one", "AssumeRolePolicyDocument": TRUST},
        },
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "plan-one",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        },
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"Name": "plan-one", "Description": "one"},
        },
    }
}
EDITS = [
    ("Queue", "QueueName", "two"),
    ("Queue", "VisibilityTimeout", 60),
    ("Topic", "TopicName", "two"),
    ("Topic", "DisplayName", "two"),
    ("Setting", "Name", "/plan/two"),
    ("Setting", "Value", "two"),
    ("Log", "LogGroupName", "/plan/two"),
    ("Log", "RetentionInDays", 3),
    ("Role", "RoleName", "plan-two"),
    ("Role", "Description", "two"),
    ("Table", "TableName", "plan-two"),
    ("Secret", "Name", "plan-two"),
    ("Secret", "Description", "two"),
]


@pytest.fixture(scope="module")
def deployed(request: pytest.FixtureRequest) -> Cloud:
    """An emulator that runs the base template."""
    cloud: Cloud = request.getfixturevalue("emulator")
    assert "CREATE_COMPLETE" == cloud.deploy("plan", BASE)
    return cloud


def stack(template: dict[str, Any]) -> Stack:
    text = '[dev.global.parameters]\nregion = "eu-west-1"\nstack_name = "plan"\n'
    environment = gate.environments(sources.document(text, "samconfig.toml"))[0]
    return sources.expanded(
        sources.document(json.dumps(template), "template.yaml"), dataclasses.replace(environment), {}
    )


def change_set(cloud: Cloud, template: dict[str, Any], name: str) -> dict[str, str]:
    """What the emulator would do to each resource: an action, or `replace`."""
    client = cloud.client("cloudformation")
    words = {"StackName": "plan", "ChangeSetName": name}
    client.create_change_set(
        **words, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )

    def ready() -> Any:
        described = client.describe_change_set(**words)
        return described if described["Status"] in ("CREATE_COMPLETE", "FAILED") else None

    found = until(ready, f"the change set {name}")
    client.delete_change_set(**words)
    changes = [one["ResourceChange"] for one in found["Changes"]]
    return {
        one["LogicalResourceId"]: "replace"
        if one.get("Replacement") == "True"
        else {"Modify": "change", "Add": "add", "Remove": "remove"}[one["Action"]]
        for one in changes
    }


def planned(template: dict[str, Any]) -> dict[str, str]:
    return {one.resource: one.action for one in compare(stack(BASE), stack(template), {}).changes}


@pytest.mark.parametrize(("resource", "name", "value"), EDITS)
def test_an_edit_does_what_the_plan_says(deployed: Cloud, resource: str, name: str, value: object) -> None:
    """Replaced or changed in place, and nothing else touched."""
    template = copy.deepcopy(BASE)
    template["Resources"][resource]["Properties"][name] = value

    assert planned(template) == change_set(deployed, template, f"{resource}-{name}")


def test_added_and_removed_resources_are_what_the_plan_says(deployed: Cloud) -> None:
    """One comes, one goes."""
    template = copy.deepcopy(BASE)
    del template["Resources"]["Topic"]
    template["Resources"]["Other"] = {"Type": "AWS::SQS::Queue"}

    assert {"Topic": "remove", "Other": "add"} == planned(template)
    assert change_set(deployed, template, "both") == planned(template)
