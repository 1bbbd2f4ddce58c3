"""A CloudFormation stack: the states it can be in, and the right answer to each."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from pipeline.base import timings
from pipeline.base.errors import GateError
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
    """Why resources failed in the stack's last create or update, in the order of the events.

    Where it began the events say themselves: this machine's clock may be another than AWS's.
    """
    client = session.client("cloudformation", config=aws.CONFIG)
    with aws.errors(f"reading the events of {name}"):
        events = client.describe_stack_events(StackName=name)["StackEvents"]
    lines: list[str] = []
    for event in events:  # the newest first
        status, reason = event.get("ResourceStatus", ""), event.get("ResourceStatusReason", "")
        if event.get("PhysicalResourceId") == event.get("StackId") and status in _BEGUN:
            break
        if status.endswith("FAILED") and reason and "cancelled" not in reason:
            lines.append(one_line(f"{event['LogicalResourceId']}: {reason}"))
    return lines[::-1]
