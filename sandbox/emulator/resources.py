"""Mends of properties that CloudFormation drops on the way."""

import json
import secrets
import string
from collections.abc import Callable
from functools import partial
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs, dynamodb, ec2, lambda_svc, s3, secretsmanager, sqs
from ministack.services.cloudformation import provisioners

from sandbox.emulator.handlers import Made, Properties, after, before
from sandbox.emulator.principals import session
from sandbox.emulator.rights import Right
from sandbox.emulator.work import refusal


def bucket_settings() -> None:
    """AWS: a bucket gets the encryption, Object Lock, lifecycle, ownership and logging of its properties.
    ministack: they are dropped, so that a locked bucket's objects could be deleted."""
    after("AWS::S3::Bucket", _settle_bucket)


def _settle_bucket(name: str, properties: Properties) -> None:
    if "BucketEncryption" in properties:
        rules = [
            {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
            for rule in properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        ]
        _put(s3._put_bucket_encryption, name, "ServerSideEncryptionConfiguration", {"Rule": rules})
    if "ObjectLockConfiguration" in properties:
        _put(
            s3._put_object_lock_configuration,
            name,
            "ObjectLockConfiguration",
            properties["ObjectLockConfiguration"],
        )
    elif _true(properties.get("ObjectLockEnabled")):
        s3._bucket_object_lock[name] = {"enabled": True, "default_retention": None}
    if "LifecycleConfiguration" in properties:
        rules = [_lifecycle(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        _put(s3._put_bucket_lifecycle, name, "LifecycleConfiguration", {"Rule": rules})
    if "OwnershipControls" in properties:
        rules = properties["OwnershipControls"]["Rules"]
        _put(s3._put_bucket_ownership_controls, name, "OwnershipControls", {"Rule": rules})
    if "LoggingConfiguration" in properties:
        logging = properties["LoggingConfiguration"]
        target = {
            "TargetBucket": logging.get("DestinationBucketName", name),
            "TargetPrefix": logging.get("LogFilePrefix", ""),
        }
        _put(s3._put_bucket_logging, name, "BucketLoggingStatus", {"LoggingEnabled": target})


def _lifecycle(rule: Properties) -> Properties:
    """A lifecycle rule in the words of S3's API."""
    said: Properties = {"ID": rule.get("Id", ""), "Filter": {"Prefix": rule.get("Prefix", "")}}
    said["Status"] = rule["Status"]
    if "ExpirationInDays" in rule:
        said["Expiration"] = {"Days": rule["ExpirationInDays"]}
    for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if name in rule:
            said[name] = rule[name]
    return said


def _put(put: Any, bucket: str, tag: str, value: Properties) -> None:
    status, _, body = put(bucket, _xml(tag, value).encode())
    if status >= 400:
        raise ValueError(f"AWS::S3::Bucket {bucket}: {tag}: {body!r}")


def _xml(tag: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_xml(tag, each) for each in value)
    inner = "".join(_xml(*item) for item in value.items()) if isinstance(value, dict) else escape(str(value))
    return f"<{tag}>{inner}</{tag}>"


def function_settings() -> None:
    """AWS: a function gets the reserved concurrency, the key, the dead-letter queue and the network of its properties.
    ministack: they are dropped, so that no number of requests at once is too many."""

    def apply(name: str, properties: Properties) -> None:
        function = lambda_svc._functions[name]
        reserved = properties.get("ReservedConcurrentExecutions")
        function["concurrency"] = None if reserved is None else int(reserved)
        function["config"]["KMSKeyArn"] = properties.get("KmsKeyArn", "")
        function["config"]["VpcConfig"] = lambda_svc._vpc_config_with_id(properties.get("VpcConfig"))
        if "DeadLetterConfig" in properties:
            function["config"]["DeadLetterConfig"] = properties["DeadLetterConfig"]

    after("AWS::Lambda::Function", apply)


def networks_of_functions() -> None:
    """AWS: a function joins subnets and security groups that are there, if its role may make network interfaces.
    ministack: any. Sources of what AWS says: serverless/serverless#2973, for a subnet localstack/localstack#12293, and
    amazon-connect/amazon-connect-salesforce-lambda#29."""
    before("AWS::Lambda::Function", _join)


def _join(properties: Properties) -> None:
    network = properties.get("VpcConfig") or {}
    for operation, code, what, there, names in (
        ("DescribeSubnets", "InvalidSubnetID", "subnet ID", ec2._subnets, network.get("SubnetIds")),
        (
            "DescribeSecurityGroups",
            "InvalidGroup",
            "security group",
            ec2._security_groups,
            network.get("SecurityGroupIds"),
        ),
    ):
        for name in names or ():
            if name not in there:
                said = f"The {what} '{name}' does not exist"
                _invalid(
                    f"Error occurred while {operation}. EC2 Error Code: {code}.NotFound. EC2 Error Message: {said}"
                )
    made = Right(
        "ec2:CreateNetworkInterface", f"arn:aws:ec2:{get_region()}:{get_account_id()}:network-interface/*"
    )
    if network.get("SubnetIds") and refusal(made, session(properties["Role"], "lambda")):
        _invalid(
            "The provided execution role does not have permissions to call CreateNetworkInterface on EC2"
        )


def _invalid(said: str) -> None:
    raise ValueError(f"{said} (Service: Lambda, Status Code: 400) (HandlerErrorCode: InvalidRequest)")


# What a template names, and where it is when that is taken.
_NAMED: dict[str, tuple[str, Callable[[str], bool]]] = {
    "AWS::DynamoDB::Table": ("TableName", lambda name: name in dynamodb._tables),
    "AWS::Lambda::Function": ("FunctionName", lambda name: name in lambda_svc._functions),
    "AWS::Logs::LogGroup": ("LogGroupName", lambda name: name in cloudwatch_logs._log_groups),
    "AWS::SQS::Queue": ("QueueName", lambda name: name in sqs._queue_name_to_url),
    "AWS::SecretsManager::Secret": ("Name", lambda name: bool(secretsmanager._resolve(name)[1])),
}


def names_that_are_taken() -> None:
    """AWS: what has a name of its own isn't made where something of that name is, such as what another stack left.
    ministack: it takes its place, and what was in it is gone. The words are those of a log group (aws-solutions/
    amazon-marketing-cloud-uploader-from-aws#167); other types word it otherwise."""
    for kind, (key, taken) in _NAMED.items():
        before(kind, partial(_untaken, kind, key, taken), updates=False)


def _untaken(kind: str, key: str, taken: Callable[[str], bool], properties: Properties) -> None:
    name = properties.get(key)
    if isinstance(name, str) and taken(name):
        named = json.dumps({f"/properties/{key}": name}, separators=(",", ":"))
        raise ValueError(
            f"Resource of type '{kind}' with identifier '{named}' already exists. (HandlerErrorCode: AlreadyExists)"
        )


def secrets_by_arn() -> None:
    """AWS: !Ref of a secret gives its ARN. ministack: its name."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def name_of(physical: str) -> str:
        found, _ = secretsmanager._resolve(physical)
        return str(found or physical)

    def created(logical: str, properties: Properties, stack: str) -> Made:
        _, attributes = create(logical, properties, stack)
        return attributes["Id"], attributes

    def updated(physical: str, old: Properties, new: Properties, *rest: Any) -> Made:
        _, attributes = update(name_of(physical), old, new, *rest)
        return attributes["Id"], attributes

    def deleted(physical: str, properties: Properties) -> None:
        delete(name_of(physical), properties)

    handler.update(create=created, update=updated, delete=deleted)


def generated_passwords() -> None:
    """AWS: a generated secret heeds every Exclude setting and holds each kind of character that is left; one with
    neither SecretString nor GenerateSecretString has no value. ministack: it heeds ExcludeCharacters alone, and draws
    from a generator that can be foretold; the value is an empty text."""
    declared = provisioners._sm_secret_string

    def made(properties: Properties) -> str | None:
        asked = properties.get("GenerateSecretString")
        if asked is None or properties.get("SecretString"):
            text: str = declared(properties)
            return text or None
        password = _password(asked)
        if "SecretStringTemplate" not in asked:
            return password
        value = json.loads(asked["SecretStringTemplate"])
        value[asked["GenerateStringKey"]] = password
        return json.dumps(value)

    provisioners._sm_secret_string = made


def _password(asked: Properties) -> str:
    kinds = {
        "ExcludeLowercase": string.ascii_lowercase,
        "ExcludeUppercase": string.ascii_uppercase,
        "ExcludeNumbers": string.digits,
        "ExcludePunctuation": string.punctuation,
    }
    excluded = set(asked.get("ExcludeCharacters", ""))
    left = [
        "".join(letter for letter in letters if letter not in excluded)
        for setting, letters in kinds.items()
        if not _true(asked.get(setting))
    ]
    alphabets = [letters for letters in left if letters]
    length = int(asked.get("PasswordLength", 32))
    while True:
        password = "".join(secrets.choice("".join(alphabets)) for _ in range(length))
        if all(set(password) & set(letters) for letters in alphabets):
            return password


def _true(value: object) -> bool:
    return str(value).lower() == "true"


MENDS = (
    bucket_settings,
    function_settings,
    networks_of_functions,
    names_that_are_taken,
    secrets_by_arn,
    generated_passwords,
)
