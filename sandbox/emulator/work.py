"""Mends of CloudFormation's work on resources: whether the one as whom it does it may."""

from collections.abc import Callable, Iterator
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.iam_evaluator import EvalContext, PrincipalInfo
from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import changesets, engine, handlers, stacks

from sandbox.emulator import encryption
from sandbox.emulator.principals import acting
from sandbox.emulator.rights import Properties, Right, Subject, needed, resolving


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


def rights_on_references() -> None:
    """AWS: {{resolve:...}} is resolved with the same rights, a secret's too. ministack: with its own, so that nobody's
    denial of secretsmanager:GetSecretValue is felt."""
    resolve = engine._resolve_dynamic_reference

    def judged(literal: str) -> Any:
        found = engine._DYNAMIC_REFERENCE.fullmatch(literal)
        require(iter([resolving(found[1], found[2])]))
        return resolve(literal)

    engine._resolve_dynamic_reference = judged


def require(rights: Iterator[Right]) -> None:
    """Raise ValueError, which becomes the resource's reason, for the first right that who works lacks."""
    worker = acting()
    for right in rights:
        said = refusal(right, worker)
        if said:
            raise ValueError(f"{said} (HandlerErrorCode: AccessDenied)")


def refusal(right: Right, worker: PrincipalInfo) -> str:
    """Why somebody may not do something; nothing where they may."""
    key = encryption.found(right.resource) if right.action.startswith("kms:") else None
    if key is not None:
        judged = encryption.judged(right.action, key, right.context, worker)
        return "" if judged.decision == "Allow" else judged.reason
    if worker.policies is None:  # the root user
        return ""
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
    if result.decision == "Allow":
        return ""
    return str(
        iam_actions.identity_denial_message(
            right.action, worker.arn, right.resource, result.decision == "Deny"
        )
    )


MENDS = (rights_on_resources, rights_on_parameters, rights_on_references)
