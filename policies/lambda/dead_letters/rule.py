"""Functions that are invoked asynchronously and keep no dead letters, and queues that drop them soon."""

from collections.abc import Iterator
from typing import Any

from pipeline.gate.functions import functions, served
from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at
from pipeline.gate.stacks import Resource, Stack
from pipeline.gate.values import refers

_LEAST = 7 * 24 * 3600  # seconds: long enough for somebody to come back from holidays
_DEFAULT = 345600  # what SQS keeps messages for by itself


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        synchronous = served(stack)
        configured = {
            name
            for one in stack.of_type("AWS::Lambda::EventInvokeConfig")
            if one.get("DestinationConfig", "OnFailure", "Destination")
            for name in refers(one.get("FunctionName"))
        }
        for function in functions(stack):
            target = function.get("DeadLetterConfig", "TargetArn")
            if function.id not in synchronous | configured and not target:
                yield at(function, f"failed events of {function.id} vanish", "DeadLetterConfig")
            yield from _queues(stack, function, target)


def _queues(stack: Stack, function: Resource, target: Any) -> Iterator[Violation]:
    for name in refers(target):
        queue = stack.resources.get(name)
        if queue is None or queue.type not in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
            yield at(
                function,
                f"the dead letter target {name} is no queue or topic of this stack",
                "DeadLetterConfig",
            )
        elif queue.type == "AWS::SQS::Queue":
            seconds = str(queue.get("MessageRetentionPeriod", default=_DEFAULT))
            if not seconds.isdigit() or int(seconds) < _LEAST:
                yield at(
                    queue,
                    f"dead letters are kept for {seconds} s, less than a week",
                    "MessageRetentionPeriod",
                )
