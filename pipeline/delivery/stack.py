"""A CloudFormation stack: the states it can be in, and the right answer to each."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from pipeline.base import timings
from pipeline.base.errors import GateError, PipelineError
from pipeline.base.text import one_line
from pipeline.delivery import aws

POLL = 2.0  # seconds
_BEGINNING = 60.0  # seconds
_PATIENCE = 1800.0  # seconds; a database or a CodeDeploy canary takes minutes, a hung custom resource an hour
NEW = ("ABSENT", "REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
READY = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
)
_BEGUN = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
_RECREATE = (
    "Nothing serves from it. Look at its events for why its first deployment failed, then an administrator\n"
    "  deletes it (aws cloudformation delete-stack --stack-name {name}; what is marked Retain stays), and\n"
    "  runs the deployment again. This command deletes no stack."
)
_CONTINUE = (
    "The previous version may still serve. Resolve what the stack's events name, then an administrator runs:\n"
    "  aws cloudformation continue-update-rollback --stack-name {name}\n"
    "  and, when its state is UPDATE_ROLLBACK_COMPLETE, this deployment again."
)
_STOP = {
    "ROLLBACK_COMPLETE": _RECREATE,
    "ROLLBACK_FAILED": _RECREATE,
    "CREATE_FAILED": _RECREATE,
    "DELETE_FAILED": (
        "Somebody began to delete it. Resolve what its events name, and finish or undo that first:\n"
        "  aws cloudformation describe-stack-events --stack-name {name}"
    ),
    "UPDATE_FAILED": (
        "Its last update stopped half way with rollback disabled. An administrator rolls it back:\n"
        "  aws cloudformation rollback-stack --stack-name {name}"
    ),
    "UPDATE_ROLLBACK_FAILED": _CONTINUE,
    "IMPORT_ROLLBACK_FAILED": _CONTINUE,
}


@dataclass(frozen=True)
class Stack:
    """What a stack was when it was read. `status` is ABSENT when there is none.

    `parameters` are the values as given (for an SSM parameter its name), `resolved` those that CloudFormation
    resolved, `outputs` by key; `updated` is when its last operation began, "" before the first update.
    """

    name: str
    status: str
    reason: str
    parameters: Mapping[str, str]
    resolved: Mapping[str, str]
    outputs: Mapping[str, str]
    updated: str = ""

    def output(self, key: str) -> str:
        """An output of the stack. Raises GateError when it has none of that name."""
        if key not in self.outputs:
            raise GateError(f"The stack {self.name} has no output {key}.", "template.yaml must keep it.")
        return self.outputs[key]

    @property
    def exists(self) -> bool:
        """Whether a deployment has ever made something of it."""
        return self.status not in NEW


def read(session: boto3.Session, name: str) -> Stack:
    """The stack as it is now."""
    client = session.client("cloudformation", config=aws.CONFIG)
    with aws.errors(f"reading the stack {name}"):
        try:
            found: Mapping[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if aws.code(error) == "ValidationError" and "does not exist" in str(error):
                return Stack(name, "ABSENT", "", {}, {}, {})
            raise
    given = found.get("Parameters", [])
    return Stack(
        name=name,
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        parameters={one["ParameterKey"]: one.get("ParameterValue", "") for one in given},
        resolved={one["ParameterKey"]: one["ResolvedValue"] for one in given if "ResolvedValue" in one},
        outputs={one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])},
        updated=str(found.get("LastUpdatedTime", "")),
    )


def ready(session: boto3.Session, name: str, say: Callable[[str], None] = print) -> Stack:
    """The stack, once a deployment may begin: waits for what is under way.

    Raises GateError, with how to recover, in a state that no deployment can leave.
    """
    found = settled(session, name, say)
    if found.status in NEW or found.status in READY:
        return found
    raise GateError(
        f"The stack {name} is in state {found.status}{': ' + one_line(found.reason) if found.reason else ''}.",
        way_out(found),
    )


def way_out(found: Stack) -> str:
    """How to get a stack out of a state that no deployment can leave."""
    hint = _STOP.get(found.status, "This state is not known here. Look at the stack's events.")
    return hint.format(name=found.name)


def begun(session: boto3.Session, before: Stack) -> None:
    """Wait until the operation that was asked for shows in the stack; until then its old state would count.

    Gives up after a minute without an error: an operation may begin and end between two looks.
    """
    start = time.monotonic()
    while time.monotonic() - start < _BEGINNING:
        found = read(session, before.name)
        if (found.status, found.updated) != (before.status, before.updated):
            return
        time.sleep(POLL / 4)


def settled(session: boto3.Session, name: str, say: Callable[[str], None] = print) -> Stack:
    """The stack, once nothing is under way. Raises GateError when that takes over half an hour."""
    start = time.monotonic()
    told = ""
    try:
        while True:
            found = read(session, name)
            if found.status == "REVIEW_IN_PROGRESS" or not found.status.endswith("_IN_PROGRESS"):
                return found
            if found.status != told:
                told = found.status
                say(f"  {name}: {told}")
            if time.monotonic() - start > _PATIENCE:
                raise GateError(
                    f"The stack {name} has been {found.status} for {_PATIENCE / 60:.0f} minutes.",
                    "Look at its events for what it waits for; run this again when it has ended.",
                )
            time.sleep(POLL)
    finally:
        timings.record("aws", "cloudformation", start)


def failures(session: boto3.Session, name: str) -> list[str]:
    """Why the stack's last create or update failed, in the order of the events: resources, and properties that its
    validation refused.

    Where it began the events say themselves: this machine's clock may be another than AWS's.
    """
    client = session.client("cloudformation", config=aws.CONFIG)
    lines: list[str] = []
    operation = ""
    with aws.errors(f"reading the events of {name}"):
        for event in pages(client.describe_stack_events, "StackEvents", StackName=name):  # the newest first
            status, reason = event.get("ResourceStatus", ""), event.get("ResourceStatusReason", "")
            is_stack = event.get("PhysicalResourceId") == event.get("StackId")
            if status.endswith("FAILED") and reason and "cancelled" not in reason:
                lines.append(one_line(f"{event['LogicalResourceId']}: {reason}"))
            # A rollback that CloudFormation begins by itself is an operation of its own.
            if is_stack and (status.endswith("FAILED") or status in _BEGUN):
                operation = event.get("OperationId", operation)
            if is_stack and status in _BEGUN:
                break
    asked = {"OperationId": operation} if operation else {}
    return lines[::-1] + refusals(session, {"StackName": name, **asked})


def refusals(session: boto3.Session, about: Mapping[str, str]) -> list[str]:
    """What CloudFormation's own validation, which comes before any resource, refused or warned of: each with resource,
    place and reason. That they can't be read is told, and hides nothing.

    They stand in DescribeEvents alone; a stack's events and a change set's status only say that there is more there.
    """
    client = session.client("cloudformation", config=aws.CONFIG)
    try:
        with aws.errors("reading why CloudFormation's validation refused it"):
            found = list(
                pages(client.describe_events, "OperationEvents", **about, Filters={"FailedEvents": True})
            )
    except PipelineError as error:
        return [one_line(error.message)]
    return [_refusal(one) for one in found if one.get("EventType") == "VALIDATION_ERROR"]


def _refusal(event: Mapping[str, Any]) -> str:
    """One event of validation, on one line."""
    what = event.get("ValidationPath") or event.get("LogicalResourceId") or "the template"
    kind = event.get("ResourceType", "")
    warns = " (a warning)" if event.get("ValidationFailureMode") == "WARN" else ""
    why = event.get("ValidationStatusReason") or event.get("ValidationName") or "no reason was given"
    return one_line(f"{what}{f' ({kind})' if kind else ''}: {why}{warns}")


def pages(ask: Callable[..., Any], key: str, **about: Any) -> Iterator[Mapping[str, Any]]:
    """Each row below `key`, of one page after the other."""
    token: dict[str, Any] = {}
    while True:
        page = ask(**about, **token)
        yield from page.get(key, [])
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}
