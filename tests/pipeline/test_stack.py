"""Every state of a CloudFormation stack has its answer: go on, wait, or stop with the way out."""

from typing import Any

import pytest

from pipeline.base.errors import GateError
from pipeline.delivery import stack
from tests.pipeline.cloud import Cloud, refused

GO = (*stack.NEW, *stack.READY)
STOP = {
    "ROLLBACK_COMPLETE": "delete-stack",
    "ROLLBACK_FAILED": "delete-stack",
    "CREATE_FAILED": "delete-stack",
    "DELETE_FAILED": "describe-stack-events",
    "UPDATE_FAILED": "rollback-stack",
    "UPDATE_ROLLBACK_FAILED": "continue-update-rollback",
    "IMPORT_ROLLBACK_FAILED": "continue-update-rollback",
    "SOMETHING_NEW": "not known here",
}
WAIT = (
    "CREATE_IN_PROGRESS",
    "ROLLBACK_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
    "UPDATE_IN_PROGRESS",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "IMPORT_IN_PROGRESS",
    "IMPORT_ROLLBACK_IN_PROGRESS",
)


def ready(cloud: Any, say: Any = print) -> stack.Stack:
    return stack.ready(cloud, "esclusa-dev", say)


@pytest.mark.parametrize("status", GO)
def test_a_deployment_may_begin(cloud: Cloud, status: str) -> None:
    """A stack that is new, whole, or rolled back to what it was can be deployed to."""
    cloud.status = status

    assert status == ready(cloud).status


@pytest.mark.parametrize(("status", "way_out"), STOP.items())
def test_no_deployment_leaves_this_state(cloud: Cloud, status: str, way_out: str) -> None:
    """The message names the state, and the command by which a person gets out of it."""
    cloud.status = status

    with pytest.raises(GateError, match=f"in state {status}") as caught:
        ready(cloud)

    assert way_out in caught.value.hint
    assert "{name}" not in caught.value.hint


@pytest.mark.parametrize("status", WAIT)
def test_what_is_under_way_is_waited_for(cloud: Cloud, status: str) -> None:
    """Somebody else's operation ends first; each state is told once."""
    told: list[str] = []
    cloud.statuses = [status, status]
    cloud.status = "UPDATE_COMPLETE"

    assert "UPDATE_COMPLETE" == ready(cloud, told.append).status
    assert [f"  esclusa-dev: {status}"] == told


def test_every_state_that_aws_documents_has_an_answer() -> None:
    """CloudFormation API reference, Stack, StackStatus: none is left to chance."""
    documented = {
        *("CREATE_IN_PROGRESS", "CREATE_FAILED", "CREATE_COMPLETE", "ROLLBACK_IN_PROGRESS"),
        *("ROLLBACK_FAILED", "ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED", "DELETE_COMPLETE"),
        *("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED"),
        *("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE"),
        *("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "REVIEW_IN_PROGRESS", "IMPORT_IN_PROGRESS"),
        *("IMPORT_COMPLETE", "IMPORT_ROLLBACK_IN_PROGRESS", "IMPORT_ROLLBACK_FAILED"),
        "IMPORT_ROLLBACK_COMPLETE",
    }

    assert set() == documented - {*GO, *STOP, *WAIT}


def test_waiting_ends(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A custom resource that hangs doesn't hold a runner for ever."""
    monkeypatch.setattr(stack, "_PATIENCE", 0.01)
    cloud.status = "UPDATE_IN_PROGRESS"

    with pytest.raises(GateError, match="has been UPDATE_IN_PROGRESS for"):
        ready(cloud)


def test_the_reasons_are_of_the_last_operation(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the events' own order, whatever this machine's clock says; what was cancelled is no reason."""
    own = {"StackId": "arn", "PhysicalResourceId": "arn", "LogicalResourceId": "esclusa-dev"}
    other = {"StackId": "arn", "PhysicalResourceId": "x", "ResourceStatus": "UPDATE_FAILED"}
    newest_first = [
        {**own, "ResourceStatus": "UPDATE_ROLLBACK_IN_PROGRESS", "ResourceStatusReason": "it failed"},
        {**other, "LogicalResourceId": "C", "ResourceStatusReason": "Resource update cancelled"},
        {**other, "LogicalResourceId": "B", "ResourceStatusReason": "second"},
        {**other, "LogicalResourceId": "A", "ResourceStatusReason": "first"},
        {**own, "ResourceStatus": "UPDATE_IN_PROGRESS", "ResourceStatusReason": "User Initiated"},
        {**other, "LogicalResourceId": "Z", "ResourceStatusReason": "of the operation before"},
    ]
    monkeypatch.setattr(cloud, "describe_stack_events", lambda **_: {"StackEvents": newest_first})
    session: Any = cloud

    assert ["A: first", "B: second"] == stack.failures(session, "esclusa-dev")


OWN = {"StackId": "arn", "PhysicalResourceId": "arn", "LogicalResourceId": "esclusa-dev"}


def paged(rows: list[dict[str, Any]], key: str, size: int) -> Any:
    """An operation that gives these rows, some a page; AWS gives about 100 events (ansible/ansible#41840)."""

    def ask(*, NextToken: str = "0", **_: Any) -> dict[str, Any]:  # noqa: N803
        at = int(NextToken)
        more = {"NextToken": str(at + size)} if at + size < len(rows) else {}
        return {key: rows[at : at + size], **more}

    return ask


def test_the_reasons_are_found_however_long_ago(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback of many resources is told after its reason, newest first, on pages of its own."""
    gone = {
        **OWN,
        "PhysicalResourceId": "x",
        "ResourceStatus": "DELETE_COMPLETE",
        "LogicalResourceId": "Gone",
    }
    failed = {**gone, "ResourceStatus": "CREATE_FAILED", "LogicalResourceId": "Stage"}
    rows = [
        {**OWN, "ResourceStatus": "ROLLBACK_COMPLETE"},
        *[gone] * 250,
        {**OWN, "ResourceStatus": "ROLLBACK_IN_PROGRESS"},
        {**failed, "ResourceStatusReason": "no log role"},
        {**OWN, "ResourceStatus": "CREATE_IN_PROGRESS"},
        *[{**failed, "ResourceStatusReason": "of the operation before"}] * 250,
    ]
    asked: list[str] = []

    def ask(**given: Any) -> Any:
        asked.append(given.get("NextToken", "first"))
        return paged(rows, "StackEvents", 100)(**given)

    monkeypatch.setattr(cloud, "describe_stack_events", ask)
    session: Any = cloud

    assert ["Stage: no log role"] == stack.failures(session, "esclusa-dev")
    assert ["first", "100", "200"] == asked


def test_what_validation_refused_is_told_with_its_place(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation validates before it begins, and tells the reasons by DescribeEvents alone: of this operation, not
    of the rollback that follows; on every page; what a person can find by it is resource, path and reason."""
    before = {"OperationId": "op-1", "StackId": "arn"}
    rows = [
        {**OWN, "ResourceStatus": "ROLLBACK_COMPLETE", "OperationId": "op-2"},
        {**OWN, "ResourceStatus": "ROLLBACK_IN_PROGRESS", "OperationId": "op-2"},
        {**OWN, **before, "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "Call DescribeEvents"},
        {**OWN, **before, "ResourceStatus": "CREATE_IN_PROGRESS"},
    ]
    refused = {**before, "EventType": "VALIDATION_ERROR", "ResourceType": "AWS::SQS::Queue"}
    place = "/Resources/Queue/Properties/QueueName"
    told = [
        {**before, "EventType": "PROVISIONING_ERROR", "ResourceStatusReason": "known already"},
        {**refused, "ValidationPath": place, "ValidationStatusReason": "[x] is\ntoo long"},
        {
            **refused,
            "LogicalResourceId": "Other",
            "ValidationStatusReason": "near a quota",
            "ValidationFailureMode": "WARN",
        },
    ]
    asked: list[Any] = []

    def ask(**given: Any) -> Any:
        asked.append(given.get("OperationId"))
        return paged(told, "OperationEvents", 1)(**given)

    monkeypatch.setattr(cloud, "describe_stack_events", paged(rows, "StackEvents", 2))
    monkeypatch.setattr(cloud, "describe_events", ask)
    session: Any = cloud

    assert [
        "esclusa-dev: Call DescribeEvents",
        f"{place} (AWS::SQS::Queue): [x] is too long",
        "Other (AWS::SQS::Queue): near a quota (a warning)",
    ] == stack.failures(session, "esclusa-dev")
    assert {"op-1"} == set(asked)


def test_reasons_that_may_not_be_read_hide_none(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older bootstrap gives no right to ask: what the stack's events say is said all the same."""
    rows = [
        {**OWN, "PhysicalResourceId": "x", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "why"},
        {**OWN, "ResourceStatus": "CREATE_IN_PROGRESS"},
    ]

    def shut(**_: Any) -> Any:
        raise refused("AccessDenied", "not authorized to perform: cloudformation:DescribeEvents")

    monkeypatch.setattr(cloud, "describe_stack_events", paged(rows, "StackEvents", 5))
    monkeypatch.setattr(cloud, "describe_events", shut)
    session: Any = cloud
    found = stack.failures(session, "esclusa-dev")

    assert "esclusa-dev: why" == found[0]
    assert "DescribeEvents" in found[1]
