"""Mend of CloudFormation's work on resources: as whom it does it, and whether that one may."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.iam_evaluator import EvalContext, PrincipalInfo
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam
from ministack.services.cloudformation import changesets, engine, handlers, stacks

from sandbox.emulator.rights import Properties, Right, Subject, needed

_worker: ContextVar[PrincipalInfo | None] = ContextVar("worker", default=None)


def work_as(role: str, caller: str) -> None:
    """From here on, in this request and in what it sets going, CloudFormation is the role; without one the caller."""
    if role:
        _worker.set(_session(role, "AWSCloudFormation"))
        return
    found = iam_evaluator.resolve_principal(caller, get_account_id())
    _worker.set(found if isinstance(found, PrincipalInfo) else None)


@contextmanager
def working_as(role: str) -> Iterator[None]:
    """Another service is the role, for as long as the context lasts."""
    before = _worker.set(_session(role, "CodeDeploy"))
    try:
        yield
    finally:
        _worker.reset(before)


def _session(role: str, service: str) -> PrincipalInfo:
    name = role.rpartition("/")[2]
    return PrincipalInfo(
        arn=f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/{service}",
        type="AssumedRole",
        account=get_account_id(),
        policies=iam_evaluator._gather_role_policies(name, get_account_id()),
        keys={},
        limits=iam_evaluator._permissions_boundary(iam._roles, name, get_account_id()),
    )


def rights_on_resources() -> None:
    """AWS: CloudFormation makes, changes and deletes each resource with the rights of its service role, without
    one with the caller's. ministack: it may do everything. What is needed the registry says: see rights.py."""
    provision, update, delete = stacks._provision_resource, stacks._update_resource, stacks._delete_resource

    def provisioned(kind: str, logical: str, properties: Properties, stack: str) -> Any:
        require(needed("create", Subject(kind, f"{stack}-{logical}", properties)))
        return provision(kind, logical, properties, stack)

    def updated(kind: str, physical: str, old: Properties, new: Properties, *rest: Any) -> Any:
        if old != new:
            require(needed("update", Subject(kind, physical, new)))
        return update(kind, physical, old, new, *rest)

    def deleted(kind: str, physical: str, properties: Properties, *rest: Any) -> Any:
        require(needed("delete", Subject(kind, physical, properties)))
        return delete(kind, physical, properties, *rest)

    stacks._provision_resource, stacks._update_resource, stacks._delete_resource = (
        provisioned,
        updated,
        deleted,
    )


def rights_on_parameters() -> None:
    """AWS: values that a template takes from SSM are read with the same rights. ministack: with its own."""
    resolve: Callable[..., Any] = engine._resolve_parameters

    def judged(template: dict[str, Any], provided: list[dict[str, Any]], previous: Any = None) -> Any:
        given = {each.get("Key"): each.get("Value") for each in provided}
        here = f"arn:aws:ssm:{get_region()}:{get_account_id()}:parameter"
        for name, parameter in template.get("Parameters", {}).items():
            source = given.get(name) or parameter.get("Default")
            if source and str(parameter.get("Type", "")).startswith("AWS::SSM::Parameter::Value"):
                require(iter([Right("ssm:GetParameters", f"{here}/{str(source).lstrip('/')}")]))
        return resolve(template, provided, previous)

    for module in (engine, changesets, handlers):
        module._resolve_parameters = judged


def require(rights: Iterator[Right]) -> None:
    """Raise ValueError, which becomes the resource's reason, for the first right that the worker lacks."""
    worker = _worker.get()
    if worker is None or worker.policies is None:  # the root user
        return
    for right in rights:
        asked = EvalContext(
            principal_arn=worker.arn,
            principal_type=worker.type,
            principal_account=worker.account,
            action=right.action,
            resource_arn=right.resource,
            region=get_region(),
            service_context={key.lower(): value for key, value in right.context.items()},
            principal_keys=worker.keys,
        )
        result = iam_evaluator.evaluate(asked, worker.policies, *worker.limits)
        if result.decision != "Allow":
            said = iam_actions.identity_denial_message(
                right.action, worker.arn, right.resource, result.decision == "Deny"
            )
            raise ValueError(f"{said} (HandlerErrorCode: AccessDenied)")


MENDS = (rights_on_resources, rights_on_parameters)
