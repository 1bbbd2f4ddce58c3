"""CloudFormation's operations and the SAM transform."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.emulator.cloud import Cloud

pytestmark = pytest.mark.e2e
_QUEUE = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
_BROKEN = {
    "Resources": {
        "R": {"Type": "AWS::SecretsManager::RotationSchedule", "Properties": {"SecretId": "no-such-secret"}}
    }
}
_DRIVES = {"Effect": "Allow", "Action": ["cloudformation:*", "sqs:*"], "Resource": "*"}


def test_the_transform_sees_the_parameters(cloud: Cloud) -> None:
    """A parameter's value, not its default, decides what SAM makes: another digest publishes another version."""
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"Digest": {"Type": "String", "Default": "none"}},
        "Resources": {
            "F": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "FunctionName": "versioned",
                    "Runtime": "python3.13",
                    "Handler": "index.handler",
                    "InlineCode": "def handler(event, context): return 1",
                    "AutoPublishAlias": "live",
                    "AutoPublishCodeSha256": {"Ref": "Digest"},
                },
            }
        },
    }
    versions: list[str] = []
    for digest in ("a" * 64, "b" * 64):
        words: dict[str, Any] = {"Parameters": [{"ParameterKey": "Digest", "ParameterValue": digest}]}
        if not versions:
            cloud.deploy("versioned", template, **words)
        else:
            cloud.client("cloudformation").update_stack(
                StackName="versioned",
                TemplateBody=json.dumps(template),
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
                **words,
            )
            assert "UPDATE_COMPLETE" == cloud.settled("versioned")
        alias = cloud.client("lambda").get_alias(FunctionName="versioned", Name="live")
        versions.append(alias["FunctionVersion"])

    assert ["1", "2"] == versions


@pytest.mark.parametrize("by", ["name", "arn"])
def test_a_dead_stack_takes_no_update(cloud: Cloud, by: str) -> None:
    """In ROLLBACK_COMPLETE neither a change set nor an update is accepted, and deleting it is."""
    name = f"dead-{by}"
    client = cloud.client("cloudformation")
    assert "ROLLBACK_COMPLETE" == cloud.deploy(name, _BROKEN)
    stack = name if by == "name" else client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]

    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        client.update_stack(StackName=stack, TemplateBody=json.dumps(_QUEUE))
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        client.create_change_set(StackName=stack, ChangeSetName="c", TemplateBody=json.dumps(_QUEUE))
    client.delete_stack(StackName=stack)
    while client.list_stacks(StackStatusFilter=["DELETE_IN_PROGRESS"])["StackSummaries"]:
        pass
    assert "CREATE_COMPLETE" == cloud.deploy(name, _QUEUE)


def test_a_service_role_must_be_handed_over(cloud: Cloud) -> None:
    """Without iam:PassRole for CloudFormation on that very role, the stack isn't touched."""
    role = cloud.role("service", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    passes = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role}
    to_cloudformation = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    callers: dict[str, list[dict[str, Any]]] = {
        "passes-nothing": [],
        "passes-another": [{**passes, "Resource": f"{role}-other"}],
        "passes-to-lambda": [{**passes, "Condition": to_lambda}],
    }
    for name, statements in callers.items():
        client = cloud.client("cloudformation", cloud.become(cloud.role(name, _DRIVES, *statements)))
        with pytest.raises(ClientError, match=r"AccessDenied.*iam:PassRole"):
            client.create_change_set(
                StackName=name,
                ChangeSetName="c",
                ChangeSetType="CREATE",
                TemplateBody=json.dumps(_QUEUE),
                RoleARN=role,
            )

    session = cloud.become(cloud.role("passes", _DRIVES, {**passes, "Condition": to_cloudformation}))
    client = cloud.client("cloudformation", session)
    client.create_stack(StackName="passes", TemplateBody=json.dumps(_QUEUE), RoleARN=role)

    assert "CREATE_COMPLETE" == cloud.settled("passes")


def test_a_service_role_must_exist_and_trust(cloud: Cloud) -> None:
    """A role that isn't there, and one that CloudFormation can't assume, are refused by name."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    untrusting = cloud.role("untrusting", trust=trust)
    for role in ("arn:aws:iam::111111111111:role/nobody", untrusting):
        with pytest.raises(ClientError, match=f"Role {role} is invalid or cannot be assumed"):
            cloud.client("cloudformation").create_stack(
                StackName="without", TemplateBody=json.dumps(_QUEUE), RoleARN=role
            )


@pytest.mark.parametrize(("first", "then", "action"), [("no", "yes", "Add"), ("yes", "no", "Remove")])
def test_a_change_set_heeds_conditions(cloud: Cloud, first: str, then: str, action: str) -> None:
    """CloudFormation user guide, "Conditions": a resource is created only if its condition holds."""
    client, stack = cloud.client("cloudformation"), f"conditions-{first}"
    queue = {"Type": "AWS::SQS::Queue"}
    template = {
        "Parameters": {"Wanted": {"Type": "String"}},
        "Conditions": {"IsWanted": {"Fn::Equals": [{"Ref": "Wanted"}, "yes"]}},
        "Resources": {"Always": queue, "Sometimes": {**queue, "Condition": "IsWanted"}},
    }
    given = {"ParameterKey": "Wanted", "ParameterValue": first}
    assert "CREATE_COMPLETE" == cloud.deploy(stack, template, Parameters=[given])
    client.create_change_set(
        StackName=stack,
        ChangeSetName="other",
        TemplateBody=json.dumps(template),
        Parameters=[{**given, "ParameterValue": then}],
    )
    changes = client.describe_change_set(StackName=stack, ChangeSetName="other")["Changes"]
    found = [(one["ResourceChange"]["Action"], one["ResourceChange"]["LogicalResourceId"]) for one in changes]

    assert [(action, "Sometimes")] == found


@pytest.mark.parametrize(
    ("compared", "values", "holds"),
    [
        ({"Fn::Join": ["", {"Ref": "Many"}]}, {"Many": ""}, True),
        ({"Fn::Join": ["", {"Ref": "Many"}]}, {"Many": "one,two"}, False),
        ({"Fn::Sub": "${Many}"}, {"Many": ""}, True),
        ({"Fn::FindInMap": ["Empty", {"Ref": "Many"}, "Is"]}, {"Many": "yes"}, True),
        ({"Fn::FindInMap": ["Empty", {"Ref": "Many"}, "Is"]}, {"Many": "no"}, False),
    ],
)
def test_a_condition_compares_what_functions_make(
    cloud: Cloud,
    request: pytest.FixtureRequest,
    compared: dict[str, Any],
    values: dict[str, str],
    holds: bool,
) -> None:
    """A list is joined to see whether it is empty, as AWS's own templates do."""
    kind = "CommaDelimitedList" if "Fn::Join" in compared else "String"
    queue = {"Type": "AWS::SQS::Queue"}
    template = {
        "Parameters": {"Many": {"Type": kind}},
        "Mappings": {"Empty": {"yes": {"Is": ""}, "no": {"Is": "full"}}},
        "Conditions": {"IsEmpty": {"Fn::Equals": [compared, ""]}},
        "Resources": {"Always": queue, "Sometimes": {**queue, "Condition": "IsEmpty"}},
    }
    stack = f"functions-{abs(hash(request.node.name))}"
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
    assert "CREATE_COMPLETE" == cloud.deploy(stack, template, Parameters=given)
    found = cloud.client("cloudformation").list_stack_resources(StackName=stack)["StackResourceSummaries"]

    assert holds == ("Sometimes" in {one["LogicalResourceId"] for one in found})


_ALARM = {
    "MetricName": "Errors",
    "Namespace": "AWS/Lambda",
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": 1,
    "Period": 60,
    "Statistic": "Sum",
}
# By the user guide's pages of each type, "Update requires": what is changed, and what a change set says of it.
_CHANGES = {
    "AWS::Logs::LogGroup": ({"RetentionInDays": 30}, {"RetentionInDays": 60}, "Never", "False"),
    "AWS::SQS::Queue": ({"QueueName": "one"}, {"QueueName": "two"}, "Always", "True"),
    "AWS::CloudWatch::Alarm": (_ALARM | {"Threshold": 1}, _ALARM | {"Threshold": 2}, "Never", "False"),
    "AWS::SecretsManager::Secret": ({"Name": "one"}, {"Name": "two"}, "Always", "True"),
    "AWS::IAM::ManagedPolicy": (
        {"Description": "one", "PolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        {"Description": "two", "PolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        "Always",
        "True",
    ),
}


@pytest.mark.parametrize("kind", _CHANGES)
def test_a_change_set_says_what_the_registry_says(cloud: Cloud, kind: str) -> None:
    """A retention that is changed in place is no loss of data, and a name that is changed is one."""
    before, after, recreation, replacement = _CHANGES[kind]
    name = kind.replace(":", "").lower()
    assert "CREATE_COMPLETE" == cloud.deploy(name, {"Resources": {"R": {"Type": kind, "Properties": before}}})
    client = cloud.client("cloudformation")
    client.create_change_set(
        StackName=name,
        ChangeSetName="c",
        TemplateBody=json.dumps({"Resources": {"R": {"Type": kind, "Properties": after}}}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    client.get_waiter("change_set_create_complete").wait(
        StackName=name, ChangeSetName="c", WaiterConfig={"Delay": 1}
    )
    (change,) = client.describe_change_set(StackName=name, ChangeSetName="c")["Changes"]
    told = change["ResourceChange"]

    assert (replacement, [recreation]) == (
        told["Replacement"],
        [one["Target"]["RequiresRecreation"] for one in told["Details"]],
    )
