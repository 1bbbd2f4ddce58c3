"""Mends of CloudFormation's operations and of the SAM transform."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

import samtranslator.translator.transform as sam
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_region
from ministack.services import cloudformation, iam, s3
from ministack.services.cloudformation import changesets, engine, handlers, helpers, provisioners, stacks

from pipeline.source import registry
from sandbox.emulator.principals import access_key, work_as

_SERVICE = "cloudformation.amazonaws.com"
# What can but be deleted, or rolled back further: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
# view-stack-events.html
_DEAD = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"}
_WITH_ROLE = (
    "CreateStack",
    "UpdateStack",
    "DeleteStack",
    "CreateChangeSet",
    "ExecuteChangeSet",
    "ContinueUpdateRollback",
    "RollbackStack",
)


def transform_parameters() -> None:
    """AWS: the Serverless transform sees the parameters' values. ministack: it sees the defaults alone, so that
    `AutoPublishCodeSha256: !Ref ReleaseDigest` publishes no new version."""
    values: dict[str, Any] = {}
    apply, transform = engine._apply_transforms, sam.transform

    def with_values(template: Any, provided: Any = None, previous: Any = None) -> Any:
        values.clear()
        values.update(engine._transform_parameters(template, provided, previous))
        return apply(template, provided, previous)

    def transformed(template: Any, _parameters: Any, loader: Any) -> Any:
        return transform(template, dict(values), loader)

    sam.transform = transformed
    for module in (engine, changesets, handlers):
        module._apply_transforms = with_values


def dead_stacks() -> None:
    """AWS: a stack in ROLLBACK_COMPLETE can only be deleted. ministack: it takes an update."""

    def judge(params: Any) -> Any:
        stack = _stack(params)
        status = stack.get("StackStatus") if stack else ""
        if stack is None or status not in _DEAD:
            return None
        return changesets._error(
            "ValidationError", f"Stack:{stack['StackId']} is in {status} state and can not be updated."
        )

    _before(("CreateChangeSet", "UpdateStack"), judge)


def service_role() -> None:
    """AWS: CloudFormation works as the service role that it is handed, from then on for all that is done with the
    stack; the role must exist and trust it, and the caller may hand it over only with iam:PassRole. ministack: it
    looks at no role."""
    for name in _WITH_ROLE:
        cloudformation._ACTION_HANDLERS[name] = _with_role(cloudformation._ACTION_HANDLERS[name])


def _with_role(act: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def done(params: Any) -> Any:
        handed = changesets._p(params, "RoleARN")
        refused = _refused_role(handed) if handed else None
        if refused:
            return refused
        role = handed or (_stack(params) or {}).get("_service_role", "")
        work_as(role)
        answer = act(params)
        stack = _stack(params)  # that of a first change set is there only now
        if stack is not None:
            stack["_service_role"] = role
        return answer

    return done


def _stack(params: Any) -> Any:
    """The stack that a request is about, by its name or ARN, or by its change set's ARN."""
    name = changesets._p(params, "StackName")
    change_set = changesets._p(params, "ChangeSetName")
    if not name and change_set:
        name = (changesets._find_change_set(change_set)[1] or {}).get("StackName", "")
    found = cloudformation._stacks.get(name.rpartition("stack/")[2].split("/")[0])
    return found if found and found["StackStatus"] != "DELETE_COMPLETE" else None


def _refused_role(arn: str) -> Any:
    """CloudFormation's error for a service role that it can't have; None for one that it can."""
    context = {"iam:PassedToService": _SERVICE}
    denied = iam_evaluator.enforce(access_key(), "iam:PassRole", "iam", get_region(), arn, context)
    if denied is not None:
        who = getattr(denied, "principal_arn", "")
        message = iam_actions.identity_denial_message(
            "iam:PassRole", who, arn, getattr(denied, "decision", "") == "Deny"
        )
        return changesets._error("AccessDenied", message, 403)
    role = iam._roles.get(arn.rpartition("/")[2])
    if role is None or role["Arn"] != arn or not _trusts(role["AssumeRolePolicyDocument"]):
        return changesets._error("ValidationError", f"Role {arn} is invalid or cannot be assumed")
    return None


def _trusts(document: str) -> bool:
    statements = json.loads(document).get("Statement", [])
    for statement in [statements] if isinstance(statements, dict) else statements:
        named = statement.get("Principal", {}).get("Service", [])
        if statement["Effect"] == "Allow" and _SERVICE in ([named] if isinstance(named, str) else named):
            return True
    return False


def _before(actions: Iterable[str], judge: Callable[[Any], Any]) -> None:
    """Ask `judge` first; its answer, where it gives one, stands for the action's."""

    def guarded(act: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda params: judge(params) or act(params)

    for name in actions:
        cloudformation._ACTION_HANDLERS[name] = guarded(cloudformation._ACTION_HANDLERS[name])


def replacements() -> None:
    """AWS: CloudFormation's registry says which property makes a new resource. ministack: it has a table of its own,
    and of a type that isn't in it every change might, so that no route could be added to a live API."""
    known = provisioners._property_recreation

    def recreation(kind: str, name: str) -> str:
        region = get_region()
        told: str = (
            registry.recreation(kind, name, region) if registry.is_known(kind, region) else known(kind, name)
        )
        return told

    provisioners._property_recreation = stacks._property_recreation = recreation


_MADE = {"Fn::FindInMap", "Fn::Join", "Fn::Split", "Fn::Sub"}


def conditions_of_functions() -> None:
    """AWS: what a condition compares may be made by functions, such as a list that is joined to see whether it is
    empty. ministack: it compares the function as it is written, which equals nothing. Source: cfn-lint's schema of
    Fn::Equals (data/schemas/other/functions/equals.json) names the functions that it takes."""
    evaluate = engine._evaluate_conditions

    def made(value: Any, template: Any, values: Any) -> Any:
        if isinstance(value, dict) and value.keys() & _MADE:
            return engine._resolve_refs(value, {}, values, {}, template.get("Mappings", {}), "", "")
        if isinstance(value, dict):
            return {key: made(one, template, values) for key, one in value.items()}
        return [made(one, template, values) for one in value] if isinstance(value, list) else value

    def evaluated(template: Any, values: Any) -> Any:
        return evaluate(
            {**template, "Conditions": made(template.get("Conditions", {}), template, values)}, values
        )

    for module in (engine, changesets, handlers, stacks):
        module._evaluate_conditions = evaluated


def changes_by_condition() -> None:
    """AWS: a resource whose condition doesn't hold is no part of the stack, nor of a change set. ministack: a change
    set adds it, and never takes it away."""
    resolve = changesets._resolve_props_for_diff

    def resolved(template: Any, values: Any, *rest: Any) -> Any:
        found = resolve(template, values, *rest)
        holds = engine._evaluate_conditions(template, values) if template else {}
        made = {
            name: one
            for name, one in found.get("Resources", {}).items()
            if holds.get(one.get("Condition"), True)
        }
        return {**found, "Resources": made} if found else found

    changesets._resolve_props_for_diff = resolved


def templates_by_version() -> None:
    """AWS: a template's address may name a version of the object (`?versionId=`), which is then taken. ministack: it
    takes what lies at the key by then, whoever wrote it."""
    resolve = helpers._resolve_document

    def resolved(params: Any, body_key: str, url_key: str, label: str) -> Any:
        address = urlparse(helpers._p(params, url_key) or "")
        version = parse_qs(address.query).get("versionId", [""])[0]
        if not version:
            return resolve(params, body_key, url_key, label)
        bucket, _, key = address.path.removeprefix("/").partition("/")
        body = s3._get_object_data(bucket, unquote(key), version_id=version)
        if body is None:
            return None, helpers._error("ValidationError", "S3 error: The specified version does not exist.")
        return body.decode("utf-8"), None

    helpers._resolve_document = resolved


MENDS = (
    transform_parameters,
    dead_stacks,
    service_role,
    replacements,
    conditions_of_functions,
    changes_by_condition,
    templates_by_version,
)
