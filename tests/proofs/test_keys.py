"""The bootstrap's data key opens what the application needs, to who needs it; each right taken away is told."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.accounts import account
from tests.proofs.deployed import Deployed, deployed
from tests.stacks import texts
from tests.waiting import until

pytestmark = [pytest.mark.proof, pytest.mark.e2e]
STACK = account("dev").settings.stack_name
ROTATION = f"{STACK}-rotation"
NO_KEY = "Access to KMS is not allowed"


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A release that serves; each test leaves it as it was."""
    with deployed(tmp_path_factory.mktemp("keys")) as found:
        yield found


def role(dev: Deployed, function: str) -> str:
    """The name of a function's role."""
    found = dev.client("lambda").get_function_configuration(FunctionName=function)
    return str(found["Role"]).rpartition("/")[2]


@contextmanager
def without_right(dev: Deployed, function: str, via: str) -> Iterator[None]:
    """A function's role lacks its right to use the key through a service."""
    iam, name = dev.client("iam"), role(dev, function)
    whole = {
        policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    }

    def uses(statement: dict[str, Any]) -> bool:
        services = statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", [])
        return any(one.startswith(f"{via}.") for one in texts(services))

    def put(policy: str, statements: list[dict[str, Any]]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)

    taken = {policy for policy, document in whole.items() if any(map(uses, document["Statement"]))}
    assert taken
    for policy in taken:
        put(policy, [one for one in whole[policy]["Statement"] if not uses(one)])
    try:
        yield
    finally:
        for policy in taken:
            put(policy, whole[policy]["Statement"])


def data_key(dev: Deployed) -> str:
    """The ARN of dev's data key."""
    return str(dev.client("kms").describe_key(KeyId=f"alias/{STACK}-data")["KeyMetadata"]["Arn"])


@contextmanager
def without_statement(dev: Deployed, sid: str) -> Iterator[None]:
    """The key's own policy lacks a statement; whoever administers it can still put it back."""
    kms, key = dev.client("kms"), data_key(dev)
    whole = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])["Statement"]
    (root,) = (one for one in whole if one["Sid"] == "IamDecides")
    left = [one for one in whole if one["Sid"] not in (sid, "IamDecides")]
    left.append({**root, "Action": ["kms:PutKeyPolicy"]} if sid == "IamDecides" else root)

    def put(statements: list[dict[str, Any]]) -> None:
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)

    put(left)
    try:
        yield
    finally:
        put(whole)


def said(dev: Deployed) -> str:
    """What the laptop's AWS said so far."""
    return dev.box.aws.log.read_text(errors="replace")


def test_each_function_is_asked_for_what_it_has(dev: Deployed) -> None:
    """Secrets Manager asks KMS in the name of each function's role, in the context of the secrets that it reads."""
    before = dev.version()[0]
    dev.rotate()
    until(lambda: dev.version()[0] != before, "the rotation")
    assert {"status": "ok"} == dev.reach.get("/ready")
    lines = [json.loads(line) for line in dev.box.aws.trail.read_text().splitlines()]
    names = {f":assumed-role/{role(dev, f'{STACK}-{one}')}/": one for one in ("app", "migrate", "rotation")}
    asked = {
        (name, one["action"])
        for one in lines
        for mark, name in names.items()
        if mark in one["principal"]
        and one["action"].startswith("kms:")
        and one["context"]["kms:viaservice"].startswith("secretsmanager.")
        and f":secret:{STACK}-" in one["context"]["kms:encryptioncontext:secretarn"]
    }

    assert asked == {
        ("app", "kms:Decrypt"),
        ("migrate", "kms:Decrypt"),
        ("rotation", "kms:Decrypt"),
        ("rotation", "kms:GenerateDataKey"),
    }


@pytest.mark.parametrize(
    "taken",
    [
        lambda dev: without_right(dev, ROTATION, "secretsmanager"),
        lambda dev: without_statement(dev, "IamDecides"),
    ],
    ids=["from the role", "from the key"],
)
def test_a_rotation_without_its_key_says_so(dev: Deployed, taken: Callable[[Deployed], Any]) -> None:
    """Sabotage: the right is taken from the role, or from the key's policy. The old password stays, and the rotation
    ends once the right is back."""
    before, heard = dev.version()[0], len(said(dev))
    with taken(dev):
        dev.rotate()
        until(lambda: "createSecret failed" in said(dev)[heard:], "the rotation's failure")
        assert {"status": "ok"} == dev.reach.get("/ready")
    assert NO_KEY in said(dev)[heard:]
    assert before == dev.version()[0]
    dev.rotate()
    until(lambda: dev.version()[0] != before, "the rotation")


def test_logs_use_the_key_for_the_applications_groups_alone(dev: Deployed) -> None:
    """A group of the application gets the key, another's doesn't; nor does any, without the statement for Logs."""
    logs, key = dev.client("logs"), data_key(dev)
    logs.create_log_group(logGroupName=f"/aws/lambda/{STACK}-more", kmsKeyId=key)
    logs.delete_log_group(logGroupName=f"/aws/lambda/{STACK}-more")
    with pytest.raises(ClientError, match="is not allowed to be used with Arn"):
        logs.create_log_group(logGroupName="/aws/lambda/another", kmsKeyId=key)
    with (
        without_statement(dev, "Logs"),
        pytest.raises(ClientError, match="is not allowed to be used with Arn"),
    ):
        logs.create_log_group(logGroupName=f"/aws/lambda/{STACK}-more", kmsKeyId=key)


def test_an_alarm_without_the_topics_key_says_so(dev: Deployed) -> None:
    """Sabotage: without the statement for CloudWatch an alarm tells nobody, and its history says why."""
    watch = dev.client("cloudwatch")
    alarms = watch.describe_alarms()["MetricAlarms"]
    (name, *_) = (one["AlarmName"] for one in alarms if one["AlarmActions"])

    def ring() -> bool:
        for state in ("OK", "ALARM"):
            watch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a drill")
        history = watch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"]
        return any(
            "authorization to access the SNS topic encryption key" in one["HistorySummary"] for one in history
        )

    assert not ring()
    with without_statement(dev, "AlarmsToTopic"):
        assert ring()
    watch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="a drill")


def test_a_failed_event_without_the_queues_key_is_lost(dev: Deployed) -> None:
    """With its role's rights it goes to the queue; without that to the key it is lost, which is said."""
    functions, queues = dev.client("lambda"), dev.client("sqs")
    url = queues.get_queue_url(QueueName=f"{STACK}-dead-letters")["QueueUrl"]
    functions.put_function_event_invoke_config(FunctionName=ROTATION, MaximumRetryAttempts=0)

    def kept() -> bool:
        return bool(queues.receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages"))

    with without_right(dev, ROTATION, "sqs"):
        functions.invoke(FunctionName=ROTATION, InvocationType="Event", Payload=b"{}")
        until(lambda: f"the failed event of {ROTATION} did not reach" in said(dev), "the event's loss")
        assert not kept()
    functions.invoke(FunctionName=ROTATION, InvocationType="Event", Payload=b"{}")
    assert until(kept, "the dead letter")
    functions.delete_function_event_invoke_config(FunctionName=ROTATION)
