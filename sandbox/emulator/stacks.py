"""Mends of CloudFormation and the SAM transform."""

from typing import Any
from xml.sax.saxutils import escape

import samtranslator.translator.transform as sam
from ministack.services import cloudformation, iam
from ministack.services.cloudformation import changesets, engine, handlers, provisioners

_DEAD = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"}


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
    """AWS: a stack in ROLLBACK_COMPLETE can only be deleted. ministack: it takes an update and a create."""
    create = handlers._ACTION_HANDLERS["CreateChangeSet"]

    def judged(params: Any) -> Any:
        name = changesets._p(params, "StackName")
        found = cloudformation._stacks.get(name)
        status = found.get("StackStatus") if found else ""
        if status in _DEAD:
            return changesets._error(
                "ValidationError",
                f"Stack:{found['StackId']} is in {status} state and can not be updated.",
            )
        return create(params)

    handlers._ACTION_HANDLERS["CreateChangeSet"] = judged


def execution_role() -> None:
    """AWS: CloudFormation refuses a service role that doesn't exist. ministack: it takes any name, and works with
    rights of its own."""
    create = handlers._ACTION_HANDLERS["CreateChangeSet"]

    def judged(params: Any) -> Any:
        arn = changesets._p(params, "RoleARN")
        if arn:
            role = iam._roles.get_scoped(arn.split(":")[4], None, arn.rsplit("/", 1)[-1])
            trusted = role is not None and "cloudformation.amazonaws.com" in str(
                role["AssumeRolePolicyDocument"]
            )
            if not trusted:
                return changesets._error("ValidationError", f"Role {arn} is invalid or cannot be assumed")
        return create(params)

    handlers._ACTION_HANDLERS["CreateChangeSet"] = judged


def without_a_counterpart() -> None:
    """AWS: CodeDeploy moves an alias in steps. ministack: it has no CodeDeploy, and an alias moves at once. The
    resources exist as data, so that one template serves both; docs/sandbox.md lists it."""

    def create(logical: str, _properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        return f"{stack}-{logical}", {}

    def update(physical: str, *_rest: Any) -> tuple[str, dict[str, str]]:
        return physical, {}

    def delete(*_rest: Any) -> None:
        return None

    for kind in ("AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"):
        provisioners._RESOURCE_HANDLERS[kind] = {"create": create, "update": update, "delete": delete}


def names_of_ssm_parameters() -> None:
    """AWS: a stack tells the name that an SSM parameter was given as its value, and what it resolved to beside it.
    ministack: it tells the resolved value as the value, so that a stack can't be put back from what it tells."""
    describe = handlers._ACTION_HANDLERS["DescribeStacks"]

    def with_names(params: Any) -> Any:
        status, headers, body = describe(params)
        text = body.decode()
        for stack in list(cloudformation._stacks.values()):
            for key, value in stack.get("_resolved_params", {}).items():
                name = value.get("SsmName") if isinstance(value, dict) else None
                if name:
                    head = f"<ParameterKey>{escape(key)}</ParameterKey><ParameterValue>"
                    resolved = escape(str(value["Value"]))
                    told = f"{escape(name)}</ParameterValue><ResolvedValue>{resolved}</ResolvedValue>"
                    text = text.replace(f"{head}{resolved}</ParameterValue>", head + told)
        return status, headers, text.encode()

    handlers._ACTION_HANDLERS["DescribeStacks"] = with_names


MENDS = (names_of_ssm_parameters, transform_parameters, dead_stacks, execution_role, without_a_counterpart)
