"""Every state of a CloudFormation stack has its answer: go on, wait, or stop with the way out."""

from typing import Any

import pytest

from pipeline.base.errors import GateError
from pipeline.delivery import stack
from tests.pipeline.cloud import Cloud

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
