"""Who uses what lies under a customer's key needs the key, as KMS judges it: by its policy, by IAM, or by a grant."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.emulator.cloud import ACCOUNT, Cloud
from tests.waiting import until

pytestmark = pytest.mark.e2e
type Statement = dict[str, Any]
HERE = f"eu-west-1:{ACCOUNT}"
ROOT: Statement = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "kms:*",
    "Resource": "*",
}
ADMINISTRATION = {
    **ROOT,
    "Action": ["kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:CreateGrant", "kms:DisableKey"],
}
BOTH = ["kms:GenerateDataKey", "kms:Decrypt"]
NO_KEY = "AccessDeniedException.*Access to KMS is not allowed"
CONTEXT = "kms:EncryptionContext:"
CIPHERTEXT = "The ciphertext refers to a customer master key that does not exist"


def key(cloud: Cloud, *statements: Statement) -> str:
    """A key with a policy of these statements, else with the one that leaves all to IAM."""
    given = {"Policy": policy(*statements)} if statements else {}
    arn: str = cloud.client("kms").create_key(**given)["KeyMetadata"]["Arn"]
    return arn


def policy(*statements: Statement) -> str:
    """A policy's text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def put(cloud: Cloud, arn: str, *statements: Statement) -> None:
    """Give a key another policy."""
    cloud.client("kms").put_key_policy(KeyId=arn, PolicyName="default", Policy=policy(*statements))


def allow(
    actions: str | Sequence[str], resource: str = "*", condition: Mapping[str, Any] | None = None
) -> Statement:
    """A statement of a role's policy."""
    one: Statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return {**one, "Condition": condition} if condition else one


def service(name: str, actions: Any = BOTH, condition: Mapping[str, Any] | None = None) -> Statement:
    """A statement of a key's policy that lets a service in."""
    return {**allow(actions, "*", condition), "Principal": {"Service": name}}


def via(name: str) -> dict[str, Any]:
    """The condition that a service asks for the caller."""
    return {"StringEquals": {"kms:ViaService": f"{name}.eu-west-1.amazonaws.com"}}


def as_role(cloud: Cloud, client: str, name: str, *statements: Statement) -> Any:
    """A client with a role's session."""
    return cloud.client(client, cloud.become(cloud.role(name, *statements)))


def secret(cloud: Cloud, name: str, under: str) -> str:
    """A secret under a key; its ARN."""
    arn: str = cloud.client("secretsmanager").create_secret(Name=name, SecretString="v", KmsKeyId=under)[
        "ARN"
    ]
    return arn


SECRETS = allow("secretsmanager:*")


@pytest.mark.parametrize(
    ("who", "condition", "opened"),
    [
        ("via", via("secretsmanager"), True),
        ("free", None, True),
        ("secret", {"ArnLike": {f"{CONTEXT}SecretARN": f"arn:aws:secretsmanager:{HERE}:secret:enc-read-*"}}, True),
        ("version", {"StringNotEquals": {f"{CONTEXT}SecretVersionId": "RequestToValidateKeyAccess"}}, True),
        ("account", {"StringEquals": {"kms:CallerAccount": ACCOUNT}}, True),
        ("other-service", via("lambda"), False),
        ("other-secret", {"ArnLike": {f"{CONTEXT}SecretARN": f"arn:aws:secretsmanager:{HERE}:secret:z*"}}, False),
        ("other-context", {"ArnLike": {f"{CONTEXT}aws:sqs:arn": "arn:aws:secretsmanager:*"}}, False),
        ("other-account", {"StringEquals": {"kms:CallerAccount": "222222222222"}}, False),
    ],
)  # fmt: skip
def test_a_secret_is_read_with_its_key(
    cloud: Cloud, who: str, condition: dict[str, Any] | None, opened: bool
) -> None:
    """Through Secrets Manager, for this secret and its version; else it says so in its own words.

    Source: "Secret encryption and decryption in AWS Secrets Manager" in its user guide; the words:
    aws-samples/aws-secrets-manager-rotation-lambdas#53.
    """
    arn = secret(cloud, f"enc-read-{who}", key(cloud))
    client = as_role(cloud, "secretsmanager", f"enc-{who}", SECRETS, allow("kms:Decrypt", "*", condition))

    if opened:
        assert "v" == client.get_secret_value(SecretId=arn)["SecretString"]
        return
    with pytest.raises(ClientError, match=NO_KEY):
        client.get_secret_value(SecretId=arn)
    batch = client.batch_get_secret_value(SecretIdList=[arn])
    assert ("AccessDeniedException", "Access to KMS is not allowed") == (
        batch["Errors"][0]["ErrorCode"],
        batch["Errors"][0]["Message"],
    )


def test_a_keys_own_policy_decides(cloud: Cloud) -> None:
    """What IAM gives counts where the key's policy leaves it to IAM; what the key's gives needs no IAM; and it denies.
    Source: "Key policies in AWS KMS", and the root user has no more than the policy gives it."""
    under = key(cloud)
    arn = secret(cloud, "enc-policy", under)
    given = as_role(cloud, "secretsmanager", "enc-given", SECRETS, allow("kms:Decrypt"))
    named = as_role(cloud, "secretsmanager", "enc-named", SECRETS)
    root = cloud.client("secretsmanager")
    mine = {**allow("kms:Decrypt"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/enc-named"}}
    everybody = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
    through = {**everybody, "Condition": {"StringNotEquals": via("lambda")["StringEquals"]}}

    cases: list[tuple[list[Statement], tuple[bool, bool, bool]]] = [
        ([ROOT], (True, False, True)),
        ([ROOT, mine], (True, True, True)),
        ([ADMINISTRATION, mine], (False, True, False)),
        ([ADMINISTRATION], (False, False, False)),
        ([ROOT, mine, through], (False, False, False)),
    ]
    for statements, opened in cases:
        put(cloud, under, *statements)

        assert opened == tuple(_opens(one, arn) for one in (given, named, root))


def _opens(client: Any, arn: str) -> bool:
    """Whether a client reads the secret; it may be refused for its key alone."""
    try:
        client.get_secret_value(SecretId=arn)
    except ClientError as error:
        if "Access to KMS is not allowed" != error.response["Error"]["Message"]:
            raise
        return False
    return True


@pytest.mark.parametrize(
    ("constraint", "opened"), [(None, True), ("enc-grant-", True), ("another-", False), ("operation", False)]
)
def test_a_grant_gives_a_key(cloud: Cloud, constraint: str | None, opened: bool) -> None:
    """To whom it names, for its operations, and in the encryption context of its constraints alone. Source: "Grants in
    AWS KMS", GrantConstraints."""
    under = key(cloud)
    name = f"enc-grant-{constraint or 'free'}".rstrip("-")
    arn = secret(cloud, name, under)
    client = as_role(cloud, "secretsmanager", name, SECRETS)
    subset = {"SecretARN": arn if constraint == "enc-grant-" else "another"}
    more = (
        {"Constraints": {"EncryptionContextSubset": subset}} if constraint not in (None, "operation") else {}
    )
    cloud.client("kms").create_grant(
        KeyId=under,
        GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:role/{name}",
        Operations=["Encrypt" if constraint == "operation" else "Decrypt"],
        **more,
    )

    assert opened == _opens(client, arn)


def test_a_key_that_is_disabled_opens_nothing(cloud: Cloud) -> None:
    """Not even for who may use it: GetSecretValue's DecryptionFailure, PutSecretValue's EncryptionFailure, and SQS's
    KMS.DisabledException."""
    under = key(cloud)
    arn, url = secret(cloud, "enc-disabled", under), queue(cloud, "enc-disabled", under)
    cloud.client("kms").disable_key(KeyId=under)

    with pytest.raises(ClientError, match="DecryptionFailure"):
        cloud.client("secretsmanager").get_secret_value(SecretId=arn)
    with pytest.raises(ClientError, match="EncryptionFailure"):
        cloud.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="w")
    with pytest.raises(ClientError, match=r"KMS\.DisabledException"):
        cloud.client("sqs").send_message(QueueUrl=url, MessageBody="m")


@pytest.mark.parametrize(
    ("act", "needed"),
    [
        (lambda c, k: c.create_secret(Name="enc-made", SecretString="v", KmsKeyId=k), BOTH),
        (lambda c, k: c.create_secret(Name="enc-empty", KmsKeyId=k), BOTH),
        (lambda c, _: c.put_secret_value(SecretId="enc-write", SecretString="w"), ["kms:GenerateDataKey"]),
        (lambda c, _: c.update_secret(SecretId="enc-write", SecretString="x"), ["kms:GenerateDataKey"]),
        (lambda c, _: c.update_secret(SecretId="enc-write", Description="x"), []),
        (lambda c, k: c.update_secret(SecretId="enc-write", KmsKeyId=k), [*BOTH, "kms:Encrypt"]),
    ],
    ids=["create", "create-empty", "put", "update", "describe", "change-key"],
)
def test_a_secret_is_written_with_its_key(
    cloud: Cloud, request: pytest.FixtureRequest, act: Callable[[Any, str], Any], needed: list[str]
) -> None:
    """Each right of the guide is asked for, and no other: without any one nothing is written."""
    under = key(cloud)
    if not cloud.client("secretsmanager").list_secrets(Filters=[{"Key": "name", "Values": ["enc-write"]}])[
        "SecretList"
    ]:
        secret(cloud, "enc-write", under)
    name = f"enc-{request.node.callspec.id}"
    for left in needed:
        rest = [one for one in needed if one != left]
        rights = [allow(rest, "*", via("secretsmanager"))] if rest else []
        client = as_role(cloud, "secretsmanager", f"{name}-no-{left[4:]}", SECRETS, *rights)

        with pytest.raises(ClientError, match=NO_KEY):
            act(client, under)

    rights = [allow(needed, "*", via("secretsmanager"))] if needed else []
    act(as_role(cloud, "secretsmanager", name, SECRETS, *rights), under)


def test_another_key_leaves_what_cannot_be_opened(cloud: Cloud) -> None:
    """Who changes a secret's key without the right to the old one leaves its versions under that; with it, either key
    opens them. Source: "Change the encryption key for an AWS Secrets Manager secret"."""
    for name, may in (("enc-locked", False), ("enc-moved", True)):
        old, new = key(cloud), key(cloud)
        arn = secret(cloud, name, old)
        rights = allow([*BOTH, "kms:Encrypt"], new), *([allow("kms:Decrypt", old)] if may else [])
        as_role(cloud, "secretsmanager", name, SECRETS, *rights).update_secret(SecretId=arn, KmsKeyId=new)
        by_new = as_role(cloud, "secretsmanager", f"{name}-new", SECRETS, allow("kms:Decrypt", new))
        by_old = as_role(cloud, "secretsmanager", f"{name}-old", SECRETS, allow("kms:Decrypt", old))

        assert (may, True) == (_opens(by_new, arn), _opens(by_old, arn))
        cloud.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="w")
        assert (True, False) == (_opens(by_new, arn), _opens(by_old, arn))


STACK = [allow(["secretsmanager:*", "logs:*", "sqs:*", "sns:*"])]


def _reasons(cloud: Cloud, stack: str) -> str:
    events = cloud.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return " ".join(event.get("ResourceStatusReason", "") for event in events)


@pytest.mark.parametrize("lacking", ["", *BOTH, "policy"])
def test_a_stacks_secret_needs_the_roles_right(cloud: Cloud, lacking: str) -> None:
    """CloudFormation makes it as its role, by IAM and by the key's policy; else the reason is Secrets Manager's
    (aws/aws-cdk#7677), and nothing is left behind."""
    name = f"enc-stack-{lacking.removeprefix('kms:') or 'whole'}"
    rights = allow([one for one in BOTH if one != lacking], "*", via("secretsmanager"))
    under = key(cloud, ADMINISTRATION) if lacking == "policy" else key(cloud)
    properties = {"Name": name, "GenerateSecretString": {}, "KmsKeyId": under}
    template = {"Resources": {"S": {"Type": "AWS::SecretsManager::Secret", "Properties": properties}}}
    state = cloud.deploy(name, template, RoleARN=cloud.role(name, *STACK, rights))

    assert ("ROLLBACK_COMPLETE" if lacking else "CREATE_COMPLETE") == state
    assert bool(lacking) == ("Access to KMS is not allowed" in _reasons(cloud, name))
    found = cloud.client("secretsmanager").list_secrets(Filters=[{"Key": "name", "Values": [name]}])
    assert ([] if lacking else [name]) == [one["Name"] for one in found["SecretList"]]


def test_a_stack_resolves_no_secret_without_its_key(cloud: Cloud) -> None:
    """A dynamic reference reads with the role's right to the key, too."""
    secret(cloud, "enc-resolved", key(cloud))
    text = "{{resolve:secretsmanager:enc-resolved}}"
    template = {"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": text}}}}
    without = cloud.role("enc-resolves-not", *STACK)
    may = cloud.role("enc-resolves", *STACK, allow("kms:Decrypt", "*", via("secretsmanager")))

    assert "ROLLBACK_COMPLETE" == cloud.deploy("enc-resolves-not", template, RoleARN=without)
    assert "Access to KMS is not allowed" in _reasons(cloud, "enc-resolves-not")
    assert "CREATE_COMPLETE" == cloud.deploy("enc-resolves", template, RoleARN=may)


def test_a_stacks_function_needs_the_keys_policy(cloud: Cloud) -> None:
    """What IAM gives the role is no use where the key's policy doesn't leave it to IAM."""
    role = cloud.role("enc-function")
    rights = allow(["kms:*", "lambda:*", "iam:PassRole"])
    for name, statements in (("enc-function-shut", [ADMINISTRATION]), ("enc-function-open", [ROOT])):
        properties = {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": role,
            "Code": {"ZipFile": "def handler(event, context): return 1"},
            "KmsKeyArn": key(cloud, *statements),
        }
        template = {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
        state = cloud.deploy(name, template, RoleARN=cloud.role(name, rights))

        assert ("CREATE_COMPLETE" if statements == [ROOT] else "ROLLBACK_COMPLETE") == state
    assert "because no resource-based policy allows the kms:" in _reasons(cloud, "enc-function-shut")


def queue(cloud: Cloud, name: str, under: str, **attributes: str) -> str:
    """A queue under a key; its URL."""
    given = {"KmsMasterKeyId": under, **attributes}
    url: str = cloud.client("sqs").create_queue(QueueName=name, Attributes=given)["QueueUrl"]
    return url


@pytest.mark.parametrize("under", ["id", "alias", "arn"])
def test_a_queue_asks_for_its_key(cloud: Cloud, under: str) -> None:
    """A producer for both rights, a consumer for one, on this queue; however the queue names its key. Source: "Amazon
    SQS Key management"; the words: opensearch-project/data-prepper#2422, and KMS's own for a data key."""
    arn = key(cloud)
    cloud.client("kms").create_alias(AliasName=f"alias/enc-queue-{under}", TargetKeyId=arn)
    named = {"id": arn.rpartition("/")[2], "alias": f"alias/enc-queue-{under}", "arn": arn}[under]
    name = f"enc-queue-{under}"
    url = queue(cloud, name, named)
    this = {"ArnEquals": {"kms:EncryptionContext:aws:sqs:arn": f"arn:aws:sqs:{HERE}:{name}"}}
    other = {"ArnEquals": {"kms:EncryptionContext:aws:sqs:arn": f"arn:aws:sqs:{HERE}:other"}}
    for number, (actions, condition, message) in enumerate(
        [
            ([], None, "kms:GenerateDataKey on resource: .* because no identity-based policy allows"),
            (["kms:GenerateDataKey"], None, CIPHERTEXT),
            (["kms:Decrypt"], None, "kms:GenerateDataKey on resource"),
            (BOTH, via("sns"), "kms:GenerateDataKey on resource"),
            (BOTH, other, "kms:GenerateDataKey on resource"),
        ]
    ):
        rights = [allow(actions, arn, condition)] if actions else []
        client = as_role(cloud, "sqs", f"{name}-{number}", allow("sqs:*"), *rights)
        with pytest.raises(ClientError, match=f"KMS.AccessDeniedException.*{message}"):
            client.send_message(QueueUrl=url, MessageBody="m")
        with pytest.raises(ClientError, match=r"KMS\.AccessDeniedException"):
            client.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "m"}])
    sender = as_role(cloud, "sqs", f"{name}-sends", allow("sqs:*"), allow(BOTH, arn, {**via("sqs"), **this}))
    sender.send_message(QueueUrl=url, MessageBody="m")
    shut = as_role(cloud, "sqs", f"{name}-shut", allow("sqs:*"), allow("kms:GenerateDataKey", arn))
    reader = as_role(cloud, "sqs", f"{name}-reads", allow("sqs:*"), allow("kms:Decrypt", arn, via("sqs")))

    with pytest.raises(ClientError, match=f"KMS.AccessDeniedException.*{CIPHERTEXT}"):
        shut.receive_message(QueueUrl=url)
    found = reader.receive_message(QueueUrl=url, MessageSystemAttributeNames=["ApproximateReceiveCount"])
    assert ["m"] == [one["Body"] for one in found["Messages"]]
    assert "1" == found["Messages"][0]["Attributes"]["ApproximateReceiveCount"]
    assert "Messages" not in shut.receive_message(QueueUrl=url)  # nothing to decrypt


def test_a_dead_letter_asks_for_the_key_of_its_queue(cloud: Cloud) -> None:
    """What a queue moved to its dead-letter queue is read with the key of the first as well, in its context. Source:
    "Configure AWS KMS permissions for consumers" in SQS's guide."""
    first = key(cloud)
    dead = cloud.client("sqs").create_queue(QueueName="enc-letters")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:{HERE}:enc-letters", "maxReceiveCount": 1}
    more = {"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": "0"}
    url = queue(cloud, "enc-first", first, **more)
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="m")
    assert cloud.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert "Messages" not in cloud.client("sqs").receive_message(QueueUrl=url)  # it is moved
    this = {"ArnEquals": {f"{CONTEXT}aws:sqs:arn": f"arn:aws:sqs:{HERE}:enc-first"}}
    shut = as_role(cloud, "sqs", "enc-letters-shut", allow("sqs:*"))
    reader = as_role(cloud, "sqs", "enc-letters-read", allow("sqs:*"), allow("kms:Decrypt", first, this))

    with pytest.raises(ClientError, match=f"KMS.AccessDeniedException.*{CIPHERTEXT}"):
        shut.receive_message(QueueUrl=dead)
    assert ["m"] == [one["Body"] for one in reader.receive_message(QueueUrl=dead)["Messages"]]


def test_a_topic_asks_for_its_key(cloud: Cloud) -> None:
    """Who publishes needs both rights, on this topic, of a stack's too. Source: "Managing Amazon SNS encryption keys
    and costs", KMSAccessDenied of Publish; the words: aws/aws-cdk#24337."""
    arn = key(cloud)
    properties = {"TopicName": "enc-topic", "KmsMasterKeyId": arn}
    cloud.deploy("enc-topic", {"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": properties}}})
    topic = f"arn:aws:sns:{HERE}:enc-topic"
    this = {"ArnEquals": {"kms:EncryptionContext:aws:sns:topicArn": topic}}
    half = as_role(cloud, "sns", "enc-topic-half", allow("sns:*"), allow("kms:GenerateDataKey", arn))
    whole = as_role(cloud, "sns", "enc-topic-whole", allow("sns:*"), allow(BOTH, arn, {**via("sns"), **this}))

    with pytest.raises(ClientError, match=f"KMSAccessDenied.*{CIPHERTEXT}"):
        half.publish(TopicArn=topic, Message="m")
    with pytest.raises(ClientError, match="KMSAccessDenied"):
        half.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "m"}])
    assert whole.publish(TopicArn=topic, Message="m")["MessageId"]


def _source(arn: str, account: str = ACCOUNT) -> dict[str, Any]:
    return {"StringEquals": {"aws:SourceAccount": account}, "ArnEquals": {"aws:SourceArn": arn}}


@pytest.mark.parametrize("sender", ["sns", "events"])
def test_a_service_must_be_let_in_by_the_keys_policy(cloud: Cloud, sender: str) -> None:
    """Nobody's IAM helps a service that sends: its principal, account and source stand in the key's policy, or nothing
    arrives. Source: "Configure KMS permissions for AWS services" in SQS's guide."""
    name = f"enc-from-{sender}"
    under, here = key(cloud), f"arn:aws:sqs:{HERE}:{name}"
    letting = {**service(f"{sender}.amazonaws.com", "sqs:SendMessage"), "Resource": here}
    url = queue(cloud, name, under, Policy=policy(letting))
    send, source = {"sns": _by_topic, "events": _by_rule}[sender](cloud, name, here)
    principal = f"{sender}.amazonaws.com"
    cases: list[tuple[list[Statement], bool]] = [
        ([ROOT], False),
        ([ROOT, service(principal)], True),
        ([ROOT, service(principal, BOTH, _source(source))], True),
        ([ROOT, service(principal, "kms:GenerateDataKey")], False),
        ([ROOT, service("s3.amazonaws.com")], False),
        ([ROOT, service(principal, BOTH, _source(source, "222222222222"))], False),
        ([ROOT, service(principal, BOTH, _source(f"{source}x"))], False),
        ([ROOT, service(principal, BOTH, via("sqs"))], False),  # AWS documents no such key for a service
    ]
    for statements, arrives in cases:
        put(cloud, under, *statements)
        send()
        found = cloud.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=0)

        assert arrives == bool(found.get("Messages")), statements
        for one in found.get("Messages", ()):
            cloud.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    assert f"{principal} did not deliver to {here}" in cloud.aws.log.read_text(encoding="utf-8")


def _by_topic(cloud: Cloud, name: str, queue_arn: str) -> tuple[Callable[[], Any], str]:
    sns = cloud.client("sns")
    topic: str = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    return lambda: sns.publish(TopicArn=topic, Message="m"), topic


def _by_rule(cloud: Cloud, name: str, queue_arn: str) -> tuple[Callable[[], Any], str]:
    events = cloud.client("events")
    rule: str = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": queue_arn}])
    entry = {"Source": name, "DetailType": "d", "Detail": "{}"}
    return lambda: events.put_events(Entries=[entry]), rule


@pytest.mark.parametrize("let_in", [True, False])
def test_an_alarm_must_be_let_in_by_its_topics_key(cloud: Cloud, let_in: bool) -> None:
    """Else it tells nobody, and only its history says so. Source: "Enable compatibility between event sources from AWS
    services and encrypted topics" in SNS's guide; the words: AWS re:Post on alarms and encrypted topics."""
    name = f"enc-alarm-{let_in}".lower()
    under = key(cloud, ROOT, *([service("cloudwatch.amazonaws.com")] if let_in else []))
    topic = cloud.client("sns").create_topic(Name=name, Attributes={"KmsMasterKeyId": under})["TopicArn"]
    letting = {**service("sns.amazonaws.com", "sqs:SendMessage"), "Resource": "*"}
    url = cloud.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy(letting)})["QueueUrl"]
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{HERE}:{name}")
    watch = cloud.client("cloudwatch")
    watch.put_metric_alarm(
        AlarmName=name,
        MetricName="m",
        Namespace="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    watch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="r")
    history = watch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"]

    assert let_in == bool(cloud.client("sqs").receive_message(QueueUrl=url).get("Messages"))
    assert ([] if let_in else [topic]) == [
        one["HistorySummary"].split()[4].rstrip(".")
        for one in history
        if "does not have authorization to access the SNS topic encryption key" in one["HistorySummary"]
    ]


@pytest.mark.parametrize(
    ("who", "rights", "kept"),
    [
        ("whole", [allow("sqs:SendMessage"), allow(BOTH, "*", via("sqs"))], True),
        ("no-key", [allow("sqs:SendMessage")], False),
        ("half", [allow("sqs:SendMessage"), allow("kms:GenerateDataKey")], False),
        ("other-service", [allow("sqs:SendMessage"), allow(BOTH, "*", via("lambda"))], False),
        ("no-queue", [allow(BOTH)], False),
    ],
)
def test_a_failed_event_is_kept_with_the_functions_rights(
    cloud: Cloud, who: str, rights: list[Statement], kept: bool
) -> None:
    """Those on the queue's key with them; else it is lost. Source: "Capturing records of Lambda asynchronous
    invocations" in Lambda's guide."""
    name = f"enc-dead-{who}"
    url = queue(cloud, name, key(cloud))
    dead = {"TargetArn": f"arn:aws:sqs:{HERE}:{name}"}
    cloud.function(
        name,
        "def handler(event, context): raise ValueError",
        cloud.role(name, *rights),
        DeadLetterConfig=dead,
    )
    functions = cloud.client("lambda")
    functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")

    def ended() -> bool:
        lost = f"the failed event of {name} did not reach" in cloud.aws.log.read_text(encoding="utf-8")
        return lost or bool(cloud.client("sqs").receive_message(QueueUrl=url).get("Messages"))

    until(ended, "the event's end")
    assert kept != (f"the failed event of {name} did not reach" in cloud.aws.log.read_text(encoding="utf-8"))


LOGS = "logs.eu-west-1.amazonaws.com"


def _of_group(name: str, operator: str = "ArnEquals") -> dict[str, Any]:
    return {operator: {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{HERE}:log-group:{name}"}}


@pytest.mark.parametrize(
    ("case", "statements", "taken"),
    [
        ("root", [ROOT], False),
        ("free", [service(LOGS)], True),
        ("this", [service(LOGS, BOTH, _of_group("enc-this"))], True),
        ("like", [service(LOGS, ["kms:GenerateDataKey*", "kms:Decrypt*"], _of_group("enc-l*", "ArnLike"))], True),
        ("other", [service(LOGS, BOTH, _of_group("enc-another"))], False),
        ("region", [service("logs.us-east-1.amazonaws.com")], False),
        ("half", [service(LOGS, "kms:Decrypt")], False),
        ("context", [service(LOGS, BOTH, {"ArnLike": {"kms:EncryptionContext:aws:sqs:arn": "*"}})], False),
    ],
)  # fmt: skip
def test_a_log_group_gets_a_key_that_lets_logs_in(
    cloud: Cloud, case: str, statements: list[Statement], taken: bool
) -> None:
    """For its own ARN; else the group isn't made, doesn't get it later, and a stack doesn't make it.

    Source: "Encrypt log data in CloudWatch Logs using AWS Key Management Service" in Logs' user guide; the words:
    hashicorp/terraform-provider-aws#29282.
    """
    under, name, logs = key(cloud, ADMINISTRATION, *statements), f"enc-{case}", cloud.client("logs")
    here = f"arn:aws:logs:{HERE}:log-group:{name}"
    said = f"The specified KMS key does not exist or is not allowed to be used with Arn '{here}'"
    refusals = []
    acts: list[Callable[[], Any]] = [
        lambda: logs.create_log_group(logGroupName=name, kmsKeyId=under),
        lambda: logs.create_log_group(logGroupName=name),
        lambda: logs.associate_kms_key(logGroupName=name, kmsKeyId=under),
        lambda: logs.associate_kms_key(resourceIdentifier=here, kmsKeyId=under),
        lambda: logs.disassociate_kms_key(logGroupName=name),
    ]
    for act in acts:
        try:
            act()
        except ClientError as error:
            refusals.append((error.response["Error"]["Code"], error.response["Error"]["Message"]))
    denied = ("AccessDeniedException", said)
    there = ("ResourceAlreadyExistsException", f"The specified log group already exists: {name}")
    assert ([there] if taken else [denied] * 3) == refusals
    logs.delete_log_group(logGroupName=name)
    properties = {"LogGroupName": name, "KmsKeyId": under}
    template = {"Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": properties}}}
    state = cloud.deploy(name, template)

    assert ("CREATE_COMPLETE" if taken else "ROLLBACK_COMPLETE") == state
    assert taken != (said in _reasons(cloud, name))
    found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert [under] * taken == [one["kmsKeyId"] for one in found]


def test_logs_are_shut_with_their_key(cloud: Cloud) -> None:
    """A stack's group doesn't move to a key that is shut; and once Logs is let in no more "your encrypted data in
    CloudWatch Logs can no longer be retrieved"."""
    under, logs = key(cloud, ROOT, service(LOGS)), cloud.client("logs")
    properties = {"LogGroupName": "enc-shut", "KmsKeyId": under}
    template: dict[str, Any] = {"Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": properties}}}
    cloud.deploy("enc-shut", template)
    assert [] == logs.filter_log_events(logGroupName="enc-shut")["events"]
    properties["KmsKeyId"] = key(cloud)
    cloud.client("cloudformation").update_stack(StackName="enc-shut", TemplateBody=json.dumps(template))

    assert "UPDATE_ROLLBACK_COMPLETE" == cloud.settled("enc-shut")
    assert under == logs.describe_log_groups(logGroupNamePrefix="enc-shut")["logGroups"][0]["kmsKeyId"]
    put(cloud, under, ROOT)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        logs.filter_log_events(logGroupName="enc-shut")


def test_kms_itself_knows_the_encryption_context(cloud: Cloud) -> None:
    """A request to KMS has its condition keys, and the root user what the key's policy gives."""
    condition = {"StringEquals": {"kms:EncryptionContext:of": "one", "kms:CallerAccount": ACCOUNT}}
    arn = key(cloud)
    client = as_role(cloud, "kms", "enc-direct", allow("kms:Encrypt", arn, condition))

    assert client.encrypt(KeyId=arn, Plaintext=b"1", EncryptionContext={"of": "one"})["CiphertextBlob"]
    with pytest.raises(ClientError, match="AccessDenied"):
        client.encrypt(KeyId=arn, Plaintext=b"1", EncryptionContext={"of": "two"})
    with pytest.raises(ClientError, match="AccessDenied"):
        client.encrypt(KeyId=arn, Plaintext=b"1")
    put(cloud, arn, ADMINISTRATION)
    with pytest.raises(ClientError, match="AccessDenied"):
        cloud.client("kms").encrypt(KeyId=arn, Plaintext=b"1")
