"""As whom CloudFormation works on resources, and whether that one may."""

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

from pipeline.base.run import CHECKOUT
from pipeline.iam import grants
from tests.sandbox.emulator.cloud import Cloud
from tests.stacks import resources, statements, texts

pytestmark = pytest.mark.e2e
_HERE = "eu-west-1:111111111111"
_QUEUES = f"arn:aws:sqs:{_HERE}:work-*"
_CREATE = [
    "sqs:CreateQueue",
    "sqs:GetQueueUrl",
    "sqs:GetQueueAttributes",
    "sqs:ListQueueTags",
    "sqs:TagQueue",
]
_UPDATE = ["sqs:SetQueueAttributes", "sqs:UntagQueue"]
_DELETE = ["sqs:DeleteQueue"]


def _template(name: str, delay: int = 1) -> dict[str, Any]:
    return {
        "Resources": {
            "Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name, "DelaySeconds": delay}}
        }
    }


def _role(cloud: Cloud, name: str, *actions: str, resource: str = _QUEUES) -> str:
    policy = [{"Effect": "Allow", "Action": list(actions), "Resource": resource}] if actions else []
    return cloud.role(name, *policy)


def _reasons(cloud: Cloud, stack: str) -> str:
    events = cloud.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return " ".join(event.get("ResourceStatusReason", "") for event in events)


def test_each_action_of_the_registry_is_needed(cloud: Cloud) -> None:
    """With all that the registry names the resource is made; without any one of them it isn't, and that is said."""
    whole = _role(cloud, "work-whole", *_CREATE, *_DELETE)
    assert "CREATE_COMPLETE" == cloud.deploy("work-whole", _template("work-whole"), RoleARN=whole)
    for action in _CREATE:
        name = f"work-no-{action.partition(':')[2]}"
        role = _role(cloud, name, *(each for each in (*_CREATE, *_DELETE) if each != action))

        assert "ROLLBACK_COMPLETE" == cloud.deploy(name, _template(name), RoleARN=role)
        assert f"assumed-role/{name}/AWSCloudFormation is not authorized to perform: {action}" in _reasons(
            cloud, name
        )


def test_a_resource_of_another_name_is_refused(cloud: Cloud) -> None:
    """The role's rights end where its resources do."""
    role = _role(cloud, "work-elsewhere", *_CREATE, *_DELETE)

    assert "ROLLBACK_COMPLETE" == cloud.deploy("work-elsewhere", _template("elsewhere"), RoleARN=role)
    assert f"on resource: arn:aws:sqs:{_HERE}:elsewhere" in _reasons(cloud, "work-elsewhere")


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        (
            "AWS::DynamoDB::Table",
            {
                "TableName": "{}-orders",
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        ),
        ("AWS::SNS::Topic", {"TopicName": "{}-news"}),
        ("AWS::Kinesis::Stream", {"Name": "{}-clicks", "ShardCount": 1}),
        ("AWS::S3::Bucket", {"BucketName": "{}-files"}),
    ],
)
def test_a_type_of_the_list_is_made_as_the_bootstrap_grants_it(
    cloud: Cloud, kind: str, properties: dict[str, Any]
) -> None:
    """The execution role makes it once it is listed, under names of its own application alone."""
    service = kind.split("::")[1].lower()
    given = {
        f"{service}-listed": (grants.Grants((kind,)), "shop-dev", "CREATE_COMPLETE"),
        f"{service}-unlisted": (grants.Grants(), "shop-dev", "ROLLBACK_COMPLETE"),
        f"{service}-others": (grants.Grants((kind,)), "depot-dev", "ROLLBACK_COMPLETE"),
    }
    for stack, (granted, name, state) in given.items():
        role = cloud.role(f"list-{stack}", *_of_bootstrap(granted))
        named = {
            key: value.format(name) if key.endswith("Name") and isinstance(value, str) else value
            for key, value in properties.items()
        }
        template = {"Resources": {"It": {"Type": kind, "Properties": named}}}

        assert state == cloud.deploy(f"list-{stack}", template, RoleARN=role), _reasons(
            cloud, f"list-{stack}"
        )


def _of_bootstrap(granted: grants.Grants) -> list[dict[str, Any]]:
    """The execution role's statements of an application `shop` in dev; what only AWS knows is left open."""
    template = yaml_parse(grants.written((CHECKOUT / "bootstrap/template.yaml").read_text("utf-8"), granted))
    defaults = {name: one["Default"] for name, one in template["Parameters"].items() if "Default" in one}
    names = {"Name": "shop", "Environment": "dev", "AWS::Partition": "aws"}
    place = {"AWS::Region": "eu-west-1", "AWS::AccountId": "111111111111"}
    stack = resources(template, {**defaults, **names, **place})
    return [
        {**one, "Resource": ["*" if text.startswith("<") else text for text in texts(one["Resource"])]}
        for one in statements(stack["ExecutionRole"]["Properties"]["Policies"])
    ]


_OPEN = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}


@pytest.mark.parametrize("of", ["the bucket", "another bucket"])
def test_a_buckets_policy_is_its_owners(cloud: Cloud, of: str) -> None:
    """Who may not write it puts no other one there and, by the rollback, takes none away."""
    name = f"work-policy-{of.partition(' ')[0]}"
    client = cloud.client("s3")
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    mine = {
        "Version": "2012-10-17",
        "Statement": [{**_OPEN, "Effect": "Deny", "Resource": f"arn:aws:s3:::{name}/*"}],
    }
    client.put_bucket_policy(Bucket=name, Policy=json.dumps(mine))
    public = {"Version": "2012-10-17", "Statement": [{**_OPEN, "Resource": f"arn:aws:s3:::{name}/*"}]}
    template = {
        "Resources": {
            "P": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": name, "PolicyDocument": public}}
        }
    }
    held = "arn:aws:s3:::others" if of == "another bucket" else "arn:aws:s3:::none"
    role = _role(cloud, name, "s3:*", "sqs:*", resource=held)

    assert "ROLLBACK_COMPLETE" == cloud.deploy(name, template, RoleARN=role)
    refused = rf"is not authorized to perform: s3:(Get|Put)BucketPolicy on resource: arn:aws:s3:::{name} "
    assert re.search(refused, _reasons(cloud, name))
    assert mine == json.loads(client.get_bucket_policy(Bucket=name)["Policy"])


def _naming(stack: str, reference: str) -> dict[str, Any]:
    named = {"TopicName": stack, "DisplayName": f"{{{{resolve:{reference}}}}}"}
    return {"Resources": {"It": {"Type": "AWS::SNS::Topic", "Properties": named}}}


@pytest.mark.parametrize(
    ("stack", "reference", "right"),
    [
        ("work-secret", "secretsmanager:work-held:SecretString:key", "secretsmanager:GetSecretValue"),
        ("work-setting", "ssm:/held/value", "ssm:GetParameters"),
    ],
)
def test_what_a_template_resolves_is_read_with_the_roles_rights(
    cloud: Cloud, stack: str, reference: str, right: str
) -> None:
    """A secret too: who may read it has it in the template, who may not, or is denied it, hasn't."""
    if stack == "work-secret":
        cloud.client("secretsmanager").create_secret(Name="work-held", SecretString='{"key": "held"}')
    else:
        cloud.client("ssm").put_parameter(Name="/held/value", Type="String", Value="held")
    makes = {"Effect": "Allow", "Action": "sns:*", "Resource": "*"}
    reads = {"Effect": "Allow", "Action": right, "Resource": "*"}
    for name, policy in (("may", [reads]), ("lacks", []), ("denied", [reads, {**reads, "Effect": "Deny"}])):
        own = f"{stack}-{name}"
        role = cloud.role(own, makes, *policy)
        state = "CREATE_COMPLETE" if name == "may" else "ROLLBACK_COMPLETE"

        assert state == cloud.deploy(own, _naming(own, reference), RoleARN=role), _reasons(cloud, own)
        assert (f"not authorized to perform: {right}" in _reasons(cloud, own)) == (name != "may")


def test_the_role_stays_with_the_stack(cloud: Cloud) -> None:
    """An update by somebody who hands no role over is done as the role of before: which may not update."""
    role = _role(cloud, "work-stays", *_CREATE, *_DELETE)
    assert "CREATE_COMPLETE" == cloud.deploy("work-stays", _template("work-stays"), RoleARN=role)
    stacks = cloud.client("cloudformation")
    stacks.update_stack(StackName="work-stays", TemplateBody=json.dumps(_template("work-stays", 2)))

    assert "UPDATE_ROLLBACK_COMPLETE" == cloud.settled("work-stays")
    assert "sqs:SetQueueAttributes" in _reasons(cloud, "work-stays")

    more = _role(cloud, "work-stays-more", *_CREATE, *_UPDATE, *_DELETE)
    stacks.update_stack(
        StackName="work-stays", TemplateBody=json.dumps(_template("work-stays", 2)), RoleARN=more
    )
    assert "UPDATE_COMPLETE" == cloud.settled("work-stays")


def test_a_change_set_is_executed_as_its_role(cloud: Cloud) -> None:
    """The role that the change set was made with does the work, whoever executes it."""
    role = _role(cloud, "work-set", *_CREATE)
    stacks = cloud.client("cloudformation")
    # One of the same name that was deleted leaves nothing to the new one.
    assert "CREATE_COMPLETE" == cloud.deploy("work-set", _template("work-set"))
    stacks.delete_stack(StackName="work-set")
    while stacks.list_stacks(StackStatusFilter=["DELETE_IN_PROGRESS"])["StackSummaries"]:
        pass
    made = stacks.create_change_set(
        StackName="work-set",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(_template("elsewhere")),
        RoleARN=role,
    )
    stacks.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"], WaiterConfig={"Delay": 1})
    stacks.execute_change_set(ChangeSetName=made["Id"])

    assert cloud.settled("work-set") in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
    assert "sqs:CreateQueue" in _reasons(cloud, "work-set")


def test_without_a_role_the_callers_rights_count(cloud: Cloud) -> None:
    """Who may drive CloudFormation and make no queues gets none by way of it."""
    drives = {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}
    makes = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    for name, policy, state in (
        ("work-poor", [drives], "ROLLBACK_COMPLETE"),
        ("work-rich", [drives, makes], "CREATE_COMPLETE"),
    ):
        client = cloud.client("cloudformation", cloud.become(cloud.role(name, *policy)))
        client.create_stack(StackName=name, TemplateBody=json.dumps(_template(name)))

        assert state == cloud.settled(name)


def test_a_role_without_its_boundary_is_refused(cloud: Cloud) -> None:
    """The condition key of the boundary is the template's: with it the role is made, without it isn't."""
    boundary = cloud.client("iam").create_policy(
        PolicyName="work-ceiling",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        ),
    )["Policy"]["Arn"]
    makes = {
        "Effect": "Allow",
        "Action": "iam:*",
        "Resource": "arn:aws:iam::111111111111:role/made/*",
        "Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}},
    }
    looks = {
        "Effect": "Allow",
        "Action": ["iam:Get*", "iam:List*", "iam:*Tag*", "iam:DeleteRole"],
        "Resource": "*",
    }
    worker = cloud.role("work-roles", makes, looks)
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    properties = {"Path": "/made/", "AssumeRolePolicyDocument": trust}
    for name, more, state in (
        ("work-unbounded", {}, "ROLLBACK_COMPLETE"),
        ("work-bounded", {"PermissionsBoundary": boundary}, "CREATE_COMPLETE"),
    ):
        template = {"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {**properties, **more}}}}

        assert state == cloud.deploy(name, template, RoleARN=worker), _reasons(cloud, name)


def test_a_function_needs_its_role_and_its_code(cloud: Cloud) -> None:
    """iam:PassRole for Lambda on the function's role, and s3:GetObject on its code."""
    cloud.client("s3").create_bucket(
        Bucket="work-code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    role = cloud.role("work-function")
    everything = {"Effect": "Allow", "Action": ["lambda:*", "ec2:*"], "Resource": "*"}
    passes = {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
    }
    template = {
        "Resources": {
            "F": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Runtime": "python3.13",
                    "Handler": "index.handler",
                    "Role": role,
                    "Code": {"S3Bucket": "work-code", "S3Key": "f.zip"},
                },
            }
        }
    }
    for name, policy, action in (
        ("work-passes-not", [everything], "iam:PassRole"),
        ("work-reads-not", [everything, passes], "s3:GetObject"),
    ):
        worker = cloud.role(name, *policy)

        assert "ROLLBACK_COMPLETE" == cloud.deploy(name, template, RoleARN=worker)
        assert f"not authorized to perform: {action}" in _reasons(cloud, name)


def test_a_custom_resource_needs_its_function(cloud: Cloud) -> None:
    """lambda:InvokeFunction on the service token."""
    arn = cloud.function("work-custom", "def handler(event, context): return 1", cloud.role("work-custom"))
    template = {"Resources": {"C": {"Type": "Custom::Thing", "Properties": {"ServiceToken": arn}}}}
    worker = _role(cloud, "work-invokes-not", "lambda:GetFunction", resource="*")

    state = cloud.deploy("work-invokes-not", template, RoleARN=worker)

    assert state in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}  # AWS asks for the same right to roll it back
    assert f"lambda:InvokeFunction on resource: {arn}" in _reasons(cloud, "work-invokes-not")


def test_parameters_are_read_with_the_roles_rights(cloud: Cloud) -> None:
    """A template's SSM values are as closed as the parameters are."""
    cloud.client("ssm").put_parameter(Name="/made/value", Value="v", Type="String")
    template = {
        **_template("work-ssm"),
        "Parameters": {"V": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/made/value"}},
    }
    shut = _role(cloud, "work-ssm-shut", *_CREATE)

    with pytest.raises(ClientError, match="ssm:GetParameters"):
        cloud.deploy("work-ssm-shut", template, RoleARN=shut)


def test_a_sessions_principal_arn_is_its_roles(cloud: Cloud) -> None:
    """A condition on aws:PrincipalArn names the role, path and all."""
    iam = cloud.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    arn = iam.create_role(
        RoleName="work-by-arn", Path="/deep/down/", AssumeRolePolicyDocument=json.dumps(trust)
    )["Role"]["Arn"]
    for action, named in (("s3:ListAllMyBuckets", arn), ("sqs:ListQueues", f"{arn}-other")):
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": action,
                    "Resource": "*",
                    "Condition": {"ArnEquals": {"aws:PrincipalArn": named}},
                }
            ],
        }
        iam.put_role_policy(
            RoleName="work-by-arn", PolicyName=action.replace(":", "-"), PolicyDocument=json.dumps(document)
        )
    session = cloud.become(arn)

    assert "Buckets" in cloud.client("s3", session).list_buckets()
    with pytest.raises(ClientError, match="AccessDenied"):
        cloud.client("sqs", session).list_queues()
