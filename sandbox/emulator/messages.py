"""Mends of SQS, SNS and what sends through them: queues and topics under a customer's key."""

import json
import logging
import time
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext, PrincipalInfo
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, eventbridge, lambda_svc, sns, sqs

from sandbox.emulator.encryption import Refusal, refused
from sandbox.emulator.handlers import Properties, after
from sandbox.emulator.principals import Service, session

# What an alarm's history says of a topic under a key that is shut for it: AWS re:Post, "Why didn't I receive an SNS
# notification for my CloudWatch alarm trigger?"
_NO_ALARM = "CloudWatch Alarms does not have authorization to access the SNS topic encryption key."
_CIPHERTEXT = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not "
    "allowed to access."
)
_log = logging.getLogger("messages")


def _on_queue(operation: str, queue: Any, who: PrincipalInfo | Service | None = None) -> Refusal | None:
    attributes = queue["attributes"]
    return refused(operation, attributes.get("KmsMasterKeyId"), {"aws:sqs:arn": attributes["QueueArn"]}, who)


def _on_topic(topic: Any, who: PrincipalInfo | Service | None = None) -> Refusal | None:
    key = topic["attributes"].get("KmsMasterKeyId")
    return refused("sns:Publish", key, {"aws:sns:topicArn": topic["arn"]}, who)


def _passed_on(refusal: Refusal) -> str:
    """KMS's error as SQS and SNS pass it on: of a refused kms:Decrypt KMS says no more than this
    (opensearch-project/data-prepper#2422, aws/aws-cdk#24337)."""
    said = _CIPHERTEXT if "perform: kms:Decrypt " in refusal.message else refusal.message
    of_kms = "AccessDeniedException" if refusal.code == "AccessDenied" else f"{refusal.code}Exception"
    return f"{said} (Service: AWSKMS; Status Code: 400; Error Code: {of_kms})"


def keys_of_queues() -> None:
    """AWS: whoever sends to a queue under a customer's key, or receives from it, needs the key as well; who finds no
    message needs none. ministack: nobody does. Source: "Amazon SQS Key management" in SQS's developer guide."""
    send, send_batch, receive = sqs._act_send_message, sqs._act_send_message_batch, sqs._act_receive_message
    for code in ("AccessDenied", "Disabled", "InvalidState", "NotFound"):
        sqs._QUERY_COMPAT_CODES[f"Kms{code}"] = f"KMS.{code}Exception"

    def judged(operation: str, queue: Any) -> None:
        refusal = _on_queue(operation, queue)
        if refusal is not None:
            raise sqs._Err(f"Kms{refusal.code}", _passed_on(refusal))

    def sent(data: dict[str, Any], url: str) -> Any:
        judged("sqs:SendMessage", sqs._get_q(data.get("QueueUrl", url), "sqs:SendMessage"))
        return send(data, url)

    def sent_together(data: dict[str, Any], url: str) -> Any:
        judged("sqs:SendMessage", sqs._get_q(data.get("QueueUrl", url), "sqs:SendMessage"))
        return send_batch(data, url)

    async def received(data: dict[str, Any], url: str) -> Any:
        found = await receive(data, url)
        taken = {one["ReceiptHandle"] for one in found.get("Messages", ())}
        if taken:
            queue = sqs._get_q(data.get("QueueUrl", url))
            try:
                for one in (queue, *_sources(queue, taken)):
                    judged("sqs:ReceiveMessage", one)
            except sqs._Err:
                _put_back(queue, taken)
                raise
        return found

    sqs._act_send_message, sqs._act_send_message_batch, sqs._act_receive_message = (
        sent,
        sent_together,
        received,
    )
    sqs._HANDLERS.update(SendMessage=sent, SendMessageBatch=sent_together, ReceiveMessage=received)


def _sources(queue: Any, handles: set[str]) -> list[Any]:
    """The queues that a dead-letter queue's messages came from: its consumer "must also have the kms:Decrypt permission
    for any KMS key that is used to encrypt the messages in the source queue"."""
    taken = (one for one in queue["messages"] if one["receipt_handle"] in handles)
    names = {str(one["sys"].get("DeadLetterQueueSourceArn", "")) for one in taken}
    return [source for name in sorted(names) if name and (source := sqs._queue_by_arn(name))]


def _put_back(queue: Any, handles: set[str]) -> None:
    for message in queue["messages"]:
        if message["receipt_handle"] in handles:
            message.update(visible_at=time.time(), receive_count=message["receive_count"] - 1)


def keys_of_topics() -> None:
    """AWS: whoever publishes to a topic under a customer's key needs the key as well; CloudFormation gives a topic the
    key of its properties. ministack: nobody does, and the property is dropped. Source: "Managing Amazon SNS encryption
    keys and costs" in SNS's developer guide, and the errors of Publish in its API reference."""

    def judged(act: Any) -> Any:
        def published(params: Any) -> Any:
            name = sns._p(params, "TopicArn") or sns._p(params, "TargetArn")
            topic, _ = sns._get_topic(name, "sns:Publish") if name else (None, None)
            refusal = _on_topic(topic) if topic else None
            return sns._error(f"KMS{refusal.code}", _passed_on(refusal), 400) if refusal else act(params)

        return published

    sns._publish, sns._publish_batch = judged(sns._publish), judged(sns._publish_batch)
    after("AWS::SNS::Topic", _give_key)


def _give_key(topic: str, properties: Properties) -> None:
    attributes = sns._topics[topic]["attributes"]
    attributes.pop("KmsMasterKeyId", None)
    if properties.get("KmsMasterKeyId"):
        attributes["KmsMasterKeyId"] = str(properties["KmsMasterKeyId"])


def keys_for_services() -> None:
    """AWS: a service that sends to a queue or a topic under a customer's key must be let in by the key's own policy,
    which may ask for aws:SourceAccount and aws:SourceArn. ministack: none must. Source: "Configure KMS permissions for
    AWS services" in SQS's developer guide, "Enable compatibility between event sources from AWS services and encrypted
    topics" in SNS's."""
    allows, invoke = sqs.queue_policy_allows, eventbridge._invoke_target

    def allowed(queue_arn: str, service: str, source: str, account: str) -> bool:
        if not allows(queue_arn, service, source, account):
            return False
        return _delivers(queue_arn, Service(service, {"aws:SourceArn": source, "aws:SourceAccount": account}))

    def invoked(target: Any, event: Any, rule: Any, *rest: Any) -> None:
        source = str(rule.get("Arn", ""))
        events = Service(
            "events.amazonaws.com", {"aws:SourceArn": source, "aws:SourceAccount": get_account_id()}
        )
        if not source.startswith("arn:aws:events:") or _delivers(str(target.get("Arn", "")), events):
            invoke(target, event, rule, *rest)

    sqs.queue_policy_allows, eventbridge._invoke_target = allowed, invoked


def _delivers(to: str, service: Service) -> bool:
    """Whether the key of a queue or a topic lets a service in; what it doesn't is said in the emulator's log."""
    queue = sqs._queue_by_arn(to) if ":sqs:" in to else None
    topic = sns._topics.get(to) if ":sns:" in to else None
    refusal = _on_queue("sqs:SendMessage", queue, service) if queue else None
    refusal = _on_topic(topic, service) if topic else refusal
    if refusal is not None:
        _log.error("%s did not deliver to %s: %s", service.name, to, refusal.message)
    return refusal is None


def keys_for_alarms() -> None:
    """AWS: an alarm that may not use its topic's key tells nobody, and its history says so. ministack: it tells."""
    dispatch = cloudwatch._dispatch_alarm_actions

    def dispatched(alarm: dict[str, Any], *rest: Any) -> None:
        lists = ("AlarmActions", "OKActions", "InsufficientDataActions")
        source = {"aws:SourceArn": alarm["AlarmArn"], "aws:SourceAccount": get_account_id()}
        service = Service("cloudwatch.amazonaws.com", source)
        shut = {one for name in lists for one in alarm.get(name) or () if not _delivers(one, service)}
        told = {name: [one for one in alarm.get(name) or () if one not in shut] for name in lists}
        for action in sorted(shut):
            _keep(alarm["AlarmName"], action)
        dispatch({**alarm, **told}, *rest)

    cloudwatch._dispatch_alarm_actions = dispatched


def _keep(alarm: str, action: str) -> None:
    cloudwatch._history_entries().append(
        {
            "AlarmName": alarm,
            "AlarmType": "MetricAlarm",
            "Timestamp": cloudwatch._ts_iso(time.time()),
            "HistoryItemType": "Action",
            "HistorySummary": f'Failed to execute action {action}. Received error: "{_NO_ALARM}"',
            "HistoryData": json.dumps({"actionState": "Failed", "notificationResource": action}),
        }
    )


def rights_of_failed_events() -> None:
    """AWS: an event that failed for good goes to the queue or topic with the rights of the function's role, those on a
    customer's key with them; without one it is lost. ministack: it goes without any. Source: "Capturing records of
    Lambda asynchronous invocations" in Lambda's developer guide."""
    route = lambda_svc._route_async_failure

    def routed(target: str, name: str, event: Any, result: Any) -> None:
        role = (lambda_svc._functions.get(name) or {}).get("config", {}).get("Role", "")
        said = _may_send(target, session(role, name)) if role else ""
        if said:
            _log.error("the failed event of %s did not reach %s: %s", name, target, said)
            return
        route(target, name, event, result)

    lambda_svc._route_async_failure = routed


def _may_send(target: str, role: PrincipalInfo) -> str:
    """Why a function's role may not send to a queue or publish to a topic; nothing where it may."""
    service = target.split(":")[2] if target.count(":") > 4 else ""
    action = {"sqs": "sqs:SendMessage", "sns": "sns:Publish"}.get(service)
    found = iam_evaluator._resource_policy(service, target) if action else None
    if action is None or found is None:
        return ""
    asked = EvalContext(
        principal_arn=role.arn,
        principal_type=role.type,
        principal_account=role.account,
        action=action,
        resource_arn=target,
        region=get_region(),
        secure_transport=True,
    )
    identity = iam_evaluator.evaluate(asked, role.policies, *role.limits)
    result = iam_evaluator.combine_resource_policy(identity, asked, *found, limits=role.limits)
    if result.decision != "Allow":
        return f"{role.arn} is not authorized to perform: {action}"
    queue, topic = sqs._queue_by_arn(target) if service == "sqs" else None, sns._topics.get(target)
    refusal = _on_queue(action, queue, role) if queue else None
    refusal = _on_topic(topic, role) if topic else refusal
    return _passed_on(refusal) if refusal else ""


MENDS = (keys_of_queues, keys_of_topics, keys_for_services, keys_for_alarms, rights_of_failed_events)
