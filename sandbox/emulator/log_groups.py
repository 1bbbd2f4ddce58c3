"""Mends of CloudWatch Logs: log groups under a customer's key."""

import json
from typing import Any

from ministack.core.responses import get_region
from ministack.services import cloudwatch_logs as service
from ministack.services.cloudformation import provisioners

from sandbox.emulator.encryption import refused
from sandbox.emulator.handlers import Made, Properties
from sandbox.emulator.principals import Service

_READS = ("_get_log_events", "_filter_log_events")


def _said(operation: str, name: str, key: object) -> str:
    """Why Logs may not use a key for a group; nothing where it may. Its words are those of hashicorp/
    terraform-provider-aws#29282 and aws/aws-cdk#28304; for reading they are documented nowhere, and taken to be these.
    """
    arn = service._make_group_arn_no_star(name)
    refusal = refused(operation, key, {"aws:logs:arn": arn}, Service(f"logs.{get_region()}.amazonaws.com"))
    if refusal is None:
        return ""
    return f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'"


def _error(said: str) -> Any:
    return service.error_response_json("AccessDeniedException", said, 400)


def keys_of_groups() -> None:
    """AWS: a group gets a key only where the key's policy lets Logs use it for that group, and is read only as long as
    it does. ministack: any text is taken for a key. Source: "Encrypt log data in CloudWatch Logs using AWS Key
    Management Service" in Logs' user guide."""
    create = service._create_log_group

    def created(data: dict[str, Any]) -> Any:
        name = str(data.get("logGroupName") or "")
        there = name in service._log_groups
        said = "" if there else _said("logs:AssociateKmsKey", name, data.get("kmsKeyId"))
        return _error(said) if said else create(data)

    def readable(read: Any) -> Any:
        def done(data: dict[str, Any]) -> Any:
            name = service._resolve_log_group_name(data)
            group = service._log_groups.get(name) or {}
            said = _said("logs:GetLogEvents", name, group.get("kmsKeyId")) if group else ""
            return _error(said) if said else read(data)

        return done

    service._create_log_group = created
    for name in _READS:
        setattr(service, name, readable(getattr(service, name)))


def keys_given_later() -> None:
    """AWS: AssociateKmsKey and DisassociateKmsKey change the key of a group. ministack: it knows neither."""
    handle = service.handle_request

    async def handled(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action not in ("AssociateKmsKey", "DisassociateKmsKey"):
            return await handle(method, path, headers, body, query)
        data = json.loads(body)
        named = str(data.get("logGroupName") or data.get("resourceIdentifier") or "")
        name = service._log_group_name_from_identifier_arn(named) if named.startswith("arn:") else named
        group = service._log_groups.get(name)
        if group is None:
            gone = "The specified log group does not exist."
            return service.error_response_json("ResourceNotFoundException", gone, 400)
        key = data.get("kmsKeyId") if action == "AssociateKmsKey" else None
        said = _said("logs:AssociateKmsKey", str(name), key)
        if said:
            return _error(said)
        group["kmsKeyId"] = key
        return service.json_response({})

    service.handle_request = handled


def keys_of_stacks() -> None:
    """AWS: so it is for a stack's groups. ministack: CloudFormation makes them past the API."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::Logs::LogGroup"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def created(logical: str, properties: Properties, stack: str) -> Made:
        made: Made = create(logical, properties, stack)
        said = _said("logs:AssociateKmsKey", made[0], properties.get("KmsKeyId"))
        if said:
            delete(made[0], properties)
            raise ValueError(f"{said} (HandlerErrorCode: GeneralServiceException)")
        return made

    def updated(physical: str, old: Properties, new: Properties, *rest: Any) -> Made:
        named = str(new.get("LogGroupName") or physical)
        changed = (named, new.get("KmsKeyId")) != (physical, old.get("KmsKeyId"))
        said = _said("logs:AssociateKmsKey", named, new.get("KmsKeyId")) if changed else ""
        if said:
            raise ValueError(f"{said} (HandlerErrorCode: GeneralServiceException)")
        made: Made = update(physical, old, new, *rest)
        return made

    handler.update(create=created, update=updated)


MENDS = (keys_of_groups, keys_given_later, keys_of_stacks)
