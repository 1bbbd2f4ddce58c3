"""The AWS calls of the pipeline, of the functions and of the doctor, made one after the other to whatever answers them.

Each call is recorded with its answer, or with the error's code, in a form that two emulators can be compared by: what
AWS makes up (ids, times, keys' bytes) is one word.
"""

import datetime as dt
import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

type Answer = dict[str, Any]

_MADE_UP = {
    *(
        "AccessKeyId",
        "Arn",
        "AssumedRoleId",
        "BackupArn",
        "ChangeSetId",
        "CiphertextBlob",
        "CiphertextForRecipient",
    ),
    *("EventId", "Id", "KeyId", "KeyMaterialId", "MD5OfBody", "MessageId", "NextToken", "PhysicalResourceId"),
    *("Plaintext", "PublicKey", "RandomPassword", "ReceiptHandle", "RevisionId", "RoleId", "SecretAccessKey"),
    *(
        "SessionToken",
        "Signature",
        "StackId",
        "UserId",
        "VersionIdMarker",
        "arn",
        "eventId",
        "nextBackwardToken",
    ),
    *(
        "nextForwardToken",
        "nextToken",
        "uploadSequenceToken",
        "NextContinuationToken",
        "StateUpdatedTimestamp",
        "Location",
        "Sid",
    ),
    *("CurrentKeyMaterialId", "PolicyId", "LastModified", "CodeSha256", "logStreamName"),
}
_TEXTS = (
    (re.compile(r"\b\d{12}\b"), "<account>"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"(:secret:[\w/-]+)-\w{6}\b"), r"\1-<six>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+(Z|[+-][\d:]+)?"), "<time>"),
    (re.compile(r"https?://(?:localhost|127\.0\.0\.1):\d+"), "<host>"),
)


@dataclass
class Calls:
    """Who makes the calls, and what was answered: by the step's name."""

    client: Callable[[str], Any]
    answers: dict[str, Any] = field(default_factory=dict)

    def __call__(self, step: str, service: str, operation: str, **given: Any) -> Answer:
        """Make a call and keep its answer under `SERVICE OPERATION STEP`; {} where it was refused."""
        return self._keep(f"{service} {operation} {step}".strip(), service, operation, given)

    def quietly(self, service: str, operation: str, **given: Any) -> Answer:
        """Make a call whose answer isn't compared. Raises ClientError."""
        found: Answer = getattr(self.client(service), operation)(**given)
        return found

    def _keep(self, name: str, service: str, operation: str, given: dict[str, Any]) -> Answer:
        if name in self.answers:
            raise ValueError(f"two steps are called {name!r}")
        try:
            found: Answer = getattr(self.client(service), operation)(**given)
        except ClientError as error:
            told = error.response["Error"]
            self.answers[name] = {
                "Error": {
                    "Code": told.get("Code"),
                    "Status": error.response["ResponseMetadata"]["HTTPStatusCode"],
                }
            }
            return {}
        except ResponseParserError:  # an emulator that broke answers with a page
            self.answers[name] = {"Error": {"Code": "broken", "Status": 500}}
            return {}
        if "Body" in found:
            found["Body"] = found["Body"].read()
        self.answers[name] = normal({key: one for key, one in found.items() if key != "ResponseMetadata"})
        return found


def normal(value: Any, name: str = "") -> Any:
    """An answer without what AWS makes up."""
    if isinstance(value, dict):
        return {key: normal(one, key) for key, one in sorted(value.items())}
    if isinstance(value, list):
        found = [normal(one, name) for one in value]
        return (
            sorted(found, key=lambda one: one["ResourceChange"]["LogicalResourceId"])
            if name == "Changes"
            else found
        )
    if isinstance(value, dt.datetime) or (isinstance(value, int) and value > 1_600_000_000_000):
        return "<time>"
    if value and name in _MADE_UP | {"VersionId"}:
        return f"<{name}>"
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        for pattern, instead in _TEXTS:
            value = pattern.sub(instead, value)
    return value


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of an answer with its place; what is empty is a value too."""
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from leaves(one, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list) and value:
        for index, one in enumerate(value):
            yield from leaves(one, f"{place}[{index}]")
    else:
        yield place, value


def differences(ours: dict[str, Any], others: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Where the answers differ: by `STEP: PLACE` what ours says and what the other does; None for nothing."""
    found = {}
    for step in {**ours, **others}:
        left, right = dict(leaves(ours.get(step))), dict(leaves(others.get(step)))
        for place in {**left, **right}:
            if left.get(place) != right.get(place):
                found[f"{step}: {place}"] = (left.get(place), right.get(place))
    return found


def play(client: Callable[[str], Any]) -> dict[str, Any]:
    """Make all calls; returns the answers by their steps."""
    calls = Calls(client)
    for part in (_s3, _ssm, _secrets, _kms, _iam, _cloudformation, _lambda, _cloudwatch, _logs, _sqs, _sns):
        part(calls)
    return calls.answers


REGION = "eu-west-1"
BUCKET, LOCKED = "opinions-artifacts", "opinions-evidence"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["lambda.amazonaws.com", "cloudformation.amazonaws.com"]},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def _s3(calls: Calls) -> None:
    """Buckets with versions and locks, as the bootstrap makes them, and objects as the pipeline keeps them."""
    here = {"LocationConstraint": REGION}
    calls("", "s3", "create_bucket", Bucket=BUCKET, CreateBucketConfiguration=here)
    calls("again", "s3", "create_bucket", Bucket=BUCKET, CreateBucketConfiguration=here)
    calls("before", "s3", "get_bucket_versioning", Bucket=BUCKET)
    calls("", "s3", "put_bucket_versioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    calls("after", "s3", "get_bucket_versioning", Bucket=BUCKET)
    first = calls(
        "one", "s3", "put_object", Bucket=BUCKET, Key="a/one", Body=b"1", ChecksumAlgorithm="SHA256"
    )
    calls("one again", "s3", "put_object", Bucket=BUCKET, Key="a/one", Body=b"22", ContentType="text/plain")
    calls("two", "s3", "put_object", Bucket=BUCKET, Key="a/two", Body=b"")
    calls("if none", "s3", "put_object", Bucket=BUCKET, Key="a/one", Body=b"3", IfNoneMatch="*")
    calls("new if none", "s3", "put_object", Bucket=BUCKET, Key="b/three", Body=b"3", IfNoneMatch="*")
    for step, given in (
        ("newest", {"Key": "a/one"}),
        ("by version", {"Key": "a/one", "VersionId": first["VersionId"]}),
        ("missing", {"Key": "none"}),
        ("missing version", {"Key": "a/one", "VersionId": "1" * 32}),
    ):
        calls(step, "s3", "head_object", Bucket=BUCKET, **given)
        calls(step, "s3", "get_object", Bucket=BUCKET, **given)
    calls("no bucket", "s3", "get_object", Bucket="opinions-none", Key="a/one")
    calls("by prefix", "s3", "list_objects_v2", Bucket=BUCKET, Prefix="a/")
    calls("one at a time", "s3", "list_objects_v2", Bucket=BUCKET, MaxKeys=1)
    calls("nothing", "s3", "list_objects_v2", Bucket=BUCKET, Prefix="none/")
    calls("", "s3", "list_object_versions", Bucket=BUCKET, Prefix="a/one")
    calls("", "s3", "delete_object", Bucket=BUCKET, Key="a/one")
    calls("deleted", "s3", "get_object", Bucket=BUCKET, Key="a/one")
    calls("deleted", "s3", "head_object", Bucket=BUCKET, Key="a/one")
    calls("below a marker", "s3", "get_object", Bucket=BUCKET, Key="a/one", VersionId=first["VersionId"])
    calls("with a marker", "s3", "list_object_versions", Bucket=BUCKET, Prefix="a/one")
    for what in ("lifecycle_configuration", "policy", "encryption", "logging"):
        calls("none", "s3", f"get_bucket_{what}", Bucket=BUCKET)
    calls("none", "s3", "get_object_lock_configuration", Bucket=BUCKET)
    rules = [
        {"ID": "r", "Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 90}}
    ]
    calls(
        "", "s3", "put_bucket_lifecycle_configuration", Bucket=BUCKET, LifecycleConfiguration={"Rules": rules}
    )
    calls("", "s3", "get_bucket_lifecycle_configuration", Bucket=BUCKET)
    calls.quietly(
        "s3", "create_bucket", Bucket=LOCKED, CreateBucketConfiguration=here, ObjectLockEnabledForBucket=True
    )
    calls("of a locked bucket", "s3", "get_bucket_versioning", Bucket=LOCKED)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    calls(
        "",
        "s3",
        "put_object_lock_configuration",
        Bucket=LOCKED,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
    )
    calls("", "s3", "get_object_lock_configuration", Bucket=LOCKED)
    kept = calls("locked", "s3", "put_object", Bucket=LOCKED, Key="x", Body=b"1", ChecksumAlgorithm="SHA256")
    calls("", "s3", "get_object_retention", Bucket=LOCKED, Key="x")
    calls("of a lock", "s3", "delete_object", Bucket=LOCKED, Key="x", VersionId=kept["VersionId"])
    calls("of a locked key", "s3", "delete_object", Bucket=LOCKED, Key="x")


def _ssm(calls: Calls) -> None:
    """Parameters, as a deployment reads them."""
    host = {"Name": "/opinions/dev/database/host", "Type": "String"}
    calls("", "ssm", "put_parameter", **host, Value="db.example.com")
    calls("again", "ssm", "put_parameter", **host, Value="other")
    calls("over it", "ssm", "put_parameter", **host, Value="db2.example.com", Overwrite=True)
    calls("secret", "ssm", "put_parameter", Name="/opinions/dev/secret", Type="SecureString", Value="x")
    calls("", "ssm", "get_parameter", Name=host["Name"])
    calls("first", "ssm", "get_parameter", Name=f"{host['Name']}:1")
    calls("missing", "ssm", "get_parameter", Name="/opinions/none")
    calls("decrypted", "ssm", "get_parameter", Name="/opinions/dev/secret", WithDecryption=True)
    calls("some", "ssm", "get_parameters", Names=[host["Name"], "/opinions/none"])
    calls("none", "ssm", "get_parameters", Names=["/opinions/none"])
    calls("", "ssm", "get_parameters_by_path", Path="/opinions/dev", Recursive=True)
    calls("not deeper", "ssm", "get_parameters_by_path", Path="/opinions/dev")
    calls("", "ssm", "delete_parameter", Name=host["Name"])
    calls("again", "ssm", "delete_parameter", Name=host["Name"])


def _secrets(calls: Calls) -> None:
    """Secrets and their versions, as rotation moves them."""
    one, token = "opinions-dev-database", "11111111-1111-4111-8111-111111111111"
    calls("", "secretsmanager", "create_secret", Name=one, SecretString='{"username": "a"}', Description="d")
    calls("again", "secretsmanager", "create_secret", Name=one, SecretString="x")
    fresh = calls("fresh", "secretsmanager", "describe_secret", SecretId=one)
    calls.answers["secretsmanager describe_secret fresh"]["VersionIdsToStages"] = [
        *fresh["VersionIdsToStages"].values()
    ]
    calls("", "secretsmanager", "get_secret_value", SecretId=one)
    calls("missing", "secretsmanager", "get_secret_value", SecretId="opinions-none")
    calls("no such stage", "secretsmanager", "get_secret_value", SecretId=one, VersionStage="AWSPENDING")
    pending = {"SecretId": one, "ClientRequestToken": token, "VersionStages": ["AWSPENDING"]}
    calls("pending", "secretsmanager", "put_secret_value", **pending, SecretString="b")
    calls("pending, the same", "secretsmanager", "put_secret_value", **pending, SecretString="b")
    calls("pending, another", "secretsmanager", "put_secret_value", **pending, SecretString="c")
    calls("pending", "secretsmanager", "get_secret_value", SecretId=one, VersionStage="AWSPENDING")
    calls("by id", "secretsmanager", "get_secret_value", SecretId=one, VersionId=token)
    calls(
        "by id and another stage",
        "secretsmanager",
        "get_secret_value",
        SecretId=one,
        VersionId=token,
        VersionStage="AWSCURRENT",
    )
    current = calls.quietly("secretsmanager", "get_secret_value", SecretId=one)["VersionId"]
    moved = {"SecretId": one, "VersionStage": "AWSCURRENT"}
    calls("not from there", "secretsmanager", "update_secret_version_stage", **moved, MoveToVersionId=token)
    calls(
        "",
        "secretsmanager",
        "update_secret_version_stage",
        **moved,
        MoveToVersionId=token,
        RemoveFromVersionId=current,
    )
    calls("previous", "secretsmanager", "get_secret_value", SecretId=one, VersionStage="AWSPREVIOUS")
    calls("moved", "secretsmanager", "get_secret_value", SecretId=one)
    stages = calls.quietly("secretsmanager", "describe_secret", SecretId=one)["VersionIdsToStages"]
    calls.answers["secretsmanager describe_secret stages"] = {
        {token: "new", current: "old"}[key]: sorted(value) for key, value in stages.items()
    }
    calls("without a function", "secretsmanager", "rotate_secret", SecretId=one)
    calls("", "secretsmanager", "get_random_password", PasswordLength=40, ExcludePunctuation=True)
    calls("no value", "secretsmanager", "create_secret", Name="opinions-empty")
    calls("no value", "secretsmanager", "get_secret_value", SecretId="opinions-empty")
    calls("", "secretsmanager", "delete_secret", SecretId=one, RecoveryWindowInDays=7)
    calls("deleted", "secretsmanager", "get_secret_value", SecretId=one)
    calls("deleted", "secretsmanager", "put_secret_value", SecretId=one, SecretString="x")
    calls("deleted", "secretsmanager", "create_secret", Name=one, SecretString="x")
    calls("", "secretsmanager", "restore_secret", SecretId=one)
    calls("restored", "secretsmanager", "get_secret_value", SecretId=one)
    calls.quietly("secretsmanager", "delete_secret", SecretId=one, ForceDeleteWithoutRecovery=True)
    calls("gone", "secretsmanager", "describe_secret", SecretId=one)


def _kms(calls: Calls) -> None:
    """The signing key and the data key."""
    made = calls(
        "signing", "kms", "create_key", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Description="d"
    )
    key, alias = made["KeyMetadata"]["Arn"], "alias/opinions-signing"
    calls("", "kms", "create_alias", AliasName=alias, TargetKeyId=key)
    calls("again", "kms", "create_alias", AliasName=alias, TargetKeyId=key)
    calls("by alias", "kms", "describe_key", KeyId=alias)
    calls("missing", "kms", "describe_key", KeyId="alias/opinions-none")
    calls("", "kms", "get_public_key", KeyId=alias)
    digest = {
        "KeyId": key,
        "Message": b"1" * 32,
        "MessageType": "DIGEST",
        "SigningAlgorithm": "ECDSA_SHA_256",
    }
    signed = calls("", "kms", "sign", **digest).get("Signature", b"")
    calls("", "kms", "verify", **digest, Signature=signed)
    calls("of another", "kms", "verify", **{**digest, "Message": b"2" * 32}, Signature=signed)
    calls("another algorithm", "kms", "sign", **{**digest, "SigningAlgorithm": "RSASSA_PSS_SHA_256"})
    calls("short digest", "kms", "sign", **{**digest, "Message": b"1" * 31})
    calls("with a signing key", "kms", "encrypt", KeyId=key, Plaintext=b"1")
    calls("of a signing key", "kms", "get_key_rotation_status", KeyId=key)
    data = calls("data", "kms", "create_key")["KeyMetadata"]["KeyId"]
    context = {"of": "one"}
    boxed = calls("", "kms", "encrypt", KeyId=data, Plaintext=b"1", EncryptionContext=context)
    blob = boxed.get("CiphertextBlob", b"")
    calls("", "kms", "decrypt", CiphertextBlob=blob, EncryptionContext=context)
    calls("another context", "kms", "decrypt", CiphertextBlob=blob, EncryptionContext={"of": "two"})
    calls("no context", "kms", "decrypt", CiphertextBlob=blob)
    calls("", "kms", "generate_data_key", KeyId=data, KeySpec="AES_256", EncryptionContext=context)
    calls("with a data key", "kms", "sign", **{**digest, "KeyId": data})
    calls("of a data key", "kms", "get_public_key", KeyId=data)
    calls("", "kms", "enable_key_rotation", KeyId=data)
    calls("", "kms", "get_key_rotation_status", KeyId=data)
    calls("", "kms", "schedule_key_deletion", KeyId=data, PendingWindowInDays=30)
    calls("to be deleted", "kms", "encrypt", KeyId=data, Plaintext=b"1")
    calls("to be deleted", "kms", "describe_key", KeyId=data)


def _iam(calls: Calls) -> None:
    """Roles, their rights, and sessions."""
    calls("", "sts", "get_caller_identity")
    role = {"RoleName": "opinions-role"}
    arn = calls("", "iam", "create_role", **role, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    calls("again", "iam", "create_role", **role, AssumeRolePolicyDocument=TRUST)
    calls("", "iam", "get_role", **role)
    calls("missing", "iam", "get_role", RoleName="opinions-none")
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:opinions-*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    calls("", "iam", "put_role_policy", **role, PolicyName="p", PolicyDocument=document)
    calls("", "iam", "get_role_policy", **role, PolicyName="p")
    calls("missing", "iam", "get_role_policy", **role, PolicyName="none")
    calls("", "iam", "list_role_policies", **role)
    calls("", "iam", "list_attached_role_policies", **role)
    calls("not JSON", "iam", "put_role_policy", **role, PolicyName="q", PolicyDocument="{")
    calls("with policies", "iam", "delete_role", **role)
    asked = {"PolicySourceArn": arn, "ActionNames": ["sqs:SendMessage", "sqs:DeleteQueue"]}
    queue = f"arn:aws:sqs:{REGION}:111111111111:opinions-queue"
    calls("", "iam", "simulate_principal_policy", **asked, ResourceArns=[queue])
    calls(
        "missing", "sts", "assume_role", RoleArn=arn.replace("role/", "role/no-"), RoleSessionName="session"
    )


_QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "opinions-stack", "VisibilityTimeout": 30}}


def _template(visibility: int = 30, **more: Any) -> str:
    queue = {**_QUEUE, "Properties": {"QueueName": "opinions-stack", "VisibilityTimeout": visibility}}
    return json.dumps(
        {"Resources": {"Queue": queue, **more}, "Outputs": {"Url": {"Value": {"Ref": "Queue"}}}}
    )


def _cloudformation(calls: Calls) -> None:
    """A stack by change sets, as a deployment makes it."""
    stack = {"StackName": "opinions"}
    calls("missing", "cloudformation", "describe_stacks", **stack)
    calls("missing", "cloudformation", "get_template", **stack)
    calls("missing", "cloudformation", "describe_stack_events", **stack)
    calls("missing", "cloudformation", "list_stack_resources", **stack)

    def change(step: str, kind: str, body: str) -> str:
        name = f"set-{step.replace(' ', '-')}"
        calls(
            step,
            "cloudformation",
            "create_change_set",
            **stack,
            ChangeSetName=name,
            ChangeSetType=kind,
            TemplateBody=body,
            Tags=[{"Key": "application", "Value": "opinions"}],
        )
        until(lambda: _state(calls, name) not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"})
        calls(step, "cloudformation", "describe_change_set", **stack, ChangeSetName=name)
        return name

    first = change("first", "CREATE", _template())
    calls("in review", "cloudformation", "describe_stacks", **stack)
    calls("of a change set", "cloudformation", "get_template", **stack, ChangeSetName=first)
    calls("first", "cloudformation", "execute_change_set", **stack, ChangeSetName=first)
    until(lambda: not _stack(calls).endswith("_IN_PROGRESS"))
    calls("made", "cloudformation", "describe_stacks", **stack)
    calls("", "cloudformation", "list_stack_resources", **stack)
    calls("", "cloudformation", "get_template", **stack)
    calls("executed", "cloudformation", "execute_change_set", **stack, ChangeSetName=first)
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "opinions-stack"}}
    second = change("second", "UPDATE", _template(60, Topic=topic))
    calls("second", "cloudformation", "execute_change_set", **stack, ChangeSetName=second)
    until(lambda: not _stack(calls).endswith("_IN_PROGRESS"))
    calls("changed", "cloudformation", "describe_stacks", **stack)
    change("nothing new", "UPDATE", _template(60, Topic=topic))
    nothing = {**stack, "ChangeSetName": "set-nothing-new"}
    calls("empty", "cloudformation", "execute_change_set", **nothing)
    calls("", "cloudformation", "delete_change_set", **nothing)
    calls("deleted", "cloudformation", "describe_change_set", **nothing)
    calls("", "cloudformation", "delete_stack", **stack)
    until(lambda: _stack(calls) in {"", "DELETE_COMPLETE"})
    calls("deleted", "cloudformation", "describe_stacks", **stack)
    calls("of none", "cloudformation", "delete_stack", StackName="opinions-none")


def _state(calls: Calls, name: str) -> str:
    given = {"StackName": "opinions", "ChangeSetName": name}
    return str(calls.quietly("cloudformation", "describe_change_set", **given)["Status"])


def _stack(calls: Calls) -> str:
    try:
        return str(
            calls.quietly("cloudformation", "describe_stacks", StackName="opinions")["Stacks"][0][
                "StackStatus"
            ]
        )
    except ClientError:
        return ""


def until(done: Callable[[], bool], seconds: float = 120) -> None:
    """Wait. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("an emulator doesn't come to its end")
        time.sleep(0.1)


def _archive(code: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr(zipfile.ZipInfo("index.py", (2026, 1, 1, 0, 0, 0)), code)
    return buffer.getvalue()


def _lambda(calls: Calls) -> None:
    """A function with versions and an alias that moves."""
    name = {"FunctionName": "opinions-app"}
    role = calls.quietly("iam", "get_role", RoleName="opinions-role")["Role"]["Arn"]
    given = {
        **name,
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": role,
        "Code": {"ZipFile": _archive("def handler(event, context): return 1")},
        "Environment": {"Variables": {"A": "1"}},
        "Tags": {"application": "opinions"},
    }
    calls("missing", "lambda", "get_function", **name)
    calls("", "lambda", "create_function", **given)
    calls("again", "lambda", "create_function", **given)
    until(lambda: _active(calls))
    calls("", "lambda", "get_function", **name)
    calls("", "lambda", "get_function_configuration", **name)
    calls("missing", "lambda", "get_function_configuration", **name, Qualifier="7")
    calls("first", "lambda", "publish_version", **name)
    calls("the same", "lambda", "publish_version", **name)
    alias = {**name, "Name": "live"}
    calls("", "lambda", "create_alias", **alias, FunctionVersion="1")
    calls("again", "lambda", "create_alias", **alias, FunctionVersion="1")
    calls("of no version", "lambda", "create_alias", **name, Name="other", FunctionVersion="9")
    calls(
        "",
        "lambda",
        "update_function_code",
        **name,
        ZipFile=_archive("def handler(event, context): return 2"),
    )
    until(lambda: _active(calls))
    calls("", "lambda", "update_function_configuration", **name, Environment={"Variables": {"A": "2"}})
    until(lambda: _active(calls))
    calls("second", "lambda", "publish_version", **name, Description="d")
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    calls("with weights", "lambda", "update_alias", **alias, RoutingConfig=weights)
    calls("with weights", "lambda", "get_alias", **alias)
    calls(
        "moved",
        "lambda",
        "update_alias",
        **alias,
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {}},
    )
    calls("missing", "lambda", "get_alias", **name, Name="none")
    calls("by alias", "lambda", "get_function", **name, Qualifier="live")
    calls("", "lambda", "list_versions_by_function", **name)
    calls("", "lambda", "list_aliases", **name)
    calls("none", "lambda", "get_policy", **name)
    asked = {"StatementId": "api", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    source = f"arn:aws:execute-api:{REGION}:111111111111:abc/live/GET/x"
    added = calls("", "lambda", "add_permission", **name, **asked, SourceArn=source, Qualifier="live")
    calls.answers["lambda add_permission"] = normal(json.loads(added["Statement"]))
    calls("again", "lambda", "add_permission", **name, **asked, SourceArn=source, Qualifier="live")
    policy = calls.quietly("lambda", "get_policy", **name, Qualifier="live")["Policy"]
    calls.answers["lambda get_policy of the alias"] = normal(json.loads(policy))
    calls("", "lambda", "remove_permission", **name, StatementId="api", Qualifier="live")
    calls("again", "lambda", "remove_permission", **name, StatementId="api", Qualifier="live")
    calls("none", "lambda", "get_function_concurrency", **name)
    calls("", "lambda", "put_function_concurrency", **name, ReservedConcurrentExecutions=5)
    calls("", "lambda", "get_function_concurrency", **name)
    calls("", "lambda", "get_account_settings")
    calls("with an alias", "lambda", "delete_function", **name, Qualifier="2")
    calls("", "lambda", "delete_alias", **alias)
    calls("a version", "lambda", "delete_function", **name, Qualifier="1")
    calls("", "lambda", "delete_function", **name)
    calls("again", "lambda", "delete_function", **name)


def _active(calls: Calls) -> bool:
    found = calls.quietly("lambda", "get_function_configuration", FunctionName="opinions-app")
    return "Pending" != found.get("State") and "InProgress" != found.get("LastUpdateStatus")


def _cloudwatch(calls: Calls) -> None:
    """Alarms, and the figures that the doctor reads."""
    calls(
        "",
        "cloudwatch",
        "put_metric_alarm",
        AlarmName="opinions-errors",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": "FunctionName", "Value": "opinions-app"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    calls("", "cloudwatch", "describe_alarms", AlarmNames=["opinions-errors", "opinions-none"])
    ring = {"AlarmName": "opinions-errors", "StateValue": "ALARM", "StateReason": "trial"}
    calls("", "cloudwatch", "set_alarm_state", **ring)
    calls("missing", "cloudwatch", "set_alarm_state", **{**ring, "AlarmName": "opinions-none"})
    calls("ringing", "cloudwatch", "describe_alarms", AlarmNames=["opinions-errors"], StateValue="ALARM")
    # Yesterday's noon: what moto says of a bucket's size is of midnight, and at any other hour nobody has it.
    noon = dt.datetime.now(dt.UTC).replace(hour=12, minute=0, second=0, microsecond=0) - dt.timedelta(days=1)
    window = {"StartTime": noon, "EndTime": noon + dt.timedelta(hours=1), "Period": 3600}
    asked = {"Namespace": "AWS/S3", "MetricName": "BucketSizeBytes", "Statistics": ["Average"]}
    calls("none", "cloudwatch", "get_metric_statistics", **asked, **window)
    calls("none", "cloudwatch", "list_metrics", Namespace="Opinions", RecentlyActive="PT3H")
    calls("", "cloudwatch", "delete_alarms", AlarmNames=["opinions-errors"])
    calls("missing", "cloudwatch", "delete_alarms", AlarmNames=["opinions-none"])


def _logs(calls: Calls) -> None:
    """A function's log group, and what is read of it."""
    group = {"logGroupName": "/aws/lambda/opinions-app"}
    calls("", "logs", "create_log_group", **group, tags={"application": "opinions"})
    calls("again", "logs", "create_log_group", **group)
    calls("", "logs", "put_retention_policy", **group, retentionInDays=30)
    calls("not offered", "logs", "put_retention_policy", **group, retentionInDays=31)
    calls("missing", "logs", "put_retention_policy", logGroupName="/opinions/none", retentionInDays=30)
    calls("", "logs", "describe_log_groups", logGroupNamePrefix="/aws/lambda/opinions-")
    stream = {**group, "logStreamName": "one"}
    calls("", "logs", "create_log_stream", **stream)
    calls("again", "logs", "create_log_stream", **stream)
    now = int(time.time() * 1000)
    calls("", "logs", "put_log_events", **stream, logEvents=[{"timestamp": now, "message": "ERROR x"}])
    calls("", "logs", "get_log_events", **stream)
    calls("", "logs", "filter_log_events", **group, filterPattern="ERROR")
    calls("missing", "logs", "filter_log_events", logGroupName="/opinions/none")
    calls("", "logs", "delete_log_group", **group)
    calls("again", "logs", "delete_log_group", **group)


def _sqs(calls: Calls) -> None:
    """A queue of dead letters."""
    kept = {"MessageRetentionPeriod": "1209600"}
    made = calls("", "sqs", "create_queue", QueueName="opinions-letters", Attributes=kept)
    calls("again", "sqs", "create_queue", QueueName="opinions-letters", Attributes=kept)
    calls(
        "otherwise",
        "sqs",
        "create_queue",
        QueueName="opinions-letters",
        Attributes={"MessageRetentionPeriod": "60"},
    )
    calls("", "sqs", "get_queue_url", QueueName="opinions-letters")
    calls("missing", "sqs", "get_queue_url", QueueName="opinions-none")
    url = {"QueueUrl": made["QueueUrl"]}
    names = ["MessageRetentionPeriod", "VisibilityTimeout", "QueueArn", "SqsManagedSseEnabled"]
    calls("", "sqs", "get_queue_attributes", **url, AttributeNames=names)
    calls("", "sqs", "send_message", **url, MessageBody="letter")
    got = calls("", "sqs", "receive_message", **url, MaxNumberOfMessages=1)
    calls("again", "sqs", "receive_message", **url, MaxNumberOfMessages=1)
    for message in got.get("Messages", ()):
        calls("", "sqs", "delete_message", **url, ReceiptHandle=message["ReceiptHandle"])
    calls("", "sqs", "delete_queue", **url)


def _sns(calls: Calls) -> None:
    """The topic of the alarms."""
    made = calls("", "sns", "create_topic", Name="opinions-alarms")
    calls("again", "sns", "create_topic", Name="opinions-alarms")
    topic = {"TopicArn": made["TopicArn"]}
    calls("", "sns", "subscribe", **topic, Protocol="email", Endpoint="team@example.com")
    calls("", "sns", "list_subscriptions_by_topic", **topic)
    calls("", "sns", "publish", **topic, Message="m", Subject="s")
    calls("missing", "sns", "publish", TopicArn=f"{made['TopicArn']}-none", Message="m")
    calls("missing", "sns", "get_topic_attributes", TopicArn=f"{made['TopicArn']}-none")
    calls("", "sns", "delete_topic", **topic)
