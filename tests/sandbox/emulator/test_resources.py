"""Properties that a stack's resources keep."""

import json
import string
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.emulator.cloud import Cloud

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> str:
    """A bucket with every setting that the project uses."""
    template = {
        "Resources": {
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "Properties": {
                    "BucketName": "settled-bucket",
                    "VersioningConfiguration": {"Status": "Enabled"},
                    "ObjectLockEnabled": True,
                    "ObjectLockConfiguration": {
                        "ObjectLockEnabled": "Enabled",
                        "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 3}},
                    },
                    "BucketEncryption": {
                        "ServerSideEncryptionConfiguration": [
                            {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                        ]
                    },
                    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                    "LoggingConfiguration": {"LogFilePrefix": "self/"},
                    "LifecycleConfiguration": {
                        "Rules": [
                            {
                                "Id": "sweep",
                                "Status": "Enabled",
                                "ExpirationInDays": 9,
                                "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
                                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 5},
                            }
                        ]
                    },
                },
            }
        }
    }
    assert "CREATE_COMPLETE" == cloud.deploy("settled", template)
    return "settled-bucket"


def test_a_bucket_keeps_its_settings(cloud: Cloud, bucket: str) -> None:
    """Encryption, lifecycle, ownership and logging are those of the template."""
    s3 = cloud.client("s3")
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    rule = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]

    assert "AES256" == encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
    assert ("sweep", 9, 7, 5) == (
        rule["ID"],
        rule["Expiration"]["Days"],
        rule["NoncurrentVersionExpiration"]["NoncurrentDays"],
        rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"],
    )
    ownership = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert [{"ObjectOwnership": "BucketOwnerEnforced"}] == ownership
    assert "self/" == s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]["TargetPrefix"]


def test_a_locked_buckets_objects_stay(cloud: Cloud, bucket: str) -> None:
    """What was put into a bucket with Object Lock can't be deleted, by the root user either."""
    s3 = cloud.client("s3")
    version = s3.put_object(Bucket=bucket, Key="proof", Body=b"as it was")["VersionId"]

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=bucket, Key="proof", VersionId=version, BypassGovernanceRetention=True)
    assert b"as it was" == s3.get_object(Bucket=bucket, Key="proof", VersionId=version)["Body"].read()


def test_a_function_keeps_its_settings(cloud: Cloud) -> None:
    """Reserved concurrency, key and dead-letter queue are the template's, and an update changes them."""
    cloud.role("settled-function")

    def template(reserved: int) -> dict[str, Any]:
        return {
            "Resources": {
                "Queue": {"Type": "AWS::SQS::Queue"},
                "Function": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "FunctionName": "settled",
                        "Runtime": "python3.13",
                        "Handler": "index.handler",
                        "Role": "arn:aws:iam::111111111111:role/settled-function",
                        "Code": {"ZipFile": "def handler(event, context): return 1"},
                        "ReservedConcurrentExecutions": reserved,
                        "KmsKeyArn": "arn:aws:kms:eu-west-1:111111111111:key/k",
                        "DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": ["Queue", "Arn"]}},
                    },
                },
            }
        }

    def reserved() -> int:
        found = cloud.client("lambda").get_function_concurrency(FunctionName="settled")
        kept: int = found["ReservedConcurrentExecutions"]
        return kept

    assert "CREATE_COMPLETE" == cloud.deploy("settled-function", template(3))
    assert 3 == reserved()
    configuration = cloud.client("lambda").get_function_configuration(FunctionName="settled")
    assert configuration["KMSKeyArn"].endswith(":key/k")
    assert ":settled-function-Queue" in configuration["DeadLetterConfig"]["TargetArn"]

    cloud.client("cloudformation").update_stack(
        StackName="settled-function", TemplateBody=json.dumps(template(4))
    )
    assert "UPDATE_COMPLETE" == cloud.settled("settled-function")
    assert 4 == reserved()


def in_network(role: str, subnets: list[str], groups: list[str]) -> dict[str, Any]:
    """A template with a function in subnets."""
    return {
        "Resources": {
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "networked",
                    "Runtime": "python3.13",
                    "Handler": "index.handler",
                    "Role": role,
                    "Code": {"ZipFile": "def handler(event, context): return 1"},
                    "VpcConfig": {"SubnetIds": subnets, "SecurityGroupIds": groups},
                },
            }
        }
    }


def test_a_function_joins_a_network(cloud: Cloud) -> None:
    """The template's subnets and groups, and those of an update; not what isn't there, nor without the right."""
    ec2, functions = cloud.client("ec2"), cloud.client("lambda")
    allowed = {"Effect": "Allow", "Action": "ec2:CreateNetworkInterface", "Resource": "*"}
    role, poor = cloud.role("networked", allowed), cloud.role("networked-poor")
    networks = []
    for block in ("10.8", "10.9"):
        vpc = ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"{block}.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName=block, Description="d", VpcId=vpc)["GroupId"]
        networks.append({"VpcId": vpc, "SubnetIds": [subnet], "SecurityGroupIds": [group]})
    first, second = networks

    def reason(stack: str) -> str:
        events = cloud.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        said = [one["ResourceStatusReason"] for one in events if one["ResourceStatus"].endswith("_FAILED")]
        return "".join(said)

    def has() -> dict[str, Any]:
        found = functions.get_function_configuration(FunctionName="networked")["VpcConfig"]
        return {name: found[name] for name in first}

    for stack, refused, said in (
        (
            "no-subnet",
            in_network(role, ["subnet-none"], first["SecurityGroupIds"]),
            "The subnet ID 'subnet-none' ",
        ),
        (
            "no-group",
            in_network(role, first["SubnetIds"], ["sg-none"]),
            "The security group 'sg-none' does not exist",
        ),
        (
            "no-right",
            in_network(poor, first["SubnetIds"], first["SecurityGroupIds"]),
            "does not have permissions to call CreateNetworkInterface on EC2",
        ),
    ):
        assert "ROLLBACK_COMPLETE" == cloud.deploy(stack, refused)
        assert said in reason(stack)
    template = in_network(role, first["SubnetIds"], first["SecurityGroupIds"])
    assert "CREATE_COMPLETE" == cloud.deploy("networked", template)
    assert first == has()
    moved = json.dumps(in_network(role, second["SubnetIds"], second["SecurityGroupIds"]))
    cloud.client("cloudformation").update_stack(StackName="networked", TemplateBody=moved)
    assert "UPDATE_COMPLETE" == cloud.settled("networked")
    assert second == has()


@pytest.mark.parametrize(
    ("kind", "name", "more"),
    [
        ("AWS::Logs::LogGroup", "LogGroupName", {}),
        ("AWS::SecretsManager::Secret", "Name", {"SecretString": "s"}),
        ("AWS::SQS::Queue", "QueueName", {}),
    ],
)
def test_what_a_stack_left_is_not_taken_over(
    cloud: Cloud, kind: str, name: str, more: dict[str, str]
) -> None:
    """A stack that ended keeps what it is told to keep; the next one of the name fails over it, and leaves it there."""
    stack, client = f"left-{name.lower()}", cloud.client("cloudformation")
    kept = {
        "Type": kind,
        "DeletionPolicy": "RetainExceptOnCreate",
        "Properties": {name: stack, **more},
    }

    def delete() -> None:
        client.delete_stack(StackName=stack)
        client.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})

    def there() -> bool:
        names = [one["logGroupName"] for one in cloud.client("logs").describe_log_groups()["logGroups"]]
        names += [one["Name"] for one in cloud.client("secretsmanager").list_secrets()["SecretList"]]
        names += [one.rpartition("/")[2] for one in cloud.client("sqs").list_queues().get("QueueUrls", [])]
        return stack in names

    assert "CREATE_COMPLETE" == cloud.deploy(stack, {"Resources": {"Kept": kept}})
    delete()
    assert there()
    assert "ROLLBACK_COMPLETE" == cloud.deploy(stack, {"Resources": {"Kept": kept}})
    said = client.describe_stack_events(StackName=stack)["StackEvents"]
    assert any(f"'{kind}'" in one.get("ResourceStatusReason", "") for one in said)
    assert there()
    delete()


@pytest.mark.parametrize(
    ("settings", "alphabet"),
    [
        ({"ExcludePunctuation": True}, string.ascii_letters + string.digits),
        ({"ExcludeLowercase": True, "ExcludePunctuation": True}, string.ascii_uppercase + string.digits),
        ({"ExcludeCharacters": "abc\"'\\"}, ""),
    ],
)
def test_a_generated_password_heeds_what_is_excluded(
    cloud: Cloud, settings: dict[str, Any], alphabet: str
) -> None:
    """No excluded character, at least one of each kind that is left, and the length that was asked for."""
    stack = f"password-{len(settings)}-{len(alphabet)}"
    asked = {"PasswordLength": 24, **settings}
    template = {
        "Resources": {
            "S": {"Type": "AWS::SecretsManager::Secret", "Properties": {"GenerateSecretString": asked}}
        },
        "Outputs": {"Ref": {"Value": {"Ref": "S"}}, "Id": {"Value": {"Fn::GetAtt": ["S", "Id"]}}},
    }
    assert "CREATE_COMPLETE" == cloud.deploy(stack, template)
    outputs = cloud.outputs(stack)
    password = cloud.client("secretsmanager").get_secret_value(SecretId=outputs["Ref"])["SecretString"]

    assert 24 == len(password)
    assert set() == set(password) & set(settings.get("ExcludeCharacters", ""))
    if alphabet:
        assert set(password) <= set(alphabet)
    assert any(letter in string.digits for letter in password)
    assert any(letter in string.ascii_uppercase for letter in password)


def test_a_secret_that_is_given_no_value_has_none(cloud: Cloud) -> None:
    """It can't be read until somebody puts one in; an update of the stack leaves that alone."""

    def template(text: str) -> dict[str, Any]:
        properties = {"Name": "empty", "Description": text}
        return {"Resources": {"S": {"Type": "AWS::SecretsManager::Secret", "Properties": properties}}}

    secrets = cloud.client("secretsmanager")
    assert "CREATE_COMPLETE" == cloud.deploy("empty", template("one"))
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.get_secret_value(SecretId="empty")
    secrets.put_secret_value(SecretId="empty", SecretString="put in by hand")
    cloud.client("cloudformation").update_stack(StackName="empty", TemplateBody=json.dumps(template("two")))
    assert "UPDATE_COMPLETE" == cloud.settled("empty")

    assert "two" == secrets.describe_secret(SecretId="empty")["Description"]
    assert "put in by hand" == secrets.get_secret_value(SecretId="empty")["SecretString"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.get_secret_value(SecretId="empty", VersionStage="AWSPREVIOUS")


def test_a_reference_to_a_secret_is_its_arn(cloud: Cloud) -> None:
    """!Ref gives what !GetAtt Id gives; an update keeps it, and the end of the stack removes the secret."""

    def template(text: str) -> dict[str, Any]:
        properties = {"Name": "referred", "Description": text, "SecretString": "s"}
        return {
            "Resources": {"S": {"Type": "AWS::SecretsManager::Secret", "Properties": properties}},
            "Outputs": {"Ref": {"Value": {"Ref": "S"}}, "Id": {"Value": {"Fn::GetAtt": ["S", "Id"]}}},
        }

    stacks = cloud.client("cloudformation")
    assert "CREATE_COMPLETE" == cloud.deploy("referred", template("one"))
    before = cloud.outputs("referred")
    stacks.update_stack(StackName="referred", TemplateBody=json.dumps(template("two")))
    assert "UPDATE_COMPLETE" == cloud.settled("referred")

    assert before["Ref"] == before["Id"]
    assert before["Ref"].startswith("arn:aws:secretsmanager:eu-west-1:111111111111:secret:referred-")
    assert before == cloud.outputs("referred")
    assert "two" == cloud.client("secretsmanager").describe_secret(SecretId="referred")["Description"]

    stacks.delete_stack(StackName="referred")
    while stacks.list_stacks(StackStatusFilter=["DELETE_IN_PROGRESS"])["StackSummaries"]:
        pass
    with pytest.raises(ClientError, match=r"ResourceNotFoundException|marked for deletion"):
        cloud.client("secretsmanager").get_secret_value(SecretId="referred")
