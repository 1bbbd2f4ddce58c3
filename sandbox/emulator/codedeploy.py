"""CodeDeploy, as far as CloudFormation moves the traffic of a function's alias with it.

An alias whose resource has the update policy CodeDeployLambdaAliasUpdate is moved in the steps of its deployment group:
asked by a hook before, a share of the traffic, a wait, all of it, asked by a hook after; back at once when a hook says
no or an alarm of the group rings. Waits are a sixtieth of AWS's: Canary10Percent5Minutes waits for five seconds.
Sources: CloudFormation user guide, "UpdatePolicy attribute"; CodeDeploy user guide, "Deployment configurations on an
AWS Lambda compute platform", "AppSpec 'hooks' section", "Monitoring deployments with CloudWatch alarms"; ErrorCode in
CodeDeploy's API (ALARM_ACTIVE). That an alarm which rings before it begins keeps a deployment from beginning:
aws/serverless-application-model#716.
"""

import json
import random
import re
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ministack import app
from ministack.core import iam_actions, router
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, new_uuid
from ministack.services import cloudformation, cloudwatch, lambda_svc
from ministack.services.cloudformation import changesets, engine, handlers, stacks

from sandbox.emulator.handlers import Made, Properties, register
from sandbox.emulator.principals import working_as
from sandbox.emulator.rights import Right, aliased
from sandbox.emulator.work import require

_TARGET = "CodeDeploy_20141006"
_SCALE = 60  # of AWS's seconds one here
_LOOK = 0.1  # seconds between two looks at the alarms
_STEPS = re.compile(r"(?P<kind>Canary|Linear)(?P<percent>\d+)Percent(?:Every)?(?P<minutes>\d+)Minutes?$")


class FailedError(Exception):
    """The deployment failed: CodeDeploy's error code, and its message."""


@dataclass
class Deployment:
    """One move of an alias. `status` is CodeDeploy's; `told` what hooks answered, by their executions."""

    id: str
    application: str
    group: str
    status: str = "Created"
    error: tuple[str, str] = ("", "")
    told: dict[str, str] = field(default_factory=dict)


_groups: dict[str, Properties] = {}  # by name
_deployments: dict[str, Deployment] = {}
# Of the operation that is under way.
_template: ContextVar[dict[str, Any] | None] = ContextVar("template", default=None)


def groups() -> None:
    """AWS: applications and deployment groups. ministack: it has no CodeDeploy."""

    def named(logical: str, properties: Properties, stack: str) -> str:
        return str(
            properties.get("DeploymentGroupName")
            or properties.get("ApplicationName" if "ServiceRoleArn" not in properties else "")
            or f"{stack}-{logical}"
        )

    def create(logical: str, properties: Properties, stack: str) -> Made:
        name = named(logical, properties, stack)
        _groups[name] = properties
        return name, {}

    def update(physical: str, _old: Properties, new: Properties) -> Made:
        _groups[physical] = new
        return physical, {}

    def delete(physical: str, _properties: Properties) -> None:
        _groups.pop(physical, None)

    for kind in ("AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"):
        register(kind, create, update, delete)


def policies_depend() -> None:
    """AWS: what an update policy names is there before; in the user guide's example an alias names its deployment group
    by Ref alone. ministack: in this order comes only what properties name."""
    of_properties = engine._extract_deps

    def dependencies(resource: dict[str, Any], names: set[str]) -> set[str]:
        named = {name for name, _ in engine._intrinsic_references(resource.get("UpdatePolicy", {}))}
        return set(of_properties(resource, names)) | (named & names)

    engine._extract_deps = dependencies


def aliases_in_steps() -> None:
    """AWS: CloudFormation lets CodeDeploy move an alias that asks for it. ministack: an alias moves at once."""
    update, blocks, deploy = (
        stacks._update_resource,
        stacks._runs_on_worker_thread,
        stacks._deploy_stack_async,
    )

    async def deployed(name: str, identifier: str, template: dict[str, Any], *rest: Any, **more: Any) -> Any:
        _template.set(template)
        return await deploy(name, identifier, template, *rest, **more)

    def updated(kind: str, physical: str, old: Properties, new: Properties, *rest: Any) -> Any:
        asked = _asked(*rest[:2]) if kind == "AWS::Lambda::Alias" else None
        if asked and old.get("FunctionVersion") != new.get("FunctionVersion"):
            require(aliased(asked["application"], asked["group"]))
            _move(new, **asked)
        return update(kind, physical, old, new, *rest)

    for module in (changesets, handlers):
        module._deploy_stack_async = deployed
    stacks._update_resource = updated
    # It waits, and calls functions that call the emulator.
    stacks._runs_on_worker_thread = lambda kind: kind == "AWS::Lambda::Alias" or blocks(kind)


def _asked(stack_name: str, logical: str) -> dict[str, str] | None:
    """What an alias asks of CodeDeploy by its update policy; nothing while its stack is put back."""
    stack = cloudformation._stacks.get(stack_name) or {}
    resource = (_template.get() or {}).get("Resources", {}).get(logical, {})
    policy = (resource.get("UpdatePolicy") or {}).get("CodeDeployLambdaAliasUpdate")
    if not policy or "ROLLBACK" in stack["StackStatus"]:
        return None
    made = stack["_resources"]

    def named(key: str) -> str:
        value = policy.get(key, "")
        while isinstance(value, dict) and "Fn::If" in value:
            condition, yes, no = value["Fn::If"]
            value = yes if stack["_conditions"].get(condition) else no
        if isinstance(value, dict):
            return str(made.get(value["Ref"], {}).get("PhysicalResourceId", ""))  # none for AWS::NoValue
        return str(value)

    return {
        "application": named("ApplicationName"),
        "group": named("DeploymentGroupName"),
        "before": named("BeforeAllowTrafficHook"),
        "after": named("AfterAllowTrafficHook"),
    }


def _move(properties: Properties, application: str, group: str, before: str, after: str) -> None:
    """Move the alias to its new version, but for the last step, which is CloudFormation's. Raises ValueError, the
    alias as it was."""
    deployment = Deployment(f"d-{new_uuid()[:9].upper()}", application, group)
    _deployments[deployment.id] = deployment
    settings = _groups[group]
    function, _, name = lambda_svc._get_base_func_record_for_ref(str(properties["FunctionName"]))
    if function is None:
        raise ValueError(f"Function not found: {properties['FunctionName']}")
    alias = function["aliases"][properties["Name"]]
    arn = f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{name}"
    try:
        with working_as(str(settings["ServiceRoleArn"]), "CodeDeploy"):
            require(iter([Right("cloudwatch:DescribeAlarms", _alarm("*"))]))
            _look(deployment, settings)
            deployment.status = "InProgress"
            _hook(deployment, before)
            for share, wait in _steps(str(settings.get("DeploymentConfigName", ""))):
                require(
                    iter([Right(f"lambda:{one}Alias", f"{arn}:{alias['Name']}") for one in ("Get", "Update")])
                )
                weights = {str(properties["FunctionVersion"]): share}
                alias["RoutingConfig"] = {"AdditionalVersionWeights": weights}
                _wait(deployment, settings, wait)
            alias.pop("RoutingConfig", None)
            was, alias["FunctionVersion"] = alias["FunctionVersion"], properties["FunctionVersion"]
            try:
                _hook(deployment, after)
            except FailedError:
                alias["FunctionVersion"] = was
                raise
    except (FailedError, ValueError) as error:
        alias.pop("RoutingConfig", None)
        code, said = error.args if isinstance(error, FailedError) else ("IAM_ROLE_PERMISSIONS", str(error))
        deployment.status, deployment.error = "Stopped" if code in _STOPS else "Failed", (code, said)
        raise ValueError(
            f"CodeDeploy deployment {deployment.id} {deployment.status.lower()}: {code}: {said}"
        ) from error
    deployment.status = "Succeeded"


_STOPS = ("ALARM_ACTIVE", "MANUAL_STOP")


def _steps(kind: str) -> Iterator[tuple[float, float]]:
    """The shares of traffic before all of it, each with how long it lasts."""
    found = _STEPS.search(kind)
    if found is None:
        return
    percent, seconds = int(found["percent"]), int(found["minutes"]) * 60 / _SCALE
    for share in range(percent, 100, percent if found["kind"] == "Linear" else 100):
        yield share / 100, seconds


def _wait(deployment: Deployment, settings: Properties, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        _look(deployment, settings)
        time.sleep(_LOOK)
    _look(deployment, settings)


def _look(deployment: Deployment, settings: Properties) -> None:
    """Raises FailedError when somebody stopped it, or an alarm of the group rings, since whenever."""
    if deployment.status == "Stopped":
        raise FailedError("MANUAL_STOP", "The deployment was stopped by a request.")
    watched = settings.get("AlarmConfiguration") or {}
    if str(watched.get("Enabled", False)).lower() != "true":
        return
    for one in watched.get("Alarms", ()):
        alarm = cloudwatch._alarms.get(one["Name"]) or {}
        if alarm.get("StateValue") == "ALARM":
            raise FailedError("ALARM_ACTIVE", f"The alarm {one['Name']} is in ALARM.")


def _alarm(name: str) -> str:
    return f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"


def _hook(deployment: Deployment, function: str) -> None:
    """Call a hook, if there is one, and take its answer. Raises FailedError for any but Succeeded."""
    if not function:
        return
    record, config, name = lambda_svc._get_func_record_for_ref_in_scope(function)
    arn = f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{name}"
    require(iter([Right("lambda:InvokeFunction", arn)]))
    if record is None or config is None:
        raise FailedError("INVALID_LAMBDA_FUNCTION", f"There is no function {function}.")
    execution = new_uuid()
    deployment.told[execution] = "Pending"
    event = {"DeploymentId": deployment.id, "LifecycleEventHookExecutionId": execution}
    called = lambda_svc._execution_record_for_config(record, config)
    lambda_svc._execute_function_with_config_scope(called, event)
    # AWS waits for an answer for an hour; here a function that ended without one gives none.
    if deployment.told[execution] != "Succeeded":
        said = f"{name} answered {deployment.told[execution]}."
        raise FailedError("HEALTH_CONSTRAINTS_INVALID", said)


def service() -> None:
    """AWS: hooks answer, and people look and stop, by CodeDeploy's API. ministack: an unknown service."""

    async def handle(_method: str, _path: str, headers: dict[str, str], body: bytes, _query: Any) -> Any:
        action = headers.get("x-amz-target", headers.get("X-Amz-Target", "")).rpartition(".")[2]
        given = json.loads(body or b"{}")
        deployment = _deployments.get(given.get("deploymentId", ""))
        if deployment is None:
            return error_response_json("DeploymentDoesNotExistException", "No such deployment.", 400)
        match action:
            case "PutLifecycleEventHookExecutionStatus":
                return _answered(deployment, given)
            case "StopDeployment":
                deployment.status = "Stopped"
                return json_response({"status": "Pending"})
            case "GetDeployment":
                return json_response({"deploymentInfo": _info(deployment)})
        return error_response_json("InvalidOperation", f"{action} isn't here.", 400)

    router.SERVICE_PATTERNS["codedeploy"] = {
        "target_prefixes": [_TARGET],
        "host_patterns": [r"codedeploy\."],
        "credential_scope": "codedeploy",
    }
    iam_actions.SERVICE_TO_IAM_NAMESPACE["codedeploy"] = "codedeploy"
    app.SERVICE_HANDLERS["codedeploy"] = handle


def _answered(deployment: Deployment, given: dict[str, Any]) -> Any:
    execution = given.get("lifecycleEventHookExecutionId", "")
    if deployment.told.get(execution) != "Pending":
        return error_response_json(
            "InvalidLifecycleEventHookExecutionIdException", "No such execution waits.", 400
        )
    deployment.told[execution] = str(given.get("status"))
    return json_response({"lifecycleEventHookExecutionId": execution})


def _info(deployment: Deployment) -> dict[str, Any]:
    code, message = deployment.error
    found: dict[str, Any] = {
        "deploymentId": deployment.id,
        "applicationName": deployment.application,
        "deploymentGroupName": deployment.group,
        "status": deployment.status,
    }
    return found | ({"errorInformation": {"code": code, "message": message}} if code else {})


def weights() -> None:
    """AWS: an alias with weights sends a share of its calls to another version. ministack: all to the first."""
    find, invoke = lambda_svc._get_func_record_for_ref, lambda_svc._invoke

    def found(reference: str) -> Any:
        base, _, _ = lambda_svc._get_base_func_record_for_ref(reference)
        head, _, qualifier = str(reference).rpartition(":")
        drawn = _drawn(base, qualifier)
        return find(f"{head}:{drawn}" if drawn else reference)

    async def invoked(
        name: str, event: Any, headers: Any, path_qualifier: str | None = None, query_params: Any = None
    ) -> Any:
        asked = path_qualifier or lambda_svc._qp_first(query_params or {}, "Qualifier")
        drawn = _drawn(lambda_svc._functions.get(name), asked or "")
        return await invoke(name, event, headers, drawn or path_qualifier, query_params)

    lambda_svc._get_func_record_for_ref, lambda_svc._invoke = found, invoked


def _drawn(function: dict[str, Any] | None, qualifier: str) -> str:
    """The version that a call of an alias goes to, where that is another than its first."""
    alias = (function or {}).get("aliases", {}).get(qualifier, {})
    rest = random.random()  # noqa: S311 - which of two versions answers is no secret
    for version, share in (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights", {}).items():
        rest -= float(share)
        if rest < 0:
            return str(version)
    return ""


MENDS = (groups, policies_depend, aliases_in_steps, service, weights)
