"""Functions that are invoked asynchronously and keep no dead letters, and queues that drop them soon."""

from collections.abc import Iterator
from typing import Any

from pipeline.source.functions import CUSTOM, functions, served, through_aliases
from pipeline.source.project import Project
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

# Who waits for an answer, or reads the events itself and keeps those that failed.
_AT_ONCE = (
    "AWS::ApiGateway",
    "AWS::AppSync::DataSource",
    "AWS::Cognito::UserPool",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Url",
    "AWS::StepFunctions::StateMachine",
)
# Who hands an event over and goes on. Source: AWS Lambda developer guide, "Invoking Lambda with events from other
# AWS services".
_LATER = (
    "AWS::Events::Rule",
    "AWS::IoT::TopicRule",
    "AWS::Logs::SubscriptionFilter",
    "AWS::S3::Bucket",
    "AWS::SES::ReceiptRule",
    "AWS::SNS::Subscription",
    "AWS::Scheduler::Schedule",
    "AWS::SecretsManager::RotationSchedule",
    *CUSTOM,
)
_SERVICES = ("events", "iot", "logs", "s3", "secretsmanager", "ses", "sns")
_DAY = 24 * 3600  # seconds
_DEFAULT = 345600  # what SQS keeps messages for by itself


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        later = _named(stack, _LATER) | _allowed(stack)
        synchronous = (served(stack) | _named(stack, _AT_ONCE)) - later
        configured = {
            name
            for one in stack.of_type("AWS::Lambda::EventInvokeConfig")
            if one.get("DestinationConfig", "OnFailure", "Destination")
            for name in refers(one.get("FunctionName"))
        }
        for function in functions(stack):
            target = function.get("DeadLetterConfig", "TargetArn")
            if function.id not in synchronous | configured and not target:
                yield at(
                    function,
                    f"failed events of {function.id} vanish",
                    "DeadLetterConfig",
                    fact="DeadLetterConfig",
                )
            yield from _queues(stack, function, target, project.settings.number("days.dead_letters"))


def _named(stack: Stack, types: tuple[str, ...]) -> set[str]:
    """What resources of the types name, also by way of an alias."""
    names = {
        name
        for one in stack.resources.values()
        if one.type.startswith(types)
        for name in refers(one.properties)
    }
    return through_aliases(stack, names)


def _allowed(stack: Stack) -> set[str]:
    """What a service may invoke that doesn't wait for an answer."""
    permissions = stack.of_type("AWS::Lambda::Permission")
    names = {
        name
        for one in permissions
        if str(one.get("Principal")).removesuffix(".amazonaws.com") in _SERVICES
        for name in refers(one.get("FunctionName"))
    }
    return through_aliases(stack, names)


def _queues(stack: Stack, function: Resource, target: Any, least: int) -> Iterator[Violation]:
    for name in refers(target):
        queue = stack.resources.get(name)
        if queue is None or queue.type not in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
            yield at(
                function,
                f"the dead letter target {name} is no queue or topic of this stack",
                "DeadLetterConfig",
                fact=f"DeadLetterConfig {name}",
            )
        elif queue.type == "AWS::SQS::Queue":
            seconds = str(queue.get("MessageRetentionPeriod", default=_DEFAULT))
            if not seconds.isdigit() or int(seconds) < least * _DAY:
                yield at(
                    queue,
                    f"dead letters are kept for {seconds} s, less than {least} days",
                    "MessageRetentionPeriod",
                    fact="MessageRetentionPeriod",
                )
